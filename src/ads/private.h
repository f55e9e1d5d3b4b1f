/* What the files of the room share. Private to it. */
#ifndef GATEHOUSE_ADS_PRIVATE_H
#define GATEHOUSE_ADS_PRIVATE_H

#include <stdatomic.h>

#include "ads/ads.h"
#include "ads/rows.h"
#include "rt/loop.h"
#include "store/metric.h"

#define ADS_MAGIC 0x61647372u /* "adsr" */

#define COMPUTING_MAX 2		 /* calls of a loop that have documents in memory: 128 MB each at most */
#define COMPUTING_QUEUE_MAX 1024 /* that wait for it */

struct answers;

struct ads {
	uint32_t magic;
	struct ads_spec spec;
	struct answers *answers;
	struct gate computing[LOOPS_MAX]; /* a loop's own each */
	atomic_uint behind;		  /* refreshes that nobody waits for */
	atomic_bool closing;		  /* no more of them */
	atomic_uint_fast64_t hits, stale, misses, fetches, failures;
	atomic_uint_fast64_t epoch; /* grows when reports are forgotten: answers of before hold no more */
};

/* Wall time, or the test's. Any thread. */
int64_t ads_now(const struct ads *ads);

/* The row of a report. Borrowed from `of`. */
struct metric_key report_key(const struct ads_account *of, enum report_kind kind, enum report_range range);

/* ---- fetch.c ---- */

struct fetched {
	struct buf document;
	struct day_range days; /* of a report without range: both 0 */
	int64_t rows;
};

/* Read a whole report from its platform: all pages of all days, checked. All or nothing.
 *   fetched    zeroed; the caller frees its document
 *   arena      for texts of ret_failure
 *   Errors     ERR_TOOL_FAILED: see ret_failure; what ads_source gives */
NODISCARD enum err fetch_report(struct ads *ads, const struct ads_account *of, enum report_kind kind,
				enum report_range range, struct arena *arena, struct fetched *fetched,
				struct ads_failure *ret_failure) AWAITS;

/* The day before today where the account is; of a zone that nobody knows: by UTC.
 *   Runs on    a fiber; a worker thread reads the zone */
NODISCARD enum err account_yesterday(const struct ads *ads, struct str time_zone, civil_day *ret_day,
				     bool *ret_zone_known) AWAITS;

/* ---- cache.c ---- */

enum cache_state { CACHE_HIT, CACHE_MISS, CACHE_STALE };
struct cached {
	struct metric row;
	enum cache_state state;
	struct ads_failure failure; /* of a stale one: why there is no newer; class empty: none is known */
};

/* See to it that a report is there: fresh, or past its time while it is fetched anew behind the caller, or fetched now.
 *   ret_cached its row without the document; texts in `arena`
 *   Errors     as ads_refresh */
NODISCARD enum err cache_get(struct ads *ads, const struct ads_account *of, enum report_kind kind,
			     enum report_range range, struct arena *arena, struct cached *ret_cached,
			     struct ads_failure *ret_failure) AWAITS;

/* Read its document, which may be a newer one by now.
 *   Errors     ERR_BUSY: it was forgotten just now; ERR_LIMIT, ERR_DB ... */
NODISCARD enum err cache_read(struct ads *ads, struct cached *cached, struct arena *arena) AWAITS;

/* Until when a report counts as fresh, wall time. */
int64_t cache_fresh_until_ms(const struct ads *ads, const struct metric *row, enum report_kind kind,
			     enum ads_platform platform);

/* ---- failure.c ---- */

/* A failure as it is kept in a row, and read again: the error that it was, and its words. Reading gives ERR_TOOL_FAILED
 * where nothing else is known. */
void failure_write(enum err err, const struct ads_failure *failure, struct buf *out);
enum err failure_read(struct arena *arena, struct str text, struct ads_failure *ret_failure);
/* How long a platform is left alone after it, in ms. */
int64_t failure_rest_ms(const struct ads_failure *failure);
/* Whether an account has to be connected (anew). */
bool err_is_credential(enum err err);

#endif
