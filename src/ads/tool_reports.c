/* Getting the reports of a call, one after the other: platforms want one question at a time of an account. The one that
 * the tool is about comes first; when that is not to be had, nothing else is asked for. What is optional may fail; the
 * answer then says what it does without. */
#include "ads/tool.h"

static bool is_wanted(const struct tool_need *need, enum ads_platform platform)
{
	return report_is_offered(need->kind, platform) && (!need->google_only || platform == ADS_GOOGLE);
}

static enum report_range range_of(const struct tool_run *run, const struct tool_need *need)
{
	return need->range == REPORT_RANGES ? run->input.range : need->range;
}

/* The oldest report is how old the answer is; the state that is worst is its. */
static void count_in(struct tool_run *run, const struct tool_report *report)
{
	const struct metric *row = &report->cached.row;
	int64_t fresh_until_ms = cache_fresh_until_ms(run->ads, row, report->kind, run->input.platform);

	if (run->fetched_ms == 0 || row->fetched_ms < run->fetched_ms)
		run->fetched_ms = row->fetched_ms;
	if (run->fresh_until_ms == 0 || fresh_until_ms < run->fresh_until_ms)
		run->fresh_until_ms = fresh_until_ms;
	if (report->cached.state > run->state)
		run->state = report->cached.state;
	run->row_count += row->row_count;
}

/* Errors that are about the caller, not about the report. */
static bool ends_call(enum err err)
{
	return err == ERR_CANCELED || err == ERR_TIMEOUT || err == ERR_SHUTDOWN || err_is_credential(err);
}

AWAITS enum err tool_gather(struct tool_run *run, struct ads_failure *ret_failure)
{
	const struct tool_type *type = &tool_types[run->tool];

	for (size_t i = 0; i < type->need_count; i++) {
		const struct tool_need *need = &type->needs[i];
		struct tool_report *report = &run->reports[run->report_count];
		struct ads_failure failure = {.class = STR("transient"), .message = STR("")};
		enum err err;

		if (!is_wanted(need, run->input.platform))
			continue;
		*report = (struct tool_report){.kind = need->kind, .range = range_of(run, need)};
		err = cache_get(run->ads, &run->account, report->kind, report->range, run->arena, &report->cached,
				&failure);
		if (err != OK && (!need->optional || ends_call(err))) {
			*ret_failure = failure;
			return err;
		}
		report->is_there = err == OK;
		report->failure = err == OK ? report->cached.failure : failure;
		run->report_count++;
	}
	return OK;
}

AWAITS enum err tool_read(struct tool_run *run)
{
	for (size_t i = 0; i < run->report_count; i++) {
		struct tool_report *report = &run->reports[i];

		if (!report->is_there)
			continue;
		TRY(cache_read(run->ads, &report->cached, run->arena));
		count_in(run, report);
	}
	return OK;
}

struct tool_report *tool_report(struct tool_run *run, enum report_kind kind)
{
	for (size_t i = 0; i < run->report_count; i++)
		if (run->reports[i].kind == kind && run->reports[i].is_there)
			return &run->reports[i];
	return NULL;
}
