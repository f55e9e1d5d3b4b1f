/* Short-lived state that all loops and all replicas share: rates, counters, marks, values, leases, who is
 * there. Two backends behind one face: a table in memory for one process, Valkey or Redis for a fleet;
 * hence AWAITS. Nothing here must survive a restart. Bounded: the oldest entries go first. */
#ifndef GATEHOUSE_STATE_STATE_H
#define GATEHOUSE_STATE_STATE_H

#include "base/arena.h"
#include "rt/loop.h"

struct state;

/* The memory backend, for this process alone. Takes pages as entries come (24 bytes a slot, at most
 * four times the slots asked for).
 *   Runs on    any thread */
struct state *state_memory_new(size_t entries_max);

/* Where it is and how it is reached.
 *   place      "memory", "redis://[USER@]HOST[:PORT][/DB]", "rediss://..." (TLS), "unix:/PATH"
 *   password_file  mode 0600; empty: none. ca_file: empty: the system's
 *   prefix     of all keys, so that several installations can share a server
 *   timeout_ms without an answer the server counts as down */
struct state_spec {
	struct str place, password_file, ca_file, prefix;
	int64_t timeout_ms;
	size_t entries_max; /* of this process's own table */
};
#define STATE_TIMEOUT_MS 150 /* what a call may lose when the server goes away, once */

/* Open either backend. A server that is not there is no error: until it comes this process counts alone.
 *   problem    a sentence, on error
 *   Errors     ERR_CONFIG, ERR_TLS: a place or file that cannot be used; ERR_CANCELED ...
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err state_open(const struct state_spec *spec, struct buf *problem, struct state **ret_state) AWAITS;

/* Whether such a place can be understood.
 *   Errors     ERR_CONFIG, with a sentence in `problem` */
NODISCARD enum err state_place_check(struct str place, struct buf *problem);

/* NULL is fine; nobody may be using it.
 *   Runs on    a fiber of loop 0 */
void state_free(struct state *state) AWAITS;

#define STATE_KEY_BYTES_MAX 256 /* of every key and name of a set */

struct rate {
	uint32_t limit; /* per window; 0: unlimited */
	int64_t window_ms;
};
struct rate_verdict {
	bool allowed;
	uint32_t limit, remaining;
	int64_t reset_ms; /* until the full limit is free again */
	int64_t retry_ms; /* until one more is allowed; 0 when allowed */
};

/* Take one from the rate of `key` (GCRA: `limit` at once, then evenly). While the shared backend is down
 * this process counts alone, with its share of the limit. */
NODISCARD enum err state_take(struct state *state, struct str key, const struct rate *rate,
			      struct rate_verdict *ret_verdict) AWAITS;

/* Take one from each of several rates, in order, until one refuses: one round trip for all. Those behind the one that
 * refused are not touched.
 *   ret_allowed  how many allowed; less than `count`: takes[*ret_allowed].verdict says why */
#define STATE_TAKES_MAX 4
struct state_take {
	struct str key;
	const struct rate *rate;
	struct rate_verdict verdict;
};
NODISCARD enum err state_take_each(struct state *state, struct state_take *takes, size_t count, size_t *ret_allowed)
	AWAITS;

/* Add one to a counter that forgets after `window_ms` since its first count. */
NODISCARD enum err state_count(struct state *state, struct str key, int64_t window_ms, uint32_t *ret_count) AWAITS;

/* A mark with a life: set it (again: a new life), ask for it (ms left, 0 none). */
NODISCARD enum err state_mark(struct state *state, struct str key, int64_t life_ms) AWAITS;
NODISCARD enum err state_marked(struct state *state, struct str key, int64_t *ret_left_ms) AWAITS;

/* This process's own table as a state of its own, for what must not cost a round trip; without a shared backend
 * it is `state` itself. */
struct state *state_here(struct state *state);

/* Forget the mark and the counter of a key; its rate stays. Rates, counters and marks under
 * one key don't meet. */
NODISCARD enum err state_clear(struct state *state, struct str key) AWAITS;

/* Draw from a counter that all processes share and that drawing never brings beyond `max`. What is drawn is used
 * without asking again; what is left of it is put back, or lost when a process dies. least      what the counter is at
 * least: it begins there or is raised to it; negative: not known, and no counter is begun wanted     negative: put so
 * many back share      at most one part in so many of what is left is drawn, but one where there is one; 1: all
 *   ret_drawn  0..wanted; -1: there is no counter
 *   Errors     ERR_BUSY: there is no shared backend, or it is down */
struct state_draw {
	int64_t least, max, wanted, share, life_ms;
};
NODISCARD enum err state_draw(struct state *state, struct str key, const struct state_draw *draw, int64_t *ret_drawn)
	AWAITS;
bool state_is_shared(const struct state *state);

/* Processes that were last seen at the shared backend, this one too; 1 without one.
 *   Runs on    any thread */
unsigned state_processes(const struct state *state);

/* A value with a life, of at most STATE_VALUE_BYTES_MAX. The last one put is what is there; it may go at
 * any time.
 *   ret_value  in `arena`; p NULL: none
 *   Errors     ERR_LIMIT; ERR_BUSY: the shared backend is down */
#define STATE_VALUE_BYTES_MAX (4 * 1024 * 1024)
NODISCARD enum err state_put(struct state *state, struct str key, struct str value, int64_t life_ms) AWAITS;
NODISCARD enum err state_get(struct state *state, struct arena *arena, struct str key, struct str *ret_value) AWAITS;
NODISCARD enum err state_drop(struct state *state, struct str key) AWAITS;

/* Get it and drop it as one: of several who ask, one gets it. As state_get. */
NODISCARD enum err state_claim(struct state *state, struct arena *arena, struct str key, struct str *ret_value) AWAITS;

/* A lease: at most one holder at a time, as far as clocks agree. It saves double work; correctness must not
 * depend on it. Take it, or extend it as its holder; end it early.
 *   holder     not 0
 *   ret_held   whether `holder` has it now
 *   Errors     ERR_BUSY: the shared backend is down */
NODISCARD enum err state_lease(struct state *state, struct str key, uint64_t holder, int64_t life_ms, bool *ret_held)
	AWAITS;
NODISCARD enum err state_lease_end(struct state *state, struct str key, uint64_t holder) AWAITS;

/* Who is there: be a member of `set` for `life_ms` with a few words about oneself; leave; all living members.
 *   ret_members  in `arena`, at most STATE_MEMBERS_MAX, by ascending id
 *   Errors       ERR_LIMIT: too many; ERR_BUSY: the shared backend is down */
#define STATE_MEMBERS_MAX 256
#define STATE_MEMBER_BYTES_MAX 256
struct state_member {
	uint64_t id;
	struct str words;
};
NODISCARD enum err state_join(struct state *state, struct str set, const struct state_member *member, int64_t life_ms)
	AWAITS;
NODISCARD enum err state_leave(struct state *state, struct str set, uint64_t id) AWAITS;
NODISCARD enum err state_members(struct state *state, struct arena *arena, struct str set,
				 struct state_member **ret_members, size_t *ret_count) AWAITS;

/* A hint to every process, this one too. Nothing may depend on one arriving; who did not hear for a while is told so,
 * by the hint STATE_HINT_MISSED.
 *   on_hint    a callback of loop 0
 *   Runs on    state_listen: loop 0, once, before the first hint; state_hint: any fiber */
#define STATE_HINT_BYTES_MAX 128
#define STATE_HINT_MISSED "missed"
void state_listen(struct state *state, void (*on_hint)(void *arg, struct str hint), void *arg);
NODISCARD enum err state_hint(struct state *state, struct str hint) AWAITS;

struct state_stats {
	uint64_t entries; /* kept, some of them expired and not yet swept; 0 with the shared backend */
	uint64_t evicted; /* pushed out before their time */
	bool shared, down;
	unsigned processes; /* that were last seen at the shared backend: each one's share while it is down */
	uint64_t failures;  /* requests to the shared backend that failed */
};

/* Counters over all shards; takes each shard's lock for a moment.
 *   Runs on    any thread */
struct state_stats state_stats(struct state *state);

#endif
