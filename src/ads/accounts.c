/* The ad accounts of a platform that somebody reaches: those of all places, each once, by their ids. A place that
 * cannot be asked makes the whole list unknown: `accountIndex` would count in another list than yesterday. */
#include <stdlib.h>

#include "ads/private.h"
#include "base/check.h"

#define PLACES_MAX 16 /* of a tenant at a platform that are looked at */

static int by_id(const void *a, const void *b)
{
	const struct ads_account *x = a, *y = b;

	return str_cmp(x->account.id, y->account.id);
}

/* Those of one place, behind what is there already. */
static void add(struct ads_account *accounts, size_t *count, const struct ads_account *of, const struct report *report)
{
	const struct ad_account *rows = report->rows;

	for (size_t i = 0; i < report->count && *count < ADS_ACCOUNTS_MAX; i++) {
		bool is_there = str_eq(rows[i].status, STR("removed"));

		for (size_t j = 0; j < *count && !is_there; j++)
			is_there = str_eq(accounts[j].account.id, rows[i].id);
		if (!is_there)
			accounts[(*count)++] =
				(struct ads_account){.place = of->place, .platform = of->platform, .account = rows[i]};
	}
}

AWAITS static enum err look_at(struct ads *ads, const struct ads_account *of, int64_t not_before_ms,
			       struct arena *arena, struct ads_account *accounts, size_t *count,
			       struct ads_failure *ret_failure)
{
	AUTO_BUF problem = {0};
	struct cached cached;
	struct report report;
	struct str next;

	if (not_before_ms > 0)
		TRY(ads_refresh(ads, of, REPORT_ACCOUNTS, RANGE_NONE, not_before_ms, arena, NULL, ret_failure));
	TRY(cache_get(ads, of, REPORT_ACCOUNTS, RANGE_NONE, arena, &cached, ret_failure));
	TRY(cache_read(ads, &cached, arena));
	report_begin(&report, REPORT_ACCOUNTS, of->platform, arena);
	TRY(report_take(&report, cached.row.document, &next, &problem));
	add(accounts, count, of, &report);
	return OK;
}

AWAITS enum err ads_accounts(struct ads *ads, struct str tenant_id, struct str holder, enum ads_platform platform,
			     int64_t not_before_ms, struct arena *arena, struct ads_account **ret_accounts,
			     size_t *ret_count, struct ads_failure *ret_failure)
{
	const struct ads_source *source = &ads->spec.source;
	struct ads_account *accounts = arena_try_alloc(arena, ADS_ACCOUNTS_MAX * sizeof(*accounts));
	struct ads_place *places;
	size_t count = 0, place_count;
	enum err err;

	CHECK_OBJ(ads, ADS_MAGIC);
	if (accounts == NULL)
		return ERR_LIMIT;
	TRY(source->places(source->arg, tenant_id, holder, platform, arena, &places, &place_count));
	if (place_count == 0)
		return ERR_NOT_FOUND;
	for (size_t i = 0; i < place_count && i < PLACES_MAX; i++) {
		const struct ads_account of = {.place = places[i], .platform = platform};

		err = look_at(ads, &of, not_before_ms, arena, accounts, &count, ret_failure);
		if (err != OK) {
			ret_failure->upstream = places[i].upstream;
			ret_failure->account = places[i].account;
			return err;
		}
	}
	qsort(accounts, count, sizeof(*accounts), by_id);
	*ret_accounts = accounts;
	*ret_count = count;
	return OK;
}
