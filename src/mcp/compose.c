/* Turning messages round between the eras. Members are walked in the scan's table and copied
 * as slices; the few that belong to one era only are added, replaced or left out. */
#include "mcp/compose.h"

#include "mcp/extension.h"
#include "mcp/input.h"
#include "mcp/version.h"

const struct str mcp_self = {MCP_SELF_JSON, sizeof(MCP_SELF_JSON) - 1};

/* Per-request members that only the modern era has, or that the gateway writes itself. */
static bool is_request_meta(const struct json_member *m)
{
	static const struct str own[] = {
		{"progressToken", 13},
		{"traceparent", 11},
		{"tracestate", 10},
		{"io.modelcontextprotocol/protocolVersion", 39},
		{"io.modelcontextprotocol/clientCapabilities", 42},
		{"io.modelcontextprotocol/clientInfo", 34},
		{"io.modelcontextprotocol/logLevel", 32},
	};

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (json_key_is(m, own[i]))
			return true;
	return false;
}

/* The next member on the level of `m`'s own members, starting with *m + 1. */
static const struct json_member *first_child(const struct json_index *index, const struct json_member *m)
{
	return index->member + m->end == m + 1 ? NULL : m + 1;
}

static const struct json_member *next_sibling(const struct json_index *index, const struct json_member *parent,
					      const struct json_member *m)
{
	const struct json_member *next = index->member + m->end;

	return next < index->member + parent->end ? next : NULL;
}

/* Commas between members that are added one by one. */
struct object {
	struct buf *out;
	bool begun;
};

static void object_key(struct object *object, struct str key)
{
	buf_put(object->out, object->begun ? STR(",\"") : STR("\""));
	buf_put(object->out, key);
	buf_put(object->out, STR("\":"));
	object->begun = true;
}

static void object_raw(struct object *object, struct str key, struct str value)
{
	object_key(object, key);
	buf_put(object->out, value);
}

static void object_text(struct object *object, struct str key, struct str text)
{
	object_key(object, key);
	buf_put_json(object->out, text);
}

static void put_modern_meta(struct object *meta, const struct mcp_outgoing *outgoing, enum mcp_revision revision)
{
	object_raw(meta, STR("io.modelcontextprotocol/protocolVersion"), mcp_revision_json(revision));
	object_raw(meta, STR("io.modelcontextprotocol/clientCapabilities"),
		   outgoing->capabilities.p != NULL ? outgoing->capabilities
		   : outgoing->from == NULL	    ? mcp_own_capabilities
						    : STR("{}"));
	object_raw(meta, STR("io.modelcontextprotocol/clientInfo"),
		   outgoing->client_info.p == NULL ? mcp_self : outgoing->client_info);
	if (outgoing->log_level.p != NULL)
		object_text(meta, STR("io.modelcontextprotocol/logLevel"), outgoing->log_level);
}

/* _meta: the client's own members, then what the gateway says. Taken back when it is empty. */
static void put_meta(struct object *params, const struct mcp_outgoing *outgoing, enum mcp_revision revision,
		     uint64_t id)
{
	struct object meta = {params->out, false};
	struct object before = *params;
	size_t start = params->out->n;
	const struct mcp_message *from = outgoing->from;

	object_key(params, STR("_meta"));
	buf_put_byte(params->out, '{');
	if (from != NULL && from->meta != NULL) {
		const struct json_member *m = first_child(&from->index, from->meta);

		for (; m != NULL; m = next_sibling(&from->index, from->meta, m))
			if (!is_request_meta(m))
				object_raw(&meta, m->key, m->value);
	}
	if (mcp_is_modern(revision))
		put_modern_meta(&meta, outgoing, revision);
	if (outgoing->wants_progress) {
		object_key(&meta, STR("progressToken"));
		buf_put_u64(meta.out, id);
	}
	if (outgoing->traceparent.p != NULL)
		object_text(&meta, STR("traceparent"), outgoing->traceparent);
	if (outgoing->tracestate.p != NULL)
		object_text(&meta, STR("tracestate"), outgoing->tracestate);
	buf_put_byte(params->out, '}');
	if (!meta.begun) {
		params->out->n = start;
		*params = before;
	}
}

/* completion/complete's ref, with its name or uri replaced. */
static void put_ref(struct object *params, const struct mcp_message *from, const struct json_member *ref,
		    struct str name)
{
	struct object inner = {params->out, false};
	const struct json_member *m = first_child(&from->index, ref);

	object_key(params, STR("ref"));
	buf_put_byte(params->out, '{');
	for (; m != NULL; m = next_sibling(&from->index, ref, m)) {
		if (json_key_is(m, STR("name")) || json_key_is(m, STR("uri")))
			object_text(&inner, m->key, name);
		else
			object_raw(&inner, m->key, m->value);
	}
	buf_put_byte(params->out, '}');
}

/* Answers of an input_required round: the client's own are left out where the gateway has others, or
 * where the server knows no rounds. */
static bool is_left_out(const struct mcp_outgoing *outgoing, const struct json_member *m)
{
	if (json_key_is(m, STR("inputResponses")))
		return outgoing->no_answers || outgoing->input_responses.p != NULL;
	if (json_key_is(m, STR("requestState")))
		return outgoing->no_answers || outgoing->input_responses.p != NULL || outgoing->request_state.p != NULL;
	if (json_key_is(m, STR("task")))
		return outgoing->no_task;
	if (json_key_is(m, STR("cursor")))
		return outgoing->own_cursor;
	return outgoing->arguments.p != NULL && json_key_is(m, STR("arguments"));
}

/* The client's params member by member. */
static void put_client_params(struct object *params, const struct mcp_outgoing *outgoing)
{
	const struct mcp_message *from = outgoing->from;
	const struct json_member *m;

	if (from == NULL || from->params == NULL)
		return;
	for (m = first_child(&from->index, from->params); m != NULL; m = next_sibling(&from->index, from->params, m)) {
		bool names = json_key_is(m, STR("name")) || json_key_is(m, STR("uri"));

		if (m == from->meta || is_left_out(outgoing, m))
			continue;
		if (names && outgoing->name.p != NULL)
			object_text(params, m->key, outgoing->name);
		else if (outgoing->task_id.p != NULL && json_key_is(m, STR("taskId")))
			object_text(params, m->key, outgoing->task_id);
		else if (outgoing->ref_name.p != NULL && m->kind == JSON_OBJECT && json_key_is(m, STR("ref")))
			put_ref(params, from, m, outgoing->ref_name);
		else
			object_raw(params, m->key, m->value);
	}
}

static void put_params(struct object *params, const struct mcp_outgoing *outgoing)
{
	put_client_params(params, outgoing);
	if (outgoing->arguments.p != NULL)
		object_raw(params, STR("arguments"), outgoing->arguments);
	if (outgoing->input_responses.p != NULL)
		object_raw(params, STR("inputResponses"), outgoing->input_responses);
	if (outgoing->request_state.p != NULL)
		object_raw(params, STR("requestState"), outgoing->request_state);
}

void mcp_compose_request(const struct mcp_outgoing *outgoing, enum mcp_revision revision, uint64_t id, struct buf *out)
{
	struct object params = {out, false};
	size_t start;

	buf_reserve(out, (outgoing->from == NULL ? 0 : outgoing->from->index.text.n) + 512);
	buf_put(out, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_put_u64(out, id);
	buf_put(out, STR(",\"method\":"));
	buf_put_json(out, outgoing->method);
	start = out->n;
	buf_put(out, STR(",\"params\":{"));
	put_params(&params, outgoing);
	if (outgoing->cursor.p != NULL)
		object_text(&params, STR("cursor"), outgoing->cursor);
	put_meta(&params, outgoing, revision, id);
	if (params.begun)
		buf_put_byte(out, '}');
	else
		out->n = start; /* an empty params object is left out */
	buf_put_byte(out, '}');
}

void mcp_compose_notification(struct str method, struct str params, struct buf *out)
{
	buf_put(out, STR("{\"jsonrpc\":\"2.0\",\"method\":"));
	buf_put_json(out, method);
	if (params.p != NULL) {
		buf_put(out, STR(",\"params\":"));
		buf_put(out, params);
	}
	buf_put_byte(out, '}');
}

/* Results whose modern form must say how long they may be kept. */
static bool is_cacheable(enum mcp_method method)
{
	return method == MCP_M_RESOURCES_READ || method == MCP_M_SKILLS_LIST || method == MCP_M_SKILLS_GET;
}

static void put_modern_additions(const struct mcp_message *answer, enum mcp_method method, struct object *object)
{
	const struct json_index *index = &answer->index;
	const struct json_member *meta = json_member(index, answer->result, STR("_meta"));

	if (answer->result_type == NULL)
		object_raw(object, STR("resultType"), STR("\"complete\""));
	if (is_cacheable(method)) {
		if (json_member(index, answer->result, STR("ttlMs")) == NULL)
			object_raw(object, STR("ttlMs"), STR("0"));
		if (json_member(index, answer->result, STR("cacheScope")) == NULL)
			object_raw(object, STR("cacheScope"), STR("\"private\""));
	}
	if (meta == NULL) {
		object_key(object, STR("_meta"));
		buf_put(object->out, STR("{\"io.modelcontextprotocol/serverInfo\":"));
		buf_put(object->out, mcp_self);
		buf_put_byte(object->out, '}');
	}
}

static bool is_modern_only(const struct json_member *m)
{
	/* spec: before 2026-07-28 structuredContent is an object; clients refuse the whole result for another */
	if (json_key_is(m, STR("structuredContent")))
		return m->kind != JSON_OBJECT;
	return json_key_is(m, STR("resultType")) || json_key_is(m, STR("ttlMs")) || json_key_is(m, STR("cacheScope"));
}

/* Whether a client of that era can take this resultType as the answer to this method. */
static enum err check_result_type(const struct mcp_message *answer, enum mcp_method method, enum mcp_revision client)
{
	const struct json_member *type = answer->result_type;

	if (type == NULL || str_eq(type->value, STR("\"complete\"")))
		return OK;
	if (str_eq(type->value, STR("\"input_required\"")) && mcp_has_rounds(method))
		return mcp_is_modern(client) ? OK : ERR_MCP_INPUT;
	if (str_eq(type->value, STR("\"task\"")) && mcp_is_modern(client))
		return OK;
	return ERR_UPSTREAM_GARBAGE;
}

/* What a client may see of the result as it is. `hidden` is what it gets in another shape; NULL none. */
static bool is_shown(const struct json_member *m, bool modern, const struct json_member *hidden)
{
	return modern || (!is_modern_only(m) && m != hidden);
}

/* Structured content that a client of the sessions era gets wrapped: it takes objects only. */
static const struct json_member *output_to_wrap(const struct mcp_message *answer, const struct mcp_recipient *client)
{
	const struct json_member *m;

	if (mcp_is_modern(client->revision) || client->method != MCP_M_TOOLS_CALL)
		return NULL;
	m = json_member(&answer->index, answer->result, STR("structuredContent"));
	return m != NULL && (client->wraps_output || m->kind != JSON_OBJECT) ? m : NULL;
}

static void put_wrapped_output(const struct json_member *output, struct object *object)
{
	object_key(object, STR("structuredContent"));
	buf_put(object->out, STR("{\"result\":"));
	buf_put(object->out, output->value);
	buf_put_byte(object->out, '}');
}

/* The members from `from` on that stand together and are all shown, as one slice; STR_NONE when
 * no more are. *from moves behind them. */
static struct str shown_run(const struct mcp_message *answer, bool modern, const struct json_member *hidden,
			    const struct json_member **from)
{
	const struct json_member *m = *from;
	const char *begin, *end;

	while (m != NULL && !is_shown(m, modern, hidden))
		m = next_sibling(&answer->index, answer->result, m);
	if (m == NULL)
		return STR_NONE;
	begin = m->key.p - 1;
	do {
		end = m->value.p + m->value.n;
		m = next_sibling(&answer->index, answer->result, m);
	} while (m != NULL && is_shown(m, modern, hidden));
	*from = m;
	return (struct str){begin, (size_t)(end - begin)};
}

/* The result's members: at most two runs as slices of the answer, whatever is left copied. */
static void put_result(const struct mcp_message *answer, const struct mcp_recipient *client, struct buf *scratch,
		       struct mcp_pieces *pieces)
{
	bool modern = mcp_is_modern(client->revision);
	const struct json_member *hidden = output_to_wrap(answer, client);
	struct object object = {scratch, false};
	const struct json_member *at = first_child(&answer->index, answer->result);
	struct str first, second, more;

	if (modern)
		put_modern_additions(answer, client->method, &object);
	if (hidden != NULL)
		put_wrapped_output(hidden, &object);
	first = shown_run(answer, modern, hidden, &at);
	second = first.p == NULL || at == NULL ? STR_NONE : shown_run(answer, modern, hidden, &at);
	while (second.p != NULL && at != NULL && (more = shown_run(answer, modern, hidden, &at)).p != NULL) {
		buf_put(scratch, object.begun ? STR(",") : STR(""));
		buf_put(scratch, more);
		object.begun = true;
	}
	if (object.begun && first.p != NULL)
		buf_put_byte(scratch, ',');
	pieces->piece[pieces->count++] = buf_str(scratch);
	if (first.p != NULL)
		pieces->piece[pieces->count++] = first;
	if (second.p != NULL) {
		pieces->piece[pieces->count++] = STR(",");
		pieces->piece[pieces->count++] = second;
	}
	pieces->piece[pieces->count++] = STR("}}");
}

/* Legacy servers say "resource not found" with a code that the modern era gave up. */
static void put_error(const struct mcp_message *answer, enum mcp_revision client, struct buf *out)
{
	const struct json_member *code = json_member(&answer->index, answer->error, STR("code"));
	struct str error = answer->error->value;

	if (!mcp_is_modern(client) || code == NULL || !str_eq(code->value, STR("-32002"))) {
		buf_put(out, error);
		return;
	}
	buf_put(out, (struct str){error.p, (size_t)(code->value.p - error.p)});
	buf_put(out, STR("-32602"));
	buf_put(out, str_skip(error, (size_t)(code->value.p - error.p) + code->value.n));
}

enum err mcp_compose_answer(const struct mcp_message *answer, const struct mcp_recipient *client, struct buf *scratch,
			    struct mcp_pieces *ret_pieces)
{
	if (answer->result != NULL) {
		if (answer->result->kind != JSON_OBJECT)
			return ERR_UPSTREAM_GARBAGE;
		TRY(check_result_type(answer, client->method, client->revision));
	}
	buf_reserve(scratch, client->id.n + 256);
	buf_put(scratch, STR("{\"jsonrpc\":\"2.0\",\"id\":"));
	buf_put(scratch, client->id);
	ret_pieces->count = 0;
	if (answer->result != NULL) {
		buf_put(scratch, STR(",\"result\":{"));
		put_result(answer, client, scratch, ret_pieces);
		return OK;
	}
	buf_put(scratch, STR(",\"error\":"));
	put_error(answer, client->revision, scratch);
	buf_put_byte(scratch, '}');
	ret_pieces->piece[ret_pieces->count++] = buf_str(scratch);
	return OK;
}

void mcp_compose_relayed(const struct mcp_message *notification, struct str progress_token, struct buf *out)
{
	const struct json_member *token =
		notification->params == NULL
			? NULL
			: json_member(&notification->index, notification->params, STR("progressToken"));
	struct str text = notification->index.text;
	size_t at;

	if (token == NULL || progress_token.p == NULL) {
		buf_put(out, text);
		return;
	}
	at = (size_t)(token->value.p - text.p);
	buf_put(out, (struct str){text.p, at});
	buf_put(out, progress_token);
	buf_put(out, str_skip(text, at + token->value.n));
}
