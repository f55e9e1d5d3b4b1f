/* The audit trail: one row for each security-relevant event and each tool call, chained by
 * HMAC, never arguments or results. Rows go through a bounded ring per loop to the database
 * writer; a full ring slows the caller down, no row is ever dropped. */
#ifndef GATEHOUSE_AUDIT_AUDIT_H
#define GATEHOUSE_AUDIT_AUDIT_H

#include "base/crypto.h"
#include "db/db.h"

enum audit_durability {
	AUDIT_GROUP,  /* an answer waits until its row is queued; kill -9 loses at most commit_ms of rows */
	AUDIT_STRICT, /* an answer waits until its row is committed */
};

/* One event. Strings are copied (each cut at 256 bytes); static ones may be passed as they are. */
struct audit_record {
	struct str event; /* one of events.def */
	struct str tenant_id, principal, ip, request_id, target, upstream, outcome;
	int64_t duration_us, bytes_in, bytes_out;
};

struct audit;

/* Start; one at a time per database.
 *   key        of the chain; taken over
 *   Errors     none yet; reserved for backends that must connect
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err audit_start(struct db *db, struct secret *key, enum audit_durability durability,
			       struct audit **ret_audit) AWAITS;

/* Commit every queued row (for at most 5 s when the database takes none) and stop. Nobody may be
 * appending any more.
 *   Runs on    a fiber of loop 0 */
void audit_stop(struct audit *audit) AWAITS;

/* From now on addresses in rows that name a principal and a tenant are sealed with a key of that person: see seals.h.
 * Those of strangers stay plain: they are what one blocks, and nobody is known to whom they belong.
 *   key        seals persons' keys; borrowed until audit_stop
 *   Runs on    loop 0, before the first row */
void audit_seal_addresses(struct audit *audit, const struct secret *key);

/* The form that audit_append would give an address, for who writes many rows of one caller; it goes into a record's
 * `ip` as it is.
 *   ret_text   in `out` or `address` itself
 *   Errors     those of the database */
#define AUDIT_ADDRESS_BYTES_MAX 104
NODISCARD enum err audit_address(struct audit *audit, struct str tenant_id, struct str principal, struct str address,
				 char out[AUDIT_ADDRESS_BYTES_MAX], struct str *ret_text) AWAITS;

/* Queue a row (and, with AUDIT_STRICT, wait for its commit). Shielded: a canceled caller's row
 * is queued all the same, bounded by 5 s.
 *   Errors     ERR_BUSY: the database takes no rows; the caller must not answer success */
NODISCARD enum err audit_append(struct audit *audit, const struct audit_record *record) AWAITS;

/* Walk the chain from the anchor (the last archived row, if there is one) to its end, a page at a time; rows may be
 * appended and archived meanwhile.
 *   ret_rows   how many there ever were; those in the table are sound
 *   problem    on ERR_DB_CORRUPT a sentence that names the first bad row
 *   Errors     ERR_DB_CORRUPT: a row was changed, is missing (also at the end) or out of order;
 *              ERR_DB, ERR_CANCELED ... */
NODISCARD enum err audit_verify(struct db *db, const struct secret *key, struct buf *problem, int64_t *ret_rows) AWAITS;

/* The chain's key, for who archives its rows; borrowed until audit_stop. */
const struct secret *audit_key(const struct audit *audit);

struct audit_stats {
	uint64_t rows;	  /* committed since the start */
	uint64_t waiting; /* in the rings */
	uint64_t waits;	  /* callers that had to wait for room */
};

/* Counters over all loops.
 *   Runs on    any thread; approximate while rows move */
struct audit_stats audit_stats(const struct audit *audit);

#endif
