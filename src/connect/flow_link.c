/* Links, and what becomes of them. A link is a ticket with little behind it: one write. Who wants to know how it ended,
 * a program that waits or a page, gets an id besides, under which the flow leaves a note; the note says nothing that
 * its reader did not know but the outcome. */
#include "connect/flow_private.h"

#include "base/clock.h"
#include "base/json.h"
#include "base/log.h"
#include "base/random.h"
#include "signin/page.h"

#define NOTE_LIFE_MS (3600 * 1000LL) /* longer than any flow takes, and time to ask */

/* ---- what became of it --------------------------------------------------------------- */

static void put_note_key(struct str tenant_id, struct str id, struct buf *out)
{
	buf_put_fmt(out, "connect-outcome:%.*s:%.*s", STR_ARG(tenant_id), STR_ARG(id));
}

AWAITS static enum err note_put(struct connect *connect, const struct flow *flow, const char *state, struct str problem)
{
	AUTO_BUF key = {0}, text = {0};

	put_note_key(flow->tenant_id, flow->link, &key);
	form_put(&text, STR("upstream"), flow->upstream);
	form_put(&text, STR("user_id"), flow->user_id);
	form_put(&text, STR("by"), flow->by);
	form_put(&text, STR("state"), str_of(state));
	form_put(&text, STR("problem"), problem);
	form_put(&text, STR("expires_ms"), flow->expires_ms);
	return state_put(connect->spec.state, buf_str(&key), buf_str(&text), NOTE_LIFE_MS);
}

AWAITS void flow_tell(struct connect *connect, const struct flow *flow, const char *state, struct str problem)
{
	enum err err;

	if (flow->link.n == 0)
		return;
	err = note_put(connect, flow, state, problem);
	if (err != OK)
		log_warn("connect.outcome_untold", LOG_STR("upstream", flow->upstream), LOG_ERR(err));
}

AWAITS enum err connect_link_find(struct connect *connect, struct arena *arena, struct str tenant_id, struct str id,
				  struct connect_link *ret_link)
{
	AUTO_BUF key = {0};
	uint64_t expires_ms;
	struct form form;
	struct str text;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	if (id.n != ID_LEN)
		return ERR_NOT_FOUND;
	put_note_key(tenant_id, id, &key);
	TRY(state_get(connect->spec.state, arena, buf_str(&key), &text));
	if (text.p == NULL || form_read(arena, text, &form) != OK ||
	    str_to_u64(form_get(&form, STR("expires_ms")), &expires_ms) != OK)
		return ERR_NOT_FOUND;
	*ret_link = (struct connect_link){
		.id = arena_str(arena, id),
		.upstream = form_get(&form, STR("upstream")),
		.user_id = form_get(&form, STR("user_id")),
		.by = form_get(&form, STR("by")),
		.state = form_get(&form, STR("state")),
		.problem = form_get(&form, STR("problem")),
		.expires_ms = (int64_t)expires_ms,
	};
	return OK;
}

/* ---- making one ------------------------------------------------------------------------- */

AWAITS enum err flow_take_turn(struct connect *connect, const char *what, struct str tenant_id, struct str by)
{
	static const struct rate rate = {.limit = CONNECT_LINKS_MAX, .window_ms = CONNECT_LINKS_MS};
	struct rate_verdict verdict;
	AUTO_BUF key = {0};

	buf_put_fmt(&key, "connect-%s:%.*s:%.*s", what, STR_ARG(tenant_id), STR_ARG(by));
	if (key.n > STATE_KEY_BYTES_MAX)
		return ERR_LIMIT;
	TRY(state_take(connect->spec.state, buf_str(&key), &rate, &verdict));
	return verdict.allowed ? OK : ERR_RATE_LIMITED;
}

static struct flow flow_of(const struct connect_at *at, struct str by, struct str return_to)
{
	return (struct flow){.upstream = at->upstream,
			     .tenant_id = at->tenant_id,
			     .user_id = at->user_id,
			     .by = by,
			     .return_to = return_to.n > 0 ? return_to_safe(return_to) : STR("")};
}

AWAITS static enum err begin(struct connect *connect, const struct connect_at *at, const struct flow *flow,
			     struct arena *arena, struct str *ret_url)
{
	char ticket[TICKET_TEXT_LEN + 1];

	CHECK_OBJ(connect, CONNECT_MAGIC);
	if (at->public_url.n == 0)
		return ERR_CONFIG;
	TRY(flow_take_turn(connect, "links", at->tenant_id, flow->by));
	TRY(flow_keep(connect, TICKET_LINK, flow, at->life_ms, ticket));
	*ret_url = arena_fmt(arena, "%.*s/auth/%.*s/start?ticket=%s", STR_ARG(at->public_url), STR_ARG(at->upstream),
			     ticket);
	return OK;
}

AWAITS enum err connect_begin(struct connect *connect, const struct connect_at *at, struct str by, struct str return_to,
			      struct arena *arena, struct str *ret_url)
{
	const struct flow flow = flow_of(at, by, return_to);

	return begin(connect, at, &flow, arena, ret_url);
}

AWAITS enum err connect_begin_watched(struct connect *connect, const struct connect_at *at, struct str by,
				      struct str return_to, struct arena *arena, struct connect_link *ret_link)
{
	struct flow flow = flow_of(at, by, return_to);
	char *id = arena_alloc(arena, ID_LEN + 1);
	int64_t expires_ms = clock_wall_ms() + at->life_ms;
	struct str url;

	random_id(id);
	flow.link = (struct str){id, ID_LEN};
	flow.expires_ms = arena_fmt(arena, "%lld", (long long)expires_ms);
	TRY(begin(connect, at, &flow, arena, &url));
	TRY(note_put(connect, &flow, "waiting", STR("")));
	*ret_link = (struct connect_link){.id = flow.link,
					  .url = url,
					  .upstream = at->upstream,
					  .user_id = at->user_id,
					  .by = by,
					  .state = STR("waiting"),
					  .expires_ms = expires_ms};
	return OK;
}

enum err connect_find(struct connect *connect, struct arena *arena, struct str upstream, struct str tenant_id,
		      struct str user_id, struct connect_at *ret_at)
{
	const struct connect_spec *spec = &connect->spec;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	TRY(spec->find_upstream(spec->arg, upstream, tenant_id, arena, ret_at));
	ret_at->tenant_id = tenant_id;
	ret_at->user_id = user_id;
	return OK;
}
