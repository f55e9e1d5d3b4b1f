/* What was used in a month: calls and failures of each caller and of each tenant as a whole. */
#ifndef GATEHOUSE_STORE_USAGE_H
#define GATEHOUSE_STORE_USAGE_H

#include "store/store.h"

struct usage {
	struct str tenant_id;
	struct str principal; /* empty: the whole tenant */
	int month;	      /* 202611 */
	int64_t calls, failures;
};

/* The month of a time, and when it ends; both in UTC.
 *   Runs on    any thread */
int usage_month_of(int64_t wall_ms);
int64_t usage_month_end_ms(int64_t wall_ms);

/* Add to the rows (which need not exist yet): `calls` and `failures` are what came since the last time. In batches: an
 * error may leave some of them added.
 *   ret_done   how many of them are
 *   Errors     ERR_DB, ERR_BUSY, ERR_LIMIT (no memory) */
NODISCARD enum err usage_add(struct db *db, const struct usage *usages, size_t count, size_t *ret_done) AWAITS;

/* What a row has now; no row: zeros.
 *   ret_usage  with the given names */
NODISCARD enum err usage_get(struct db *db, struct str tenant_id, struct str principal, int month,
			     struct usage *ret_usage) AWAITS;

struct usage_search {
	struct str tenant_id;
	int month;	      /* 0: all */
	struct str principal; /* p NULL: all */
	int after_month;      /* the last row of the page before; 0: the first page */
	struct str after_principal;
	size_t limit;
};

/* A page of a tenant's rows, the latest month first, the whole tenant's before its callers'.
 *   ret_usages in `arena` */
NODISCARD enum err usage_page(struct db *db, struct arena *arena, const struct usage_search *search,
			      struct usage **ret_usages, size_t *ret_count) AWAITS;

/* Forget who used what before a month (202611); how much each tenant used stays. */
NODISCARD enum err usage_roll_up(struct db *db, int before_month) AWAITS;

#endif
