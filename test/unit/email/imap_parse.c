/* Responses as servers send them, and as nobody should: framing across literals, nodes, statuses, structures. */
#include "../unit.h"

#include "email/folder_name.h"
#include "email/imap_session.h"
#include "email/imap_structure.h"

static struct arena *arena;

static struct imap_response *parse(const char *text)
{
	struct imap_response *response = NULL;

	if (arena == NULL)
		arena = arena_new(16 << 20);
	ck_ok(imap_parse(arena, str_of(text), &response));
	return response;
}

START_TEST(framing)
{
	static const struct {
		const char *text;
		size_t whole; /* of the first response; 0: more is needed */
	} cases[] = {
		{"* OK hi\r\n* 1 EXISTS\r\n", 9},
		{"* OK hi", 0},
		{"* 1 FETCH (BODY {3}\r\nabc)\r\n", 27},
		{"* 1 FETCH (BODY {3}\r\nabc)", 0},
		{"* 1 FETCH (BODY {30}\r\nabc)\r\n", 0},
		{"* 1 FETCH (A {2}\r\n\r\n B {0}\r\n)\r\nX", 31},
		{"* OK ends in {x}\r\n", 18},
		{"* 1 FETCH (A ~{2}\r\n\r\n)\r\n", 24},
		{"+ go on\r\n", 9},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str text = str_of(cases[i].text);
		struct imap_framer framer = {0};
		size_t n = 0;

		/* in one piece, and byte by byte */
		ck_ok(imap_frame(&framer, text, &n));
		ck_assert_msg(n == cases[i].whole, "%s: %zu", cases[i].text, n);
		framer = (struct imap_framer){0};
		n = 0;
		for (size_t have = 1; have <= text.n && n == 0; have++)
			ck_ok(imap_frame(&framer, (struct str){text.p, have}, &n));
		ck_assert_msg(n == cases[i].whole, "by bytes %s: %zu", cases[i].text, n);
	}
}
END_TEST

START_TEST(framing_refuses)
{
	struct imap_framer framer = {0};
	size_t n;

	ck_err(imap_frame(&framer, STR("* 1 FETCH (A {999999999}\r\n"), &n), ERR_LIMIT);
	framer = (struct imap_framer){0};
	ck_err(imap_frame(&framer, STR("* 1 FETCH (A {16777217}\r\n"), &n), ERR_LIMIT);
}
END_TEST

START_TEST(statuses)
{
	struct imap_response *r = parse("A1 NO [OVERQUOTA now] The box is full\r\n");

	ck_str(r->tag, "A1");
	ck_assert_int_eq(r->status, IMAP_NO);
	ck_str(r->code, "OVERQUOTA now");
	ck_str(r->text, "The box is full");
	r = parse("* OK [UIDVALIDITY 7] fine\r\n");
	ck_str(r->tag, "*");
	ck_str(r->code, "UIDVALIDITY 7");
	r = parse("* bye\r\n");
	ck_assert_int_eq(r->status, IMAP_BYE);
	r = parse("+ idling\r\n");
	ck_str(r->tag, "+");
}
END_TEST

START_TEST(data)
{
	struct imap_response *r = parse("* 12 FETCH (UID 7 FLAGS (\\Seen $X) BODY[HEADER.FIELDS (TO CC)]<0> "
					"{5}\r\na)\r\nb X \"q\\\"\\\\\" N NIL)\r\n");
	const struct imap_node *items = r->first;
	uint64_t uid;

	ck_assert_uint_eq(r->number, 12);
	ck_str(r->name, "FETCH");
	ck_assert(imap_number(imap_item(items, STR("UID")), &uid) && uid == 7);
	ck_str(imap_text(imap_at(imap_item(items, STR("FLAGS")), 1)), "$X");
	ck_str(imap_text(imap_item(items, STR("BODY[HEADER.FIELDS (TO CC)]"))), "a)\r\nb");
	ck_str(imap_text(imap_item(items, STR("X"))), "q\"\\");
	ck_assert_int_eq(imap_item(items, STR("N"))->kind, IMAP_NIL);
	ck_assert_ptr_null(imap_item(items, STR("BODY")));
	r = parse("* SEARCH 1 2 3\r\n");
	ck_str(r->text, "1 2 3");
	ck_assert_ptr_null(r->first);
	/* what a message holds cannot end the response that brings it */
	r = parse("* 1 FETCH (BODY[] {19}\r\nA004 OK Done\r\n* BYE\r\n)\r\n");
	ck_str(imap_text(imap_item(r->first, STR("BODY[]"))), "A004 OK Done\r\n* BYE");
	r = parse("* 1 FETCH (BODY[] {2}\r\n\r\n)\r\n");
	ck_str(imap_text(imap_item(r->first, STR("BODY[]"))), "\r\n");
}
END_TEST

START_TEST(garbage)
{
	static const char *const bad[] = {
		"\r\n",
		"*\r\n",
		"* 1 FETCH (a\r\n",
		"* 1 FETCH a)\r\n",
		"* 1 FETCH \"a\r\n",
		"* 1 FETCH {3}\r\nab\r\n",
		"* 99999999999 EXISTS\r\n",
		"A1 FETCH (a)\r\n",
		"* 1\r\n",
		"* 1 FETCH (\"a\\\r\n",
		"* 1 FETCH (~x{)\r\n",
	};
	struct imap_response *r;
	AUTO_BUF deep = {0};

	arena = arena_new(16 << 20);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_assert_msg(imap_parse(arena, str_of(bad[i]), &r) == ERR_UPSTREAM_GARBAGE, "%s", bad[i]);
	buf_put(&deep, STR("* 1 FETCH "));
	for (int i = 0; i < 40; i++)
		buf_put_byte(&deep, '(');
	buf_put(&deep, STR("\r\n"));
	ck_err(imap_parse(arena, buf_str(&deep), &r), ERR_LIMIT);
	deep.n = 0;
	buf_put(&deep, STR("* 1 FETCH ("));
	for (size_t i = 0; i <= IMAP_NODES_MAX; i++)
		buf_put(&deep, STR("a "));
	buf_put(&deep, STR(")\r\n"));
	ck_err(imap_parse(arena, buf_str(&deep), &r), ERR_LIMIT);
}
END_TEST

START_TEST(structures)
{
	struct imap_response *r =
		parse("* 1 FETCH (BODYSTRUCTURE (((\"text\" \"plain\" (\"charset\" \"utf-8\") NIL NIL "
		      "\"quoted-printable\" 40 2 NIL NIL)"
		      "(\"text\" \"html\" (\"charset\" \"utf-8\") NIL NIL \"base64\" 60 1) \"alternative\" "
		      "(\"boundary\" \"x\") NIL NIL)"
		      "(\"application\" \"pdf\" (\"name\" \"old.pdf\") NIL NIL \"base64\" 5000 NIL (\"attachment\" "
		      "(\"filename\" \"a.pdf\")) NIL)"
		      "(\"image\" \"png\" NIL \"<logo>\" NIL \"base64\" 300 NIL (\"inline\" NIL) NIL)"
		      "(\"message\" \"rfc822\" NIL NIL NIL \"7bit\" 900 (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL)"
		      "(\"text\" \"plain\" NIL NIL NIL \"7bit\" 3 1) 20 NIL (\"attachment\" (\"filename*\" "
		      "\"utf-8''m%C3%A4.eml\")))"
		      " \"mixed\" (\"boundary\" \"y\")))\r\n");
	struct imap_parts parts;

	ck_ok(imap_parts_read(arena, imap_item(r->first, STR("BODYSTRUCTURE")), &parts));
	ck_assert_uint_eq(parts.count, 5);
	ck_assert_str_eq(parts.items[0].path, "1.1");
	ck_assert_str_eq(parts.items[1].path, "1.2");
	ck_assert_str_eq(parts.items[2].path, "2");
	ck_assert_str_eq(parts.items[4].path, "4");
	ck_assert_ptr_eq(imap_parts_text(&parts, STR("plain")), &parts.items[0]);
	ck_assert_ptr_eq(imap_parts_text(&parts, STR("html")), &parts.items[1]);
	ck_str(parts.items[2].filename, "a.pdf");
	ck_assert_uint_eq(parts.items[2].bytes, 5000);
	ck_assert(imap_part_is_attachment(&parts.items[2]) && !imap_part_is_attachment(&parts.items[3]));
	ck_str(parts.items[4].filename, "utf-8''m%C3%A4.eml");
	ck_assert(imap_part_is_attachment(&parts.items[4]));
	ck_assert_ptr_eq(imap_parts_find(&parts, STR("4")), &parts.items[4]);
	r = parse("* 1 FETCH (BODYSTRUCTURE (\"text\" \"plain\" (\"name\" \"a.txt\") NIL NIL \"7bit\" 4 1))\r\n");
	ck_ok(imap_parts_read(arena, imap_item(r->first, STR("BODYSTRUCTURE")), &parts));
	ck_assert_str_eq(parts.items[0].path, "1");
	ck_assert_ptr_null(imap_parts_text(&parts, STR("plain"))); /* a file that is text */
	r = parse("* 1 FETCH (BODYSTRUCTURE NIL)\r\n");
	ck_err(imap_parts_read(arena, imap_item(r->first, STR("BODYSTRUCTURE")), &parts), ERR_UPSTREAM_GARBAGE);
}
END_TEST

START_TEST(folder_names)
{
	static const struct {
		const char *utf8, *sent;
	} names[] = {
		{"INBOX", "INBOX"},
		{"Entw\xC3\xBCrfe", "Entw&APw-rfe"},
		{"a & b", "a &- b"},
		{"~peter/mail/\xE5\x8F\xB0\xE5\x8C\x97/\xE6\x97\xA5\xE6\x9C\xAC\xE8\xAA\x9E",
		 "~peter/mail/&U,BTFw-/&ZeVnLIqe-"},
		{"\xF0\x9F\x98\x80", "&2D3eAA-"},
	};
	static const char *const bad[] = {"&AAA", "&\x01-", "&2D0-", "&A-"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		AUTO_BUF sent = {0}, utf8 = {0};

		ck_ok(folder_name_encode(str_of(names[i].utf8), &sent));
		ck_bytes(buf_str(&sent), str_of(names[i].sent));
		folder_name_decode(buf_str(&sent), &utf8);
		ck_bytes(buf_str(&utf8), str_of(names[i].utf8));
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_BUF utf8 = {0};

		folder_name_decode(str_of(bad[i]), &utf8);
		ck_bytes(buf_str(&utf8), str_of(bad[i])); /* as it is */
	}
	{
		AUTO_BUF sent = {0};

		ck_err(folder_name_encode(STR("a\r\nb"), &sent), ERR_RPC_PARAMS);
		ck_err(folder_name_encode(STR(""), &sent), ERR_RPC_PARAMS);
		ck_err(folder_name_encode(STR("\xff"), &sent), ERR_RPC_PARAMS);
	}
}
END_TEST

START_TEST(commands)
{
	AUTO_IMAP_COMMAND command = {0};

	imap_put(&command, "UID SEARCH TEXT ");
	imap_put_text(&command, STR("say \"hi\" \\o/"));
	imap_put(&command, " FROM ");
	imap_put_text(&command, STR("a\r\nA1 LOGOUT"));
	ck_bytes(buf_str(&command.text), STR("UID SEARCH TEXT \"say \\\"hi\\\" \\\\o/\" FROM {12}\r\na\r\nA1 LOGOUT"));
	ck_assert_uint_eq(command.pause_count, 1);
	ck_assert_mem_eq(command.text.p + command.pauses[0], "a\r\n", 3);
	ck_assert(!command.failed);
	imap_put_text(&command, STR("a\0b"));
	ck_assert(command.failed);
}
END_TEST

UNIT_MAIN("imap_parse", framing, framing_refuses, statuses, data, garbage, structures, folder_names, commands)
