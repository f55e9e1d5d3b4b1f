/* The doors: what is asked for goes to the shared backend, if there is one, else to the tables of this process. What
 * may be counted locally for a while falls back to them here, in one place, so that neither the tables nor the backend
 * know of each other. */
#include "state/state.h"

#include <stdlib.h>

#include "base/check.h"
#include "state/hints.h"
#include "state/members.h"
#include "state/memory.h"
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
	return state;
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
	await_hints(state);
	memory_free(state->memory);
	values_free(state->values);
	values_free(state->leases);
	members_free(state->members);
	state->magic = 0;
	free(state);
}

AWAITS enum err state_take(struct state *state, struct str key, const struct rate *rate,
			   struct rate_verdict *ret_verdict)
{
	CHECK_OBJ(state, STATE_MAGIC);
	memory_take(state->memory, key, rate, ret_verdict);
	return OK;
}

AWAITS enum err state_take_each(struct state *state, struct state_take *takes, size_t count, size_t *ret_allowed)
{
	CHECK_OBJ(state, STATE_MAGIC);
	CHECK(count <= STATE_TAKES_MAX);
	for (*ret_allowed = 0; *ret_allowed < count; ++*ret_allowed) {
		struct state_take *take = &takes[*ret_allowed];

		memory_take(state->memory, take->key, take->rate, &take->verdict);
		if (!take->verdict.allowed)
			break;
	}
	return OK;
}

AWAITS enum err state_count(struct state *state, struct str key, int64_t window_ms, uint32_t *ret_count)
{
	CHECK_OBJ(state, STATE_MAGIC);
	memory_count(state->memory, key, window_ms, ret_count);
	return OK;
}

AWAITS enum err state_mark(struct state *state, struct str key, int64_t life_ms)
{
	CHECK_OBJ(state, STATE_MAGIC);
	memory_mark(state->memory, key, life_ms);
	return OK;
}

AWAITS enum err state_marked(struct state *state, struct str key, int64_t *ret_left_ms)
{
	CHECK_OBJ(state, STATE_MAGIC);
	memory_marked(state->memory, key, ret_left_ms);
	return OK;
}

AWAITS enum err state_clear(struct state *state, struct str key)
{
	CHECK_OBJ(state, STATE_MAGIC);
	memory_clear(state->memory, key);
	return OK;
}

struct state *state_here(struct state *state)
{
	CHECK_OBJ(state, STATE_MAGIC);
	return state;
}

AWAITS enum err state_put(struct state *state, struct str key, struct str value, int64_t life_ms)
{
	CHECK_OBJ(state, STATE_MAGIC);
	if (value.n > STATE_VALUE_BYTES_MAX)
		return ERR_LIMIT;
	return values_put(state->values, key, value, life_ms);
}

AWAITS enum err state_get(struct state *state, struct arena *arena, struct str key, struct str *ret_value)
{
	CHECK_OBJ(state, STATE_MAGIC);
	return values_get(state->values, arena, key, ret_value);
}

AWAITS enum err state_drop(struct state *state, struct str key)
{
	CHECK_OBJ(state, STATE_MAGIC);
	values_drop(state->values, key);
	return OK;
}

AWAITS enum err state_lease(struct state *state, struct str key, uint64_t holder, int64_t life_ms, bool *ret_held)
{
	CHECK_OBJ(state, STATE_MAGIC);
	CHECK(holder != 0);
	*ret_held = values_lease(state->leases, key, holder, life_ms);
	return OK;
}

AWAITS enum err state_lease_end(struct state *state, struct str key, uint64_t holder)
{
	CHECK_OBJ(state, STATE_MAGIC);
	values_lease_end(state->leases, key, holder);
	return OK;
}

AWAITS enum err state_join(struct state *state, struct str set, const struct state_member *member, int64_t life_ms)
{
	CHECK_OBJ(state, STATE_MAGIC);
	CHECK(member->words.n <= STATE_MEMBER_BYTES_MAX);
	return members_join(state->members, set, member, life_ms);
}

AWAITS enum err state_leave(struct state *state, struct str set, uint64_t id)
{
	CHECK_OBJ(state, STATE_MAGIC);
	members_leave(state->members, set, id);
	return OK;
}

AWAITS enum err state_members(struct state *state, struct arena *arena, struct str set,
			      struct state_member **ret_members, size_t *ret_count)
{
	CHECK_OBJ(state, STATE_MAGIC);
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

AWAITS enum err state_hint(struct state *state, struct str hint)
{
	CHECK_OBJ(state, STATE_MAGIC);
	CHECK(hint.n <= STATE_HINT_BYTES_MAX);
	hints_tell(&state->hints, hint);
	return OK;
}

struct state_stats state_stats(struct state *state)
{
	CHECK_OBJ(state, STATE_MAGIC);
	return memory_stats(state->memory);
}
