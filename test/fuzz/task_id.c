/* Task ids: whatever a client makes up is refused, and whatever a server calls its task comes back. */
#include "base/check.h"
#include "mcp/task_id.h"

static const struct secret *key_of_all(void)
{
	static struct secret *key;
	uint8_t bytes[CRYPTO_KEY_BYTES] = {7};

	if (key == NULL)
		key = secret_new(bytes);
	return key;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	struct str text = {(const char *)bytes, n};
	struct mcp_task task = {.kind = MCP_TASK_EXTENSION}, back;
	AUTO_BUF token = {0};

	CHECK(mcp_task_open(key_of_all(), text, STR("me"), MCP_TASK_EXTENSION, arena, &back) == ERR_MCP_UNKNOWN_TASK);
	str_cut(text, '\n', &task.upstream, &task.id);
	if (mcp_task_seal(key_of_all(), &task, STR("me"), &token) != OK)
		return 0;
	CHECK(token.n <= MCP_TASK_TOKEN_BYTES_MAX);
	CHECK(mcp_task_open(key_of_all(), buf_str(&token), STR("me"), MCP_TASK_EXTENSION, arena, &back) == OK);
	CHECK(str_eq(back.upstream, task.upstream) && str_eq(back.id, task.id));
	return 0;
}
