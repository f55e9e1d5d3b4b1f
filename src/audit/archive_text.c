/* Archived rows as lines of JSON, and the way back: a file is checked by encoding each of its rows again for the chain,
 * so nothing in a line can be changed, not even a number's spelling matters. Lines are read one at a time. */
#include "audit/archive.h"

#include <stdio.h>

#include "audit/chain.h"
#include "base/check.h"
#include "base/json.h"

#define FORMAT 1
#define LINE_ARENA_BYTES (1 << 20)
#define HEX_LEN (2 * AUDIT_MAC_BYTES)

static const char *const text_names[CHAIN_STRINGS] = {"event",	    "tenant_id", "principal", "ip",
						      "request_id", "target",	 "upstream",  "outcome"};
static const char *const number_names[] = {"at_ms", "duration_us", "bytes_in", "bytes_out"};

/* ---- writing -------------------------------------------------------------------- */

static void put_hex(struct buf *out, const char *name, const uint8_t mac[AUDIT_MAC_BYTES])
{
	buf_put_fmt(out, ",\"%s\":\"", name);
	buf_put_hex(out, mac, AUDIT_MAC_BYTES);
	buf_put_byte(out, '"');
}

static void put_text(struct buf *out, const char *name, struct str text)
{
	buf_put_fmt(out, ",\"%s\":", name);
	buf_put_json(out, text);
}

void archive_put_first(struct buf *out, const struct audit_head *before)
{
	buf_put_fmt(out, "{\"gatehouse_audit\":%d,\"after\":%lld", FORMAT, (long long)before->seq);
	put_hex(out, "mac", before->mac);
	buf_put(out, STR("}\n"));
}

void archive_put_row(struct buf *out, const struct audit_row *row)
{
	const struct str texts[CHAIN_STRINGS] = {row->event,	  row->tenant_id, row->principal, row->ip,
						 row->request_id, row->target,	  row->upstream,  row->outcome};

	buf_put_fmt(out, "{\"seq\":%lld,\"at_ms\":%lld", (long long)row->seq, (long long)row->at_ms);
	for (size_t i = 0; i < CHAIN_STRINGS; i++)
		put_text(out, text_names[i], texts[i]);
	buf_put_fmt(out, ",\"duration_us\":%lld,\"bytes_in\":%lld,\"bytes_out\":%lld", (long long)row->duration_us,
		    (long long)row->bytes_in, (long long)row->bytes_out);
	put_hex(out, "mac", row->mac);
	buf_put(out, STR("}\n"));
}

void archive_put_last(struct buf *out, const struct secret *key, struct audit_head last)
{
	chain_seal_anchor(key, &last);
	buf_put_fmt(out, "{\"last\":%lld", (long long)last.seq);
	put_hex(out, "mac", last.mac);
	put_hex(out, "seal", last.seal);
	buf_put(out, STR("}\n"));
}

/* ---- reading -------------------------------------------------------------------- */

struct check {
	const struct secret *key;
	struct buf *problem;
	struct audit_head link; /* of the last sound row */
	size_t line;
	bool begun, ended;
};

static enum err PRINTF(2, 3) broken(struct check *check, const char *fmt, ...)
{
	char text[160];
	va_list args;
	int n;

	va_start(args, fmt);
	n = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	CHECK(n >= 0);
	if (check->problem != NULL)
		buf_put_fmt(check->problem, "line %zu: %s", check->line, text);
	return ERR_DB_CORRUPT;
}

static bool read_hex(yyjson_val *value, uint8_t out[AUDIT_MAC_BYTES])
{
	struct str text = json_str(value);

	if (text.n != HEX_LEN)
		return false;
	for (size_t i = 0; i < AUDIT_MAC_BYTES; i++) {
		uint64_t byte;

		if (str_hex_to_u64((struct str){text.p + 2 * i, 2}, &byte) != OK)
			return false;
		out[i] = (uint8_t)byte;
	}
	return true;
}

static bool read_text(yyjson_val *value, struct str *ret_text)
{
	*ret_text = json_str(value);
	return ret_text->p != NULL && ret_text->n <= CHAIN_STRING_BYTES_MAX;
}

static enum err check_first(struct check *check, yyjson_val *line)
{
	int64_t format;

	if (!json_int(json_get(line, "gatehouse_audit"), &format) || format != FORMAT ||
	    !json_int(json_get(line, "after"), &check->link.seq) || check->link.seq < 0 ||
	    !read_hex(json_get(line, "mac"), check->link.mac))
		return broken(check, "this is not the beginning of an archived trail");
	check->begun = true;
	return OK;
}

static enum err check_last(struct check *check, yyjson_val *line)
{
	struct audit_head last;

	if (!json_int(json_get(line, "last"), &last.seq) || !read_hex(json_get(line, "mac"), last.mac) ||
	    !read_hex(json_get(line, "seal"), last.seal) || last.seq != check->link.seq ||
	    memcmp(last.mac, check->link.mac, AUDIT_MAC_BYTES) != 0 || !chain_is_anchor(check->key, &last))
		return broken(check, "the end was changed, or rows before it are missing");
	check->ended = true;
	return OK;
}

static enum err check_row(struct check *check, yyjson_val *line)
{
	uint8_t bytes[CHAIN_HEAD_BYTES + CHAIN_BODY_BYTES_MAX], mac[AUDIT_MAC_BYTES], want[AUDIT_MAC_BYTES];
	struct chain_body body;
	int64_t *const numbers[] = {&body.at_ms, &body.duration_us, &body.bytes_in, &body.bytes_out};
	int64_t seq;
	bool good = json_int(json_get(line, "seq"), &seq) && read_hex(json_get(line, "mac"), want);

	for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
		good = good && json_int(json_get(line, number_names[i]), numbers[i]);
	for (size_t i = 0; i < CHAIN_STRINGS; i++)
		good = good && read_text(json_get(line, text_names[i]), &body.strings[i]);
	if (!good)
		return broken(check, "this is no row");
	if (seq != check->link.seq + 1)
		return broken(check, "row %lld is missing", (long long)check->link.seq + 1);
	chain_link(check->key, bytes, chain_encode(&body, bytes + CHAIN_HEAD_BYTES), check->link.mac, seq, mac);
	if (!str_eq_secret((struct str){(const char *)mac, sizeof(mac)},
			   (struct str){(const char *)want, sizeof(want)}))
		return broken(check, "row %lld was changed, or does not follow the row before it", (long long)seq);
	check->link.seq = seq;
	memcpy(check->link.mac, mac, sizeof(mac));
	return OK;
}

static enum err check_line(struct check *check, struct str text)
{
	AUTO(arena) *arena = arena_new(LINE_ARENA_BYTES);
	yyjson_val *line;

	check->line++;
	if (check->ended)
		return broken(check, "something follows the end");
	if (text.n > ARCHIVE_LINE_BYTES_MAX || json_read(arena, text, &line) != OK || !yyjson_is_obj(line))
		return broken(check, "this is no JSON object");
	if (!check->begun)
		return check_first(check, line);
	return json_get(line, "last") != NULL ? check_last(check, line) : check_row(check, line);
}

enum err archive_check_text(struct str text, const struct secret *key, struct archive_ends *ret_ends,
			    struct buf *problem)
{
	struct check check = {.key = key, .problem = problem};
	struct archive_ends ends = {0};
	struct str line;

	while (text.n > 0) {
		bool first = !check.begun;

		if (!str_cut(text, '\n', &line, &text)) {
			check.line++;
			return broken(&check, "the line is not complete");
		}
		TRY(check_line(&check, line));
		if (first)
			ends.before = check.link;
	}
	if (!check.ended)
		return broken(&check, "the end is missing");
	ends.last = check.link;
	*ret_ends = ends;
	return OK;
}
