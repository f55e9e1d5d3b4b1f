/* Reports of ad platforms as rows: what a platform told of an ad account, until when it holds, and who fetches it anew.
 * A row is also the place of the lease: one process in the fleet fetches at a time. */
#ifndef GATEHOUSE_STORE_METRIC_H
#define GATEHOUSE_STORE_METRIC_H

#include "store/store.h"

#define METRIC_BYTES_MAX (8 * 1024 * 1024)	      /* of a document: some 40,000 rows */
#define METRIC_SMALL_BYTES 64			      /* of a document that says but that there is nothing */
#define METRIC_ROWS_PER_TENANT 2000		      /* three platforms, ten accounts, all reports in all ranges */
#define METRIC_BYTES_PER_TENANT (256LL * 1024 * 1024) /* of documents; those not used for longest go first */
#define METRIC_LIFE_MS (90LL * 86400 * 1000)	      /* then it is deleted, whoever uses it */

/* Which report. All are compared byte by byte; what a report has none of is empty. */
struct metric_key {
	struct str tenant_id, platform, upstream, account, holder, ad_account, report, range;
};

struct metric {
	struct metric_key key;
	struct str document;	     /* JSON object; empty: not fetched yet, or not asked for */
	int64_t bytes, row_count;    /* of the document */
	int64_t start_day, end_day;  /* since 1970, in the account's time zone; of a report without range: 0 */
	int64_t fetched_ms, used_ms; /* wall time; 0: never */
	struct str lease_by;	     /* empty: nobody */
	int64_t lease_until_ms;
	int64_t failed_ms;  /* of the last failure since it was fetched; 0: none */
	struct str failure; /* JSON object */
};

/* A report.
 *   with_document  false: the read is small; of `document` there is what has METRIC_SMALL_BYTES at most, else nothing
 *   ret_metric     texts in `arena`; `key` is a copy of the one given
 *   Errors         ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err metric_find(struct db *db, struct arena *arena, const struct metric_key *key, bool with_document,
			       struct metric *ret_metric) AWAITS;

/* Take the lease of a report; its row is made where there is none.
 *   by         nobody else's: an id of this piece of work
 *   Errors     ERR_BUSY: somebody has it until later; ERR_DB ... */
NODISCARD enum err metric_lease(struct db *db, const struct metric_key *key, struct str by, int64_t now_ms,
				int64_t until_ms) AWAITS;
/* Keep it for longer.   Errors     ERR_NOT_FOUND: it is somebody else's by now, or the row has gone */
NODISCARD enum err metric_renew(struct db *db, const struct metric_key *key, struct str by, int64_t until_ms) AWAITS;

/* What was fetched takes the place of the old document and ends the lease; what of the tenant is beyond its bounds
 * goes. fetched    document, start_day, end_day, fetched_ms Errors     ERR_NOT_FOUND: the lease was lost, nothing has
 * changed; ERR_LIMIT: larger than METRIC_BYTES_MAX */
NODISCARD enum err metric_keep(struct db *db, const struct metric_key *key, struct str by, const struct metric *fetched)
	AWAITS;
/* Give the lease back: nothing was to be done. */
NODISCARD enum err metric_release(struct db *db, const struct metric_key *key, struct str by) AWAITS;
/* It could not be fetched: ends the lease, leaves the old document. */
NODISCARD enum err metric_fail(struct db *db, const struct metric_key *key, struct str by, int64_t now_ms,
			       struct str failure) AWAITS;

/* Somebody has asked for it. */
NODISCARD enum err metric_use(struct db *db, const struct metric_key *key, int64_t now_ms) AWAITS;

/* Forget a tenant's reports of a platform (empty: of all).   ret_count  how many there were */
NODISCARD enum err metric_forget(struct db *db, struct str tenant_id, struct str platform, int64_t *ret_count) AWAITS;

/* A tenant's reports without documents, by id.
 *   after      an id; empty: from the beginning
 *   ret_ids    beside them; all in `arena` */
NODISCARD enum err metric_list(struct db *db, struct arena *arena, struct str tenant_id, struct str after,
			       int64_t limit, struct metric **ret_metrics, struct str **ret_ids, size_t *ret_count)
	AWAITS;

#endif
