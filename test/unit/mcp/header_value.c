/* Mcp-Name values, with the vectors of SEP-2243. */
#include "../unit.h"

#include "mcp/compose.h"

static const struct {
	const char *plain, *header;
} vector[] = {
	{"us-west1", "us-west1"},
	{"Hello, \xe4\xb8\x96\xe7\x95\x8c", "=?base64?SGVsbG8sIOS4lueVjA==?="},
	{" padded ", "=?base64?IHBhZGRlZCA=?="},
	{"line1\nline2", "=?base64?bGluZTEKbGluZTI=?="},
	{"=?base64?literal?=", "=?base64?PT9iYXNlNjQ/bGl0ZXJhbD89?="},
	{"", "=?base64?"
	     "?="},
	{"tab\there", "=?base64?dGFiCWhlcmU=?="},
};

START_TEST(vectors_both_ways)
{
	AUTO(arena) *arena = arena_new(1 << 16);

	for (size_t i = 0; i < ARRAY_LEN(vector); i++) {
		AUTO_BUF out = {0};
		struct str back;

		mcp_header_encode(str_of(vector[i].plain), &out);
		ck_bytes(buf_str(&out), str_of(vector[i].header));
		ck_ok(mcp_header_decode(arena, str_of(vector[i].header), &back));
		ck_bytes(back, str_of(vector[i].plain));
	}
}
END_TEST

START_TEST(bad_base64_is_refused)
{
	static const char *const bad[] = {"=?base64?SGVsbG8?=", "=?base64?SGVs*G8=?=", "=?base64?/w==?="};
	AUTO(arena) *arena = arena_new(1 << 16);
	struct str back;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(mcp_header_decode(arena, str_of(bad[i]), &back), ERR_MCP_HEADER);
	/* Only with both marks it is wrapped at all; the marks are case-sensitive. */
	ck_ok(mcp_header_decode(arena, STR("=?base64?SGVsbG8="), &back));
	ck_str(back, "=?base64?SGVsbG8=");
	ck_ok(mcp_header_decode(arena, STR("=?BASE64?SGVsbG8=?="), &back));
	ck_str(back, "=?BASE64?SGVsbG8=?=");
}
END_TEST

UNIT_MAIN("header_value", vectors_both_ways, bad_base64_is_refused)
