/* Audit rows as they lie in the database, and the canonical bytes their chain is computed
 * over. The audit room decides what is a row; this file only keeps it. */
#ifndef GATEHOUSE_STORE_AUDIT_ROW_H
#define GATEHOUSE_STORE_AUDIT_ROW_H

#include "store/store.h"

struct audit_row {
	int64_t seq; /* 1, 2, 3 ... without gaps */
	int64_t at_ms;
	struct str event; /* "tool.call", "auth.failed", "key.created", ... */
	struct str tenant_id, principal, ip, request_id;
	struct str target;  /* tool (as the client named it), resource, key id ... */
	struct str upstream;
	struct str outcome; /* "ok", "tool_error" or an error's name */
	int64_t duration_us, bytes_in, bytes_out;
	uint8_t mac[32]; /* HMAC(audit key, previous mac, canonical bytes of this row) */
};

NODISCARD enum err audit_row_insert(struct db_tx *tx, const struct audit_row *row);

/* The last row's seq and mac; seq 0 and zero bytes when there is none. */
NODISCARD enum err audit_row_last(struct db_tx *tx, int64_t *ret_seq, uint8_t ret_mac[32]);

/* Up to `limit` rows with seq > after, in order. */
NODISCARD enum err audit_row_page(struct db *db, struct arena *arena, int64_t after_seq, size_t limit,
                                  struct audit_row **ret_rows, size_t *ret_count) AWAITS;

#endif
