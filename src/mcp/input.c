/* Questions to clients in both shapes. What a question needs is looked up in its own params, read
 * by a second scan: the members that matter lie deeper than a message's index goes, and a
 * question is rare. Params and answers are never rewritten, with one exception: the id that
 * the sessions era wants with a URL elicitation. */
#include "mcp/input.h"

#include "base/random.h"

#define CAN_ELICIT (MCP_CAN_ELICIT_FORM | MCP_CAN_ELICIT_URL)

uint16_t mcp_capabilities_in(uint16_t capabilities, enum mcp_revision revision)
{
	if (revision < MCP_2025_06_18)
		capabilities &= (uint16_t)~CAN_ELICIT;
	if (revision < MCP_2025_11_25 && (capabilities & MCP_CAN_SAMPLE) != 0)
		capabilities |= MCP_CAN_SAMPLE_CONTEXT;
	return capabilities;
}

static bool text_is(const struct json_member *m, struct str text)
{
	return m != NULL && str_eq(m->value, text);
}

static uint16_t sampling_needs(const struct json_index *params)
{
	const struct json_member *context = json_member(params, NULL, STR("includeContext"));
	uint16_t needs = MCP_CAN_SAMPLE;

	if (json_member(params, NULL, STR("tools")) != NULL || json_member(params, NULL, STR("toolChoice")) != NULL)
		needs |= MCP_CAN_SAMPLE_TOOLS;
	/* spec: 2025-11-25 client/sampling: these two values are for clients that declare sampling.context */
	if (text_is(context, STR("\"thisServer\"")) || text_is(context, STR("\"allServers\"")))
		needs |= MCP_CAN_SAMPLE_CONTEXT;
	return needs;
}

enum err mcp_input_needs(struct arena *arena, enum mcp_method method, struct str params, uint16_t *ret_needs)
{
	struct json_index index = {0};

	if (method != MCP_M_ELICITATION_CREATE && method != MCP_M_SAMPLING_CREATE && method != MCP_M_ROOTS_LIST)
		return ERR_RPC_METHOD;
	if (params.p != NULL) {
		TRY(json_scan(arena, params, &index));
		if (index.kind != JSON_OBJECT)
			return ERR_RPC_PARAMS;
	}
	if (method == MCP_M_ROOTS_LIST)
		*ret_needs = MCP_CAN_ROOTS;
	else if (method == MCP_M_SAMPLING_CREATE)
		*ret_needs = sampling_needs(&index);
	else if (text_is(json_member(&index, NULL, STR("mode")), STR("\"url\"")))
		*ret_needs = MCP_CAN_ELICIT_URL;
	else
		*ret_needs = MCP_CAN_ELICIT_FORM;
	return OK;
}

static bool is_kind(const struct json_index *index, struct str key, enum json_kind kind)
{
	const struct json_member *m = json_member(index, NULL, key);

	return m != NULL && m->kind == kind;
}

bool mcp_input_fits(struct arena *arena, enum mcp_method method, struct str answer)
{
	const struct json_member *m;
	struct json_index index;

	if (json_scan(arena, answer, &index) != OK || index.kind != JSON_OBJECT)
		return false;
	switch (method) {
	case MCP_M_ELICITATION_CREATE:
		m = json_member(&index, NULL, STR("content"));
		if (m != NULL && m->kind != JSON_OBJECT)
			return false;
		m = json_member(&index, NULL, STR("action"));
		return text_is(m, STR("\"accept\"")) || text_is(m, STR("\"decline\"")) || text_is(m, STR("\"cancel\""));
	case MCP_M_SAMPLING_CREATE:
		m = json_member(&index, NULL, STR("content"));
		return is_kind(&index, STR("role"), JSON_STRING) && m != NULL &&
		       (m->kind == JSON_OBJECT || m->kind == JSON_ARRAY);
	case MCP_M_ROOTS_LIST:
		return is_kind(&index, STR("roots"), JSON_ARRAY);
	default:
		return false;
	}
}

bool mcp_has_rounds(enum mcp_method method)
{
	return method == MCP_M_TOOLS_CALL || method == MCP_M_PROMPTS_GET || method == MCP_M_RESOURCES_READ;
}

bool mcp_is_input_required(const struct mcp_message *answer)
{
	return text_is(answer->result_type, STR("\"input_required\""));
}

static NODISCARD enum err input_read(struct arena *arena, const struct json_member *m, struct mcp_input *ret_input)
{
	const struct json_member *params;
	struct json_index index;

	if (m->kind != JSON_OBJECT || json_scan(arena, m->value, &index) != OK)
		return ERR_UPSTREAM_GARBAGE;
	params = json_member(&index, NULL, STR("params"));
	*ret_input = (struct mcp_input){
		.key = m->key,
		.method = mcp_method_of(json_member_str(arena, json_member(&index, NULL, STR("method")))),
		.params = params == NULL ? STR_NONE : params->value,
	};
	return mcp_input_needs(arena, ret_input->method, ret_input->params, &ret_input->needs) == OK
		       ? OK
		       : ERR_UPSTREAM_GARBAGE;
}

enum err mcp_round_read(struct arena *arena, const struct mcp_message *answer, struct mcp_round *ret_round)
{
	const struct json_index *index = &answer->index;
	const struct json_member *inputs = json_member(index, answer->result, STR("inputRequests"));
	const struct json_member *state = json_member(index, answer->result, STR("requestState"));
	uint32_t end = inputs == NULL ? 0 : inputs->end;

	*ret_round = (struct mcp_round){.state = state == NULL ? STR_NONE : state->value};
	if ((inputs == NULL && state == NULL) || (inputs != NULL && inputs->kind != JSON_OBJECT) ||
	    (state != NULL && state->kind != JSON_STRING))
		return ERR_UPSTREAM_GARBAGE;
	if (inputs == NULL)
		return OK;
	ret_round->input = arena_alloc(arena, MCP_INPUTS_MAX * sizeof(struct mcp_input));
	for (uint32_t i = (uint32_t)(inputs - index->member) + 1; i < end; i = index->member[i].end) {
		struct mcp_input *input = &ret_round->input[ret_round->count];

		if (ret_round->count == MCP_INPUTS_MAX)
			return ERR_LIMIT;
		TRY(input_read(arena, &index->member[i], input));
		ret_round->needs |= input->needs;
		ret_round->count++;
	}
	return OK;
}

/* A random UUID.
 *   Source     RFC 9562 s5.4 */
static void put_uuid(struct buf *out)
{
	uint8_t b[16];

	random_bytes(b, sizeof(b));
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	for (size_t i = 0; i < sizeof(b); i++)
		buf_put_fmt(out, i == 4 || i == 6 || i == 8 || i == 10 ? "-%02x" : "%02x", b[i]);
}

struct str mcp_input_for_session(struct arena *arena, const struct mcp_input *input)
{
	AUTO_BUF out = {0};
	struct json_index index;

	if (!(input->needs & MCP_CAN_ELICIT_URL) || json_scan(arena, input->params, &index) != OK ||
	    json_member(&index, NULL, STR("elicitationId")) != NULL)
		return input->params;
	/* It has members: `mode`, at the least. */
	buf_put(&out, STR("{\"elicitationId\":\""));
	put_uuid(&out);
	buf_put(&out, STR("\","));
	buf_put(&out, str_skip(input->params, 1));
	return arena_str(arena, buf_str(&out));
}

void mcp_compose_question(struct str id, enum mcp_method method, struct str params, struct buf *out)
{
	buf_put(out, STR("{\"jsonrpc\":\"2.0\",\"id\":\""));
	buf_put(out, id);
	buf_put(out, STR("\",\"method\":\""));
	buf_put(out, mcp_method_name(method));
	buf_put_byte(out, '"');
	if (params.p != NULL) {
		buf_put(out, STR(",\"params\":"));
		buf_put(out, params);
	}
	buf_put_byte(out, '}');
}

/* What only a session could use is left out. */
static void put_modern_params(struct arena *arena, struct str params, struct buf *out)
{
	const struct json_member *m;
	struct json_splice splice = {.text = params};
	struct json_index index;

	if (params.p == NULL || json_scan(arena, params, &index) != OK) {
		buf_put(out, STR("{}"));
		return;
	}
	m = json_member(&index, NULL, STR("elicitationId"));
	if (m != NULL)
		json_splice_remove(&splice, &index, m);
	json_splice_write(&splice, out);
}

void mcp_compose_input(struct arena *arena, enum mcp_method method, struct str params, struct buf *out)
{
	buf_put(out, STR("{\"method\":\""));
	buf_put(out, mcp_method_name(method));
	buf_put(out, STR("\",\"params\":"));
	put_modern_params(arena, params, out);
	buf_put_byte(out, '}');
}

static NODISCARD enum err put_url_input(struct arena *arena, struct str elicitation, unsigned number, struct buf *out)
{
	struct json_index index;
	const struct json_member *url, *text;

	if (json_scan(arena, elicitation, &index) != OK || index.kind != JSON_OBJECT)
		return ERR_UPSTREAM_GARBAGE;
	url = json_member(&index, NULL, STR("url"));
	text = json_member(&index, NULL, STR("message"));
	if (url == NULL || url->kind != JSON_STRING)
		return ERR_UPSTREAM_GARBAGE;
	buf_put_fmt(out, "%s\"u%u\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\",\"message\":",
		    number == 1 ? "" : ",", number);
	buf_put(out, text == NULL || text->kind != JSON_STRING ? STR("\"\"") : text->value);
	buf_put(out, STR(",\"url\":"));
	buf_put(out, url->value);
	buf_put(out, STR("}}"));
	return OK;
}

enum err mcp_url_round(struct arena *arena, const struct mcp_message *answer, struct buf *out)
{
	const struct json_member *error_data = json_member(&answer->index, answer->error, STR("data"));
	const struct json_member *list =
		error_data == NULL ? NULL : json_member(&answer->index, error_data, STR("elicitations"));
	struct json_index index;
	struct str elicitation;
	size_t cursor = 0;
	unsigned count = 0;

	if (list == NULL || list->kind != JSON_ARRAY || json_scan(arena, list->value, &index) != OK)
		return ERR_UPSTREAM_GARBAGE;
	buf_put(out, STR("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"resultType\":\"input_required\","
			 "\"inputRequests\":{"));
	while (json_element(&index, &cursor, &elicitation)) {
		if (count == MCP_INPUTS_MAX)
			return ERR_LIMIT;
		TRY(put_url_input(arena, elicitation, ++count, out));
	}
	buf_put(out, STR("}}}"));
	return count > 0 ? OK : ERR_UPSTREAM_GARBAGE;
}
