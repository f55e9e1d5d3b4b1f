/* JSON-RPC messages and their era: any bytes are refused or become a message whose slices lie
 * inside them, and whatever is composed from an accepted one is again a strict JSON message. */
#include "base/check.h"
#include "mcp/compose.h"
#include "mcp/era.h"

static void check_inside(struct str text, struct str slice)
{
	CHECK(slice.p == NULL || (slice.p >= text.p && slice.p + slice.n <= text.p + text.n));
}

static void check_reads_back(struct arena *arena, const struct buf *made)
{
	struct mcp_message again;

	CHECK(mcp_message_read(arena, buf_str(made), &again) == OK);
}

static void check_request(struct arena *arena, const struct mcp_message *message)
{
	const struct mcp_outgoing outgoing = {.method = message->method,
					      .from = message,
					      .name = STR("\"name\n"),
					      .ref_name = STR("ref"),
					      .wants_progress = true};

	for (enum mcp_revision r = MCP_2024_11_05; r < MCP_REVISIONS; r++) {
		AUTO_BUF made = {0};

		mcp_compose_request(&outgoing, r, 7, &made);
		check_reads_back(arena, &made);
	}
}

static void check_answer(struct arena *arena, const struct mcp_message *message)
{
	for (enum mcp_revision r = MCP_2025_11_25; r < MCP_REVISIONS; r++) {
		const struct mcp_recipient client = {
			.id = STR("\"id\""), .method = MCP_M_TOOLS_CALL, .revision = r, .wraps_output = true};
		AUTO_BUF scratch = {0}, made = {0};
		struct mcp_pieces pieces;

		if (mcp_compose_answer(message, &client, &scratch, &pieces) != OK)
			continue;
		for (size_t i = 0; i < pieces.count; i++)
			buf_put(&made, pieces.piece[i]);
		check_reads_back(arena, &made);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(16 << 20);
	struct str text = {(const char *)bytes, n};
	const struct mcp_headers headers = {.version = STR("2026-07-28"), .method = STR("tools/call"), .name = text};
	struct mcp_verdict verdict;
	struct mcp_message message;
	struct str value;

	(void)mcp_header_decode(arena, text, &value);
	if (mcp_message_read(arena, text, &message) != OK)
		return 0;
	check_inside(text, message.id);
	(void)mcp_classify(arena, &message, &headers, &verdict);
	if (message.kind == MCP_RESPONSE)
		check_answer(arena, &message);
	else
		check_request(arena, &message);
	return 0;
}
