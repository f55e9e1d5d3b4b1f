/* From reports to what the computations read: days by campaign with what is known of each campaign, and the figures
 * that terms are held against. Everything is found by id; a campaign that no day speaks of does not occur. */
#include <stdlib.h>

#include "ads/tool.h"
#include "analytics/figures.h"
#include "base/map.h"

/* A day's row on its way to its place. */
struct placed {
	struct campaign_day day;
	uint32_t order; /* in which it came */
};

struct building {
	struct tool_run *run;
	struct campaign *campaigns;
	size_t count;
	struct map by_id; /* of struct campaign */
};

static int by_place(const void *a, const void *b)
{
	const struct placed *x = a, *y = b;

	if (x->day.campaign != y->day.campaign)
		return x->day.campaign < y->day.campaign ? -1 : 1;
	if (x->day.day != y->day.day)
		return x->day.day < y->day.day ? -1 : 1;
	return x->order < y->order ? -1 : x->order > y->order;
}

static uint32_t campaign_of(struct building *building, const struct day_row *row)
{
	struct campaign *campaign = map_get(&building->by_id, row->campaign_id);

	if (campaign == NULL) {
		campaign = &building->campaigns[building->count++];
		*campaign = (struct campaign){.id = row->campaign_id,
					      .name = STR(""),
					      .channel = STR(""),
					      .status = CAMPAIGN_UNKNOWN,
					      .budget_id = STR(""),
					      .budget_micros = -1,
					      .lost_to_budget = -1};
		map_put(&building->by_id, campaign->id, campaign);
	}
	if (row->name.n > 0)
		campaign->name = row->name;
	if (row->channel.n > 0)
		campaign->channel = row->channel;
	if (row->status != CAMPAIGN_UNKNOWN)
		campaign->status = row->status;
	return (uint32_t)(campaign - building->campaigns);
}

/* In order, each once.   returns   how many */
static size_t put_in_order(struct placed *placed, size_t count, struct campaign_day *days)
{
	size_t kept = 0;

	qsort(placed, count, sizeof(*placed), by_place);
	for (size_t i = 0; i < count; i++) {
		if (kept > 0 && days[kept - 1].campaign == placed[i].day.campaign &&
		    days[kept - 1].day == placed[i].day.day)
			kept--; /* a page that came twice: the later one counts */
		days[kept++] = placed[i].day;
	}
	return kept;
}

static void add_campaigns(struct building *building, const struct report *report)
{
	const struct campaign_row *rows = report->rows;

	for (size_t i = 0; i < report->count; i++) {
		struct campaign *campaign = map_get(&building->by_id, rows[i].campaign_id);

		if (campaign == NULL)
			continue;
		campaign->name = rows[i].name.n > 0 ? rows[i].name : campaign->name;
		campaign->channel = rows[i].channel.n > 0 ? rows[i].channel : campaign->channel;
		campaign->status = rows[i].status != CAMPAIGN_UNKNOWN ? rows[i].status : campaign->status;
		campaign->budget_id = rows[i].budget_id;
		campaign->budget_micros = rows[i].budget_micros;
		campaign->budget_is_lifetime = rows[i].lifetime;
		campaign->budget_is_shared = rows[i].shared;
	}
}

/* Where a campaign has no budget of its own, those below it are its budget. */
static enum err add_budgets_below(struct building *building, const struct report *report)
{
	const struct campaign_row *rows = report->rows;
	int64_t *sums = arena_try_alloc(building->run->arena, (building->count + 1) * sizeof(*sums));

	if (sums == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < building->count; i++)
		sums[i] = -1;
	for (size_t i = 0; i < report->count; i++) {
		const struct campaign *campaign = map_get(&building->by_id, rows[i].campaign_id);
		int64_t *sum = campaign == NULL ? NULL : &sums[campaign - building->campaigns];

		if (sum != NULL && rows[i].budget_micros >= 0 &&
		    __builtin_add_overflow(*sum < 0 ? 0 : *sum, rows[i].budget_micros, sum))
			*sum = INT64_MAX;
	}
	for (size_t i = 0; i < building->count; i++)
		if (building->campaigns[i].budget_micros < 0)
			building->campaigns[i].budget_micros = sums[i];
	return OK;
}

/* The share of impressions that a campaign lost to its budget, over all weeks, by their impressions. */
static enum err add_lost_shares(struct building *building, const struct report *report)
{
	const struct auction_week *weeks = report->rows;
	double *lost = arena_try_alloc(building->run->arena, 2 * (building->count + 1) * sizeof(*lost));
	double *weights = lost + building->count + 1;

	if (lost == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < building->count; i++)
		lost[i] = weights[i] = 0;
	for (size_t i = 0; i < report->count; i++) {
		const struct campaign *campaign = map_get(&building->by_id, weeks[i].campaign_id);
		size_t at = campaign == NULL ? 0 : (size_t)(campaign - building->campaigns);

		if (campaign == NULL || weeks[i].lost_budget < 0)
			continue;
		lost[at] += weeks[i].lost_budget * (double)weeks[i].impressions;
		weights[at] += (double)weeks[i].impressions;
	}
	for (size_t i = 0; i < building->count; i++)
		if (weights[i] > 0)
			building->campaigns[i].lost_to_budget = lost[i] / weights[i];
	return OK;
}

static enum err add_reports(struct building *building)
{
	struct tool_run *run = building->run;
	struct tool_report *report;

	if ((report = tool_report(run, REPORT_CAMPAIGNS)) != NULL)
		add_campaigns(building, &report->rows);
	if ((report = tool_report(run, REPORT_BUDGETS_BELOW)) != NULL)
		TRY(add_budgets_below(building, &report->rows));
	if (run->input.platform == ADS_GOOGLE && (report = tool_report(run, REPORT_AUCTION)) != NULL)
		TRY(add_lost_shares(building, &report->rows));
	return OK;
}

enum err tool_history(struct tool_run *run, struct history *ret_history)
{
	const struct tool_report *report = tool_report(run, REPORT_CAMPAIGN_DAYS);
	const struct day_row *rows = report->rows.rows;
	size_t room = report->rows.count + 1, count = 0;
	struct building building = {.run = run};
	struct placed *placed = arena_try_alloc(run->arena, room * sizeof(*placed));
	struct campaign_day *days = arena_try_alloc(run->arena, room * sizeof(*days));
	enum err err;

	building.campaigns = arena_try_alloc(run->arena, room * sizeof(*building.campaigns));
	if (placed == NULL || days == NULL || building.campaigns == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < report->rows.count; i++) {
		if (rows[i].day < report->cached.row.start_day || rows[i].day > report->cached.row.end_day)
			continue;
		placed[count] = (struct placed){.order = (uint32_t)i};
		placed[count++].day =
			(struct campaign_day){campaign_of(&building, &rows[i]), rows[i].day, rows[i].figures};
	}
	count = put_in_order(placed, count, days);
	err = add_reports(&building);
	map_free(&building.by_id);
	TRY(err);
	*ret_history = (struct history){
		.campaigns = building.campaigns,
		.campaign_count = building.count,
		.days = days,
		.day_count = count,
		.range = run->range,
		.range_is_all = run->range.start <= report->cached.row.start_day,
	};
	return OK;
}

enum err tool_figures(struct tool_run *run, const struct history *history, const struct term *terms, size_t term_count,
		      struct figures *ret_figures)
{
	bool *counts = arena_try_alloc(run->arena, history->campaign_count + 1);
	struct figures sum = {0};
	struct map with_terms = {0};

	if (counts == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < term_count; i++)
		if (map_get(&with_terms, terms[i].campaign_id) == NULL)
			map_put(&with_terms, terms[i].campaign_id, counts);
	for (size_t i = 0; i < history->campaign_count; i++)
		counts[i] = run->input.platform == ADS_META || str_eq(history->campaigns[i].channel, STR("SEARCH")) ||
			    map_get(&with_terms, history->campaigns[i].id) != NULL;
	map_free(&with_terms);
	for (size_t i = 0; i < history->day_count; i++) {
		const struct campaign_day *day = &history->days[i];

		if (counts[day->campaign] && day->day >= run->range.start && day->day <= run->range.end)
			figures_add(&sum, &day->figures);
	}
	*ret_figures = sum;
	return OK;
}
