/* The shared backend: Valkey or Redis, through one connection for each loop and one that listens. What the functions
 * mean stands in state.h; each of them returns ERR_BUSY at once while the server is not there, and when it goes away
 * while they wait. Private to state. */
#ifndef GATEHOUSE_STATE_VALKEY_H
#define GATEHOUSE_STATE_VALKEY_H

#include "state/hints.h"
#include "state/place.h"

struct valkey;

/* Begin to connect, on all loops; waits for the first attempts, whether they succeed or not.
 *   spec, place  copied
 *   hints      what other processes say goes there; borrowed until valkey_close
 *   Errors     ERR_CONFIG, ERR_TLS: files that cannot be used, said in `problem`
 *   Runs on    a fiber of loop 0, as valkey_close does */
NODISCARD enum err valkey_open(const struct state_spec *spec, const struct place *place, struct hints *hints,
			       struct buf *problem, struct valkey **ret_valkey) AWAITS;
void valkey_close(struct valkey *valkey) AWAITS; /* NULL is fine */

/* Processes that listened when last asked, this one too; at least 1.
 *   Runs on    any thread */
unsigned valkey_fellows(const struct valkey *valkey);

/* Whether any loop is without its connection; requests that failed.
 *   Runs on    any thread */
bool valkey_is_down(const struct valkey *valkey);
uint64_t valkey_failures(const struct valkey *valkey);

/* As the doors of the same name. */
NODISCARD enum err valkey_take(struct valkey *valkey, struct state_take *takes, size_t count, size_t *ret_allowed)
	AWAITS;
NODISCARD enum err valkey_count(struct valkey *valkey, struct str key, int64_t window_ms, uint32_t *ret_count) AWAITS;
NODISCARD enum err valkey_mark(struct valkey *valkey, struct str key, int64_t life_ms) AWAITS;
NODISCARD enum err valkey_marked(struct valkey *valkey, struct str key, int64_t *ret_left_ms) AWAITS;
NODISCARD enum err valkey_clear(struct valkey *valkey, struct str key) AWAITS;
NODISCARD enum err valkey_put(struct valkey *valkey, struct str key, struct str value, int64_t life_ms) AWAITS;
NODISCARD enum err valkey_get(struct valkey *valkey, struct arena *arena, struct str key, struct str *ret_value) AWAITS;
NODISCARD enum err valkey_claim(struct valkey *valkey, struct arena *arena, struct str key, struct str *ret_value)
	AWAITS;
NODISCARD enum err valkey_drop(struct valkey *valkey, struct str key) AWAITS;
NODISCARD enum err valkey_lease(struct valkey *valkey, struct str key, uint64_t holder, int64_t life_ms, bool *ret_held)
	AWAITS;
NODISCARD enum err valkey_lease_end(struct valkey *valkey, struct str key, uint64_t holder) AWAITS;
NODISCARD enum err valkey_join(struct valkey *valkey, struct str set, const struct state_member *member,
			       int64_t life_ms) AWAITS;
NODISCARD enum err valkey_leave(struct valkey *valkey, struct str set, uint64_t id) AWAITS;
NODISCARD enum err valkey_members(struct valkey *valkey, struct arena *arena, struct str set,
				  struct state_member **ret_members, size_t *ret_count) AWAITS;
NODISCARD enum err valkey_draw(struct valkey *valkey, struct str key, const struct state_draw *draw, int64_t *ret_drawn)
	AWAITS;
NODISCARD enum err valkey_hint(struct valkey *valkey, struct str hint) AWAITS;

#endif
