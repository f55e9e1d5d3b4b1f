/* A table of arguments and search keys. Texts that are not plain ASCII make the whole search one in UTF-8.
 *
 *   Source     RFC 9051 section 6.4.4; X-GM-RAW: Gmail's IMAP extensions */
#include "email/search.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#define SEARCH_TEXT_BYTES_MAX 1024 /* 256 characters */

static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
				     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

enum key_kind { KEY_TEXT, KEY_DATE, KEY_NUMBER, KEY_FLAG };
static const struct {
	const char *argument;
	enum key_kind kind;
	const char *key, *key_if_false;
} keys[] = {
	{"query", KEY_TEXT, "TEXT", NULL},
	{"from", KEY_TEXT, "FROM", NULL},
	{"to", KEY_TEXT, "TO", NULL},
	{"subject", KEY_TEXT, "SUBJECT", NULL},
	{"body", KEY_TEXT, "BODY", NULL},
	{"since", KEY_DATE, "SINCE", NULL},
	{"before", KEY_DATE, "BEFORE", NULL},
	{"larger_than", KEY_NUMBER, "LARGER", NULL},
	{"smaller_than", KEY_NUMBER, "SMALLER", NULL},
	{"unread", KEY_FLAG, "UNSEEN", "SEEN"},
	{"flagged", KEY_FLAG, "FLAGGED", "UNFLAGGED"},
};

/* "2026-11-21" as "21-Nov-2026". */
static enum err put_date(struct imap_command *command, const char *argument, struct str date, struct mail_fault *fault)
{
	uint64_t year, month, day;

	if (date.n < 10 || date.p[4] != '-' || date.p[7] != '-' || str_to_u64((struct str){date.p, 4}, &year) != OK ||
	    str_to_u64((struct str){date.p + 5, 2}, &month) != OK ||
	    str_to_u64((struct str){date.p + 8, 2}, &day) != OK || month < 1 || month > 12 || day < 1 || day > 31)
		return mail_fault_set(fault, "invalid", "`%s` is no date; write it as 2026-11-21", argument);
	imap_put_fmt(command, "%u-%s-%04u", (unsigned)day, months[month - 1], (unsigned)year);
	return OK;
}

static enum err put_key(struct imap_command *command, size_t i, yyjson_val *value, struct mail_fault *fault)
{
	int64_t number;

	if (keys[i].kind == KEY_FLAG) {
		imap_put_fmt(command, " %s", yyjson_is_true(value) ? keys[i].key : keys[i].key_if_false);
		return OK;
	}
	imap_put_fmt(command, " %s ", keys[i].key);
	if (keys[i].kind == KEY_DATE)
		return put_date(command, keys[i].argument, json_str(value), fault);
	if (keys[i].kind == KEY_NUMBER) {
		if (!json_int(value, &number) || number < 0 || number > UINT32_MAX)
			return mail_fault_set(fault, "invalid", "`%s` is no size in bytes", keys[i].argument);
		imap_put_fmt(command, "%u", (unsigned)number);
		return OK;
	}
	if (json_str(value).n == 0 || json_str(value).n > SEARCH_TEXT_BYTES_MAX)
		return mail_fault_set(fault, "invalid", "`%s` is empty or too long", keys[i].argument);
	imap_put_text(command, json_str(value));
	return OK;
}

static bool needs_utf8(yyjson_val *arguments)
{
	for (size_t i = 0; i < ARRAY_LEN(keys); i++)
		if (keys[i].kind == KEY_TEXT && !str_is_printable(json_str(json_get(arguments, keys[i].argument))))
			return true;
	return false;
}

enum err mail_search_put(struct imap_command *command, yyjson_val *arguments, bool gmail, struct mail_fault *fault)
{
	struct str query = json_str(json_get(arguments, "query"));
	bool files = gmail && yyjson_is_true(json_get(arguments, "has_attachment"));

	imap_put(command, needs_utf8(arguments) ? "UID SEARCH CHARSET UTF-8 ALL" : "UID SEARCH ALL");
	if (files)
		imap_put(command, " X-GM-RAW \"has:attachment\"");
	for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
		yyjson_val *value = json_get(arguments, keys[i].argument);

		if (value == NULL || yyjson_is_null(value))
			continue;
		if (gmail && i == 0 && query.n > 0 && query.n <= SEARCH_TEXT_BYTES_MAX) {
			imap_put(command, " X-GM-RAW ");
			imap_put_text(command, query);
			continue;
		}
		TRY(put_key(command, i, value, fault));
	}
	return OK;
}

static int later_first(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? 1 : x > y ? -1 : 0;
}

static enum err add_uids(struct str rest, uint32_t *uids, size_t *count)
{
	struct str word;

	while (rest.n > 0) {
		uint64_t uid;

		(void)str_cut(rest, ' ', &word, &rest);
		if (word.n == 0)
			continue;
		if (word.p[0] == '(')
			return OK; /* (MODSEQ n) ends the line */
		if (str_to_u64(word, &uid) != OK || uid == 0 || uid > UINT32_MAX)
			return ERR_UPSTREAM_GARBAGE;
		uids[(*count)++] = (uint32_t)uid;
	}
	return OK;
}

enum err mail_search_uids(struct arena *arena, const struct imap_response *first, uint32_t **ret_uids,
			  size_t *ret_count)
{
	size_t room = 1, count = 0;
	uint32_t *uids;

	for (const struct imap_response *at = first; at != NULL; at = at->next)
		if (str_eq_nocase(at->name, STR("SEARCH")))
			room += at->text.n / 2 + 1; /* a digit and a space each */
	uids = arena_try_alloc(arena, room * sizeof *uids);
	if (uids == NULL)
		return ERR_LIMIT;
	for (const struct imap_response *at = first; at != NULL; at = at->next)
		if (str_eq_nocase(at->name, STR("SEARCH")))
			TRY(add_uids(at->text, uids, &count));
	qsort(uids, count, sizeof *uids, later_first);
	*ret_uids = uids;
	*ret_count = count;
	return OK;
}

bool mail_date_read(struct str text, int64_t *ret_wall_ms)
{
	char copy[40], month[4];
	int zone;
	struct tm tm = {0};

	text = str_trim(text);
	if (text.n >= sizeof copy)
		return false;
	memcpy(copy, text.p == NULL ? "" : text.p, text.n);
	copy[text.n] = '\0';
	if (sscanf(copy, "%2d-%3[A-Za-z]-%4d %2d:%2d:%2d %5d", &tm.tm_mday, month, &tm.tm_year, &tm.tm_hour, &tm.tm_min,
		   &tm.tm_sec, &zone) != 7 ||
	    tm.tm_mday < 1 || tm.tm_mday > 31 || tm.tm_year < 1900)
		return false;
	for (tm.tm_mon = 0; tm.tm_mon < 12 && !str_eq_nocase(str_of(month), str_of(months[tm.tm_mon])); tm.tm_mon++)
		;
	if (tm.tm_mon == 12)
		return false;
	tm.tm_year -= 1900;
	*ret_wall_ms = ((int64_t)timegm(&tm) - (zone / 100 * 60 + zone % 100) * 60) * 1000;
	return true;
}
