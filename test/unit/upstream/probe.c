/* The verdicts of the probe: every row that real servers were seen to give. */
#include "../unit.h"

#include "upstream/probe.h"

struct row {
	bool stdio, again;
	enum err err;
	int status;
	const char *answer; /* NULL: none that is JSON-RPC */
	enum probe_verdict want;
};

#define RESULT(result) "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":" result "}"
#define ERROR(error) "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":" error "}"

static const struct row rows[] = {
	{.status = 200,
	 .answer = RESULT("{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{}}"),
	 .want = PROBE_MODERN},
	{.status = 200,
	 .answer = RESULT("{\"supportedVersions\":[\"2025-11-25\",\"2026-07-28\"]}"),
	 .want = PROBE_MODERN},
	{.status = 200, .answer = RESULT("{\"supportedVersions\":[\"2031-01-01\"]}"), .want = PROBE_LEGACY},
	{.status = 200, .answer = RESULT("{\"supportedVersions\":[\"2025-11-25\"]}"), .want = PROBE_LEGACY},
	{.status = 200, .answer = RESULT("{\"supportedVersions\":\"2026-07-28\"}"), .want = PROBE_LEGACY},
	{.status = 200, .answer = RESULT("{\"supportedVersions\":[7,null,{}]}"), .want = PROBE_LEGACY},
	{.status = 200, .answer = RESULT("{\"hello\":1}"), .want = PROBE_LEGACY},
	{.status = 200, .answer = RESULT("[]"), .want = PROBE_LEGACY},
	{.status = 400,
	 .answer = ERROR("{\"code\":-32022,\"message\":\"\",\"data\":{\"supported\":[\"2026-07-28\"]}}"),
	 .want = PROBE_AGAIN},
	{.again = true,
	 .status = 400,
	 .answer = ERROR("{\"code\":-32022,\"message\":\"\",\"data\":{\"supported\":[\"2026-07-28\"]}}"),
	 .want = PROBE_ERROR},
	{.status = 400,
	 .answer = ERROR("{\"code\":-32022,\"message\":\"\",\"data\":{\"supported\":[\"2031-01-01\"]}}"),
	 .want = PROBE_ERROR},
	{.status = 400,
	 .answer = ERROR("{\"code\":-32022,\"message\":\"\",\"data\":{\"supported\":[\"2025-06-18\"]}}"),
	 .want = PROBE_LEGACY},
	{.status = 400, .answer = ERROR("{\"code\":-32022,\"message\":\"\"}"), .want = PROBE_LEGACY},
	{.status = 400, .answer = ERROR("{\"code\":-32022,\"message\":\"\",\"data\":[]}"), .want = PROBE_LEGACY},
	{.status = 400, .answer = ERROR("{\"code\":-32000,\"message\":\"no session\"}"), .want = PROBE_LEGACY},
	{.status = 400, .answer = ERROR("{\"code\":-32600,\"message\":\"\"}"), .want = PROBE_LEGACY},
	{.status = 400, .answer = ERROR("{\"code\":-32020,\"message\":\"\"}"), .want = PROBE_LEGACY},
	{.status = 404, .answer = ERROR("{\"code\":-32601,\"message\":\"\"}"), .want = PROBE_LEGACY},
	{.status = 200, .answer = ERROR("{\"code\":-32601,\"message\":\"\"}"), .want = PROBE_LEGACY},
	{.status = 200, .answer = ERROR("{\"code\":-32602,\"message\":\"\"}"), .want = PROBE_LEGACY},
	{.status = 200, .answer = ERROR("{\"code\":0,\"message\":\"\"}"), .want = PROBE_LEGACY},
	{.err = ERR_UPSTREAM_GARBAGE, .status = 404, .want = PROBE_LEGACY},
	{.err = ERR_UPSTREAM_GARBAGE, .status = 422, .want = PROBE_LEGACY},
	{.err = ERR_UPSTREAM_GARBAGE, .status = 405, .want = PROBE_LEGACY},
	{.err = ERR_UPSTREAM_GARBAGE, .status = 200, .want = PROBE_LEGACY},
	{.err = ERR_UPSTREAM_GARBAGE, .status = 302, .want = PROBE_LEGACY},
	{.err = ERR_UPSTREAM_AUTH, .status = 401, .want = PROBE_AUTH},
	{.err = ERR_UPSTREAM_AUTH,
	 .status = 403,
	 .answer = ERROR("{\"code\":-32601,\"message\":\"\"}"),
	 .want = PROBE_AUTH},
	{.err = ERR_UPSTREAM_GARBAGE, .status = 500, .want = PROBE_ERROR},
	{.err = ERR_UPSTREAM_BUSY, .status = 503, .want = PROBE_ERROR},
	{.err = ERR_UPSTREAM_BUSY, .status = 429, .want = PROBE_ERROR},
	{.status = 500, .answer = ERROR("{\"code\":-32603,\"message\":\"\"}"), .want = PROBE_ERROR},
	{.err = ERR_UPSTREAM_DOWN, .want = PROBE_ERROR},
	{.err = ERR_UPSTREAM_TIMEOUT, .want = PROBE_ERROR},
	{.stdio = true, .answer = RESULT("{\"supportedVersions\":[\"2026-07-28\"]}"), .want = PROBE_MODERN},
	{.stdio = true, .answer = ERROR("{\"code\":-32601,\"message\":\"\"}"), .want = PROBE_LEGACY},
	{.stdio = true, .err = ERR_UPSTREAM_DOWN, .want = PROBE_LEGACY},
	{.stdio = true, .err = ERR_UPSTREAM_TIMEOUT, .want = PROBE_LEGACY},
	{.stdio = true, .err = ERR_UPSTREAM_GARBAGE, .want = PROBE_LEGACY},
};

START_TEST(test_rows)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		AUTO(arena) *arena = arena_new(65536);
		struct probe_outcome outcome = {
			.stdio = rows[i].stdio, .again = rows[i].again, .err = rows[i].err, .status = rows[i].status};
		enum mcp_revision revision = MCP_UNKNOWN;
		struct mcp_message message;
		enum probe_verdict got;

		if (rows[i].answer != NULL) {
			ck_ok(mcp_message_read(arena, str_of(rows[i].answer), &message));
			outcome.answer = &message;
		}
		got = probe_classify(arena, &outcome, &revision);
		ck_assert_msg(got == rows[i].want, "row %zu (%s): verdict %d, want %d", i,
			      rows[i].answer == NULL ? "-" : rows[i].answer, got, rows[i].want);
		if (got == PROBE_MODERN || got == PROBE_AGAIN)
			ck_assert_int_eq(revision, MCP_2026_07_28);
	}
}
END_TEST

UNIT_MAIN("upstream/probe", test_rows)
