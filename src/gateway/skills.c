/* The list of skills is not kept in the catalog: it is asked for page by page, server by server. A cursor
 * says whose turn it is and what that server's own cursor was:
 *
 *   (none)           the first server, from its beginning
 *   "docs"           server docs, from its beginning
 *   "docs:abc"       server docs, from its cursor abc
 *
 * A server that fails has an empty page, unless it is the last: one that is down must not hide the
 * others' skills. URIs pass unchanged; where two servers use the same one, the first in the config has it. */
#include "gateway/skills.h"

#include "gateway/visible.h"

/* Whether the caller may hear of the skills behind a door. */
static bool has_skills(const struct request *req, const struct catalog_item *door)
{
	return (door->offer->extensions & MCP_EXT_SKILLS) && visible_has_skills(req, door);
}

static const struct catalog_item *next_door(const struct request *req, size_t from)
{
	for (size_t i = from; i < req->view->door_count; i++)
		if (has_skills(req, &req->view->doors[i]))
			return &req->view->doors[i];
	return NULL;
}

static const struct catalog_item *door_after(const struct request *req, const struct catalog_item *door)
{
	return next_door(req, (size_t)(door - req->view->doors) + 1);
}

static enum err read_cursor(struct request *req, struct relay *relay)
{
	const struct json_member *m = req->message.params == NULL
					      ? NULL
					      : json_member(&req->message.index, req->message.params, STR("cursor"));
	struct str cursor = json_member_str(req->arena, m), name = cursor;

	if (m == NULL) {
		relay->item = next_door(req, 0);
		return relay->item == NULL ? ERR_RPC_METHOD : OK;
	}
	if (cursor.p == NULL)
		return ERR_MCP_CURSOR;
	if (memchr(cursor.p, ':', cursor.n) != NULL)
		(void)str_cut(cursor, ':', &name, &relay->cursor);
	relay->item = catalog_door(req->view, name);
	return relay->item != NULL && has_skills(req, relay->item) ? OK : ERR_MCP_CURSOR;
}

/* Where the next page is: this server's next, or the next server's first. False: there is none. */
static bool put_next(struct request *req, const struct relay *relay, const struct json_member *next, struct buf *out)
{
	const struct catalog_item *door = relay->item;
	struct str own = json_member_str(req->arena, next);
	AUTO_BUF text = {0};

	if (own.p == NULL)
		door = door_after(req, door);
	if (door == NULL)
		return false;
	buf_put(&text, door->name);
	if (own.p != NULL)
		buf_put_byte(&text, ':');
	buf_put(&text, own);
	buf_put_json(out, buf_str(&text));
	return true;
}

/* The page's nextCursor becomes one of ours. */
static enum err turn_page(struct request *req, const struct relay *relay, struct mcp_message *answer)
{
	struct json_splice splice = {.text = answer->index.text};
	const struct json_member *next;
	AUTO_BUF cursor = {0}, member = {0}, text = {0};

	if (answer->result == NULL || answer->result->kind != JSON_OBJECT)
		return OK;
	next = json_member(&answer->index, answer->result, STR("nextCursor"));
	if (!put_next(req, relay, next, &cursor))
		return OK;
	buf_put_fmt(&member, "\"nextCursor\":%.*s", STR_ARG(buf_str(&cursor)));
	if (next != NULL)
		json_splice_value(&splice, next, buf_str(&cursor));
	else
		json_splice_insert(&splice, answer->result->value, buf_str(&member), req->arena);
	json_splice_write(&splice, &text);
	return relay_reread(req, buf_str(&text), answer);
}

static bool is_upstream_failure(enum err err)
{
	return (err >= ERR_UPSTREAM_DOWN && err <= ERR_UPSTREAM_SESSION) || err == ERR_REFUSED_ADDRESS;
}

AWAITS static enum err answer_empty_page(struct request *req, const struct catalog_item *next)
{
	AUTO_BUF result = {0};

	buf_put(&result, STR("{\"skills\":[],\"nextCursor\":"));
	buf_put_json(&result, next->name);
	if (req->modern)
		buf_put(&result, STR(",\"resultType\":\"complete\",\"ttlMs\":0,\"cacheScope\":\"private\""));
	buf_put_byte(&result, '}');
	return answer_result(req, buf_str(&result));
}

AWAITS enum err relay_skills(struct request *req)
{
	struct relay relay = {
		.event = STR("mcp.skills_listed"), .idempotent = true, .own_cursor = true, .turn = turn_page};
	const struct catalog_item *next;
	enum err err;

	if (!(req->view->extensions & MCP_EXT_SKILLS))
		return ERR_RPC_METHOD;
	TRY(read_cursor(req, &relay));
	req->target = req->upstream = relay.item->name;
	err = relay_call(req, &relay);
	next = door_after(req, relay.item);
	if (!is_upstream_failure(err) || next == NULL)
		return err;
	return answer_empty_page(req, next);
}

AWAITS enum err relay_skill(struct request *req)
{
	bool directory = req->method == MCP_M_DIRECTORY_READ;
	struct str uri = mcp_param(req->arena, &req->message, STR("uri"));
	struct relay relay = {
		.event = directory ? STR("mcp.directory_read") : STR("mcp.skill_read"),
		.idempotent = true,
	};

	if (!(req->view->extensions & (directory ? MCP_EXT_SKILLS_DIRECTORY : MCP_EXT_SKILLS)))
		return ERR_RPC_METHOD;
	TRY(relay_find_resource(req, uri, &relay.item, &relay.name));
	req->upstream = upstream_name(relay.item->upstream);
	req->target = relay_told(req, uri);
	return relay_call(req, &relay);
}
