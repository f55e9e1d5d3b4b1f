/* A tool's computation, on a worker thread: documents become rows, rows the arrays that room analytics reads. What each
 * tool gives it stands here, a function a tool. */
#include "ads/tool.h"
#include "analytics/civil.h"
#include "base/crypto.h"

#define BRANDS_MAX 64 /* names that are never suggested as negatives */

static enum err read_reports(struct tool_run *run)
{
	struct str next;

	for (size_t i = 0; i < run->report_count; i++) {
		struct tool_report *report = &run->reports[i];

		if (!report->is_there)
			continue;
		report_begin(&report->rows, report->kind, run->input.platform, run->arena);
		TRY(report_take(&report->rows, report->cached.row.document, &next, &run->problem));
		run->dropped_rows += report->rows.dropped_rows;
		if (run->event.n == 0)
			run->event = report->rows.event;
	}
	return OK;
}

/* The last days of the report that the tool is about. */
static void set_range(struct tool_run *run)
{
	civil_day end = (civil_day)run->reports[0].cached.row.end_day;

	run->range = (struct day_range){end - (civil_day)report_range_days(run->input.range) + 1, end};
	run->analysis.range = run->range;
}

static enum err analyse_health(struct tool_run *run)
{
	struct history history;

	TRY(tool_history(run, &history));
	return health_analyse(&run->analysis, &history);
}

static enum err analyse_anomaly(struct tool_run *run)
{
	struct history history;

	TRY(tool_history(run, &history));
	return anomaly_analyse(&run->analysis, &history);
}

/* Search terms and those of Performance Max, one behind the other. */
static enum err gather_terms(struct tool_run *run, const enum report_kind *kinds, size_t kind_count,
			     struct term **ret_terms, size_t *ret_count)
{
	struct term *terms;
	size_t room = 1, count = 0;

	for (size_t i = 0; i < kind_count; i++)
		room += tool_report(run, kinds[i]) == NULL ? 0 : tool_report(run, kinds[i])->rows.count;
	terms = arena_try_alloc(run->arena, room * sizeof(*terms));
	if (terms == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < kind_count; i++) {
		const struct tool_report *report = tool_report(run, kinds[i]);
		const struct term_row *rows = report == NULL ? NULL : report->rows.rows;

		for (size_t j = 0; report != NULL && j < report->rows.count; j++) {
			terms[count] = rows[j].term;
			terms[count].performance_max |= kinds[i] == REPORT_PMAX_TERMS;
			count++;
		}
	}
	*ret_terms = terms;
	*ret_count = count;
	return OK;
}

static char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c + 'a' - 'A') : c;
}

/* The setting `brands`: names between commas. */
static enum err read_brands(struct tool_run *run, struct str **ret_brands, size_t *ret_count)
{
	struct str list = json_str(json_get(run->call->settings, "brands")), brand;
	struct str *brands = arena_try_alloc(run->arena, BRANDS_MAX * sizeof(*brands));
	size_t count = 0;
	bool more = list.n > 0;

	if (brands == NULL)
		return ERR_LIMIT;
	while (more && count < BRANDS_MAX) {
		char *text;

		more = str_cut(list, ',', &brand, &list);
		brand = str_trim(brand);
		text = arena_try_alloc(run->arena, brand.n + 1);
		if (text == NULL)
			return ERR_LIMIT;
		for (size_t i = 0; i < brand.n; i++)
			text[i] = lower(brand.p[i]);
		if (brand.n > 0)
			brands[count++] = (struct str){text, brand.n};
	}
	*ret_brands = brands;
	*ret_count = count;
	return OK;
}

static enum err analyse_waste(struct tool_run *run)
{
	static const enum report_kind kinds[] = {REPORT_SEARCH_TERMS, REPORT_PMAX_TERMS};
	struct waste_input input = {.placements = run->input.platform == ADS_META, .threshold = run->input.threshold};
	struct history history;
	struct str *brands;
	struct term *terms;

	TRY(tool_history(run, &history));
	TRY(gather_terms(run, kinds, ARRAY_LEN(kinds), &terms, &input.term_count));
	TRY(tool_figures(run, &history, terms, input.term_count, &input.account));
	TRY(read_brands(run, &brands, &input.brand_count));
	input.terms = terms;
	input.brands = brands;
	return waste_analyse(&run->analysis, &input);
}

static enum err analyse_quality(struct tool_run *run)
{
	const struct report *report = &run->reports[0].rows;

	return quality_analyse(&run->analysis, report->rows, report->count, run->input.worst_only);
}

static enum err analyse_pmax(struct tool_run *run)
{
	static const enum report_kind kinds[] = {REPORT_PMAX_TERMS};
	const struct tool_report *categories = tool_report(run, REPORT_CATEGORIES);
	struct pmax_input input = {.groups = run->reports[0].rows.rows, .group_count = run->reports[0].rows.count};
	struct term *terms;

	if (categories != NULL) {
		input.categories = categories->rows.rows;
		input.category_count = categories->rows.count;
	}
	TRY(gather_terms(run, kinds, ARRAY_LEN(kinds), &terms, &input.term_count));
	input.terms = terms;
	return pmax_analyse(&run->analysis, &input);
}

static enum err analyse_auction(struct tool_run *run)
{
	const struct report *main = &run->reports[0].rows;
	const struct tool_report *competitors = tool_report(run, REPORT_COMPETITORS);
	const struct tool_report *pressure = tool_report(run, REPORT_PRESSURE);

	if (run->input.platform == ADS_META) {
		struct relevance_input input = {.ads = main->rows, .ad_count = main->count};

		if (pressure != NULL) {
			input.weeks = pressure->rows.rows;
			input.week_count = pressure->rows.count;
		}
		return relevance_analyse(&run->analysis, &input);
	}
	return auction_analyse(&run->analysis,
			       &(struct auction_input){
				       .weeks = main->rows,
				       .week_count = main->count,
				       .competitors = competitors == NULL ? NULL : competitors->rows.rows,
				       .competitor_count = competitors == NULL ? 0 : competitors->rows.count,
				       .competitors_permitted = competitors != NULL && !competitors->rows.denied,
			       });
}

/* The same data gives the same answer: the seed is of what was asked, not of when. */
static uint64_t seed_of(const struct tool_run *run)
{
	struct str text =
		arena_fmt(run->arena, "%.*s|%.*s|%s|%d", STR_ARG(run->account.place.tenant_id),
			  STR_ARG(run->account.account.id), report_range_name(run->input.range), (int)run->range.end);
	uint8_t digest[32];
	uint64_t seed = 0;

	crypto_sha256(text, digest);
	for (size_t i = 0; i < sizeof(seed); i++)
		seed = seed << 8 | digest[i];
	return seed;
}

static enum err analyse_budget(struct tool_run *run)
{
	const struct tool_report *simulations = tool_report(run, REPORT_SIMULATIONS);
	struct budget_input input = {
		.shift = run->input.shift, .conversions = run->input.conversions, .seed = seed_of(run)};
	struct history history;

	TRY(tool_history(run, &history));
	input.history = &history;
	if (simulations != NULL) {
		input.simulations = simulations->rows.rows;
		input.simulation_count = simulations->rows.count;
	}
	return budget_analyse(&run->analysis, &input);
}

enum err tool_analyse(void *arg)
{
	static enum err (*const analyses[TOOLS])(struct tool_run * run) = {
		[TOOL_HEALTH] = analyse_health,	  [TOOL_PMAX] = analyse_pmax,	  [TOOL_QUALITY] = analyse_quality,
		[TOOL_WASTE] = analyse_waste,	  [TOOL_BUDGET] = analyse_budget, [TOOL_AUCTION] = analyse_auction,
		[TOOL_ANOMALY] = analyse_anomaly,
	};
	struct tool_run *run = arg;
	civil_day today;

	run->zone_known = civil_today(run->account.account.time_zone, ads_now(run->ads), &today) == OK;
	TRY(read_reports(run));
	run->analysis.arena = run->arena;
	run->analysis.currency = run->account.account.currency;
	run->analysis.chart = run->input.chart;
	run->analysis.data = &run->data;
	run->analysis.svg = &run->svg;
	set_range(run);
	return analyses[run->tool](run);
}
