/* Asking for an account from within a call. A caller has one link for an upstream at a time: whoever calls again before
 * it was opened gets the same one, so that an eager model neither fills the state room nor sends its user through three
 * pages. Links are kept for the process, under a lock that is held for a look-up; a link is a secret: it goes to its
 * caller, never into a log or the trail.
 *
 *     call ── no account ──▶ link of this caller still waiting? ──▶ that one
 *                                  └──▶ connect_begin_watched ──▶ kept ──▶ round, error -32042, or words
 *     generation moved ──▶ links of sessions that were used ──▶ notifications/elicitation/complete
 *
 *   Source     MCP 2025-11-25 client/elicitation#url-mode-elicitation-required-errors, 2026-07-28 basic/patterns/mrtr
 */
#include "gateway/account_ask.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/map.h"
#include "connect/flow.h"
#include "gateway/client_ask.h"
#include "gateway/event_log.h"
#include "gateway/local.h"
#include "gateway/streams.h"
#include "gateway/visible.h"

#define AT_ARENA_BYTES (256 * 1024)  /* settings, with a key in PEM */
#define LOOK_ARENA_BYTES (64 * 1024) /* one link's record */
#define LINK_LEFT_MS_MIN (60 * 1000) /* a link with less left is of no use to a person */
#define LINK_BYTES_MAX 2048	     /* of a kept URL */
#define KEY_BYTES_MAX 256	     /* names of 65 bytes and ids of 26 */
#define ROUND_KEY "account"

struct kept_link {
	char id[64];
	char tenant_id[ID_LEN + 1];
	char session[MCP_SESSION_NUMBER_LEN + 1]; /* that was told of it; empty: of none */
	int64_t expires_ms;
	size_t key_bytes;
	char key[KEY_BYTES_MAX], url[LINK_BYTES_MAX];
};

struct account_links {
	pthread_mutex_t lock;
	struct map kept;
};

struct account_links *account_links_new(void)
{
	struct account_links *links = calloc(1, sizeof(*links));

	CHECK(links != NULL);
	pthread_mutex_init(&links->lock, NULL);
	return links;
}

void account_links_free(struct account_links *links)
{
	if (links == NULL)
		return;
	map_free_values(&links->kept, free);
	pthread_mutex_destroy(&links->lock);
	free(links);
}

/* ---- one link at a time ----------------------------------------------------------- */

static bool fits(const struct connect_link *link)
{
	return link->url.n < LINK_BYTES_MAX && link->id.n < sizeof(((struct kept_link *)NULL)->id);
}

static void keep(struct account_links *links, struct str key, const struct request *req, struct str tenant_id,
		 const struct connect_link *link)
{
	struct kept_link *kept = calloc(1, sizeof(*kept));

	CHECK(kept != NULL);
	kept->expires_ms = link->expires_ms;
	kept->key_bytes = key.n;
	memcpy(kept->key, key.p, key.n);
	memcpy(kept->id, link->id.p, link->id.n);
	memcpy(kept->url, link->url.p, link->url.n);
	memcpy(kept->tenant_id, tenant_id.p, tenant_id.n < ID_LEN ? tenant_id.n : ID_LEN);
	if (req->has_session)
		memcpy(kept->session, req->session.number, sizeof(kept->session));
	pthread_mutex_lock(&links->lock);
	free(map_remove(&links->kept, key));
	if (links->kept.used >= ACCOUNT_LINKS_MAX)
		map_free_values(&links->kept, free);
	map_put(&links->kept, (struct str){kept->key, kept->key_bytes}, kept);
	pthread_mutex_unlock(&links->lock);
}

/* The one that this caller has already, unless it is used up or nearly over.
 *   ret_link   in the request's arena */
AWAITS static bool find_waiting(struct request *req, struct str key, const struct connect_at *at,
				struct connect_link *ret_link)
{
	struct account_links *links = req->gateway->account_links;
	AUTO(arena) *arena = arena_new(LOOK_ARENA_BYTES);
	struct connect_link now;
	const struct kept_link *kept;
	struct kept_link copy = {0};

	pthread_mutex_lock(&links->lock);
	kept = map_get(&links->kept, key);
	if (kept != NULL)
		copy = *kept;
	pthread_mutex_unlock(&links->lock);
	if (copy.expires_ms - clock_wall_ms() < LINK_LEFT_MS_MIN ||
	    connect_link_find(req->gateway->connect, arena, at->tenant_id, str_of(copy.id), &now) != OK ||
	    !str_eq(now.state, STR("waiting")))
		return false;
	*ret_link = (struct connect_link){.id = arena_str(req->arena, str_of(copy.id)),
					  .upstream = arena_str(req->arena, at->upstream),
					  .url = arena_str(req->arena, str_of(copy.url)),
					  .expires_ms = copy.expires_ms};
	return true;
}

AWAITS static enum err get_link(struct request *req, const struct connect_at *at, struct connect_link *ret_link)
{
	struct str by = str_of(req->caller.principal);
	struct str key = arena_fmt(req->arena, "%.*s\n%.*s\n%.*s\n%.*s", STR_ARG(at->upstream), STR_ARG(at->tenant_id),
				   STR_ARG(at->user_id), STR_ARG(by));

	if (key.n > KEY_BYTES_MAX)
		return ERR_LIMIT;
	if (find_waiting(req, key, at, ret_link))
		return OK;
	TRY(connect_begin_watched(req->gateway->connect, at, by, STR(""), req->arena, ret_link));
	ret_link->upstream = arena_str(req->arena, at->upstream); /* whose arena ends before the answer */
	if (fits(ret_link))
		keep(req->gateway->account_links, key, req, at->tenant_id, ret_link);
	return OK;
}

/* ---- what the caller hears -------------------------------------------------------- */

/* Where the account is missing: at another upstream; or of one with several accounts, the one that the call was about.
 */
static struct str place_of(struct request *req, const struct upstream_call *call)
{
	if (call->wanted.n > 0)
		return call->wanted;
	if (call->account.n == 0)
		return req->upstream;
	return arena_fmt(req->arena, "%.*s.%.*s", STR_ARG(req->upstream), STR_ARG(call->account));
}

static struct str invitation(struct request *req, const struct connect_link *link)
{
	return arena_fmt(req->arena, "Connect your account at %.*s, so that this call can be made with it.",
			 STR_ARG(link->upstream));
}

static struct str elicitations(struct request *req, const struct connect_link *link)
{
	AUTO_BUF text = {0};

	buf_put(&text, STR("{\"elicitations\":[{\"mode\":\"url\",\"elicitationId\":"));
	buf_put_json(&text, link->id);
	buf_put(&text, STR(",\"url\":"));
	buf_put_json(&text, link->url);
	buf_put(&text, STR(",\"message\":"));
	buf_put_json(&text, invitation(req, link));
	buf_put(&text, STR("}]}"));
	return arena_str(req->arena, buf_str(&text));
}

static enum err tell_round(struct request *req, struct upstream_call *call, const struct connect_link *link)
{
	AUTO_BUF text = {0};

	buf_put(&text,
		STR("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{"
		    "\"" ROUND_KEY "\":{\"method\":\"elicitation/create\",\"params\":{\"mode\":\"url\",\"message\":"));
	buf_put_json(&text, invitation(req, link));
	buf_put(&text, STR(",\"url\":"));
	buf_put_json(&text, link->url);
	buf_put(&text, STR("}}}}}"));
	return relay_reread(req, buf_str(&text), &call->answer);
}

/* The session's own stream, if its client has one, will tell that the account is there. */
AWAITS static void listen_for_end(struct request *req)
{
	struct event_log *log = session_log(EVENT_LOG_SESSION, req->session.number, req->view->name);

	if (log != NULL)
		streams_attach(req);
	event_log_unref(log);
}

AWAITS static enum err tell(struct request *req, struct upstream_call *call, enum err err,
			    const struct connect_link *link)
{
	bool opens = req->modern ? (client_can_answer(req) & MCP_CAN_ELICIT_URL) != 0
				 : req->has_session && req->session.revision == MCP_2025_11_25 &&
					   (req->session.capabilities & MCP_CAN_ELICIT_URL) != 0;
	int64_t minutes = (link->expires_ms - clock_wall_ms()) / 60000;

	if (opens && !req->modern) {
		listen_for_end(req);
		req->problem = arena_fmt(req->arena, "%.*s: %s", STR_ARG(place_of(req, call)), err_text(err));
		req->problem_data = elicitations(req, link);
		return ERR_MCP_URL_FIRST;
	}
	/* Who was asked before and comes back without an account gets words: rounds must not go in a circle. */
	if (opens && json_member(&req->message.index, req->message.params, STR("inputResponses")) == NULL)
		return tell_round(req, call, link);
	req->problem =
		arena_fmt(req->arena, "%.*s: %s", STR_ARG(place_of(req, call)),
			  err == ERR_CREDENTIAL_MISSING
				  ? "you have not connected your account at this service yet"
				  : "your account at this service has to be connected again, or has to allow more");
	req->problem_link = arena_fmt(
		req->arena, ". Open this link in a browser (it works once, for %lld minutes), then try again: %.*s",
		(long long)(minutes > 0 ? minutes : 1), STR_ARG(link->url));
	return err;
}

/* A user's own account only the user connects; a tenant's whoever manages its upstreams. */
static bool may_connect(const struct request *req, const struct upstream_auth *auth)
{
	if (auth->each == UPSTREAM_EACH_USER)
		return req->caller.user_id[0] != '\0' && strcmp(req->caller.user_id, req->caller.principal) == 0;
	return req->access != NULL &&
	       policy_decide(req->access->policy, &req->caller, PERMISSION_UPSTREAMS_MANAGE) == OK;
}

AWAITS static enum err ask(struct request *req, const struct upstream_auth *auth, struct upstream_call *call,
			   enum err err)
{
	bool own = auth->each == UPSTREAM_EACH_USER;
	struct arena *arena = arena_new(AT_ARENA_BYTES);
	struct connect_link link;
	struct connect_at at;
	enum err begun = connect_find(req->gateway->connect, arena, place_of(req, call), str_of(req->caller.tenant_id),
				      own ? str_of(req->caller.user_id) : STR(""), &at);

	if (begun == OK)
		begun = get_link(req, &at, &link);
	arena_free_wiped(arena);
	if (begun == OK)
		return tell(req, call, err, &link);
	if (begun == ERR_CANCELED || begun == ERR_TIMEOUT)
		return begun;
	if (begun == ERR_RATE_LIMITED)
		req->problem = arena_fmt(
			req->arena, "%.*s: connect your account with the link that you were given; there were too many",
			STR_ARG(place_of(req, call)));
	return err;
}

/* How accounts are connected where one is missing; NULL: that upstream has gone. Good until the next await. */
static const struct upstream_auth *auth_of(const struct request *req, const struct relay *relay,
					   const struct upstream_call *call)
{
	const struct config *config = gateway_here(req->gateway)->config;
	struct str name, account;

	if (call->wanted.n == 0)
		return upstream_auth(relay->item->upstream);
	local_place_cut(call->wanted, &name, &account);
	for (size_t i = 0; i < config->upstream_count; i++)
		if (str_eq(config->upstreams[i].name, name))
			return &config->upstreams[i].auth;
	return NULL;
}

AWAITS enum err account_ask(struct request *req, const struct relay *relay, struct upstream_call *call, enum err err)
{
	const struct upstream_auth *auth;

	if (err != ERR_CREDENTIAL_MISSING && err != ERR_CREDENTIAL_REAUTH)
		return err;
	auth = auth_of(req, relay, call);
	if (auth == NULL || auth->kind != UPSTREAM_AUTH_OAUTH || auth->oauth.flow != AUTH_FLOW_CODE)
		return err;
	if (may_connect(req, auth))
		return ask(req, auth, call, err);
	req->problem =
		arena_fmt(req->arena, "%.*s: %s", STR_ARG(place_of(req, call)),
			  auth->each == UPSTREAM_EACH_USER
				  ? "each user connects an account of their own here, and this key is nobody's"
				  : "an administrator of your tenant has to connect its account here: `gatehouse "
				    "connect`");
	return err;
}

bool account_was_asked(const struct request *req, const struct relay *relay)
{
	const struct json_member *answers;

	if (!req->modern || upstream_auth(relay->item->upstream)->kind != UPSTREAM_AUTH_OAUTH ||
	    req->message.params == NULL)
		return false;
	answers = json_member(&req->message.index, req->message.params, STR("inputResponses"));
	return answers != NULL && answers->kind == JSON_OBJECT &&
	       json_member(&req->message.index, answers, STR(ROUND_KEY)) != NULL;
}

/* ---- links that were used --------------------------------------------------------- */

static void tell_complete(const struct kept_link *link)
{
	struct event_log *log = event_log_find(EVENT_LOG_SESSION, str_of(link->session), 0);
	AUTO_BUF text = {0}, params = {0};

	if (log == NULL)
		return;
	buf_put(&params, STR("{\"elicitationId\":"));
	buf_put_json(&params, str_of(link->id));
	buf_put_byte(&params, '}');
	mcp_compose_notification(STR("notifications/elicitation/complete"), buf_str(&params), &text);
	(void)event_log_append(log, buf_str(&text), true);
	event_log_unref(log);
}

/* A copy of the next link after `cursor`. */
static bool next_link(struct account_links *links, size_t *cursor, struct kept_link *ret_link)
{
	const struct kept_link *link;

	pthread_mutex_lock(&links->lock);
	link = map_next(&links->kept, cursor);
	if (link != NULL)
		*ret_link = *link;
	pthread_mutex_unlock(&links->lock);
	return link != NULL;
}

static void drop(struct account_links *links, const struct kept_link *done)
{
	struct str key = {done->key, done->key_bytes};
	struct kept_link *kept;

	pthread_mutex_lock(&links->lock);
	kept = map_get(&links->kept, key);
	if (kept != NULL && strcmp(kept->id, done->id) == 0)
		free(map_remove(&links->kept, key));
	pthread_mutex_unlock(&links->lock);
}

AWAITS static bool was_used(struct gateway *gateway, const struct kept_link *link)
{
	AUTO(arena) *arena = arena_new(LOOK_ARENA_BYTES);
	struct connect_link now;

	return connect_link_find(gateway->connect, arena, str_of(link->tenant_id), str_of(link->id), &now) == OK &&
	       str_eq(now.state, STR("connected"));
}

/* Only those are looked at that somebody waits to hear of: each is a question to the state room. */
AWAITS void account_links_look(struct gateway *gateway)
{
	struct account_links *links = gateway->account_links;
	int64_t now_ms = clock_wall_ms();
	struct kept_link link;
	size_t cursor = 0;

	while (next_link(links, &cursor, &link)) {
		bool used = link.expires_ms >= now_ms && link.session[0] != '\0' && was_used(gateway, &link);

		if (used)
			tell_complete(&link);
		if (used || link.expires_ms < now_ms)
			drop(links, &link);
	}
}
