/* Reports of ad platforms, kept in table `metric` and answered from it: for the seven tools, for background work
 * (sync.h) and for commands.
 *
 *     ads_natives ─▶ tool.c ─▶ cache.c ──fresh, stale──▶ table `metric`
 *                                 └──absent, stale──▶ fetch.c ─▶ struct ads_source
 *
 *   Source     doc/decisions/0018-ad-analytics.md */
#ifndef GATEHOUSE_ADS_ADS_H
#define GATEHOUSE_ADS_ADS_H

#include "ads/report.h"
#include "connector/native.h"

#define ADS_STALE_MS (24LL * 3600 * 1000)	/* past its time a report is answered for so long */
#define ADS_ACCOUNTS_MAX 64			/* ad accounts of a tenant at a platform that are looked at */
#define ADS_ARENA_BYTES_MAX (128 * 1024 * 1024) /* a report of 8 MB as a tree and as rows */

struct ads; /* a process's */
struct db;

struct ads_spec {
	struct db *db;
	struct ads_source source;
	int64_t (*now_ms)(void); /* NULL: the wall clock; tests have their own */
	/* How long a report is fresh; NULL: as report_types say.
	 *   Runs on    any loop */
	int64_t (*fresh_ms)(void *arg, enum report_kind kind, enum ads_platform platform);
	void *fresh_arg;
};

/*   Runs on    loop 0; free after all calls, it waits for refreshes behind stale answers */
struct ads *ads_new(const struct ads_spec *spec);
void ads_free(struct ads *ads) AWAITS;

/* The operations of connectors/ads.yaml, `ads.get_account_health` and so on. Static; the room is `ads`. */
struct native_table ads_natives(struct ads *ads);

/* An ad account, and the place that it is reached through. */
struct ads_account {
	struct ads_place place;
	enum ads_platform platform;
	struct ad_account account;
};

/* The ad accounts of a platform that a tenant reaches, sorted by id; `accountIndex` counts in them. From the report
 * `accounts` of each place.
 *   holder        the caller's principal; empty: only what the tenant holds itself
 *   not_before_ms their reports must have been fetched since; 0: as fresh as reports are by themselves
 *   ret_accounts  in `arena`
 *   Errors        ERR_NOT_FOUND: no place; ERR_TOOL_FAILED: `ret_failure` says why; ERR_CREDENTIAL_*, ERR_DB ... */
NODISCARD enum err ads_accounts(struct ads *ads, struct str tenant_id, struct str holder, enum ads_platform platform,
				int64_t not_before_ms, struct arena *arena, struct ads_account **ret_accounts,
				size_t *ret_count, struct ads_failure *ret_failure) AWAITS;

/* What a refresh has done. */
struct ads_fetched {
	bool fetched; /* false: it was there already, or another has fetched it meanwhile */
	int64_t rows, bytes;
};

/* Fetch a report, unless that was done since `not_before_ms` (wall time): what steps of background work call. One
 * fetch in the fleet; others wait for it.
 *   range       RANGE_NONE for reports without; campaign_days: always RANGE_90_DAYS
 *   ret_fetched may be NULL
 *   ret_failure texts in `arena`
 *   Errors      ERR_TOOL_FAILED: see `ret_failure`, an older report stays; ERR_CREDENTIAL_*, ERR_TIMEOUT, ERR_DB ... */
NODISCARD enum err ads_refresh(struct ads *ads, const struct ads_account *of, enum report_kind kind,
			       enum report_range range, int64_t not_before_ms, struct arena *arena,
			       struct ads_fetched *ret_fetched, struct ads_failure *ret_failure) AWAITS;

/* Whether somebody has asked for it since `since_ms` (wall time, to an hour). */
NODISCARD enum err ads_is_wanted(struct ads *ads, const struct ads_account *of, enum report_kind kind,
				 enum report_range range, int64_t since_ms, bool *ret_wanted) AWAITS;

/* Forget reports: the next call fetches them anew. Other replicas follow within 10 s.
 *   platform   ADS_PLATFORMS: of all */
NODISCARD enum err ads_invalidate(struct ads *ads, struct str tenant_id, enum ads_platform platform, int64_t *ret_count)
	AWAITS;

/* Counters since the start.
 *   Runs on    any thread */
struct ads_stats {
	uint64_t hits;	   /* answered from memory or from a fresh report */
	uint64_t stale;	   /* from one past its time */
	uint64_t misses;   /* after a fetch */
	uint64_t fetches;  /* reports read from platforms by this process */
	uint64_t failures; /* that did not come */
	uint64_t bytes;	   /* of answers kept in memory */
};
struct ads_stats ads_stats(const struct ads *ads);

#endif
