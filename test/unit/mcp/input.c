/* Questions to clients: what they need, what answers fit, both shapes. */
#include "../unit.h"

#include "mcp/input.h"

#define ALL_ELICIT (MCP_CAN_ELICIT_FORM | MCP_CAN_ELICIT_URL)

static struct mcp_message answer_of(struct arena *arena, const char *result)
{
	struct str text = arena_fmt(arena, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}", result);
	struct mcp_message message;

	ck_ok(mcp_message_read(arena, text, &message));
	return message;
}

START_TEST(what_a_question_needs)
{
	static const struct {
		enum mcp_method method;
		const char *params;
		uint16_t needs;
	} rows[] = {
		{MCP_M_ELICITATION_CREATE, "{\"message\":\"m\"}", MCP_CAN_ELICIT_FORM},
		{MCP_M_ELICITATION_CREATE, "{\"mode\":\"form\"}", MCP_CAN_ELICIT_FORM},
		{MCP_M_ELICITATION_CREATE, "{\"mode\":\"url\"}", MCP_CAN_ELICIT_URL},
		{MCP_M_SAMPLING_CREATE, "{}", MCP_CAN_SAMPLE},
		{MCP_M_SAMPLING_CREATE, "{\"tools\":[]}", MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_TOOLS},
		{MCP_M_SAMPLING_CREATE, "{\"toolChoice\":{}}", MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_TOOLS},
		{MCP_M_SAMPLING_CREATE, "{\"includeContext\":\"none\"}", MCP_CAN_SAMPLE},
		{MCP_M_SAMPLING_CREATE, "{\"includeContext\":\"allServers\"}", MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_CONTEXT},
		{MCP_M_ROOTS_LIST, "{}", MCP_CAN_ROOTS},
	};
	AUTO(arena) *arena = arena_new(1 << 20);
	uint16_t needs;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_ok(mcp_input_needs(arena, rows[i].method, str_of(rows[i].params), &needs));
		ck_assert_uint_eq(needs, rows[i].needs);
	}
	ck_ok(mcp_input_needs(arena, MCP_M_ROOTS_LIST, STR_NONE, &needs));
	ck_err(mcp_input_needs(arena, MCP_M_TOOLS_CALL, STR("{}"), &needs), ERR_RPC_METHOD);
	ck_err(mcp_input_needs(arena, MCP_M_OTHER, STR_NONE, &needs), ERR_RPC_METHOD);
	ck_err(mcp_input_needs(arena, MCP_M_ROOTS_LIST, STR("[]"), &needs), ERR_RPC_PARAMS);
}
END_TEST

START_TEST(what_a_revision_knows)
{
	uint16_t all = MCP_CAN_SAMPLE | ALL_ELICIT | MCP_CAN_ROOTS;

	ck_assert_uint_eq(mcp_capabilities_in(all, MCP_2025_03_26),
			  MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_CONTEXT | MCP_CAN_ROOTS);
	ck_assert_uint_eq(mcp_capabilities_in(all, MCP_2025_06_18), all | MCP_CAN_SAMPLE_CONTEXT);
	ck_assert_uint_eq(mcp_capabilities_in(all, MCP_2025_11_25), all);
	ck_assert_uint_eq(mcp_capabilities_in(MCP_CAN_ROOTS, MCP_2025_03_26), MCP_CAN_ROOTS);
	ck_assert_uint_eq(mcp_capabilities_read(STR("{\"elicitation\":{}}")), MCP_CAN_ELICIT_FORM);
	ck_assert_uint_eq(mcp_capabilities_read(STR("{\"elicitation\":{\"url\":{}}}")), MCP_CAN_ELICIT_URL);
	ck_assert_uint_eq(mcp_capabilities_read(STR("{\"sampling\":null}")), 0);
	ck_assert_uint_eq(mcp_capabilities_read(STR("[]")), 0);
}
END_TEST

START_TEST(which_answers_fit)
{
	static const struct {
		enum mcp_method method;
		const char *answer;
		bool fits;
	} rows[] = {
		{MCP_M_ELICITATION_CREATE, "{\"action\":\"accept\",\"content\":{}}", true},
		{MCP_M_ELICITATION_CREATE, "{\"action\":\"accept\"}", true},
		{MCP_M_ELICITATION_CREATE, "{\"action\":\"decline\"}", true},
		{MCP_M_ELICITATION_CREATE, "{\"action\":\"cancel\"}", true},
		{MCP_M_ELICITATION_CREATE, "{\"action\":\"maybe\"}", false},
		{MCP_M_ELICITATION_CREATE, "{\"action\":\"accept\",\"content\":7}", false},
		{MCP_M_ELICITATION_CREATE, "{}", false},
		{MCP_M_ELICITATION_CREATE, "12345", false},
		{MCP_M_ELICITATION_CREATE, "null", false},
		{MCP_M_SAMPLING_CREATE, "{\"role\":\"assistant\",\"content\":{},\"model\":\"m\"}", true},
		{MCP_M_SAMPLING_CREATE, "{\"role\":\"assistant\",\"content\":[]}", true},
		{MCP_M_SAMPLING_CREATE, "{\"role\":\"assistant\"}", false},
		{MCP_M_ROOTS_LIST, "{\"roots\":[]}", true},
		{MCP_M_ROOTS_LIST, "{\"roots\":{}}", false},
		{MCP_M_PING, "{}", false},
	};
	AUTO(arena) *arena = arena_new(1 << 20);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(mcp_input_fits(arena, rows[i].method, str_of(rows[i].answer)) == rows[i].fits, "row %zu",
			      i);
}
END_TEST

START_TEST(a_round_is_read)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message answer = answer_of(
		arena,
		"{\"resultType\":\"input_required\",\"inputRequests\":{\"a\\u0062\":{\"method\":\"roots/list\"},"
		"\"c\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\"}}},\"requestState\":\"s\\n\"}");
	struct mcp_round round;

	ck_assert(mcp_is_input_required(&answer));
	ck_ok(mcp_round_read(arena, &answer, &round));
	ck_assert_uint_eq(round.count, 2);
	ck_str(round.input[0].key, "a\\u0062");
	ck_assert_ptr_null(round.input[0].params.p);
	ck_assert_int_eq(round.input[1].method, MCP_M_ELICITATION_CREATE);
	ck_str(round.input[1].params, "{\"mode\":\"url\"}");
	ck_str(round.state, "\"s\\n\"");
	ck_assert_uint_eq(round.needs, MCP_CAN_ROOTS | MCP_CAN_ELICIT_URL);
}
END_TEST

START_TEST(a_round_that_is_none)
{
	static const char *const rows[] = {
		"{\"resultType\":\"input_required\"}",
		"{\"resultType\":\"input_required\",\"inputRequests\":[]}",
		"{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":1}}",
		"{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":{}}}",
		"{\"resultType\":\"input_required\",\"inputRequests\":{\"a\":{\"method\":\"tools/call\"}}}",
		("{\"resultType\":\"input_required\",\"inputRequests\":"
		 "{\"a\":{\"method\":\"roots/list\",\"params\":[]}}}"),
		"{\"resultType\":\"input_required\",\"requestState\":null}",
	};
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_round round;
	AUTO_BUF many = {0};
	struct mcp_message answer;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		answer = answer_of(arena, rows[i]);
		ck_err(mcp_round_read(arena, &answer, &round), ERR_UPSTREAM_GARBAGE);
	}
	buf_put(&many, STR("{\"resultType\":\"input_required\",\"inputRequests\":{"));
	for (int i = 0; i <= MCP_INPUTS_MAX; i++)
		buf_put_fmt(&many, "%s\"k%d\":{\"method\":\"roots/list\"}", i == 0 ? "" : ",", i);
	buf_put(&many, STR("}}"));
	buf_put_byte(&many, '\0');
	answer = answer_of(arena, many.p);
	ck_err(mcp_round_read(arena, &answer, &round), ERR_LIMIT);
	answer = answer_of(arena, "{\"resultType\":\"complete\"}");
	ck_assert(!mcp_is_input_required(&answer));
}
END_TEST

START_TEST(questions_change_shape)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	const struct mcp_input url = {.params = STR("{\"mode\":\"url\",\"url\":\"u\"}"), .needs = MCP_CAN_ELICIT_URL};
	const struct mcp_input form = {.params = STR("{\"message\":\"m\"}"), .needs = MCP_CAN_ELICIT_FORM};
	struct str made = mcp_input_for_session(arena, &url);
	AUTO_BUF out = {0};

	ck_assert(made.n == url.params.n + strlen("\"elicitationId\":\"\",") + 36);
	ck_assert(memcmp(made.p, "{\"elicitationId\":\"", 18) == 0);
	ck_str(mcp_input_for_session(arena, &form), "{\"message\":\"m\"}");

	mcp_compose_input(arena, MCP_M_ELICITATION_CREATE, made, &out);
	ck_str(buf_str(&out), "{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\",\"url\":\"u\"}}");
	out.n = 0;
	mcp_compose_input(arena, MCP_M_ROOTS_LIST, STR_NONE, &out);
	ck_str(buf_str(&out), "{\"method\":\"roots/list\",\"params\":{}}");
	out.n = 0;
	mcp_compose_question(STR("gh-1"), MCP_M_ROOTS_LIST, STR_NONE, &out);
	ck_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"id\":\"gh-1\",\"method\":\"roots/list\"}");
}
END_TEST

START_TEST(urls_become_a_round)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message error;
	AUTO_BUF out = {0};

	ck_ok(mcp_message_read(
		arena,
		STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32042,\"message\":\"m\",\"data\":{"
		    "\"elicitations\":[{\"mode\":\"url\",\"elicitationId\":\"x\",\"url\":\"u\",\"message\":\"a\\n\"},"
		    "{\"url\":\"v\"}]}}}"),
		&error));
	ck_ok(mcp_url_round(arena, &error, &out));
	ck_str(buf_str(&out),
	       "{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{"
	       "\"u1\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\",\"message\":\"a\\n\","
	       "\"url\":\"u\"}},\"u2\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\","
	       "\"message\":\"\",\"url\":\"v\"}}}}}");
	ck_ok(mcp_message_read(
		arena, STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"code\":-32042,\"message\":\"m\"}}"), &error));
	ck_err(mcp_url_round(arena, &error, &out), ERR_UPSTREAM_GARBAGE);
}
END_TEST

UNIT_MAIN("input", what_a_question_needs, what_a_revision_knows, which_answers_fit, a_round_is_read,
	  a_round_that_is_none, questions_change_shape, urls_become_a_round)
