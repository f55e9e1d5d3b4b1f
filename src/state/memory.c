/* The memory backend: a set-associative table like a CPU's cache. A key's hash picks a shard (a
 * lock) and in it a set of 16 slots; the key is in one of them or nowhere. No chains, no
 * tombstones, no growth: a full set drops an entry that has expired, else the one that would
 * expire first. The table has twice the slots it is asked to hold, so that a set rarely
 * overflows before the table does.
 *
 *     hash  | set in shard ... | shard (6) |     shard: lock, set set set ...
 *
 * Keys are kept as 64-bit keyed hashes (SipHash under a random key): two live keys among 100,000
 * share one with a chance of 3 in 10^10. Untouched sets are pages the kernel never gave us. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "state/gcra.h"

#define STATE_MAGIC 0x73746174u
#define SHARDS 64
#define WAYS 16
#define NS_PER_MS 1000000

enum entry_kind { ENTRY_RATE = 1, ENTRY_COUNT, ENTRY_MARK };

struct slot {
	uint64_t hash; /* of kind and key; 0 free */
	int64_t expires_ms;
	int64_t value; /* a rate's tat in ns; a count */
};

struct set {
	struct slot slots[WAYS];
};

struct shard {
	_Alignas(64) pthread_mutex_t lock;
	struct set *sets; /* a slice of state->sets_all */
	size_t sweep;	  /* the next set to clear of expired entries */
	uint64_t entries, evicted;
};

struct state {
	uint32_t magic;
	size_t sets; /* per shard, a power of two */
	struct set *sets_all;
	_Atomic int64_t marked_until_ms; /* no mark lives beyond it: usually there is none to look for */
	struct shard shards[SHARDS];
};

struct state *state_memory_new(size_t entries_max)
{
	struct state *state = aligned_alloc(64, sizeof(*state));

	CHECK(state != NULL);
	memset(state, 0, sizeof(*state));
	state->magic = STATE_MAGIC;
	state->sets = 1;
	while (state->sets * WAYS * SHARDS < entries_max * 2)
		state->sets *= 2;
	/* One large piece: malloc maps it, and pages that are never touched never come to be. */
	state->sets_all = calloc(SHARDS * state->sets, sizeof(struct set));
	CHECK(state->sets_all != NULL);
	for (size_t i = 0; i < SHARDS; i++) {
		state->shards[i].sets = state->sets_all + i * state->sets;
		CHECK(pthread_mutex_init(&state->shards[i].lock, NULL) == 0);
	}
	return state;
}

void state_free(struct state *state)
{
	if (state == NULL)
		return;
	CHECK_OBJ(state, STATE_MAGIC);
	for (size_t i = 0; i < SHARDS; i++)
		(void)pthread_mutex_destroy(&state->shards[i].lock);
	free(state->sets_all);
	state->magic = 0;
	free(state);
}

/* A key as the table knows it. Kinds don't meet: the odd constant moves each to other slots. */
static uint64_t hash_of(enum entry_kind kind, struct str key)
{
	uint64_t hash = str_hash(key) ^ (uint64_t)kind * 0x9e3779b97f4a7c15u;

	return hash == 0 ? 1 : hash;
}

/* Held locks are never held across an await: nothing here suspends, the marks on the doors
 * are for the shared backend. */
static struct shard *lock(struct state *state, uint64_t hash)
{
	struct shard *shard;

	CHECK_OBJ(state, STATE_MAGIC);
	shard = &state->shards[hash % SHARDS];
	CHECK(pthread_mutex_lock(&shard->lock) == 0);
	return shard;
}

static void unlock(struct shard *shard)
{
	CHECK(pthread_mutex_unlock(&shard->lock) == 0);
}

static struct set *set_of(const struct state *state, struct shard *shard, uint64_t hash)
{
	return &shard->sets[hash / SHARDS & (state->sets - 1)];
}

/* The live entry, or NULL. */
static struct slot *find(const struct state *state, struct shard *shard, uint64_t hash, int64_t now_ms)
{
	struct set *set = set_of(state, shard, hash);

	for (size_t i = 0; i < WAYS; i++) {
		if (set->slots[i].hash == hash)
			return set->slots[i].expires_ms > now_ms ? &set->slots[i] : NULL;
	}
	return NULL;
}

static void drop(struct shard *shard, struct slot *slot)
{
	*slot = (struct slot){0};
	shard->entries--;
}

/* Clear one set, another one each time: whoever adds an entry pays for a bit of the sweep. */
static void sweep(const struct state *state, struct shard *shard, int64_t now_ms)
{
	struct set *set = &shard->sets[shard->sweep++ & (state->sets - 1)];

	for (size_t i = 0; i < WAYS; i++) {
		if (set->slots[i].hash != 0 && set->slots[i].expires_ms <= now_ms)
			drop(shard, &set->slots[i]);
	}
}

/* A new, empty entry under a hash that `find` did not find. */
static struct slot *add(const struct state *state, struct shard *shard, uint64_t hash, int64_t now_ms)
{
	struct set *set = set_of(state, shard, hash);
	struct slot *best = &set->slots[0];

	sweep(state, shard, now_ms);
	for (size_t i = 0; i < WAYS; i++) {
		struct slot *slot = &set->slots[i];

		if (slot->hash == hash) { /* expired: its slot, lest the hash be there twice */
			best = slot;
			break;
		}
		if (slot->expires_ms < best->expires_ms) /* a free one has 0 */
			best = slot;
	}
	if (best->hash != 0) {
		shard->evicted += best->expires_ms > now_ms;
		drop(shard, best);
	}
	shard->entries++;
	*best = (struct slot){.hash = hash};
	return best;
}

static struct slot *find_or_add(const struct state *state, struct shard *shard, uint64_t hash, int64_t now_ms)
{
	struct slot *slot = find(state, shard, hash, now_ms);

	return likely(slot != NULL) ? slot : add(state, shard, hash, now_ms);
}

AWAITS enum err state_take(struct state *state, struct str key, const struct rate *rate,
			   struct rate_verdict *ret_verdict)
{
	uint64_t hash = hash_of(ENTRY_RATE, key);
	int64_t now_ns = clock_ns();
	struct shard *shard;
	struct slot *slot;

	if (rate->limit == 0) {
		*ret_verdict = (struct rate_verdict){.allowed = true};
		return OK;
	}
	shard = lock(state, hash);
	slot = find_or_add(state, shard, hash, now_ns / NS_PER_MS);
	gcra_take(now_ns, rate, &slot->value, ret_verdict);
	slot->expires_ms = slot->value / NS_PER_MS + 1; /* a tat in the past says as much as none */
	unlock(shard);
	return OK;
}

AWAITS enum err state_count(struct state *state, struct str key, int64_t window_ms, uint32_t *ret_count)
{
	uint64_t hash = hash_of(ENTRY_COUNT, key);
	int64_t now_ms = clock_ms();
	struct shard *shard = lock(state, hash);
	struct slot *slot = find_or_add(state, shard, hash, now_ms);

	if (slot->value == 0)
		slot->expires_ms = now_ms + window_ms;
	if (slot->value < UINT32_MAX)
		slot->value++;
	*ret_count = (uint32_t)slot->value;
	unlock(shard);
	return OK;
}

/* Whoever was told of the mark sees this too: it is set before the lock is let go. */
static void note_mark(struct state *state, int64_t until_ms)
{
	int64_t seen_ms = atomic_load(&state->marked_until_ms);

	while (seen_ms < until_ms && !atomic_compare_exchange_weak(&state->marked_until_ms, &seen_ms, until_ms))
		;
}

AWAITS enum err state_mark(struct state *state, struct str key, int64_t life_ms)
{
	uint64_t hash = hash_of(ENTRY_MARK, key);
	int64_t now_ms = clock_ms();
	struct shard *shard = lock(state, hash);

	find_or_add(state, shard, hash, now_ms)->expires_ms = now_ms + life_ms;
	note_mark(state, now_ms + life_ms);
	unlock(shard);
	return OK;
}

AWAITS enum err state_marked(struct state *state, struct str key, int64_t *ret_left_ms)
{
	int64_t now_ms = clock_ms();
	struct shard *shard;
	const struct slot *slot;
	uint64_t hash;

	CHECK_OBJ(state, STATE_MAGIC);
	*ret_left_ms = 0;
	if (now_ms >= atomic_load(&state->marked_until_ms))
		return OK;
	hash = hash_of(ENTRY_MARK, key);
	shard = lock(state, hash);
	slot = find(state, shard, hash, now_ms);
	if (slot != NULL)
		*ret_left_ms = slot->expires_ms - now_ms;
	unlock(shard);
	return OK;
}

static void clear(struct state *state, uint64_t hash)
{
	struct shard *shard = lock(state, hash);
	struct slot *slot = find(state, shard, hash, INT64_MIN);

	if (slot != NULL)
		drop(shard, slot);
	unlock(shard);
}

AWAITS enum err state_clear(struct state *state, struct str key)
{
	clear(state, hash_of(ENTRY_COUNT, key));
	clear(state, hash_of(ENTRY_MARK, key));
	return OK;
}

struct state_stats state_stats(struct state *state)
{
	struct state_stats stats = {0};

	CHECK_OBJ(state, STATE_MAGIC);
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = lock(state, i);

		stats.entries += shard->entries;
		stats.evicted += shard->evicted;
		unlock(shard);
	}
	return stats;
}
