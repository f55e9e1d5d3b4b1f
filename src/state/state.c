/* The doors: what is asked for goes to the shared backend, if there is one, else to the tables of this process. What
 * may be counted locally for a while falls back to them here, in one place, so that neither the tables nor the backend
 * know of each other. */
#include "state/state.h"

#include <stdlib.h>

#include "base/check.h"
#include "state/hints.h"
#include "state/members.h"
#include "state/memory.h"
#include "state/place.h"
#include "state/valkey.h"
#include "state/values.h"

#define STATE_MAGIC 0x73746174u		    /* "stat" */
#define VALUES_BYTES_MAX (64 * 1024 * 1024) /* of this process: as many as the cache of results has */
#define HINTS_END_MS 60000		    /* a turn of loop 0; longer is a bug */
#define LEASES_BYTES_MAX (1024 * 1024)	    /* some thousands */

struct state {
	uint32_t magic;
	struct memory *memory;
	struct values *values, *leases;
	struct members *members;
	struct hints hints;
	struct valkey *shared; /* NULL: there is no shared backend */
	struct state *here;    /* itself, or with a shared backend one that has none */
};

struct state *state_memory_new(size_t entries_max)
{
	struct state *state = calloc(1, sizeof(*state));

	CHECK(state != NULL);
	state->magic = STATE_MAGIC;
	state->memory = memory_new(entries_max);
	state->values = values_new(VALUES_BYTES_MAX);
	state->leases = values_new(LEASES_BYTES_MAX);
	state->members = members_new();
	state->here = state;
	return state;
}

AWAITS enum err state_open(const struct state_spec *spec, struct buf *problem, struct state **ret_state)
{
	struct state *state;
	struct place place;
	enum err err;

	TRY(place_parse(spec->place, problem, &place));
	state = state_memory_new(spec->entries_max);
	if (!place.memory) {
		err = valkey_open(spec, &place, &state->hints, problem, &state->shared);
		if (err != OK) {
			state_free(state);
			return err;
		}
		state->here = state_memory_new(spec->entries_max);
	}
	*ret_state = state;
	return OK;
}

enum err state_place_check(struct str place, struct buf *problem)
{
	struct place parsed;

	return place_parse(place, problem, &parsed);
}

/* Tasks that are on their way cannot be called back. */
AWAITS static void await_hints(struct state *state)
{
	struct fiber_shield shield = fiber_shield_begin(HINTS_END_MS);

	while (atomic_load(&state->hints.under_way) > 0)
		CHECK(fiber_yield() == OK);
	fiber_shield_end(shield);
}

AWAITS void state_free(struct state *state)
{
	if (state == NULL)
		return;
	CHECK_OBJ(state, STATE_MAGIC);
	valkey_close(state->shared);
	if (state->here != state)
		state_free(state->here);
	await_hints(state);
	memory_free(state->memory);
	values_free(state->values);
	values_free(state->leases);
	members_free(state->members);
	state->magic = 0;
	free(state);
}

bool state_is_shared(const struct state *state)
{
	CHECK_OBJ(state, STATE_MAGIC);
	return state->shared != NULL;
}

unsigned state_processes(const struct state *state)
{
	CHECK_OBJ(state, STATE_MAGIC);
	return state->shared == NULL ? 1 : valkey_fellows(state->shared);
}

struct state *state_here(struct state *state)
{
	CHECK_OBJ(state, STATE_MAGIC);
	return state->here;
}

/* ---- rates, counters, marks ------------------------------------------------------ */

static void take_here(struct state *state, struct state_take *takes, size_t count, size_t *ret_allowed)
{
	for (*ret_allowed = 0; *ret_allowed < count; ++*ret_allowed) {
		struct state_take *take = &takes[*ret_allowed];

		memory_take(state->memory, take->key, take->rate, &take->verdict);
		if (!take->verdict.allowed)
			break;
	}
}

/* Alone for a while, with the share of a limit that is ours when all others do the same. */
static void take_share(struct state *state, struct state_take *takes, size_t count, size_t *ret_allowed)
{
	unsigned fellows = valkey_fellows(state->shared);
	const struct rate *whole[STATE_TAKES_MAX];
	struct rate share[STATE_TAKES_MAX];

	for (size_t i = 0; i < count; i++) {
		whole[i] = takes[i].rate;
		share[i] = *takes[i].rate;
		if (share[i].limit > 0)
			share[i].limit = share[i].limit > fellows ? share[i].limit / fellows : 1;
		takes[i].rate = &share[i];
	}
	take_here(state, takes, count, ret_allowed);
	for (size_t i = 0; i < count; i++)
		takes[i].rate = whole[i];
}

AWAITS enum err state_take_each(struct state *state, struct state_take *takes, size_t count, size_t *ret_allowed)
{
	enum err err;

	CHECK_OBJ(state, STATE_MAGIC);
	CHECK(count <= STATE_TAKES_MAX);
	if (likely(state->shared == NULL)) {
		take_here(state, takes, count, ret_allowed);
		return OK;
	}
	err = valkey_take(state->shared, takes, count, ret_allowed);
	if (err != ERR_BUSY)
		return err;
	take_share(state, takes, count, ret_allowed);
	return OK;
}

AWAITS enum err state_take(struct state *state, struct str key, const struct rate *rate,
			   struct rate_verdict *ret_verdict)
{
	struct state_take take = {.key = key, .rate = rate};
	size_t allowed;

	CHECK_OBJ(state, STATE_MAGIC);
	if (likely(state->shared == NULL)) {
		memory_take(state->memory, key, rate, ret_verdict);
		return OK;
	}
	TRY(state_take_each(state, &take, 1, &allowed));
	*ret_verdict = take.verdict;
	return OK;
}

AWAITS enum err state_count(struct state *state, struct str key, int64_t window_ms, uint32_t *ret_count)
{
	enum err err;

	CHECK_OBJ(state, STATE_MAGIC);
	if (state->shared != NULL) {
		err = valkey_count(state->shared, key, window_ms, ret_count);
		if (err != ERR_BUSY)
			return err;
	}
	memory_count(state->memory, key, window_ms, ret_count);
	return OK;
}

AWAITS enum err state_mark(struct state *state, struct str key, int64_t life_ms)
{
	enum err err;

	CHECK_OBJ(state, STATE_MAGIC);
	if (state->shared != NULL) {
		err = valkey_mark(state->shared, key, life_ms);
		if (err != ERR_BUSY)
			return err;
	}
	memory_mark(state->memory, key, life_ms);
	return OK;
}

/* What was marked while the server was down is known here only, also when it is back. */
AWAITS enum err state_marked(struct state *state, struct str key, int64_t *ret_left_ms)
{
	enum err err;

	CHECK_OBJ(state, STATE_MAGIC);
	memory_marked(state->memory, key, ret_left_ms);
	if (likely(state->shared == NULL) || *ret_left_ms > 0)
		return OK;
	err = valkey_marked(state->shared, key, ret_left_ms);
	return err == ERR_BUSY ? OK : err;
}

AWAITS enum err state_clear(struct state *state, struct str key)
{
	enum err err = OK;

	CHECK_OBJ(state, STATE_MAGIC);
	memory_clear(state->memory, key);
	if (state->shared != NULL)
		err = valkey_clear(state->shared, key);
	return err == ERR_BUSY ? OK : err;
}

AWAITS enum err state_draw(struct state *state, struct str key, const struct state_draw *draw, int64_t *ret_drawn)
{
	CHECK_OBJ(state, STATE_MAGIC);
	return state->shared == NULL ? ERR_BUSY : valkey_draw(state->shared, key, draw, ret_drawn);
}

/* ---- values and leases ----------------------------------------------------------- */

AWAITS enum err state_put(struct state *state, struct str key, struct str value, int64_t life_ms)
{
	CHECK_OBJ(state, STATE_MAGIC);
	if (value.n > STATE_VALUE_BYTES_MAX)
		return ERR_LIMIT;
	if (state->shared != NULL)
		return valkey_put(state->shared, key, value, life_ms);
	return values_put(state->values, key, value, life_ms);
}

AWAITS enum err state_get(struct state *state, struct arena *arena, struct str key, struct str *ret_value)
{
	CHECK_OBJ(state, STATE_MAGIC);
	if (state->shared != NULL)
		return valkey_get(state->shared, arena, key, ret_value);
	return values_get(state->values, arena, key, ret_value);
}

AWAITS enum err state_claim(struct state *state, struct arena *arena, struct str key, struct str *ret_value)
{
	CHECK_OBJ(state, STATE_MAGIC);
	if (state->shared != NULL)
		return valkey_claim(state->shared, arena, key, ret_value);
	return values_claim(state->values, arena, key, ret_value);
}

AWAITS enum err state_drop(struct state *state, struct str key)
{
	CHECK_OBJ(state, STATE_MAGIC);
	if (state->shared != NULL)
		return valkey_drop(state->shared, key);
	values_drop(state->values, key);
	return OK;
}

AWAITS enum err state_lease(struct state *state, struct str key, uint64_t holder, int64_t life_ms, bool *ret_held)
{
	CHECK_OBJ(state, STATE_MAGIC);
	CHECK(holder != 0);
	if (state->shared != NULL)
		return valkey_lease(state->shared, key, holder, life_ms, ret_held);
	*ret_held = values_lease(state->leases, key, holder, life_ms);
	return OK;
}

AWAITS enum err state_lease_end(struct state *state, struct str key, uint64_t holder)
{
	CHECK_OBJ(state, STATE_MAGIC);
	if (state->shared != NULL)
		return valkey_lease_end(state->shared, key, holder);
	values_lease_end(state->leases, key, holder);
	return OK;
}

/* ---- members and hints ----------------------------------------------------------- */

AWAITS enum err state_join(struct state *state, struct str set, const struct state_member *member, int64_t life_ms)
{
	CHECK_OBJ(state, STATE_MAGIC);
	CHECK(member->words.n <= STATE_MEMBER_BYTES_MAX);
	if (state->shared != NULL)
		return valkey_join(state->shared, set, member, life_ms);
	return members_join(state->members, set, member, life_ms);
}

AWAITS enum err state_leave(struct state *state, struct str set, uint64_t id)
{
	CHECK_OBJ(state, STATE_MAGIC);
	if (state->shared != NULL)
		return valkey_leave(state->shared, set, id);
	members_leave(state->members, set, id);
	return OK;
}

AWAITS enum err state_members(struct state *state, struct arena *arena, struct str set,
			      struct state_member **ret_members, size_t *ret_count)
{
	CHECK_OBJ(state, STATE_MAGIC);
	if (state->shared != NULL)
		return valkey_members(state->shared, arena, set, ret_members, ret_count);
	*ret_count = members_list(state->members, arena, set, ret_members);
	return OK;
}

void state_listen(struct state *state, void (*on_hint)(void *arg, struct str hint), void *arg)
{
	CHECK_OBJ(state, STATE_MAGIC);
	CHECK(state->hints.on_hint == NULL);
	state->hints.arg = arg;
	state->hints.on_hint = on_hint;
}

/* It comes back to this process too. */
AWAITS enum err state_hint(struct state *state, struct str hint)
{
	enum err err;

	CHECK_OBJ(state, STATE_MAGIC);
	CHECK(hint.n <= STATE_HINT_BYTES_MAX);
	if (state->shared != NULL) {
		err = valkey_hint(state->shared, hint);
		if (err != ERR_BUSY)
			return err;
	}
	hints_tell(&state->hints, hint);
	return OK;
}

struct state_stats state_stats(struct state *state)
{
	struct state_stats stats;

	CHECK_OBJ(state, STATE_MAGIC);
	stats = memory_stats(state->memory);
	if (state->shared != NULL) {
		stats.shared = true;
		stats.down = valkey_is_down(state->shared);
		stats.processes = valkey_fellows(state->shared);
		stats.failures = valkey_failures(state->shared);
	}
	return stats;
}
