/* Finding rows of the trail. */
#ifndef GATEHOUSE_STORE_AUDIT_SEARCH_H
#define GATEHOUSE_STORE_AUDIT_SEARCH_H

#include "store/audit_row.h"

/* Rows that a search is for; empty texts: any. */
struct audit_search {
	struct str tenant_id; /* p NULL: of all, also of none */
	struct str event;     /* with * for anything */
	struct str principal, target, outcome, request_id;
	int64_t from_ms, to_ms; /* 0 any */
	int64_t after_seq;	/* the row where the last search ended; 0 from the beginning */
	bool newest_first;
};

#define AUDIT_SCAN_ROWS 200000	     /* of all tenants that one search looks at: some 100 ms of a worker thread */
#define AUDIT_TENANT_ROWS 20000	     /* of the tenant, which lie apart */
#define AUDIT_DISORDER_MS 60000	     /* rows wait 5 s for a commit at most; clocks of replicas differ */
#define AUDIT_SEARCH_BLOCKS_MAX 8192 /* places that are asked for at a time: 2.7e8 rows */

/* Find up to `limit` rows, looking at a bounded number. A time narrows what is looked at: rows are nearly in its
 * order. One that is further out of it than AUDIT_DISORDER_MS (a clock that was set back) may be missed by a search
 * with a time.
 *   ret_resume  after_seq to go on with; 0: there is nothing more
 *   Errors      ERR_DB ..., ERR_LIMIT */
NODISCARD enum err audit_row_search(struct db *db, struct arena *arena, const struct audit_search *search, size_t limit,
				    struct audit_row **ret_rows, size_t *ret_count, int64_t *ret_resume) AWAITS;

/* Note down whose rows those of the next complete block are (SQLite; PostgreSQL has an index, and nothing is to do).
 * A job's: it takes the writer for some 30 ms, so pause between two.
 *   ret_made   false: no block is complete that is not noted */
#define AUDIT_BLOCK_ROWS 32768
NODISCARD enum err audit_block_make(struct db *db, bool *ret_made) AWAITS;

#endif
