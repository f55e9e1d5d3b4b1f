/* Rounds of questions, their answers and the states of parked calls: any bytes are refused or read, and
 * what is made of an accepted one is a strict JSON message again. */
#include "base/check.h"
#include "mcp/input.h"
#include "mcp/request_state.h"

static void check_reads_back(struct arena *arena, const struct buf *made)
{
	struct mcp_message again;

	CHECK(mcp_message_read(arena, buf_str(made), &again) == OK);
}

static void check_round(struct arena *arena, const struct mcp_message *message)
{
	struct mcp_round round;
	AUTO_BUF responses = {0};

	if (message->result->kind != JSON_OBJECT || mcp_round_read(arena, message, &round) != OK)
		return;
	buf_put(&responses, STR("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{"));
	for (size_t i = 0; i < round.count; i++) {
		const struct mcp_input *input = &round.input[i];
		AUTO_BUF question = {0};

		CHECK(input->needs != 0 && (input->needs & ~round.needs) == 0);
		mcp_compose_question(STR("gh-1"), input->method, mcp_input_for_session(arena, input), &question);
		check_reads_back(arena, &question);
		buf_put(&responses, i == 0 ? STR("\"") : STR(",\""));
		buf_put(&responses, input->key);
		buf_put(&responses, STR("\":"));
		mcp_compose_input(arena, input->method, input->params, &responses);
	}
	buf_put(&responses, STR("}}"));
	check_reads_back(arena, &responses);
}

static void check_urls(struct arena *arena, const struct mcp_message *message)
{
	AUTO_BUF made = {0};
	struct mcp_message again;
	struct mcp_round round;

	if (mcp_url_round(arena, message, &made) != OK)
		return;
	CHECK(mcp_message_read(arena, buf_str(&made), &again) == OK);
	CHECK(mcp_round_read(arena, &again, &round) == OK && round.needs == MCP_CAN_ELICIT_URL);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const uint8_t digest[MCP_BOND_BYTES];
	AUTO(arena) *arena = arena_new(64 << 20);
	AUTO(secret) *key = secret_random();
	struct str text = {(const char *)bytes, n};
	struct mcp_request_state state;
	struct mcp_message message;

	CHECK(mcp_state_open(key, text, digest, 0, &state) == ERR_MCP_STATE);
	(void)mcp_capabilities_read(text);
	(void)mcp_input_fits(arena, MCP_M_ELICITATION_CREATE, text);
	(void)mcp_input_fits(arena, MCP_M_SAMPLING_CREATE, text);
	if (mcp_message_read(arena, text, &message) != OK || message.kind != MCP_RESPONSE)
		return 0;
	if (message.result != NULL)
		check_round(arena, &message);
	else
		check_urls(arena, &message);
	return 0;
}
