/* Task ids: sealed, bound, of one kind. */
#include "../unit.h"

#include "mcp/session.h"
#include "mcp/task_id.h"

static const struct mcp_task sample = {
	.kind = MCP_TASK_EXTENSION,
	.upstream = {"billing", 7},
	.id = {"786512e2-9e0d-44bd-8f29-789f320fe840", 36},
	.node = 0x8877665544332211,
};

static void seal(const struct secret *key, struct buf *token)
{
	ck_ok(mcp_task_seal(key, &sample, STR("01ABC"), token));
}

START_TEST(comes_back_as_it_was)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random();
	AUTO_BUF token = {0}, again = {0};
	struct mcp_task back;

	seal(key, &token);
	ck_ok(mcp_task_open(key, buf_str(&token), STR("01ABC"), MCP_TASK_EXTENSION, arena, &back));
	ck_bytes(back.upstream, sample.upstream);
	ck_bytes(back.id, sample.id);
	ck_assert_uint_eq(back.node, sample.node);
	for (size_t i = 0; i < token.n; i++)
		ck_assert(strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_", token.p[i]));
	seal(key, &again);
	ck_assert(!str_eq(buf_str(&token), buf_str(&again)));
}
END_TEST

START_TEST(nobody_else_can_use_it)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random();
	AUTO(secret) *other = secret_random();
	AUTO_BUF token = {0};
	struct mcp_task back;

	seal(key, &token);
	ck_err(mcp_task_open(key, buf_str(&token), STR("01ABD"), MCP_TASK_EXTENSION, arena, &back),
	       ERR_MCP_UNKNOWN_TASK);
	ck_err(mcp_task_open(other, buf_str(&token), STR("01ABC"), MCP_TASK_EXTENSION, arena, &back),
	       ERR_MCP_UNKNOWN_TASK);
	ck_err(mcp_task_open(key, buf_str(&token), STR("01ABC"), MCP_TASK_CORE, arena, &back), ERR_MCP_UNKNOWN_TASK);
	ck_err(mcp_task_open(key, sample.id, STR("01ABC"), MCP_TASK_EXTENSION, arena, &back), ERR_MCP_UNKNOWN_TASK);
	ck_err(mcp_task_open(key, STR(""), STR("01ABC"), MCP_TASK_EXTENSION, arena, &back), ERR_MCP_UNKNOWN_TASK);
}
END_TEST

START_TEST(every_change_is_seen)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random();
	AUTO_BUF token = {0};
	struct mcp_task back;

	seal(key, &token);
	for (size_t i = 0; i < token.n; i++) {
		char was = token.p[i];

		token.p[i] = was == 'A' ? 'B' : 'A';
		ck_err(mcp_task_open(key, buf_str(&token), STR("01ABC"), MCP_TASK_EXTENSION, arena, &back),
		       ERR_MCP_UNKNOWN_TASK);
		token.p[i] = was;
	}
	for (size_t n = 0; n < token.n; n++)
		ck_err(mcp_task_open(key, (struct str){token.p, n}, STR("01ABC"), MCP_TASK_EXTENSION, arena, &back),
		       ERR_MCP_UNKNOWN_TASK);
}
END_TEST

START_TEST(lengths_are_bounded)
{
	static char long_id[MCP_TASK_ID_BYTES_MAX + 1], long_name[MCP_TASK_UPSTREAM_BYTES_MAX + 1];
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random();
	struct mcp_task task = sample, back;
	AUTO_BUF token = {0};

	memset(long_id, '\xff', sizeof(long_id));
	memset(long_name, 'n', sizeof(long_name));
	task.upstream = (struct str){long_name, MCP_TASK_UPSTREAM_BYTES_MAX};
	task.id = (struct str){long_id, MCP_TASK_ID_BYTES_MAX};
	ck_ok(mcp_task_seal(key, &task, STR("01ABC"), &token));
	ck_assert_uint_le(token.n, MCP_TASK_TOKEN_BYTES_MAX);
	ck_ok(mcp_task_open(key, buf_str(&token), STR("01ABC"), MCP_TASK_EXTENSION, arena, &back));
	ck_bytes(back.id, task.id);
	task.id.n++;
	ck_err(mcp_task_seal(key, &task, STR("01ABC"), &token), ERR_UPSTREAM_GARBAGE);
	task.id.n = 0;
	ck_err(mcp_task_seal(key, &task, STR("01ABC"), &token), ERR_UPSTREAM_GARBAGE);
	task.id = sample.id;
	task.upstream.n++;
	ck_err(mcp_task_seal(key, &task, STR("01ABC"), &token), ERR_UPSTREAM_GARBAGE);
	memset(long_id, 'A', sizeof(long_id));
	ck_err(mcp_task_open(key, (struct str){long_id, sizeof(long_id)}, STR("01ABC"), MCP_TASK_EXTENSION, arena,
			     &back),
	       ERR_MCP_UNKNOWN_TASK);
}
END_TEST

START_TEST(a_session_is_no_task)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random();
	AUTO_BUF token = {0}, session_token = {0};
	struct mcp_session session = {.revision = MCP_2025_11_25, .number = "0123456789abcdef"};
	struct mcp_task back;

	mcp_session_seal(key, &session, STR("01ABC"), &session_token);
	ck_err(mcp_task_open(key, buf_str(&session_token), STR("01ABC"), MCP_TASK_EXTENSION, arena, &back),
	       ERR_MCP_UNKNOWN_TASK);
	seal(key, &token);
	ck_err(mcp_session_open(key, buf_str(&token), STR("01ABC"), 1000, &session), ERR_MCP_SESSION_UNKNOWN);
}
END_TEST

UNIT_MAIN("task_id", comes_back_as_it_was, nobody_else_can_use_it, every_change_is_seen, lengths_are_bounded,
	  a_session_is_no_task)
