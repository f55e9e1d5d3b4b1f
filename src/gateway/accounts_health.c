/* One table for the process, behind a lock that is held for a look-up: calls end some thousand times a second at most,
 * and only those of connectors come here. A probe is a call of the connector's `health` tool, on a fiber of loop 0,
 * whoever asks, so that all of them can be ended together. */
#include "gateway/accounts_health.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "gateway/local.h"

#define KEY_BYTES_MAX 256 /* a place of 65 bytes and ids of 26 */

struct known {
	enum account_health health;
	int64_t probed_ms; /* when one was begun; 0: never */
	char key[];
};

struct accounts_health {
	pthread_mutex_t lock;
	struct map known;
	unsigned probes; /* under way */
	/* loop 0 */
	struct group probing;
	bool stopped;
};

const char *account_health_name(enum account_health health)
{
	static const char *const names[ACCOUNT_HEALTHS + 1] = {
		[ACCOUNT_UNKNOWN] = "unknown",	       [ACCOUNT_WELL] = "ok",	      [ACCOUNT_RECONNECT] = "reconnect",
		[ACCOUNT_UNREACHABLE] = "unreachable", [ACCOUNT_FAILING] = "failing", [ACCOUNT_UNWATCHED] = "",
	};

	return names[health];
}

struct accounts_health *accounts_health_new(void)
{
	struct accounts_health *healths = calloc(1, sizeof(*healths));

	CHECK(healths != NULL);
	pthread_mutex_init(&healths->lock, NULL);
	group_init(&healths->probing, loop_self());
	return healths;
}

void accounts_health_free(struct accounts_health *healths)
{
	if (healths == NULL)
		return;
	map_free_values(&healths->known, free);
	pthread_mutex_destroy(&healths->lock);
	free(healths);
}

static struct known *known_add(struct accounts_health *healths, struct str key)
{
	struct known *known = calloc(1, sizeof(*known) + key.n);

	CHECK(known != NULL);
	memcpy(known->key, key.p, key.n);
	if (healths->known.used >= ACCOUNTS_HEALTH_MAX)
		map_free_values(&healths->known, free);
	map_put(&healths->known, (struct str){known->key, key.n}, known);
	return known;
}

/* With the lock held; NULL: its name is too long to be any. */
static struct known *known_of(struct accounts_health *healths, const struct account_place *of)
{
	const struct str pieces[] = {of->tenant_id, of->place, of->user_id};
	char key[KEY_BYTES_MAX];
	struct known *known;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		if (n + pieces[i].n + 1 > KEY_BYTES_MAX)
			return NULL;
		if (pieces[i].n > 0)
			memcpy(key + n, pieces[i].p, pieces[i].n);
		n += pieces[i].n;
		key[n++] = '\n';
	}
	known = map_get(&healths->known, (struct str){key, n});
	return known != NULL ? known : known_add(healths, (struct str){key, n});
}

void accounts_health_note(struct accounts_health *healths, const struct account_place *of, enum account_health health)
{
	struct known *known;

	pthread_mutex_lock(&healths->lock);
	known = known_of(healths, of);
	if (known != NULL) {
		known->health = health;
		known->probed_ms = clock_ms(); /* a call is as good as a probe */
	}
	pthread_mutex_unlock(&healths->lock);
}

void accounts_health_count(struct accounts_health *healths, unsigned counts[ACCOUNT_HEALTHS])
{
	const struct known *known;
	size_t cursor = 0;

	memset(counts, 0, ACCOUNT_HEALTHS * sizeof(*counts));
	pthread_mutex_lock(&healths->lock);
	while ((known = map_next(&healths->known, &cursor)) != NULL)
		counts[known->health]++;
	pthread_mutex_unlock(&healths->lock);
}

/* ---- probes --------------------------------------------------------------------------- */

struct probe {
	struct task task;
	struct gateway *gateway;
	struct config *config; /* keeps the spec */
	const struct upstream_spec *spec;
	struct arena *arena; /* and this the texts */
	struct account_place of;
};

static void probe_end(struct probe *probe)
{
	struct accounts_health *healths = probe->gateway->accounts_health;

	pthread_mutex_lock(&healths->lock);
	healths->probes--;
	pthread_mutex_unlock(&healths->lock);
	config_unref(probe->config);
	arena_free(probe->arena);
	free(probe);
}

AWAITS static void probe_main(void *arg)
{
	struct probe *probe = arg;
	enum account_health health;

	fiber_deadline_set(clock_ms() + ACCOUNT_PROBE_MS);
	if (local_probe(probe->gateway, probe->spec, &probe->of, &health) == OK)
		accounts_health_note(probe->gateway->accounts_health, &probe->of, health);
	probe_end(probe);
}

static void probe_arrived(struct task *task)
{
	struct probe *probe = CONTAINER_OF(task, struct probe, task);
	struct accounts_health *healths = probe->gateway->accounts_health;

	if (healths->stopped || group_spawn(&healths->probing, "account probe", probe_main, probe) != OK)
		probe_end(probe); /* the next who asks */
}

AWAITS void accounts_health_stop(struct accounts_health *healths)
{
	if (healths == NULL)
		return;
	healths->stopped = true;
	group_cancel(&healths->probing);
	if (group_join(&healths->probing) != OK)
		log_warn("account.slow_stop", LOG_INT("probes", healths->probes));
}

static const struct upstream_spec *spec_named(const struct config *config, struct str name)
{
	for (size_t i = 0; i < config->upstream_count; i++)
		if (str_eq(config->upstreams[i].name, name))
			return &config->upstreams[i];
	return NULL;
}

static void probe_begin(struct gateway *gateway, const struct upstream_spec *spec, const struct account_place *of)
{
	struct probe *probe = calloc(1, sizeof(*probe));
	struct arena *arena = arena_new(4096);

	CHECK(probe != NULL);
	*probe = (struct probe){
		.gateway = gateway,
		.config = config_ref(gateway_here(gateway)->config),
		.spec = spec,
		.arena = arena,
		.of = {arena_str(arena, of->tenant_id), arena_str(arena, of->place), arena_str(arena, of->user_id)}};
	probe->task.run = probe_arrived;
	loop_post(loop_at(0), &probe->task);
}

enum account_health accounts_health_ask(struct gateway *gateway, const struct account_place *of)
{
	struct accounts_health *healths = gateway->accounts_health;
	enum account_health health = ACCOUNT_UNKNOWN;
	const struct upstream_spec *spec;
	struct str name, account;
	int64_t now_ms = clock_ms();
	struct known *known;
	bool begin = false;

	local_place_cut(of->place, &name, &account);
	spec = spec_named(gateway_here(gateway)->config, name);
	if (spec == NULL || !local_has_probe(spec))
		return ACCOUNT_UNWATCHED;
	pthread_mutex_lock(&healths->lock);
	known = known_of(healths, of);
	if (known != NULL) {
		health = known->health;
		begin = healths->probes < ACCOUNT_PROBES_MAX &&
			(known->probed_ms == 0 || now_ms - known->probed_ms >= ACCOUNT_PROBE_REST_MS);
		known->probed_ms = begin ? now_ms : known->probed_ms;
		healths->probes += begin;
	}
	pthread_mutex_unlock(&healths->lock);
	if (begin)
		probe_begin(gateway, spec, of);
	return health;
}
