/* Rates, counters and marks of one process: a set-associative table like a CPU's cache. A key's hash picks a shard (a
 * lock) and in it a set of 16 slots; the key is in one of them or nowhere. No chains, no
 * tombstones: a full set drops an entry that has expired; where all live, the shard takes twice
 * as many sets into use, and at its bound the set drops the one that would expire first. The
 * bound is twice the slots the table is asked to hold, so that a set rarely overflows before the
 * table does.
 *
 *     hash  | set in shard ... | shard (6) |     shard: lock, set set set | not in use yet ...
 *
 * Room for all of it is reserved at once, but sets that are not in use are pages the kernel never
 * gave us: spread over the whole of it, each of the first thousands of entries would cost a page.
 *
 * Keys are kept as 64-bit keyed hashes (SipHash under a random key): two live keys among 100,000
 * share one with a chance of 3 in 10^10. */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "state/gcra.h"
#include "state/memory.h"

#define MEMORY_MAGIC 0x6d656d79u /* "memy" */
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
	struct set *sets;   /* a slice of memory->sets_all */
	size_t sets_in_use; /* from the first one on; a power of two */
	size_t sweep;	    /* the next set to clear of expired entries */
	uint64_t entries, evicted;
};

struct memory {
	uint32_t magic;
	size_t sets_max; /* per shard, a power of two */
	struct set *sets_all;
	_Atomic int64_t marked_until_ms; /* no mark lives beyond it: usually there is none to look for */
	struct shard shards[SHARDS];
};

struct memory *memory_new(size_t entries_max)
{
	struct memory *memory = aligned_alloc(64, sizeof(*memory));

	CHECK(memory != NULL);
	memset(memory, 0, sizeof(*memory));
	memory->magic = MEMORY_MAGIC;
	memory->sets_max = 1;
	while (memory->sets_max * WAYS * SHARDS < entries_max * 2)
		memory->sets_max *= 2;
	/* One large piece: malloc maps it, and pages that are never touched never come to be. */
	memory->sets_all = calloc(SHARDS * memory->sets_max, sizeof(struct set));
	CHECK(memory->sets_all != NULL);
	for (size_t i = 0; i < SHARDS; i++) {
		memory->shards[i].sets = memory->sets_all + i * memory->sets_max;
		memory->shards[i].sets_in_use = 1;
		CHECK(pthread_mutex_init(&memory->shards[i].lock, NULL) == 0);
	}
	return memory;
}

void memory_free(struct memory *memory)
{
	if (memory == NULL)
		return;
	CHECK_OBJ(memory, MEMORY_MAGIC);
	for (size_t i = 0; i < SHARDS; i++)
		(void)pthread_mutex_destroy(&memory->shards[i].lock);
	free(memory->sets_all);
	memory->magic = 0;
	free(memory);
}

/* A key as the table knows it. Kinds don't meet: the odd constant moves each to other slots. */
static uint64_t hash_of(enum entry_kind kind, struct str key)
{
	uint64_t hash = str_hash(key) ^ (uint64_t)kind * 0x9e3779b97f4a7c15u;

	return hash == 0 ? 1 : hash;
}

static struct shard *lock(struct memory *memory, uint64_t hash)
{
	struct shard *shard;

	CHECK_OBJ(memory, MEMORY_MAGIC);
	shard = &memory->shards[hash % SHARDS];
	CHECK(pthread_mutex_lock(&shard->lock) == 0);
	return shard;
}

static void unlock(struct shard *shard)
{
	CHECK(pthread_mutex_unlock(&shard->lock) == 0);
}

static struct set *set_of(struct shard *shard, uint64_t hash)
{
	return &shard->sets[hash / SHARDS & (shard->sets_in_use - 1)];
}

/* The live entry, or NULL. */
static struct slot *find(struct shard *shard, uint64_t hash, int64_t now_ms)
{
	struct set *set = set_of(shard, hash);

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
static void sweep(struct shard *shard, int64_t now_ms)
{
	struct set *set = &shard->sets[shard->sweep++ & (shard->sets_in_use - 1)];

	for (size_t i = 0; i < WAYS; i++) {
		if (set->slots[i].hash != 0 && set->slots[i].expires_ms <= now_ms)
			drop(shard, &set->slots[i]);
	}
}

/* Twice as many sets: what one more bit of its hash says belongs into the new half goes there. */
static void spread(struct shard *shard)
{
	size_t half = shard->sets_in_use;

	for (size_t i = 0; i < half; i++) {
		struct slot *from = shard->sets[i].slots, *to = shard->sets[i + half].slots;

		for (size_t k = 0; k < WAYS; k++) {
			if ((from[k].hash / SHARDS & half) == 0)
				continue;
			to[k] = from[k];
			from[k] = (struct slot){0};
		}
	}
	shard->sets_in_use = half * 2;
}

/* Where a hash that `find` did not find goes: its own slot when it has expired, lest the hash be
 * there twice; else a free one, else the one that expires first. */
static struct slot *place(struct shard *shard, uint64_t hash)
{
	struct set *set = set_of(shard, hash);
	struct slot *best = &set->slots[0];

	for (size_t i = 0; i < WAYS; i++) {
		struct slot *slot = &set->slots[i];

		if (slot->hash == hash)
			return slot;
		if (slot->expires_ms < best->expires_ms) /* a free one has 0 */
			best = slot;
	}
	return best;
}

/* A new, empty entry under a hash that `find` did not find. */
static struct slot *add(const struct memory *memory, struct shard *shard, uint64_t hash, int64_t now_ms)
{
	struct slot *best;

	sweep(shard, now_ms);
	best = place(shard, hash);
	while (best->expires_ms > now_ms && shard->sets_in_use < memory->sets_max) {
		spread(shard);
		best = place(shard, hash);
	}
	if (best->hash != 0) {
		shard->evicted += best->expires_ms > now_ms;
		drop(shard, best);
	}
	shard->entries++;
	*best = (struct slot){.hash = hash};
	return best;
}

static struct slot *find_or_add(const struct memory *memory, struct shard *shard, uint64_t hash, int64_t now_ms)
{
	struct slot *slot = find(shard, hash, now_ms);

	return likely(slot != NULL) ? slot : add(memory, shard, hash, now_ms);
}

void memory_take(struct memory *memory, struct str key, const struct rate *rate, struct rate_verdict *ret_verdict)
{
	uint64_t hash = hash_of(ENTRY_RATE, key);
	int64_t now_ns = clock_ns();
	struct shard *shard;
	struct slot *slot;

	if (rate->limit == 0) {
		*ret_verdict = (struct rate_verdict){.allowed = true};
		return;
	}
	shard = lock(memory, hash);
	slot = find_or_add(memory, shard, hash, now_ns / NS_PER_MS);
	gcra_take(now_ns, rate, &slot->value, ret_verdict);
	slot->expires_ms = slot->value / NS_PER_MS + 1; /* a tat in the past says as much as none */
	unlock(shard);
}

void memory_count(struct memory *memory, struct str key, int64_t window_ms, uint32_t *ret_count)
{
	uint64_t hash = hash_of(ENTRY_COUNT, key);
	int64_t now_ms = clock_ms();
	struct shard *shard = lock(memory, hash);
	struct slot *slot = find_or_add(memory, shard, hash, now_ms);

	if (slot->value == 0)
		slot->expires_ms = now_ms + window_ms;
	if (slot->value < UINT32_MAX)
		slot->value++;
	*ret_count = (uint32_t)slot->value;
	unlock(shard);
}

/* Whoever was told of the mark sees this too: it is set before the lock is let go. */
static void note_mark(struct memory *memory, int64_t until_ms)
{
	int64_t seen_ms = atomic_load(&memory->marked_until_ms);

	while (seen_ms < until_ms && !atomic_compare_exchange_weak(&memory->marked_until_ms, &seen_ms, until_ms))
		;
}

void memory_mark(struct memory *memory, struct str key, int64_t life_ms)
{
	uint64_t hash = hash_of(ENTRY_MARK, key);
	int64_t now_ms = clock_ms();
	struct shard *shard = lock(memory, hash);

	find_or_add(memory, shard, hash, now_ms)->expires_ms = now_ms + life_ms;
	note_mark(memory, now_ms + life_ms);
	unlock(shard);
}

void memory_marked(struct memory *memory, struct str key, int64_t *ret_left_ms)
{
	int64_t now_ms = clock_ms();
	struct shard *shard;
	const struct slot *slot;
	uint64_t hash;

	CHECK_OBJ(memory, MEMORY_MAGIC);
	*ret_left_ms = 0;
	if (now_ms >= atomic_load(&memory->marked_until_ms))
		return;
	hash = hash_of(ENTRY_MARK, key);
	shard = lock(memory, hash);
	slot = find(shard, hash, now_ms);
	if (slot != NULL)
		*ret_left_ms = slot->expires_ms - now_ms;
	unlock(shard);
}

static void clear(struct memory *memory, uint64_t hash)
{
	struct shard *shard = lock(memory, hash);
	struct slot *slot = find(shard, hash, INT64_MIN);

	if (slot != NULL)
		drop(shard, slot);
	unlock(shard);
}

void memory_clear(struct memory *memory, struct str key)
{
	clear(memory, hash_of(ENTRY_COUNT, key));
	clear(memory, hash_of(ENTRY_MARK, key));
}

struct state_stats memory_stats(struct memory *memory)
{
	struct state_stats stats = {0};

	CHECK_OBJ(memory, MEMORY_MAGIC);
	for (size_t i = 0; i < SHARDS; i++) {
		struct shard *shard = lock(memory, i);

		stats.entries += shard->entries;
		stats.evicted += shard->evicted;
		unlock(shard);
	}
	return stats;
}
