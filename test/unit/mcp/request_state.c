/* States of parked calls: sealed, bound to who called what with which arguments, aged. */
#include "../unit.h"

#include "mcp/request_state.h"

static const struct mcp_state_bond bond = {
	.tenant_id = {"t1", 2},
	.principal = {"p1", 2},
	.method = MCP_M_TOOLS_CALL,
	.upstream = {"up", 2},
	.name = {"tool", 4},
	.arguments = {"{\"a\":1}", 7},
};
static const struct mcp_request_state state = {
	.node = 0x1122334455667788, .serial = 7, .loop = 3, .round = 2, .expires_ms = 5000};

static void seal(const struct secret *key, uint8_t digest[MCP_BOND_BYTES], struct buf *out)
{
	mcp_state_bind(&bond, digest);
	mcp_state_seal(key, &state, digest, out);
}

START_TEST(comes_back_as_it_was)
{
	AUTO(secret) *key = secret_random();
	struct mcp_request_state back;
	uint8_t digest[MCP_BOND_BYTES];
	AUTO_BUF text = {0};

	seal(key, digest, &text);
	ck_ok(mcp_state_open(key, buf_str(&text), digest, 5000, &back));
	ck_assert_uint_eq(back.node, state.node);
	ck_assert_uint_eq(mcp_state_node(buf_str(&text)), state.node);
	ck_assert_uint_eq(back.serial, state.serial);
	ck_assert_uint_eq(back.loop, state.loop);
	ck_assert_uint_eq(back.round, state.round);
	ck_assert_int_eq(back.expires_ms, state.expires_ms);
	for (size_t i = 0; i < text.n; i++)
		ck_assert(text.p[i] > ' ' && text.p[i] <= '~' && text.p[i] != '"' && text.p[i] != '\\');
}
END_TEST

START_TEST(is_no_good_when_altered_or_late)
{
	AUTO(secret) *key = secret_random();
	AUTO(secret) *other = secret_random();
	struct mcp_request_state back;
	uint8_t digest[MCP_BOND_BYTES];
	AUTO_BUF text = {0};

	seal(key, digest, &text);
	ck_err(mcp_state_open(key, buf_str(&text), digest, 5001, &back), ERR_MCP_STATE);
	ck_err(mcp_state_open(other, buf_str(&text), digest, 0, &back), ERR_MCP_STATE);
	ck_err(mcp_state_open(key, STR(""), digest, 0, &back), ERR_MCP_STATE);
	ck_err(mcp_state_open(key, STR("made up"), digest, 0, &back), ERR_MCP_STATE);
	for (size_t n = 0; n < text.n; n++)
		ck_err(mcp_state_open(key, (struct str){text.p, n}, digest, 0, &back), ERR_MCP_STATE);
	for (size_t i = 0; i < text.n; i++) {
		char was = text.p[i];

		text.p[i] = was == 'A' ? 'B' : 'A';
		ck_err(mcp_state_open(key, buf_str(&text), digest, 0, &back), ERR_MCP_STATE);
		text.p[i] = was;
	}
	ck_ok(mcp_state_open(key, buf_str(&text), digest, 0, &back));
}
END_TEST

START_TEST(only_ours_name_a_node)
{
	static const char *const others[] = {
		"",
		"opaque",
		"0123456789abcdef",
		"0123456789abcdeF.x",
		"0123456789abcde.xx",
		"0000000000000000.x",
		"{\"round\":1,\"token\":2}",
	};

	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		ck_assert_uint_eq(mcp_state_node(str_of(others[i])), 0);
	ck_assert_uint_eq(mcp_state_node(STR_NONE), 0);
	ck_assert_uint_eq(mcp_state_node(STR("0123456789abcdef.x")), 0x0123456789abcdef);
}
END_TEST

START_TEST(belongs_to_one_call_of_one_caller)
{
	AUTO(secret) *key = secret_random();
	struct mcp_state_bond others[] = {bond, bond, bond, bond, bond, bond, bond, bond};
	struct mcp_request_state back;
	uint8_t digest[MCP_BOND_BYTES];
	AUTO_BUF text = {0};

	others[0].tenant_id = STR("t2");
	others[1].principal = STR("p2");
	others[2].method = MCP_M_PROMPTS_GET;
	others[3].upstream = STR("u");
	others[4].name = STR("other");
	others[5].arguments = STR("{\"a\":2}");
	others[6].arguments = STR_NONE;
	others[7].tenant_id = STR("t"); /* the same bytes, cut elsewhere */
	others[7].principal = STR("1p1");
	seal(key, digest, &text);
	for (size_t i = 0; i < ARRAY_LEN(others); i++) {
		mcp_state_bind(&others[i], digest);
		ck_err(mcp_state_open(key, buf_str(&text), digest, 0, &back), ERR_MCP_STATE);
	}
	mcp_state_bind(&bond, digest);
	ck_ok(mcp_state_open(key, buf_str(&text), digest, 0, &back));
}
END_TEST

UNIT_MAIN("request_state", only_ours_name_a_node, comes_back_as_it_was, is_no_good_when_altered_or_late,
	  belongs_to_one_call_of_one_caller)
