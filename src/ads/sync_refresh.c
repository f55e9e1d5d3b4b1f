/* Keeping one tenant's reports of one platform fresh: its ad accounts first, which also shows whether the account that
 * it connected still lets us in, then report by report. Accounts, days and campaigns always; another report only where
 * somebody has asked for it within a week, in the ranges that were asked for.
 *
 * One ad account that a report cannot be had of does not keep the others from theirs: that is said in the run's row,
 * which ends as `partial`. What may be better in a moment ends the step, and it is tried again: ads_refresh leaves
 * alone what was fetched since the run began. */
#include "ads/sync_private.h"

#include "base/clock.h"

static bool is_removed(const struct ads_account *account)
{
	return str_eq(account->account.status, STR("removed"));
}

static bool is_always_fresh(enum report_kind kind)
{
	return kind == REPORT_CAMPAIGN_DAYS || kind == REPORT_CAMPAIGNS;
}

/* The upstreams that were asked, each once. */
static struct str places_of(struct arena *arena, const struct ads_account *accounts, size_t count)
{
	AUTO_BUF names = {0};

	for (size_t i = 0; i < count; i++) {
		struct str name = accounts[i].place.upstream;
		bool known = false;

		for (size_t k = 0; k < i && !known; k++)
			known = str_eq(accounts[k].place.upstream, name);
		if (!known)
			buf_put_fmt(&names, "%s%.*s", names.n > 0 ? "," : "", STR_ARG(name));
	}
	return arena_str(arena, buf_str(&names));
}

AWAITS static enum err accounts_of(struct sync_run *run, struct ads_account **ret_accounts, size_t *ret_count)
{
	enum err err = ads_accounts(run->sync->spec.ads, run->tenant_id, STR(""), run->platform, run->started_ms,
				    run->arena, ret_accounts, ret_count, &run->failure);

	if (err == ERR_NOT_FOUND) {
		run->failure = (struct ads_failure){.class = STR("not_connected"),
						    .message = STR("no account is connected by now")};
		return ERR_TOOL_FAILED;
	}
	TRY(err);
	run->place = places_of(run->arena, *ret_accounts, *ret_count);
	return OK;
}

/* The first call of a run: the token is renewed if it has to be, and an account that is refused ends the run here. */
AWAITS static enum err acquire_token(struct sync_run *run, const struct sync_step *step, struct buf *out)
{
	struct ads_account *accounts;
	size_t count;

	TRY(accounts_of(run, &accounts, &count));
	run->reports = 1;
	buf_put_fmt(out, "{\"accounts\":%zu}", count);
	return OK;
}

/* Fetch one report, if it is to be kept fresh. */
AWAITS static enum err fetch_one(struct sync_run *run, const struct ads_account *account, enum report_kind kind,
				 enum report_range range)
{
	struct ads_fetched fetched = {0};
	bool wanted = is_always_fresh(kind);

	if (!wanted)
		TRY(ads_is_wanted(run->sync->spec.ads, account, kind, range, clock_wall_ms() - SYNC_WANTED_MS,
				  &wanted));
	if (!wanted)
		return OK;
	TRY(ads_refresh(run->sync->spec.ads, account, kind, range, run->started_ms, run->arena, &fetched,
			&run->failure));
	run->reports += fetched.fetched;
	run->rows += fetched.rows;
	run->bytes += fetched.bytes;
	return OK;
}

AWAITS static enum err fetch_ranges(struct sync_run *run, const struct ads_account *account, enum report_kind kind)
{
	if (!report_types[kind].ranged)
		return fetch_one(run, account, kind, RANGE_NONE);
	if (is_always_fresh(kind)) /* others are cut from the longest */
		return fetch_one(run, account, kind, RANGE_90_DAYS);
	for (enum report_range range = RANGE_7_DAYS; range < REPORT_RANGES; range++)
		TRY(fetch_one(run, account, kind, range));
	return OK;
}

/* What the platform does not have is nothing that is missing. */
static void note_problem(struct sync_run *run, const struct ads_account *account, enum report_kind kind, enum err err)
{
	struct str sentence;

	if (run->problem.n > 0 || (err == ERR_TOOL_FAILED && str_eq(run->failure.class, STR("unsupported"))))
		return;
	sentence = sync_sentence(run->arena, err, &run->failure);
	run->problem = arena_fmt(run->arena, "%s of ad account %.*s: %.*s", report_types[kind].name,
				 STR_ARG(account->account.id), STR_ARG(sentence));
}

AWAITS static enum err fetch(struct sync_run *run, const struct sync_step *step, struct buf *out)
{
	enum report_kind kind = (enum report_kind)step->arg;
	struct ads_account *accounts;
	enum err refused = OK;
	size_t count, good = 0;

	if (!report_is_offered(kind, run->platform))
		return OK;
	TRY(accounts_of(run, &accounts, &count));
	for (size_t i = 0; i < count; i++) {
		enum err err = is_removed(&accounts[i]) ? OK : fetch_ranges(run, &accounts[i], kind);

		if (err == OK) {
			good++;
			continue;
		}
		if (!sync_is_final(err, &run->failure))
			return err;
		if (sync_is_of_account(err, &run->failure))
			refused = err;
		note_problem(run, &accounts[i], kind, err);
	}
	if (refused != OK && good == 0)
		return refused;
	buf_put_fmt(out, "{\"reports\":%lld,\"rows\":%lld}", (long long)run->reports, (long long)run->rows);
	return OK;
}

#define FETCH(name, kind)                                                                                              \
	{                                                                                                              \
		"fetch-" name, fetch, kind                                                                             \
	}
#define TOKEN                                                                                                          \
	{                                                                                                              \
		"acquire-token", acquire_token, 0                                                                      \
	}
#define LOG_ROW                                                                                                        \
	{                                                                                                              \
		"write-sync-log", sync_write_log, 0                                                                    \
	}

/* `accounts` is fetched by the first step. */
const struct sync_step sync_google_steps[SYNC_GOOGLE_STEPS] = {
	TOKEN,
	FETCH("campaign_days", REPORT_CAMPAIGN_DAYS),
	FETCH("campaigns", REPORT_CAMPAIGNS),
	FETCH("search_terms", REPORT_SEARCH_TERMS),
	FETCH("pmax_terms", REPORT_PMAX_TERMS),
	FETCH("keywords", REPORT_KEYWORDS),
	FETCH("auction", REPORT_AUCTION),
	FETCH("competitors", REPORT_COMPETITORS),
	FETCH("asset_groups", REPORT_ASSET_GROUPS),
	FETCH("categories", REPORT_CATEGORIES),
	FETCH("simulations", REPORT_SIMULATIONS),
	LOG_ROW,
};

const struct sync_step sync_meta_steps[SYNC_META_STEPS] = {
	TOKEN,
	FETCH("campaign_days", REPORT_CAMPAIGN_DAYS),
	FETCH("campaigns", REPORT_CAMPAIGNS),
	FETCH("budgets_below", REPORT_BUDGETS_BELOW),
	FETCH("search_terms", REPORT_SEARCH_TERMS),
	FETCH("auction", REPORT_AUCTION),
	FETCH("pressure", REPORT_PRESSURE),
	LOG_ROW,
};

const struct sync_step sync_tiktok_steps[SYNC_TIKTOK_STEPS] = {
	TOKEN,
	FETCH("campaign_days", REPORT_CAMPAIGN_DAYS),
	FETCH("campaigns", REPORT_CAMPAIGNS),
	FETCH("budgets_below", REPORT_BUDGETS_BELOW),
	LOG_ROW,
};
