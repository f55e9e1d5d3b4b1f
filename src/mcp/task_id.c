/* Sealed task ids. The plaintext:
 *
 *   0        1      2      10               11
 *   | format | kind | node | upstream bytes | upstream | the server's id |
 *
 * sealed with AES-256-GCM, then base64url. The principal is bound in, behind a label: the key seals
 * sessions too, and neither must pass for the other. */
#include "mcp/task_id.h"

#include <assert.h>
#include <endian.h>

#include "base/random.h"

#define TASK_FORMAT 2
#define TASK_HEAD_BYTES 11
#define TASK_PLAIN_BYTES_MAX (TASK_HEAD_BYTES + MCP_TASK_UPSTREAM_BYTES_MAX + MCP_TASK_ID_BYTES_MAX)
#define TASK_SEALED_BYTES_MAX (TASK_PLAIN_BYTES_MAX + CRYPTO_SEAL_OVERHEAD)

static_assert((TASK_SEALED_BYTES_MAX + 2) / 3 * 4 <= MCP_TASK_TOKEN_BYTES_MAX, "the longest id fits");

static void put_bound(struct str principal, struct buf *out)
{
	buf_put(out, STR("task id\n"));
	buf_put(out, principal);
}

enum err mcp_task_seal(const struct secret *key, const struct mcp_task *task, struct str principal, struct buf *out)
{
	AUTO_BUF plain = {0}, bound = {0}, sealed = {0};
	uint64_t node = htobe64(task->node);

	if (task->id.n == 0 || task->id.n > MCP_TASK_ID_BYTES_MAX || task->upstream.n > MCP_TASK_UPSTREAM_BYTES_MAX)
		return ERR_UPSTREAM_GARBAGE;
	buf_put_byte(&plain, TASK_FORMAT);
	buf_put_byte(&plain, (char)task->kind);
	buf_put(&plain, (struct str){(const char *)&node, sizeof(node)});
	buf_put_byte(&plain, (char)task->upstream.n);
	buf_put(&plain, task->upstream);
	buf_put(&plain, task->id);
	put_bound(principal, &bound);
	crypto_seal(key, buf_str(&plain), buf_str(&bound), &sealed);
	base64url_put(out, sealed.p, sealed.n);
	return OK;
}

enum err mcp_task_open(const struct secret *key, struct str token, struct str principal, enum mcp_task_kind kind,
		       struct arena *arena, struct mcp_task *ret_task)
{
	uint8_t sealed[TASK_SEALED_BYTES_MAX], plain[TASK_SEALED_BYTES_MAX];
	AUTO_BUF bound = {0};
	struct str text;
	uint64_t node;
	size_t n;

	put_bound(principal, &bound);
	if (base64url_get(token, sealed, sizeof(sealed), &n) != OK ||
	    crypto_open(key, (struct str){(const char *)sealed, n}, buf_str(&bound), plain, &n) != OK ||
	    n < TASK_HEAD_BYTES || plain[0] != TASK_FORMAT || plain[1] != kind ||
	    n <= TASK_HEAD_BYTES + (size_t)plain[TASK_HEAD_BYTES - 1])
		return ERR_MCP_UNKNOWN_TASK;
	text = arena_str(arena, (struct str){(const char *)plain, n});
	memcpy(&node, plain + 2, sizeof(node));
	*ret_task = (struct mcp_task){
		.kind = kind,
		.upstream = {text.p + TASK_HEAD_BYTES, plain[TASK_HEAD_BYTES - 1]},
		.id = str_skip(text, TASK_HEAD_BYTES + (size_t)plain[TASK_HEAD_BYTES - 1]),
		.node = be64toh(node),
	};
	return OK;
}
