/* Criteria as commands, what a server finds, dates, and names of messages. */
#include "../unit.h"

#include "email/op.h"
#include "email/search.h"

static yyjson_val *arguments(struct arena *arena, const char *text)
{
	yyjson_val *root = NULL;

	ck_ok(json_read(arena, str_of(text), &root));
	return root;
}

START_TEST(criteria)
{
	static const struct {
		const char *arguments, *command;
		bool gmail;
	} cases[] = {
		{"{}", "UID SEARCH ALL", false},
		{"{\"query\":\"a b\",\"unread\":true}", "UID SEARCH ALL TEXT \"a b\" UNSEEN", false},
		{"{\"unread\":false,\"flagged\":true}", "UID SEARCH ALL SEEN FLAGGED", false},
		{"{\"from\":\"x\\\"y\",\"since\":\"2026-02-03\"}", "UID SEARCH ALL FROM \"x\\\"y\" SINCE 3-Feb-2026",
		 false},
		{"{\"larger_than\":10,\"smaller_than\":20}", "UID SEARCH ALL LARGER 10 SMALLER 20", false},
		{"{\"subject\":\"\xC3\xA4\"}", "UID SEARCH CHARSET UTF-8 ALL SUBJECT {2}\r\n\xC3\xA4", false},
		{"{\"body\":\"a\\r\\nA1 LOGOUT\"}", "UID SEARCH CHARSET UTF-8 ALL BODY {12}\r\na\r\nA1 LOGOUT", false},
		{"{\"query\":\"is:starred\",\"has_attachment\":true}",
		 "UID SEARCH ALL X-GM-RAW \"has:attachment\" X-GM-RAW \"is:starred\"", true},
		{"{\"has_attachment\":true}", "UID SEARCH ALL", false},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		AUTO(arena) *arena = arena_new(1 << 20);
		AUTO_IMAP_COMMAND command = {0};
		struct mail_fault fault = {0};

		ck_ok(mail_search_put(&command, arguments(arena, cases[i].arguments), cases[i].gmail, &fault));
		ck_bytes(buf_str(&command.text), str_of(cases[i].command));
	}
}
END_TEST

START_TEST(criteria_refused)
{
	static const char *const bad[] = {"{\"since\":\"3.2.2026\"}", "{\"before\":\"2026-13-01\"}", "{\"query\":\"\"}",
					  "{\"larger_than\":-1}", "{\"larger_than\":99999999999}"};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO(arena) *arena = arena_new(1 << 20);
		AUTO_IMAP_COMMAND command = {0};
		struct mail_fault fault = {0};

		ck_assert_msg(mail_search_put(&command, arguments(arena, bad[i]), false, &fault) == ERR_TOOL_FAILED,
			      "%s", bad[i]);
		ck_assert_str_eq(fault.class, "invalid");
	}
}
END_TEST

START_TEST(found)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct imap_response *response;
	uint32_t *uids;
	size_t count;

	ck_ok(imap_parse(arena, STR("* SEARCH 5 900 17 (MODSEQ 9)\r\n"), &response));
	ck_ok(mail_search_uids(arena, response, &uids, &count));
	ck_assert_uint_eq(count, 3);
	ck_assert(uids[0] == 900 && uids[1] == 17 && uids[2] == 5);
	ck_ok(imap_parse(arena, STR("* SEARCH\r\n"), &response));
	ck_ok(mail_search_uids(arena, response, &uids, &count));
	ck_assert_uint_eq(count, 0);
	ck_ok(imap_parse(arena, STR("* SEARCH 1 x\r\n"), &response));
	ck_err(mail_search_uids(arena, response, &uids, &count), ERR_UPSTREAM_GARBAGE);
	ck_ok(imap_parse(arena, STR("* SEARCH 4294967296\r\n"), &response));
	ck_err(mail_search_uids(arena, response, &uids, &count), ERR_UPSTREAM_GARBAGE);
}
END_TEST

START_TEST(dates)
{
	int64_t ms;

	ck_assert(mail_date_read(STR("17-Jul-1996 02:44:25 -0700"), &ms));
	ck_assert_int_eq(ms, 837596665000);
	ck_assert(mail_date_read(STR(" 1-Jan-1970 00:00:01 +0000"), &ms) && ms == 1000);
	ck_assert(!mail_date_read(STR("17-Xyz-1996 02:44:25 -0700"), &ms));
	ck_assert(!mail_date_read(STR("yesterday"), &ms));
	ck_assert(!mail_date_read(STR_NONE, &ms));
}
END_TEST

START_TEST(names_of_messages)
{
	static const char *const bad[] = {"", "x", "MS4xLjkuYQ", "MS4wLjAuSU5CT1g", "MS4xLjAu", "!!!!"};
	const struct message_ref ref = {STR("sales"), STR("Entw\xC3\xBCrfe"), 4294967295u, 7};
	AUTO(arena) *arena = arena_new(1 << 20);
	struct message_ref read;
	AUTO_BUF text = {0};

	message_ref_put(&text, &ref);
	ck_ok(message_ref_read(arena, buf_str(&text), &read));
	ck_str(read.account, "sales");
	ck_str(read.folder, "Entw\xC3\xBCrfe");
	ck_assert(read.validity == 4294967295u && read.uid == 7);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(message_ref_read(arena, str_of(bad[i]), &read) == ERR_RPC_PARAMS, "%s", bad[i]);
}
END_TEST

UNIT_MAIN("search", criteria, criteria_refused, found, dates, names_of_messages)
