/* Reading one JSON-RPC message. The strict scan finds the members; this file decides what
 * the message is and refuses every envelope that two readers could understand differently. */
#include "mcp/message.h"

static const struct str method_text[MCP_METHODS] = {
#define X(id, name) [MCP_M_##id] = {name, sizeof(name) - 1},
	MCP_METHOD_TABLE(X)
#undef X
};

enum mcp_method mcp_method_of(struct str name)
{
	/* Two dozen names of mostly different lengths: the length check settles nearly all. */
	for (int m = 1; m < MCP_METHODS; m++)
		if (method_text[m].n == name.n && memcmp(method_text[m].p, name.p, name.n) == 0)
			return m;
	return MCP_M_OTHER;
}

struct str mcp_method_name(enum mcp_method method)
{
	return method_text[method];
}

/* An id is a string or an integer; a fraction or an exponent could be re-spelt on the way. */
static bool id_is_valid(const struct json_member *id)
{
	if (id->kind == JSON_STRING)
		return true;
	return id->kind == JSON_NUMBER && memchr(id->value.p, '.', id->value.n) == NULL &&
	       memchr(id->value.p, 'e', id->value.n) == NULL && memchr(id->value.p, 'E', id->value.n) == NULL;
}

/* The envelope's members, found in one pass. A key that is spelt with escapes is looked for the
 * slow way: json_scan has made sure that each stands there once. */
enum envelope { ENV_VERSION, ENV_ID, ENV_METHOD, ENV_PARAMS, ENV_RESULT, ENV_ERROR, ENVELOPE };

static const struct str envelope_keys[ENVELOPE] = {
	{"jsonrpc", 7}, {"id", 2}, {"method", 6}, {"params", 6}, {"result", 6}, {"error", 5},
};

/* The only one of them that `key` can be, judged by its length and first byte. */
static enum envelope envelope_candidate(struct str key)
{
	switch (key.n) {
	case 2:
		return ENV_ID;
	case 5:
		return ENV_ERROR;
	case 6:
		return key.p[0] == 'm' ? ENV_METHOD : key.p[0] == 'p' ? ENV_PARAMS : ENV_RESULT;
	case 7:
		return ENV_VERSION;
	default:
		return ENVELOPE;
	}
}

static void find_envelope(const struct json_index *index, const struct json_member *ret_found[ENVELOPE])
{
	bool escaped = false;

	for (uint32_t i = 0; i < index->count; i = index->member[i].end) {
		const struct json_member *m = &index->member[i];
		enum envelope k = envelope_candidate(m->key);

		escaped = escaped || m->escaped;
		if (k != ENVELOPE && str_eq(m->key, envelope_keys[k]))
			ret_found[k] = m;
	}
	for (size_t k = 0; escaped && k < ENVELOPE; k++)
		ret_found[k] = json_member(index, NULL, envelope_keys[k]);
}

/* What the message is, from which members it has.
 *   Source     JSON-RPC 2.0 s4, s5 */
static enum err message_classify(struct mcp_message *message, const struct json_member *id,
				 const struct json_member *method)
{
	bool answers = message->result != NULL || message->error != NULL;

	if (method != NULL) {
		if (answers || method->kind != JSON_STRING)
			return ERR_RPC_INVALID;
		message->kind = id == NULL ? MCP_NOTIFICATION : MCP_REQUEST;
		return id == NULL || message->id.p != NULL ? OK : ERR_RPC_INVALID;
	}
	message->kind = MCP_RESPONSE;
	if (message->result != NULL && message->error != NULL)
		return ERR_RPC_INVALID;
	if (message->error != NULL)
		return message->error->kind == JSON_OBJECT ? OK : ERR_RPC_INVALID;
	return message->result != NULL && message->id.p != NULL ? OK : ERR_RPC_INVALID;
}

enum err mcp_message_read(struct arena *arena, struct str text, struct mcp_message *ret_message)
{
	struct mcp_message *m = ret_message;
	const struct json_member *env[ENVELOPE] = {0};

	*m = (struct mcp_message){0};
	TRY(json_scan(arena, text, &m->index));
	if (m->index.kind != JSON_OBJECT)
		return ERR_RPC_INVALID;

	find_envelope(&m->index, env);
	if (env[ENV_ID] != NULL && id_is_valid(env[ENV_ID]))
		m->id = env[ENV_ID]->value;
	if (env[ENV_VERSION] == NULL || !str_eq(env[ENV_VERSION]->value, STR("\"2.0\"")))
		return ERR_RPC_INVALID;
	m->result = env[ENV_RESULT];
	m->error = env[ENV_ERROR];
	TRY(message_classify(m, env[ENV_ID], env[ENV_METHOD]));
	if (m->kind == MCP_RESPONSE) {
		/* Asked for by every step of an answer's way, so looked up once. */
		if (m->result != NULL && m->result->kind == JSON_OBJECT)
			m->result_type = json_member(&m->index, m->result, STR("resultType"));
		return OK;
	}

	m->method = json_member_str(arena, env[ENV_METHOD]);
	m->params = env[ENV_PARAMS];
	if (m->params == NULL)
		return OK;
	if (m->params->kind != JSON_OBJECT)
		return ERR_RPC_PARAMS;
	m->meta = json_member(&m->index, m->params, STR("_meta"));
	return m->meta == NULL || m->meta->kind == JSON_OBJECT ? OK : ERR_RPC_PARAMS;
}

struct str mcp_param(struct arena *arena, const struct mcp_message *message, struct str key)
{
	return message->params == NULL ? STR_NONE
				       : json_member_str(arena, json_member(&message->index, message->params, key));
}
