/* Calls of tools that do something at a platform: what is about to be sent, and what came out of calls with an
 * idempotency key. A row without a key lives from just before the sending until its outcome is known. */
#ifndef GATEHOUSE_STORE_TOOL_RUN_H
#define GATEHOUSE_STORE_TOOL_RUN_H

#include "base/random.h"
#include "store/store.h"

#define TOOL_RUN_LIFE_MS (24LL * 3600 * 1000)
#define TOOL_RUN_DIGEST_BYTES 32

/*   (none) --keyed--> WORKING --about to send--> SENDING --the result is there--> DONE
 *      |                 |                          |
 *      |                 +--nothing was sent--------+--the platform said no--> (none)
 *      +--not keyed, about to send----------------> SENDING --the outcome is known--> (none) */
enum tool_run_state { TOOL_RUN_WORKING, TOOL_RUN_SENDING, TOOL_RUN_DONE };

struct tool_run {
	struct str id, tenant_id, principal, upstream, tool;
	struct str key; /* empty: none was given */
	uint8_t digest[TOOL_RUN_DIGEST_BYTES];
	enum tool_run_state state;
	int64_t until_ms;  /* wall time: after it the process that made the row is not at it any more */
	struct str sealed; /* the result; empty */
	int64_t created_ms;
};

/* Write it down; rows of the tenant that are past TOOL_RUN_LIFE_MS go, and one with the same key whose process has died
 * before it sent anything.
 *   now_ms     wall time
 *   Errors     ERR_EXISTS: the key was taken by a call before; ERR_DB ... */
NODISCARD enum err tool_run_begin(struct db *db, const struct tool_run *run, int64_t now_ms) AWAITS;

/* The row of a key; the first unfinished one without a key that was about the same.
 *   ret_run    in `arena`
 *   Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err tool_run_of_key(struct db *db, struct arena *arena, struct str tenant_id, struct str principal,
				   struct str key, struct tool_run *ret_run) AWAITS;
NODISCARD enum err tool_run_alike(struct db *db, struct arena *arena, struct str tenant_id, struct str principal,
				  const uint8_t digest[TOOL_RUN_DIGEST_BYTES], int64_t now_ms, struct tool_run *ret_run)
	AWAITS;

/* It is about to send, and will know by `until_ms`; it will not know any more, with a time that is past.
 *   Errors     ERR_NOT_FOUND: the row was taken over */
NODISCARD enum err tool_run_sending(struct db *db, struct str tenant_id, struct str id, int64_t until_ms) AWAITS;

/* Keep the result of a keyed call.
 *   sealed     by the vault; empty: it was not kept
 *   Errors     ERR_NOT_FOUND: the row, or the key it is sealed under, has gone */
NODISCARD enum err tool_run_finish(struct db *db, struct str tenant_id, struct str id, struct str sealed) AWAITS;

/* Nothing has happened, or all is known: the call may be made again. */
NODISCARD enum err tool_run_forget(struct db *db, struct str tenant_id, struct str id) AWAITS;

#endif
