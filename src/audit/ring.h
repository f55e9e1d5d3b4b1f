/* One loop's queue of encoded rows: one producer (the loop), one consumer (the database's writer
 * thread), no locks. Rows stay in it until they are committed, so a transaction that fails
 * loses nothing. Private to audit. */
#ifndef GATEHOUSE_AUDIT_RING_H
#define GATEHOUSE_AUDIT_RING_H

#include <stdatomic.h>

#include "audit/chain.h"
#include "rt/loop.h"

/* Room for AUDIT_RING_ROWS usual rows, a good 900 of the largest. Pages are touched as they are
 * needed, and an empty ring starts over at its first page. */
#define RING_BYTES (2 * 1024 * 1024)

struct ring {
	uint32_t magic;
	struct loop *loop;
	uint8_t *bytes; /* RING_BYTES, mapped */

	/* the producer's */
	_Alignas(64) size_t write_at;
	uint64_t put;	     /* rows so far: `queued` without the atomic load */
	struct list waiters; /* struct ring_waiter, for room or for a commit */
	atomic_uint_fast64_t queued;

	/* the consumer's */
	_Alignas(64) size_t read_at;
	uint64_t drained;
	atomic_size_t free_at; /* everything before it (going round) may be overwritten */
	atomic_uint_fast64_t committed;

	/* who wakes whom: enum ring_wake */
	_Alignas(64) atomic_uint wake;
	struct task task;
};

/* A ring for the rows of `loop` (NULL when nobody will wait). ring_free wants it idle: no waiters,
 * nothing posted; NULL is fine.
 *   Runs on    any thread to make, the loop to free */
struct ring *ring_new(struct loop *loop);
void ring_free(struct ring *ring);

/* --- on the loop --- */

/* Append a row; false when there is no room. */
bool ring_put(struct ring *ring, const struct chain_body *body);

/* Wait until `row` rows, counted from the ring's birth, are committed.
 *   Errors     ERR_TIMEOUT, ERR_CANCELED */
NODISCARD enum err ring_wait(struct ring *ring, uint64_t row) AWAITS;

/* --- on the writer thread --- */

struct ring_row {
	uint8_t *head; /* CHAIN_HEAD_BYTES to fill in; the body follows */
	size_t body_bytes;
};

/* The next row that was not drained yet; false when there is none. */
bool ring_drain(struct ring *ring, struct ring_row *ret_row);

/* What was drained is committed: free it, wake who waits. Or it was not: drain it again. */
void ring_commit(struct ring *ring);
void ring_rewind(struct ring *ring);

/* --- on any thread --- */

/* Rows committed since its birth; rows put and not yet committed. */
uint64_t ring_committed(const struct ring *ring);
uint64_t ring_waiting(const struct ring *ring);

#endif
