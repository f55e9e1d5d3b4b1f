/* Messages turned round between the eras: what changes, and that nothing else does. */
#include "../unit.h"

#include "mcp/compose.h"

static struct mcp_message read(struct arena *arena, const char *text)
{
	struct mcp_message message;

	ck_ok(mcp_message_read(arena, str_of(text), &message));
	return message;
}

/* As a client would read it. */
static enum err answer_text(const struct mcp_message *answer, struct str id, enum mcp_method method,
			    enum mcp_revision client, struct buf *out)
{
	const struct mcp_recipient to = {.id = id, .method = method, .revision = client};
	struct mcp_pieces pieces;
	AUTO_BUF scratch = {0};

	TRY(mcp_compose_answer(answer, &to, &scratch, &pieces));
	ck_assert_uint_le(pieces.count, MCP_PIECES_MAX);
	for (size_t i = 0; i < pieces.count; i++)
		buf_put(out, pieces.piece[i]);
	return OK;
}

START_TEST(a_legacy_request_keeps_what_it_does_not_know)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message from = read(arena, "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"method\":\"tools/"
					      "call\",\"params\":{\"extra\":[1, 2],\"name\":\"u_t\","
					      "\"arguments\":{\"n\":123456789012345678901234567890.10},"
					      "\"_meta\":{\"openai/x\":{\"a\":1},\"progressToken\":\"p\","
					      "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
					      "\"io.modelcontextprotocol/clientCapabilities\":{}}}}");
	struct mcp_outgoing outgoing = {.method = from.method, .from = &from, .name = STR("t"), .wants_progress = true};
	AUTO_BUF out = {0};

	mcp_compose_request(&outgoing, MCP_2025_11_25, 77, &out);
	ck_str(buf_str(&out),
	       "{\"jsonrpc\":\"2.0\",\"id\":77,\"method\":\"tools/call\",\"params\":{\"extra\":[1, 2],\"name\":\"t\","
	       "\"arguments\":{\"n\":123456789012345678901234567890.10},"
	       "\"_meta\":{\"openai/x\":{\"a\":1},\"progressToken\":77}}}");
}
END_TEST

/* Found by the fuzzer: a key spelt with escapes passed the list of keys we write ourselves, and the
 * server would have read the client's value or ours, whichever it takes of two. */
START_TEST(an_escaped_key_is_the_same_key)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message from = read(
		arena,
		"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{\"n\\u0061me\":\"u_t\","
		"\"_meta\":{\"io.modelcontextprotocol\\/clientCapabilities\":{\"x\":1},\"progress\\u0054oken\":9}}}");
	struct mcp_outgoing outgoing = {.method = from.method, .from = &from, .name = STR("t"), .wants_progress = true};
	AUTO_BUF out = {0};

	mcp_compose_request(&outgoing, MCP_2025_11_25, 3, &out);
	ck_str(buf_str(&out),
	       "{\"jsonrpc\":\"2.0\",\"id\":3,\"method\":\"tools/call\",\"params\":{\"n\\u0061me\":\"t\","
	       "\"_meta\":{\"progressToken\":3}}}");
}
END_TEST

START_TEST(a_modern_request_says_who_asks)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message from =
		read(arena, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"prompts/get\",\"params\":{\"name\":\"p\"}}");
	struct mcp_outgoing outgoing = {.method = from.method,
					.from = &from,
					.capabilities = STR("{\"sampling\":{}}"),
					.client_info = STR("{\"name\":\"c\",\"version\":\"1\"}"),
					.log_level = STR("info")};
	AUTO_BUF out = {0};

	mcp_compose_request(&outgoing, MCP_2026_07_28, 5, &out);
	ck_str(buf_str(&out),
	       "{\"jsonrpc\":\"2.0\",\"id\":5,\"method\":\"prompts/get\",\"params\":{\"name\":\"p\",\"_meta\":{"
	       "\"io.modelcontextprotocol/protocolVersion\":\"2026-07-28\","
	       "\"io.modelcontextprotocol/clientCapabilities\":{\"sampling\":{}},"
	       "\"io.modelcontextprotocol/clientInfo\":{\"name\":\"c\",\"version\":\"1\"},"
	       "\"io.modelcontextprotocol/logLevel\":\"info\"}}}");
}
END_TEST

START_TEST(own_requests_have_only_what_is_needed)
{
	struct mcp_outgoing outgoing = {.method = STR("tools/list")};
	AUTO_BUF out = {0};

	mcp_compose_request(&outgoing, MCP_2025_06_18, 1, &out);
	ck_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/list\"}");
	out.n = 0;
	outgoing.cursor = STR("");
	mcp_compose_request(&outgoing, MCP_2025_06_18, 2, &out);
	ck_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"id\":2,\"method\":\"tools/list\",\"params\":{\"cursor\":\"\"}}");
}
END_TEST

START_TEST(a_completion_ref_is_renamed)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message from =
		read(arena, "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\",\"params\":{"
			    "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"u_p\",\"x\":1},"
			    "\"argument\":{\"name\":\"a\",\"value\":\"v\"}}}");
	struct mcp_outgoing outgoing = {.method = from.method, .from = &from, .ref_name = STR("p")};
	AUTO_BUF out = {0};

	mcp_compose_request(&outgoing, MCP_2025_11_25, 1, &out);
	ck_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"completion/complete\",\"params\":{"
			      "\"ref\":{\"type\":\"ref/prompt\",\"name\":\"p\",\"x\":1},"
			      "\"argument\":{\"name\":\"a\",\"value\":\"v\"}}}");
}
END_TEST

#define SELF "\"_meta\":{\"io.modelcontextprotocol/serverInfo\":"

START_TEST(results_gain_and_lose_what_the_era_knows)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message legacy =
		read(arena, "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"content\":[],\"x\":1e400}}");
	struct mcp_message modern =
		read(arena, "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"resultType\":\"complete\","
			    "\"contents\":[],\"ttlMs\":5,\"cacheScope\":\"public\",\"_meta\":{\"a\":1}}}");
	AUTO_BUF out = {0};

	ck_ok(answer_text(&legacy, STR("\"c\""), MCP_M_TOOLS_CALL, MCP_2025_06_18, &out));
	ck_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"id\":\"c\",\"result\":{\"content\":[],\"x\":1e400}}");
	out.n = 0;
	ck_ok(answer_text(&legacy, STR("1"), MCP_M_TOOLS_CALL, MCP_2026_07_28, &out));
	ck_assert(str_starts(buf_str(&out),
			     STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"complete\"," SELF)));
	ck_assert(str_ends(buf_str(&out), STR(",\"content\":[],\"x\":1e400}}")));
	out.n = 0;
	ck_ok(answer_text(&modern, STR("1"), MCP_M_RESOURCES_READ, MCP_2025_11_25, &out));
	ck_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"contents\":[],\"_meta\":{\"a\":1}}}");
	out.n = 0;
	ck_ok(answer_text(&modern, STR("1"), MCP_M_RESOURCES_READ, MCP_2026_07_28, &out));
	ck_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"complete\",\"contents\":[],"
			      "\"ttlMs\":5,\"cacheScope\":\"public\",\"_meta\":{\"a\":1}}}");
}
END_TEST

START_TEST(members_of_one_era_may_stand_anywhere)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message mixed =
		read(arena, "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{ \"a\":1 , \"resultType\":\"complete\","
			    "\"b\":{},\"ttlMs\":5,\"c\":[],\"cacheScope\":\"public\",\"d\":\"\"}}");
	struct mcp_message none =
		read(arena, "{\"jsonrpc\":\"2.0\",\"id\":9,\"result\":{\"resultType\":\"complete\"}}");
	AUTO_BUF out = {0};
	struct json_index index;

	ck_ok(answer_text(&mixed, STR("1"), MCP_M_TOOLS_CALL, MCP_2025_11_25, &out));
	ck_ok(json_scan(arena, buf_str(&out), &index));
	for (const char *key = "abcd"; *key != '\0'; key++)
		ck_assert_ptr_nonnull(
			json_member(&index, json_member(&index, NULL, STR("result")), (struct str){key, 1}));
	ck_assert_ptr_null(memmem(out.p, out.n, "ttlMs", 5));
	out.n = 0;
	ck_ok(answer_text(&none, STR("1"), MCP_M_TOOLS_CALL, MCP_2025_11_25, &out));
	ck_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{}}");
}
END_TEST

START_TEST(structured_content_is_an_object_for_sessions)
{
	static const struct {
		const char *result, *wanted;
		enum mcp_revision revision;
		bool wraps;
	} rows[] = {
		{"{\"content\":[],\"structuredContent\":[1e2],\"x\":1}",
		 "{\"structuredContent\":{\"result\":[1e2]},\"content\":[],\"x\":1}", MCP_2025_11_25, false},
		{"{\"structuredContent\":null,\"content\":[]}",
		 "{\"structuredContent\":{\"result\":null},\"content\":[]}", MCP_2025_06_18, true},
		{"{\"structuredContent\":{\"a\":1}}", "{\"structuredContent\":{\"result\":{\"a\":1}}}", MCP_2025_11_25,
		 true},
		{"{\"structuredContent\":{\"a\":1}}", "{\"structuredContent\":{\"a\":1}}", MCP_2025_11_25, false},
		{"{\"isError\":true,\"resultType\":\"complete\"}", "{\"isError\":true}", MCP_2025_11_25, true},
		{"{\"resultType\":\"complete\",\"structuredContent\":7,\"_meta\":{}}",
		 "{\"resultType\":\"complete\",\"structuredContent\":7,\"_meta\":{}}", MCP_2026_07_28, true},
	};
	AUTO(arena) *arena = arena_new(1 << 20);

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct mcp_message answer =
			read(arena, arena_fmt(arena, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}", rows[i].result).p);
		const struct mcp_recipient to = {.id = STR("1"),
						 .method = MCP_M_TOOLS_CALL,
						 .revision = rows[i].revision,
						 .wraps_output = rows[i].wraps};
		AUTO_BUF scratch = {0}, out = {0}, wanted = {0};
		struct mcp_pieces pieces;

		ck_ok(mcp_compose_answer(&answer, &to, &scratch, &pieces));
		for (size_t p = 0; p < pieces.count; p++)
			buf_put(&out, pieces.piece[p]);
		buf_put_fmt(&wanted, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":%s}%c", rows[i].wanted, 0);
		ck_bytes(buf_str(&out), str_of(wanted.p));
	}
}
END_TEST

START_TEST(what_cannot_be_bridged_is_said)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message asks =
		read(arena, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"input_required\"}}");
	struct mcp_message odd = read(arena, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"resultType\":\"magic\"}}");
	struct mcp_message list = read(arena, "{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":[]}");
	AUTO_BUF out = {0};

	ck_err(answer_text(&asks, STR("1"), MCP_M_TOOLS_CALL, MCP_2025_11_25, &out), ERR_MCP_INPUT);
	ck_ok(answer_text(&asks, STR("1"), MCP_M_TOOLS_CALL, MCP_2026_07_28, &out));
	ck_err(answer_text(&asks, STR("1"), MCP_M_TOOLS_LIST, MCP_2026_07_28, &out), ERR_UPSTREAM_GARBAGE);
	ck_err(answer_text(&odd, STR("1"), MCP_M_TOOLS_CALL, MCP_2026_07_28, &out), ERR_UPSTREAM_GARBAGE);
	ck_err(answer_text(&list, STR("1"), MCP_M_TOOLS_CALL, MCP_2026_07_28, &out), ERR_UPSTREAM_GARBAGE);
}
END_TEST

START_TEST(errors_keep_their_members)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message gone = read(arena, "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"data\":{\"uri\":\"a:b\"},"
					      "\"code\":-32002,\"message\":\"no\"}}");
	AUTO_BUF out = {0};

	ck_ok(answer_text(&gone, STR("4"), MCP_M_RESOURCES_READ, MCP_2025_11_25, &out));
	ck_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":{\"data\":{\"uri\":\"a:b\"},\"code\":-32002,"
			      "\"message\":\"no\"}}");
	out.n = 0;
	ck_ok(answer_text(&gone, STR("4"), MCP_M_RESOURCES_READ, MCP_2026_07_28, &out));
	ck_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"id\":4,\"error\":{\"data\":{\"uri\":\"a:b\"},\"code\":-32602,"
			      "\"message\":\"no\"}}");
}
END_TEST

START_TEST(progress_gets_the_clients_token)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct mcp_message note = read(arena, "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
					      "\"progress\":1,\"progressToken\":77,\"message\":\"m\"}}");
	AUTO_BUF out = {0};

	mcp_compose_relayed(&note, STR("\"mine\""), &out);
	ck_str(buf_str(&out), "{\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":{"
			      "\"progress\":1,\"progressToken\":\"mine\",\"message\":\"m\"}}");
}
END_TEST

UNIT_MAIN("compose", a_legacy_request_keeps_what_it_does_not_know, an_escaped_key_is_the_same_key,
	  a_modern_request_says_who_asks, own_requests_have_only_what_is_needed, a_completion_ref_is_renamed,
	  results_gain_and_lose_what_the_era_knows, members_of_one_era_may_stand_anywhere,
	  what_cannot_be_bridged_is_said, structured_content_is_an_object_for_sessions, errors_keep_their_members,
	  progress_gets_the_clients_token)
