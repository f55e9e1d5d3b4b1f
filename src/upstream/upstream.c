/* The upstream object: made from its config, shared by reference, replaced as a whole on
 * reload, stopped before the last reference goes. What it does is in the other files: calls
 * in call.c and channel_call.c, keeping in keeper.c, instances in instance.c. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "upstream/instance.h"
#include "upstream/listen.h"

#define STOP_POLL_MS 20
#define STOP_REST_MS 10000  /* for children and sessions to end, after the grace */
#define DIVIDE_PLACES_MIN 8 /* per loop: with fewer, the places stay together */

static struct str copy(struct arena *arena, struct str s)
{
	return s.p == NULL ? STR_NONE : arena_str(arena, s);
}

static struct upstream_pair *copy_pairs(struct arena *arena, const struct upstream_pair *pairs, size_t count)
{
	struct upstream_pair *copies = arena_zalloc(arena, (count + 1) * sizeof(*copies));

	for (size_t i = 0; i < count; i++)
		copies[i] = (struct upstream_pair){copy(arena, pairs[i].name), copy(arena, pairs[i].value)};
	return copies;
}

static void copy_auth(struct arena *arena, const struct upstream_auth *from, struct upstream_auth *to)
{
	to->name = copy(arena, from->name);
	to->signing.over = copy(arena, from->signing.over);
	to->signing.prefix = copy(arena, from->signing.prefix);
	to->signing.id_name = copy(arena, from->signing.id_name);
	to->signing.timestamp_name = copy(arena, from->signing.timestamp_name);
	auth_settings_copy(arena, &from->oauth, &to->oauth);
}

static void copy_spec(struct arena *arena, const struct upstream_spec *from, struct upstream_spec *to)
{
	struct str *args = arena_zalloc(arena, (from->arg_count + 1) * sizeof(*args));

	*to = *from;
	to->name = copy(arena, from->name);
	to->owner = copy(arena, from->owner);
	to->url = copy(arena, from->url);
	copy_auth(arena, &from->auth, &to->auth);
	to->headers = copy_pairs(arena, from->headers, from->header_count);
	to->ca_file = copy(arena, from->ca_file);
	to->cert_file = copy(arena, from->cert_file);
	to->key_file = copy(arena, from->key_file);
	to->command = copy(arena, from->command);
	for (size_t i = 0; i < from->arg_count; i++)
		args[i] = copy(arena, from->args[i]);
	to->args = args;
	to->env = copy_pairs(arena, from->env, from->env_count);
	to->cwd = copy(arena, from->cwd);
}

static void complain(struct buf *problem, const char *text, struct str what)
{
	if (problem != NULL)
		buf_put_fmt(problem, "%s: %.*s", text, STR_ARG(what));
}

static bool is_token(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_'))
			return false;
	}
	return s.n > 0;
}

/* Whether a header of the config may be sent as it is: one line, and none that we write. */
static bool header_is_valid(const struct upstream_pair *header)
{
	static const struct str own[] = {
		{"host", 4},	      {"content-length", 14}, {"transfer-encoding", 17}, {"connection", 10},
		{"content-type", 12}, {"accept", 6},	      {"accept-encoding", 15},	 {"mcp-session-id", 14},
	};

	if (str_has_control(header->value))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (str_eq_nocase(header->name, own[i]))
			return false;
	return is_token(header->name);
}

/* Whether callers send this header each with a value of their own. */
static bool is_credential(const struct upstream_auth *auth, struct str name)
{
	switch (auth->kind) {
	case UPSTREAM_AUTH_BEARER:
	case UPSTREAM_AUTH_BASIC:
	case UPSTREAM_AUTH_OAUTH:
		return str_eq_nocase(name, STR("Authorization"));
	case UPSTREAM_AUTH_HEADER:
		return str_eq_nocase(name, auth->name);
	case UPSTREAM_AUTH_HMAC:
		return str_eq_nocase(name, auth->name) || str_eq_nocase(name, auth->signing.id_name) ||
		       str_eq_nocase(name, auth->signing.timestamp_name);
	default:
		return false;
	}
}

static enum err set_up_http(struct upstream *upstream, struct buf *problem)
{
	const struct upstream_spec *spec = &upstream->spec;
	struct tls_client_spec tls = {
		.ca_file = spec->ca_file.n > 0 ? spec->ca_file.p : NULL,
		.cert_file = spec->cert_file.n > 0 ? spec->cert_file.p : NULL,
		.key_file = spec->key_file.n > 0 ? spec->key_file.p : NULL,
	};
	AUTO_BUF lines = {0}, own = {0};

	if (url_parse(spec->url, &upstream->url) != OK) {
		complain(problem, "not an http or https URL", spec->url);
		return ERR_CONFIG;
	}
	for (size_t i = 0; i < spec->header_count; i++) {
		if (!header_is_valid(&spec->headers[i])) {
			complain(problem, "this header cannot be set", spec->headers[i].name);
			return ERR_CONFIG;
		}
		buf_put_fmt(is_credential(&spec->auth, spec->headers[i].name) ? &own : &lines, "%.*s: %.*s\r\n",
			    STR_ARG(spec->headers[i].name), STR_ARG(spec->headers[i].value));
	}
	upstream->config_lines = arena_str(upstream->arena, buf_str(&lines));
	upstream->own_lines = arena_str(upstream->arena, buf_str(&own));
	if (!upstream->url.tls)
		return OK;
	return tls_client_new(&tls, problem, &upstream->tls) == OK ? OK : ERR_CONFIG;
}

static enum err set_up_local(struct upstream *upstream, struct buf *problem)
{
	const struct upstream_locals *locals = &upstream->events.locals;

	if (locals->call == NULL || upstream->spec.local == NULL) {
		upstream->spec.local = NULL;
		complain(problem, "nobody serves it here", upstream->spec.name);
		return ERR_CONFIG;
	}
	(void)locals->ref(upstream->spec.local);
	return OK;
}

static enum err set_up(struct upstream *upstream, struct buf *problem)
{
	const struct upstream_spec *spec = &upstream->spec;

	if (spec->name.n == 0 || spec->timeout_ms <= 0 || spec->connect_timeout_ms <= 0 || spec->idle_ms <= 0 ||
	    spec->concurrency == 0 || spec->answer_bytes_max == 0) {
		complain(problem, "a limit is missing or zero", spec->name);
		return ERR_CONFIG;
	}
	atomic_init(&upstream->channeled, spec->kind == UPSTREAM_STDIO || spec->kind == UPSTREAM_SSE);
	if (spec->kind == UPSTREAM_LOCAL)
		return set_up_local(upstream, problem);
	if (spec->kind != UPSTREAM_STDIO)
		return set_up_http(upstream, problem);
	if (spec->command.n == 0) {
		complain(problem, "no command", spec->name);
		return ERR_CONFIG;
	}
	return OK;
}

static void set_up_lanes(struct upstream *upstream)
{
	const struct upstream_spec *spec = &upstream->spec;
	size_t queue_max = spec->queue_max > 0 ? spec->queue_max : UPSTREAM_QUEUE_MAX;
	struct fair_bounds share = {.name = spec->name, .wait_ms = spec->queue_timeout_ms};

	upstream->lanes = loop_count();
	upstream->lane = aligned_alloc(64, upstream->lanes * sizeof(*upstream->lane));
	CHECK(upstream->lane != NULL);
	memset(upstream->lane, 0, upstream->lanes * sizeof(*upstream->lane));
	upstream->divided = upstream->lanes == 1 || spec->concurrency >= upstream->lanes * DIVIDE_PLACES_MIN;
	share.places = spec->concurrency / upstream->lanes;
	if (share.places > UPSTREAM_CONNECTIONS_MAX)
		share.places = UPSTREAM_CONNECTIONS_MAX;
	share.queue_max = queue_max / upstream->lanes + 1;
	if (spec->queue_tenant_max > 0)
		share.line_max = spec->queue_tenant_max / upstream->lanes + 1;
	fair_init(&upstream->fair, &(struct fair_bounds){spec->name, spec->concurrency, queue_max,
							 spec->queue_tenant_max, spec->queue_timeout_ms});
	for (unsigned i = 0; i < upstream->lanes; i++) {
		upstream->lane[i].loop = loop_at(i);
		list_init(&upstream->lane[i].askables);
		if (upstream->divided)
			fair_init(&upstream->lane[i].fair, &share);
	}
}

static void destroy(struct upstream *upstream)
{
	for (unsigned i = 0; i < upstream->lanes; i++) {
		lane_free_scratch(&upstream->lane[i]);
		if (upstream->divided)
			fair_end(&upstream->lane[i].fair);
	}
	fair_end(&upstream->fair);
	offer_unref(upstream->offer);
	map_free(&upstream->instances);
	map_free(&upstream->pending);
	watches_free(upstream);
	tls_unref(upstream->tls);
	if (upstream->spec.local != NULL)
		upstream->events.locals.unref(upstream->spec.local);
	pthread_mutex_destroy(&upstream->lock);
	free(upstream->lane);
	arena_free_wiped(upstream->arena); /* keys and secrets are among its texts */
	upstream->magic = 0;
	free(upstream);
}

AWAITS static enum err start_at_home(void *arg)
{
	struct upstream *upstream = arg;

	instances_watch(upstream);
	return upstream_helper(upstream, "upstream keeper", keeper_main, upstream, 0, &upstream->keeper);
}

AWAITS enum err upstream_new(const struct upstream_spec *spec, const struct upstream_events *events,
			     struct buf *problem, struct upstream **ret_upstream)
{
	struct upstream *upstream = aligned_alloc(64, (sizeof(*upstream) + 63) / 64 * 64);
	enum err err;

	CHECK(upstream != NULL);
	memset(upstream, 0, sizeof(*upstream));
	upstream->magic = UPSTREAM_MAGIC;
	atomic_init(&upstream->refs, 1);
	atomic_init(&upstream->log_level, UPSTREAM_LOG_LEVELS);
	upstream->arena = arena_new(16 * 1024 * 1024);
	copy_spec(upstream->arena, spec, &upstream->spec);
	upstream->events = *events;
	pthread_mutex_init(&upstream->lock, NULL);
	breaker_init(&upstream->breaker, spec->breaker_failures, spec->breaker_rest_ms);
	upstream->since_ms = clock_wall_ms();
	upstream->home = loop_at((unsigned)(str_hash(spec->name) % loop_count()));
	set_up_lanes(upstream);
	err = set_up(upstream, problem);
	if (err == OK)
		err = loop_call(upstream->home, "upstream new", start_at_home, upstream);
	if (err != OK) {
		destroy(upstream);
		return err;
	}
	*ret_upstream = upstream;
	return OK;
}

struct upstream *upstream_ref(struct upstream *upstream)
{
	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	atomic_fetch_add_explicit(&upstream->refs, 1, memory_order_relaxed);
	return upstream;
}

void upstream_unref(struct upstream *upstream)
{
	if (upstream == NULL)
		return;
	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	if (atomic_fetch_sub_explicit(&upstream->refs, 1, memory_order_acq_rel) != 1)
		return;
	CHECK(atomic_load(&upstream->stopped));
	destroy(upstream);
}

enum upstream_kind upstream_kind(const struct upstream *upstream)
{
	return upstream->spec.kind;
}

const struct upstream_auth *upstream_auth(const struct upstream *upstream)
{
	return &upstream->spec.auth;
}

enum upstream_isolation upstream_isolation(const struct upstream *upstream)
{
	return upstream->spec.isolation;
}

struct str upstream_name(const struct upstream *upstream)
{
	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	return upstream->spec.name;
}

struct str upstream_owner(const struct upstream *upstream)
{
	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	return upstream->spec.owner;
}

AWAITS static enum err stop_at_home(void *arg)
{
	struct upstream *upstream = arg;

	if (upstream->keeper != NULL)
		fiber_cancel(upstream->keeper);
	watch_stop(upstream);
	instances_stop(upstream);
	return OK;
}

struct lane_order {
	struct upstream *upstream;
	struct lane *lane;
};

AWAITS static enum err close_lane(void *arg)
{
	struct lane_order *order = arg;
	struct lane *lane = order->lane;

	http_pool_free(lane->pool);
	lane->pool = NULL;
	facts_unref(lane->facts);
	lane->facts = NULL;
	return OK;
}

static unsigned calls_in_flight(struct upstream *upstream)
{
	unsigned n = 0;

	for (unsigned i = 0; i < upstream->lanes; i++)
		n += atomic_load(&upstream->lane[i].in_flight);
	return n;
}

/* Stopping is rare and nobody is in a hurry, so these are looked at now and then instead of
 * making every call and child report its end.
 *   Errors     ERR_CANCELED, ERR_TIMEOUT: the time was over */
AWAITS static enum err wait_calls(struct upstream *upstream, int64_t ms)
{
	int64_t until_ms = clock_ms() + ms;

	while (calls_in_flight(upstream) > 0 && clock_ms() < until_ms)
		TRY(fiber_sleep(STOP_POLL_MS));
	return OK;
}

AWAITS static enum err wait_ends(struct upstream *upstream)
{
	int64_t until_ms = clock_ms() + STOP_REST_MS;

	while ((atomic_load(&upstream->helpers) > 0 || atomic_load(&upstream->instance_count) > 0) &&
	       clock_ms() < until_ms)
		TRY(fiber_sleep(STOP_POLL_MS));
	return OK;
}

AWAITS void upstream_stop(struct upstream *upstream, int64_t grace_ms)
{
	struct fiber_shield shield;
	enum err err;

	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	if (atomic_exchange(&upstream->stopped, true))
		return;
	upstream_set_state(upstream, UPSTREAM_STOPPED);
	shield = fiber_shield_begin(grace_ms + STOP_REST_MS + 5000);
	err = wait_calls(upstream, grace_ms);
	err = loop_call(upstream->home, "upstream stop", stop_at_home, upstream);
	CHECK(err == OK || err == ERR_BUSY);
	err = wait_ends(upstream);
	for (unsigned i = 0; i < upstream->lanes; i++) {
		struct lane_order order = {upstream, &upstream->lane[i]};

		err = loop_call(upstream->lane[i].loop, "upstream close", close_lane, &order);
		CHECK(err == OK || err == ERR_BUSY);
	}
	fiber_shield_end(shield);
}

/* What the instances of a session are to do. */
struct session_order {
	struct upstream *upstream;
	struct str session;
};

AWAITS static enum err forget_at_home(void *arg)
{
	struct session_order *order = arg;

	instances_forget(order->upstream, order->session);
	return OK;
}

AWAITS static enum err tell_roots_at_home(void *arg)
{
	struct session_order *order = arg;

	instances_tell_session(order->upstream, order->session,
			       STR("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/roots/list_changed\"}"));
	return OK;
}

AWAITS static void order_for_session(struct upstream *upstream, struct str session, enum err (*work)(void *arg))
{
	struct session_order order = {upstream, session};

	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	if (upstream->spec.isolation == ISOLATION_SHARED || session.n == 0 || atomic_load(&upstream->stopped))
		return;
	/* Canceled or too busy: of instances to be ended the reaper will see to it. */
	if (loop_call(upstream->home, "upstream session", work, &order) != OK)
		return;
}

AWAITS void upstream_forget(struct upstream *upstream, struct str session)
{
	order_for_session(upstream, session, forget_at_home);
}

AWAITS void upstream_roots_changed(struct upstream *upstream, struct str session)
{
	order_for_session(upstream, session, tell_roots_at_home);
}
