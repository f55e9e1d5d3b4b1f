/* What counts as a JSON-RPC message, and what is found in it. */
#include "../unit.h"

#include "mcp/message.h"

static const struct {
	const char *text;
	enum err err;
	enum mcp_kind kind;
	const char *id; /* NULL: none */
} table[] = {
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}", OK, MCP_REQUEST, "1"},
	{"{\"jsonrpc\":\"2.0\",\"id\":\"a\\\"b\",\"method\":\"ping\"}", OK, MCP_REQUEST, "\"a\\\"b\""},
	{"{\"jsonrpc\":\"2.0\",\"id\":12345678901234567890123,\"method\":\"ping\"}", OK, MCP_REQUEST,
	 "12345678901234567890123"},
	{"{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}", OK, MCP_NOTIFICATION, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}", OK, MCP_RESPONSE, "1"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":null}", OK, MCP_RESPONSE, "1"},
	{"{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32700,\"message\":\"x\"}}", OK, MCP_RESPONSE, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":1,\"message\":\"x\"}}", OK, MCP_RESPONSE, NULL},
	{"", ERR_JSON_SYNTAX, 0, NULL},
	{"nope", ERR_JSON_SYNTAX, 0, NULL},
	{"[]", ERR_RPC_INVALID, 0, NULL},
	{"\"x\"", ERR_RPC_INVALID, 0, NULL},
	{"{}", ERR_RPC_INVALID, 0, NULL},
	{"{\"jsonrpc\":\"1.0\",\"id\":7,\"method\":\"ping\"}", ERR_RPC_INVALID, 0, "7"},
	{"{\"jsonrpc\":2.0,\"id\":7,\"method\":\"ping\"}", ERR_RPC_INVALID, 0, "7"},
	{"{\"id\":7,\"method\":\"ping\"}", ERR_RPC_INVALID, 0, "7"},
	{"{\"jsonrpc\":\"2.0\",\"id\":null,\"method\":\"ping\"}", ERR_RPC_INVALID, 0, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":1.5,\"method\":\"ping\"}", ERR_RPC_INVALID, 0, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":1e3,\"method\":\"ping\"}", ERR_RPC_INVALID, 0, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":{},\"method\":\"ping\"}", ERR_RPC_INVALID, 0, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":5}", ERR_RPC_INVALID, 0, "1"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"result\":{}}", ERR_RPC_INVALID, 0, "1"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{},\"error\":{}}", ERR_RPC_INVALID, 0, "1"},
	{"{\"jsonrpc\":\"2.0\",\"result\":{}}", ERR_RPC_INVALID, 0, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":\"x\"}", ERR_RPC_INVALID, 0, "1"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":[1]}", ERR_RPC_PARAMS, 0, "1"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"x\",\"params\":{\"_meta\":3}}", ERR_RPC_PARAMS, 0, "1"},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", ERR_JSON_DUPLICATE, 0, NULL},
	{"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"m\\u0065thod\":\"x\"}", ERR_JSON_DUPLICATE, 0, NULL},
};

START_TEST(kinds_and_refusals)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message message;

	ck_err(mcp_message_read(arena, str_of(table[_i].text), &message), table[_i].err);
	if (table[_i].err == OK)
		ck_assert_int_eq(message.kind, table[_i].kind);
	if (table[_i].id != NULL)
		ck_bytes(message.id, str_of(table[_i].id));
	else
		ck_assert_ptr_null(message.id.p);
}
END_TEST

START_TEST(params_are_found)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message message;

	ck_ok(mcp_message_read(
		arena,
		STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools\\/call\",\"params\":{\"name\":\"a\\u0062\","
		    "\"n\":3,\"_meta\":{\"progressToken\":\"t\"}}}"),
		&message));
	ck_str(message.method, "tools/call");
	ck_assert_int_eq(mcp_method_of(message.method), MCP_M_TOOLS_CALL);
	ck_str(mcp_param(arena, &message, STR("name")), "ab");
	ck_assert_ptr_null(mcp_param(arena, &message, STR("n")).p);
	ck_assert_ptr_null(mcp_param(arena, &message, STR("missing")).p);
	ck_str(json_member(&message.index, message.meta, STR("progressToken"))->value, "\"t\"");
}
END_TEST

START_TEST(methods_have_their_names)
{
	for (int m = 1; m < MCP_METHODS; m++)
		ck_assert_int_eq(mcp_method_of(mcp_method_name(m)), m);
	ck_assert_int_eq(mcp_method_of(STR("tools/cal")), MCP_M_OTHER);
	ck_assert_int_eq(mcp_method_of(STR("")), MCP_M_OTHER);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("message");

	tcase_add_loop_test(tcase, kinds_and_refusals, 0, ARRAY_LEN(table));
	tcase_add_test(tcase, params_are_found);
	tcase_add_test(tcase, methods_have_their_names);
	return unit_run("message", tcase);
}
