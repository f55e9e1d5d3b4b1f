/* Audit rows as they lie in the database, and the mark that says where their chain ends. The
 * audit room decides what a row says and computes the chain; this file only keeps it. */
#ifndef GATEHOUSE_STORE_AUDIT_ROW_H
#define GATEHOUSE_STORE_AUDIT_ROW_H

#include "store/store.h"

#define AUDIT_MAC_BYTES 16 /* HMAC-SHA256 cut to its half: RFC 2104 section 5 */

struct audit_row {
	int64_t seq;  /* 1, 2, 3 ... without gaps */
	bool damaged; /* when read: a cell is not of the type it was written with */
	int64_t at_ms;
	struct str event; /* one of audit/events.def */
	struct str tenant_id, principal, ip, request_id;
	struct str target; /* tool (as the client named it), resource, key id ... */
	struct str upstream;
	struct str outcome; /* "ok", "tool_error" or an error's name */
	int64_t duration_us, bytes_in, bytes_out;
	uint8_t mac[AUDIT_MAC_BYTES]; /* HMAC(audit key, previous mac, canonical bytes of this row) */
};

/* Where the chain ends: rewritten by every transaction that adds rows, so that cutting off the
 * last ones shows. All zero before the first row. */
struct audit_head {
	int64_t seq;
	uint8_t mac[AUDIT_MAC_BYTES];  /* of row seq */
	uint8_t seal[AUDIT_MAC_BYTES]; /* HMAC over both */
};

/* Insert the rows that `next` hands out, numbered onwards from the last one in the table.
 *   next       fills *row; the strings live until the next call */
NODISCARD enum err audit_row_insert(struct db_tx *tx, bool (*next)(void *arg, struct audit_row *row), void *arg);

/* The number of the last row in the table, 0 when it is empty. */
NODISCARD enum err audit_row_last(struct db_tx *tx, int64_t *ret_seq);

/* Whether the row of that number is there and ends in that mac. */
NODISCARD enum err audit_row_is(struct db_tx *tx, int64_t seq, const uint8_t mac[AUDIT_MAC_BYTES], bool *ret_is);

/* The head as it was left; locked until the transaction ends, so that processes take turns; changed by whoever can
 * write to the file, so check its seal. A missing one reads as all zero. */
NODISCARD enum err audit_head_read(struct db_tx *tx, struct audit_head *ret_head);
NODISCARD enum err audit_head_write(struct db_tx *tx, const struct audit_head *head);

/* The same outside of a transaction. */
NODISCARD enum err audit_head_get(struct db *db, struct audit_head *ret_head) AWAITS;

/* The last row that was archived: the table begins behind it. As untrusted as the head; all zero when nothing was
 * archived yet. */
NODISCARD enum err audit_anchor_get(struct db *db, struct audit_head *ret_anchor) AWAITS;

/* Up to `limit` rows with seq > after, in order. */
NODISCARD enum err audit_row_page(struct db *db, struct arena *arena, int64_t after_seq, size_t limit,
				  struct audit_row **ret_rows, size_t *ret_count) AWAITS;

#endif
