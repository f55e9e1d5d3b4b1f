/* Session ids: sealed, bound, aged. */
#include "../unit.h"

#include "base/clock.h"
#include "mcp/session.h"

#define INITIALIZE                                                                                                     \
	"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{\"protocolVersion\":\"2025-11-25\","      \
	"\"capabilities\":{\"sampling\":{\"tools\":{}},\"elicitation\":{},\"roots\":{\"listChanged\":true}}}}"

static void make(struct arena *arena, const struct secret *key, const char *principal, struct mcp_session *session,
		 struct buf *token)
{
	struct mcp_message message;

	ck_ok(mcp_message_read(arena, STR(INITIALIZE), &message));
	mcp_session_new(&message, MCP_2025_11_25, session);
	session->node = 0x8877665544332211;
	mcp_session_seal(key, session, str_of(principal), token);
}

START_TEST(comes_back_as_it_was)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random();
	AUTO_BUF token = {0};
	struct mcp_session made, back;

	make(arena, key, "01ABC", &made, &token);
	ck_ok(mcp_session_open(key, buf_str(&token), STR("01ABC"), 1000, &back));
	ck_assert_int_eq(back.revision, MCP_2025_11_25);
	ck_assert_int_eq(back.capabilities, made.capabilities);
	ck_assert_int_eq(back.created_ms, made.created_ms);
	ck_assert_str_eq(back.number, made.number);
	ck_assert_uint_eq(back.node, made.node);
	ck_assert_uint_le(token.n, MCP_SESSION_TOKEN_MAX);
	for (size_t i = 0; i < token.n; i++)
		ck_assert(token.p[i] >= 0x21 && token.p[i] <= 0x7e);
}
END_TEST

START_TEST(nobody_else_can_use_it)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random();
	AUTO(secret) *other = secret_random();
	AUTO_BUF token = {0};
	struct mcp_session made, back;

	make(arena, key, "01ABC", &made, &token);
	ck_err(mcp_session_open(key, buf_str(&token), STR("01ABD"), 1000, &back), ERR_MCP_SESSION_UNKNOWN);
	ck_err(mcp_session_open(other, buf_str(&token), STR("01ABC"), 1000, &back), ERR_MCP_SESSION_UNKNOWN);
	ck_err(mcp_session_open(key, buf_str(&token), STR("01ABC"), -1, &back), ERR_MCP_SESSION_UNKNOWN);
	ck_err(mcp_session_open(key, STR("made up"), STR("01ABC"), 1000, &back), ERR_MCP_SESSION_UNKNOWN);
	ck_err(mcp_session_open(key, STR(""), STR("01ABC"), 1000, &back), ERR_MCP_SESSION_UNKNOWN);
	for (size_t i = 0; i < token.n; i++) {
		char was = token.p[i];

		token.p[i] = was == 'A' ? 'B' : 'A';
		ck_err(mcp_session_open(key, buf_str(&token), STR("01ABC"), 1000, &back), ERR_MCP_SESSION_UNKNOWN);
		token.p[i] = was;
	}
}
END_TEST

START_TEST(capabilities_are_what_was_said)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random();
	AUTO_BUF token = {0}, text = {0};
	struct mcp_session made;

	make(arena, key, "p", &made, &token);
	ck_assert_int_eq(made.capabilities, MCP_CAN_SAMPLE | MCP_CAN_SAMPLE_TOOLS | MCP_CAN_ELICIT_FORM |
						    MCP_CAN_ROOTS | MCP_CAN_ROOTS_CHANGED);
	mcp_capabilities_write(made.capabilities, &text);
	ck_str(buf_str(&text),
	       "{\"sampling\":{\"tools\":{}},\"elicitation\":{\"form\":{}},\"roots\":{\"listChanged\":true}}");
	text.n = 0;
	mcp_capabilities_write(0, &text);
	ck_str(buf_str(&text), "{}");
}
END_TEST

UNIT_MAIN("session", comes_back_as_it_was, nobody_else_can_use_it, capabilities_are_what_was_said)
