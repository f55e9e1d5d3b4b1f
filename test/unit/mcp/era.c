/* The classification table: which era a message is of, and the order of refusals. */
#include "../unit.h"

#include "mcp/era.h"

#define CLAIM "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\""
#define CAPS "\"io.modelcontextprotocol/clientCapabilities\":{}"
#define CALL(meta)                                                                                                     \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"add\",\"_meta\":{" meta "}}}"
#define PLAIN "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"name\":\"add\"}}"
#define INIT(meta) "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"_meta\":{" meta "}}}"
#define NOTE(meta) "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/x\",\"params\":{\"_meta\":{" meta "}}}"

static const struct {
	const char *text, *version, *method, *name; /* headers, NULL absent */
	bool modern;
	enum err err;
} table[] = {
	/* legacy by any of the three ways */
	{PLAIN, NULL, NULL, NULL, false, OK},
	{PLAIN, "2025-06-18", NULL, NULL, false, OK},
	{PLAIN, "nonsense", NULL, NULL, false, OK},
	{INIT(""), NULL, NULL, NULL, false, OK},
	{INIT(""), "2025-11-25", NULL, NULL, false, OK},
	{NOTE(""), "2025-11-25", NULL, NULL, false, OK},
	/* modern and right */
	{CALL(CLAIM "," CAPS), "2026-07-28", "tools/call", "add", true, OK},
	{CALL(CLAIM "," CAPS), "2026-07-28", "tools/call", "=?base64?YWRk?=", true, OK},
	{NOTE(CLAIM "," CAPS), NULL, NULL, NULL, true, OK},
	{NOTE(""), "2026-07-28", NULL, NULL, true, OK},
	/* the ladder */
	{CALL(CLAIM "," CAPS), "2025-11-25", "tools/call", "add", true, ERR_MCP_HEADER},
	{CALL(CLAIM "," CAPS), "2026-07-28", "tools/list", "add", true, ERR_MCP_HEADER},
	{CALL(CLAIM), "2026-07-28", "tools/call", "add", true, ERR_MCP_META},
	{CALL(CLAIM ",\"io.modelcontextprotocol/clientCapabilities\":[]"), "2026-07-28", "tools/call", "add", true,
	 ERR_MCP_META},
	{CALL("\"io.modelcontextprotocol/protocolVersion\":7," CAPS), NULL, NULL, NULL, true, ERR_MCP_META},
	{CALL("\"io.modelcontextprotocol/protocolVersion\":\"2030-01-01\"," CAPS), "2030-01-01", "tools/call", "add",
	 true, ERR_MCP_VERSION},
	{CALL("\"io.modelcontextprotocol/protocolVersion\":\"2025-11-25\"," CAPS), "2025-11-25", "tools/call", "add",
	 true, ERR_MCP_VERSION},
	{CALL(CLAIM "," CAPS), NULL, "tools/call", "add", true, ERR_MCP_HEADER},
	{CALL(CLAIM "," CAPS), "2026-07-28", NULL, "add", true, ERR_MCP_HEADER},
	{CALL(CLAIM "," CAPS), "2026-07-28", "tools/call", NULL, true, ERR_MCP_HEADER},
	{CALL(CLAIM "," CAPS), "2026-07-28", "tools/call", "foo", true, ERR_MCP_HEADER},
	{CALL(CLAIM "," CAPS), "2026-07-28", "tools/call", "=?base64?YW?=", true, ERR_MCP_HEADER},
	{CALL(CLAIM "," CAPS ",\"io.modelcontextprotocol/logLevel\":\"loud\""), "2026-07-28", "tools/call", "add", true,
	 ERR_RPC_PARAMS},
	/* a modern header without a claim */
	{PLAIN, "2026-07-28", "tools/call", "add", true, ERR_MCP_META},
	{PLAIN, "2027-01-01", "tools/call", "add", true, ERR_MCP_META},
	{INIT(""), "2026-07-28", NULL, NULL, true, ERR_MCP_HEADER},
	{INIT(CLAIM "," CAPS), "2026-07-28", NULL, NULL, true, ERR_RPC_METHOD},
};

static struct str header(const char *text)
{
	return text == NULL ? STR_NONE : str_of(text);
}

START_TEST(follows_the_table)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	const struct mcp_headers headers = {.version = header(table[_i].version),
					    .method = header(table[_i].method),
					    .name = header(table[_i].name)};
	struct mcp_message message;
	struct mcp_verdict verdict;

	ck_ok(mcp_message_read(arena, str_of(table[_i].text), &message));
	ck_err(mcp_classify(arena, &message, &headers, &verdict), table[_i].err);
	ck_assert_int_eq(verdict.modern, table[_i].modern);
}
END_TEST

START_TEST(wrong_version_says_what_is_supported)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	const struct mcp_headers headers = {0};
	struct mcp_message message;
	struct mcp_verdict verdict;

	ck_ok(mcp_message_read(arena, STR(CALL("\"io.modelcontextprotocol/protocolVersion\":\"20\\\"30\"," CAPS)),
			       &message));
	ck_err(mcp_classify(arena, &message, &headers, &verdict), ERR_MCP_VERSION);
	ck_str(verdict.data, "{\"supported\":[\"2026-07-28\"],\"requested\":\"20\\\"30\"}");
}
END_TEST

START_TEST(a_header_sent_twice_is_refused)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	const struct mcp_headers headers = {
		.version = STR("2026-07-28"), .method = STR("tools/call"), .name = STR("add"), .repeated = true};
	struct mcp_message message;
	struct mcp_verdict verdict;

	ck_ok(mcp_message_read(arena, STR(CALL(CLAIM "," CAPS)), &message));
	ck_err(mcp_classify(arena, &message, &headers, &verdict), ERR_MCP_HEADER);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("era");

	tcase_add_loop_test(tcase, follows_the_table, 0, ARRAY_LEN(table));
	tcase_add_test(tcase, wrong_version_says_what_is_supported);
	tcase_add_test(tcase, a_header_sent_twice_is_refused);
	return unit_run("era", tcase);
}
