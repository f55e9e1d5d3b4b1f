/* What the computations have in common: warnings, and sums over a window of a history. A window is walked over all
 * rows, once for each question: a report has some thousands of them, and an order that must be trusted is an error that
 * waits. */
#include "analytics/sums.h"

#include "analytics/figures.h"
#include "base/check.h"

void analysis_warn(struct analysis *analysis, const char *code, const char *detail)
{
	for (size_t i = 0; i < analysis->warning_count; i++)
		if (strcmp(analysis->warnings[i].code, code) == 0)
			return;
	if (analysis->warning_count < ARRAY_LEN(analysis->warnings))
		analysis->warnings[analysis->warning_count++] = (struct analysis_warning){code, detail};
}

int days_of(struct day_range range)
{
	return range.end - range.start + 1;
}

struct day_range days_before(struct day_range range)
{
	return (struct day_range){range.start - days_of(range), range.start - 1};
}

static bool is_within(civil_day day, struct day_range range)
{
	return day >= range.start && day <= range.end;
}

bool history_knows(const struct history *history, struct day_range window)
{
	return !history->range_is_all || (window.start >= history->range.start && window.end <= history->range.end);
}

bool figures_are_none(const struct figures *figures)
{
	return figures->cost_micros == 0 && figures->value_micros == 0 && figures->impressions == 0 &&
	       figures->clicks == 0 && figures->conversions == 0;
}

enum err sums_by_campaign(struct arena *arena, const struct history *history, struct day_range window,
			  struct figures *ret_total, struct figures **ret_sums)
{
	size_t bytes = (history->campaign_count + 1) * sizeof(struct figures);
	struct figures *sums = arena_try_alloc(arena, bytes);
	struct figures total = {0};

	if (sums == NULL)
		return ERR_LIMIT;
	memset(sums, 0, bytes);
	for (size_t i = 0; i < history->day_count; i++) {
		const struct campaign_day *row = &history->days[i];

		CHECK(row->campaign < history->campaign_count);
		if (!is_within(row->day, window))
			continue;
		figures_add(&sums[row->campaign], &row->figures);
		figures_add(&total, &row->figures);
	}
	*ret_total = total;
	*ret_sums = sums;
	return OK;
}

enum err sums_by_day(struct arena *arena, const struct history *history, struct day_range window,
		     struct figures **ret_sums)
{
	size_t bytes = (size_t)days_of(window) * sizeof(struct figures);
	struct figures *sums = arena_try_alloc(arena, bytes);

	if (sums == NULL)
		return ERR_LIMIT;
	memset(sums, 0, bytes);
	for (size_t i = 0; i < history->day_count; i++) {
		const struct campaign_day *row = &history->days[i];

		if (is_within(row->day, window))
			figures_add(&sums[row->day - window.start], &row->figures);
	}
	*ret_sums = sums;
	return OK;
}
