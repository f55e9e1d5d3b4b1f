/* The door of the flow: a table of pages, and the ends that every page can come to. Each request is a step; what
 * one step knows and the next one needs lies under a ticket (flow_record.c), so that any replica takes the next one.
 *
 *     link ──▶ start ──▶ consent (elsewhere) ──▶ callback ──▶ pick ──▶ connected
 *               │ 303 to sign in, and back         │            │
 *               └──────────── every failure: a page, and a row in the trail */
#include "connect/flow_private.h"

#include "access/access.h"
#include "audit/audit.h"
#include "authclient/register.h"
#include "authclient/settings.h"
#include "base/secret_text.h"
#include "http/reply.h"
#include "signin/cookie.h"
#include "signin/page.h"
#include "signin/signin.h"

#define STEP_ARENA_BYTES (4 * 1024 * 1024) /* a discovery's documents, both tokens, a list to choose from */
#define UPSTREAM_NAME_MAX 32
#define REFUSAL_WINDOW_MS 60000 /* one row in the trail a minute for what strangers of one address send */

static const struct {
	struct str what;
	enum err (*show)(struct step *step); /* GET. AWAITS */
	enum err (*take)(struct step *step); /* POST. AWAITS */
} pages[] = {
	{{"start", 5}, start_show, start_take},
	{{"callback", 8}, callback_take, NULL},
	{{"pick", 4}, pick_show, pick_take},
	{{"client.json", 11}, client_show, NULL},
};

/* ---- what several pages need ------------------------------------------------------- */

enum err step_find_upstream(struct step *step)
{
	const struct flow *flow = &step->flow;

	TRY(connect_find(step->connect, step->arena, flow->upstream, flow->tenant_id, flow->user_id, &step->at));
	step->at.public_url = step->visit->origin;
	return OK;
}

/* A tenant's account is its administrators' business. */
AWAITS static enum err may_manage(struct step *step)
{
	struct caller caller = {.scopes = SCOPE_ALL, .role = role_of(step->user.role)};
	AUTO(policy) *policy = NULL;

	if (step->user.role.n >= sizeof(caller.role_name))
		return ERR_FORBIDDEN;
	memcpy(caller.role_name, step->user.role.p, step->user.role.n);
	TRY(access_policy(step->connect->spec.access, step->user.tenant_id, &policy));
	return policy_decide(policy, &caller, PERMISSION_UPSTREAMS_MANAGE);
}

AWAITS enum err step_check_person(struct step *step)
{
	if (!step->signs_in)
		return OK;
	TRY(signin_session(step->connect->spec.signin, step->visit, &step->user, &step->csrf));
	if (!str_eq(step->user.tenant_id, step->flow.tenant_id))
		return ERR_FORBIDDEN;
	if (step->flow.user_id.n == 0)
		return may_manage(step);
	return str_eq(step->user.id, step->flow.user_id) ? OK : ERR_FORBIDDEN;
}

bool step_is_of_browser(const struct step *step)
{
	struct str cookie = cookie_read(step->visit, COOKIE_CONNECT);
	AUTO_BUF digest = {0};

	if (cookie.n != TICKET_TEXT_LEN || step->flow.browser.n == 0)
		return false;
	ticket_digest(cookie, &digest);
	return str_eq_secret(buf_str(&digest), step->flow.browser);
}

/* Strangers' attempts have no tenant; of those one a minute and address is enough. */
AWAITS static bool is_noted(struct step *step)
{
	char key[19] = {'c', 'o', 'f'};
	uint32_t count = 0;

	if (step->flow.tenant_id.n > 0)
		return true;
	address_peer_key(&step->visit->exchange->peer, (uint8_t *)key + 3);
	if (state_count(step->connect->spec.state, (struct str){key, sizeof(key)}, REFUSAL_WINDOW_MS, &count) != OK)
		return false;
	return count == 1;
}

AWAITS static enum err note(struct step *step, const char *event, struct str outcome)
{
	const struct flow *flow = &step->flow;
	const struct audit_record record = {
		.event = str_of(event),
		.tenant_id = flow->tenant_id,
		.principal = step->user.id.n > 0 ? step->user.id : flow->by,
		.ip = step->visit->ip,
		.request_id = step->visit->request_id,
		.target = flow->user_id.n > 0 ? flow->user_id : flow->tenant_id,
		.upstream = flow->upstream,
		.outcome = outcome,
	};

	return audit_append(step->connect->spec.audit, &record);
}

AWAITS enum err step_fail(struct step *step, int status, struct str outcome, const char *title, struct str sentence)
{
	if (is_noted(step))
		TRY(note(step, "credential.connect_failed", outcome));
	if (step->flow.browser.n > 0) /* the link is used up: there is no other try */
		flow_tell(step->connect, &step->flow, "failed", outcome);
	return screen_sorry(step, status, title, sentence);
}

AWAITS enum err step_connected(struct step *step, const struct grant *grant)
{
	enum err err = grant_keep(step->connect, &step->at, grant, GRANT_ACTIVE);

	if (err == ERR_LIMIT)
		return step_fail(
			step, 507, STR("LIMIT"), "There is no room",
			STR("Your tenant keeps as many accounts as it may have. Ask an owner to remove some."));
	TRY(err);
	TRY(note(step, "credential.connected", STR("ok")));
	flow_tell(step->connect, &step->flow, "connected", STR(""));
	if (step->flow.return_to.n > 0)
		return reply_redirect(step->visit->exchange, STR(""), step->flow.return_to);
	return screen_connected(step, grant->account_name.n > 0 ? grant->account_name : grant->account_id);
}

/* ---- disconnecting ---------------------------------------------------------------------- */

AWAITS enum err connect_end(struct connect *connect, struct str upstream, struct str tenant_id, struct str user_id,
			    struct buf *problem)
{
	static const struct auth_settings unknown; /* of a server that is gone: its accounts say themselves where */
	AUTO(arena) *arena = arena_new(STEP_ARENA_BYTES);
	struct connect_at at;
	enum err err = connect_find(connect, arena, upstream, tenant_id, user_id, &at);

	if (err == ERR_NOT_FOUND)
		at = (struct connect_at){
			.upstream = upstream, .settings = &unknown, .tenant_id = tenant_id, .user_id = user_id};
	else
		TRY(err);
	return grant_end(connect, &at, problem);
}

/* ---- the client's document ----------------------------------------------------------- */

/* Each server has a document of its own, since each has a callback of its own. It holds nothing that its address does
 * not say, so it is the same whether there is such a server or not. */
AWAITS enum err client_show(struct step *step)
{
	struct arena *arena = step->arena;
	const struct connect_spec *spec = &step->connect->spec;
	struct str origin = step->visit->origin;
	const struct client_description description = {
		.client_id = arena_fmt(arena, "%.*s%.*s", STR_ARG(origin), STR_ARG(step->visit->path)),
		.name = spec->client_name(spec->arg, arena),
		.redirect_uri = arena_fmt(arena, "%.*s/auth/%.*s/callback", STR_ARG(origin), STR_ARG(step->upstream)),
		.uri = origin,
		.auth = CLIENT_AUTH_NONE,
	};
	AUTO_BUF json = {0};

	client_description_put(&description, &json);
	return reply_json(step->visit->exchange, 200, STR(""), buf_str(&json));
}

/* ---- the door --------------------------------------------------------------------------- */

static bool is_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++)
		if (!((name.p[i] >= 'a' && name.p[i] <= 'z') || (name.p[i] >= 'A' && name.p[i] <= 'Z') ||
		      (name.p[i] >= '0' && name.p[i] <= '9') || name.p[i] == '-' || name.p[i] == '_'))
			return false;
	return name.n > 0 && name.n <= UPSTREAM_NAME_MAX;
}

/* UPSTREAM, or UPSTREAM.ACCOUNT. */
static bool is_place(struct str place)
{
	struct str upstream, account;
	bool one_of_several = str_cut(place, '.', &upstream, &account);

	return is_name(upstream) && (!one_of_several || is_name(account));
}

AWAITS static enum err serve(struct step *step)
{
	enum http_method method = step->visit->exchange->method;
	struct str what;

	if (!str_cut(str_skip(step->visit->path, strlen("/auth/")), '/', &step->upstream, &what) ||
	    !is_place(step->upstream))
		return ERR_HTTP_ROUTE;
	for (size_t i = 0; i < ARRAY_LEN(pages); i++) {
		if (!str_eq(what, pages[i].what))
			continue;
		if (method == HTTP_GET)
			return pages[i].show(step);
		return method == HTTP_POST && pages[i].take != NULL ? pages[i].take(step) : ERR_HTTP_METHOD;
	}
	return ERR_HTTP_ROUTE;
}

/* What is nobody's fault in particular becomes a page here. */
AWAITS static enum err serve_safely(struct step *step)
{
	enum err err;

	if (!cookies_are_safe(step->visit->origin))
		return screen_sorry(step, 403, "A safe connection is needed",
				    STR("Accounts are connected over https only: `public_url` in the configuration."));
	err = serve(step);
	if (step->visit->exchange->answered)
		return err;
	switch (err) {
	case ERR_FORBIDDEN:
	case ERR_HTTP_ORIGIN:
		return screen_sorry(step, 403, "This page is out of date",
				    STR("Open the link once more, and go on from there."));
	case ERR_RATE_LIMITED:
		return screen_sorry(step, 429, "There were too many attempts", STR("Wait ten minutes and try again."));
	case ERR_BUSY:
		return screen_sorry(step, 503, "Too much is going on",
				    STR("Wait a moment, open the link once more and try again."));
	default:
		return err;
	}
}

AWAITS enum err connect_serve(struct connect *connect, struct visit *visit, bool signs_in)
{
	struct step step = {.connect = connect, .visit = visit, .signs_in = signs_in};
	enum err err;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	step.arena = arena_new(STEP_ARENA_BYTES);
	err = serve_safely(&step);
	arena_free_wiped(step.arena);
	return err;
}
