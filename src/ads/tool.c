/* The seven tools as operations of connectors/ads.yaml.
 *
 *     input ─▶ unsupported? ─▶ an answer in memory? ─▶ account ─▶ reports ─▶ analysis (a worker) ─▶ answer, kept
 *
 * An answer in memory costs a look-up and a copy. It holds as long as its reports are fresh; each ten seconds one
 * caller looks whether the table still has the reports that it was made of and whether the account is still reached, so
 * that what another replica forgets, and who disconnects, is noticed. */
#include "ads/tool.h"

#include "analytics/civil.h"
#include "base/check.h"

#define FAILURE_ARENA_BYTES (1024 * 1024) /* rows and places that an answer is held against */
#define RATE_AGAIN_S 60			  /* to a client whose platform does not say when */

#define ALL                                                                                                            \
	{                                                                                                              \
		true, true, true                                                                                       \
	}
#define ONLY_GOOGLE                                                                                                    \
	{                                                                                                              \
		true, false, false                                                                                     \
	}
#define NOT_TIKTOK                                                                                                     \
	{                                                                                                              \
		true, true, false                                                                                      \
	}
#define ASKED REPORT_RANGES

const struct tool_type tool_types[TOOLS] = {
	[TOOL_HEALTH] = {.name = "get_account_health",
			 .platforms = ALL,
			 .needs = {{REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS, false, false},
				   {REPORT_CAMPAIGNS, RANGE_NONE, true, false}},
			 .need_count = 2},
	[TOOL_PMAX] = {.name = "get_pmax_breakdown",
		       .platforms = ONLY_GOOGLE,
		       .unsupported = "Performance Max exists only on Google Ads.",
		       .needs = {{REPORT_ASSET_GROUPS, ASKED, false, false},
				 {REPORT_CATEGORIES, ASKED, true, false},
				 {REPORT_PMAX_TERMS, ASKED, true, false}},
		       .need_count = 3},
	[TOOL_QUALITY] = {.name = "get_quality_score",
			  .platforms = ONLY_GOOGLE,
			  .unsupported = "Keyword quality scores exist only on Google Ads.",
			  .needs = {{REPORT_KEYWORDS, ASKED, false, false}},
			  .need_count = 1},
	[TOOL_WASTE] = {.name = "get_search_term_waste",
			.platforms = NOT_TIKTOK,
			.unsupported = "TikTok tells neither search terms nor placements.",
			.equivalence = {[ADS_META] = "proxy"},
			.needs = {{REPORT_SEARCH_TERMS, ASKED, false, false},
				  {REPORT_PMAX_TERMS, ASKED, true, false},
				  {REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS, false, false}},
			.need_count = 3},
	[TOOL_BUDGET] = {.name = "get_budget_optimizer",
			 .platforms = ALL,
			 .needs = {{REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS, false, false},
				   {REPORT_CAMPAIGNS, RANGE_NONE, true, false},
				   {REPORT_BUDGETS_BELOW, RANGE_NONE, true, false},
				   {REPORT_SIMULATIONS, RANGE_NONE, true, false},
				   {REPORT_AUCTION, RANGE_30_DAYS, true, true}},
			 .need_count = 5},
	[TOOL_AUCTION] = {.name = "get_auction_insights",
			  .platforms = NOT_TIKTOK,
			  .unsupported = "TikTok tells nothing about auctions.",
			  .equivalence = {[ADS_META] = "proxy"},
			  .needs = {{REPORT_AUCTION, ASKED, false, false},
				    {REPORT_COMPETITORS, ASKED, true, false},
				    {REPORT_PRESSURE, ASKED, true, false}},
			  .need_count = 3},
	[TOOL_ANOMALY] = {.name = "get_weekly_anomaly",
			  .platforms = ALL,
			  .needs = {{REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS, false, false},
				    {REPORT_CAMPAIGNS, RANGE_NONE, true, false}},
			  .need_count = 2,
			  .week_only = true},
};

/* ---- input ----------------------------------------------------------------------------- */

/* The place of a text in a list; `fallback` where there is none. */
static int choice(yyjson_val *with, const char *name, const char *const *words, int count, int fallback)
{
	struct str text = json_str(json_get(with, name));

	for (int i = 0; i < count; i++)
		if (str_eq(text, str_of(words[i])))
			return i;
	return fallback;
}

/* The schema has checked the words; what is said here is for callers within the gateway. */
static enum err read_input(struct tool_run *run)
{
	static const char *const thresholds[] = {"any_spend", "half_cpa", "one_cpa", "two_cpa"};
	static const char *const shifts[] = {"conservative", "moderate", "aggressive"};
	yyjson_val *with = run->call->with;
	struct str index = json_str(json_get(with, "accountIndex"));
	struct tool_input *input = &run->input;

	input->platform = ads_platform_named(json_str(json_get(with, "platform")));
	input->range = tool_types[run->tool].week_only ? RANGE_7_DAYS
						       : report_range_named(json_str(json_get(with, "dateRange")));
	if (input->platform == ADS_PLATFORMS || input->range == REPORT_RANGES)
		return ERR_RPC_PARAMS;
	input->account = index.n == 1 && index.p[0] >= '0' && index.p[0] <= '9' ? (size_t)(index.p[0] - '0') : 0;
	input->chart = yyjson_is_true(json_get(with, "chart"));
	input->threshold = choice(with, "threshold", thresholds, ARRAY_LEN(thresholds), WASTE_ONE_CPA);
	input->shift = choice(with, "maxShift", shifts, ARRAY_LEN(shifts), BUDGET_MODERATE);
	input->conversions = str_eq(json_str(json_get(with, "objective")), STR("conversions"));
	input->worst_only = !str_eq(json_str(json_get(with, "focus")), STR("all"));
	return OK;
}

/* ---- answers in memory ------------------------------------------------------------------- */

static void put_key(const struct tool_run *run, struct buf *out)
{
	buf_put(out, run->call->tenant_id);
	buf_put_byte(out, '\n');
	buf_put(out, run->call->upstream);
	buf_put_byte(out, '\n');
	buf_put(out, run->call->principal);
	buf_put_fmt(out, "\n%d\n", (int)run->tool);
	json_write(out, run->call->with);
}

/* One piece of memory, one copy. */
static struct str join(struct arena *arena, struct str head, struct str middle, struct str tail)
{
	char *text = arena_try_alloc(arena, head.n + middle.n + tail.n);

	if (text == NULL)
		return STR_NONE;
	memcpy(text, head.p, head.n);
	memcpy(text + head.n, middle.p, middle.n);
	memcpy(text + head.n + middle.n, tail.p, tail.n);
	return (struct str){text, head.n + middle.n + tail.n};
}

static enum err give(struct native_call *call, struct str head, struct str tail, struct str svg, enum cache_state state,
		     int64_t age_s)
{
	AUTO_BUF age = {0};

	tool_age_write(state, age_s, &age);
	call->result = join(call->arena, head, buf_str(&age), tail);
	if (call->result.p == NULL)
		return ERR_LIMIT;
	if (svg.n == 0)
		return OK;
	call->picture = (struct native_picture){STR("image/svg+xml"), arena_try_str(call->arena, svg)};
	return call->picture.bytes.p == NULL ? ERR_LIMIT : OK;
}

static bool is_place(const struct ads_place *a, const struct ads_place *b)
{
	return str_eq(a->upstream, b->upstream) && str_eq(a->account, b->account) && str_eq(a->holder, b->holder);
}

/* Whether its account is still reached, and its reports are those of the table. */
AWAITS static enum err look_again(struct tool_run *run, const struct answer *answer, bool *ret_holds)
{
	const struct ads_source *source = &run->ads->spec.source;
	AUTO(arena) *arena = arena_new(FAILURE_ARENA_BYTES);
	struct ads_place *places;
	struct metric row;
	bool reached = false;
	size_t count;

	*ret_holds = false;
	TRY(source->places(source->arg, run->call->tenant_id, run->call->principal, answer->platform, arena, &places,
			   &count));
	for (size_t i = 0; i < count; i++)
		reached = reached || is_place(&places[i], &answer->place);
	for (size_t i = 0; reached && i < answer->source_count; i++) {
		enum err err = metric_find(run->ads->spec.db, arena, &answer->sources[i].key, false, &row);

		if (err == ERR_NOT_FOUND)
			return OK;
		TRY(err);
		if (row.fetched_ms != answer->sources[i].fetched_ms)
			return OK;
	}
	*ret_holds = reached;
	return OK;
}

/* Whether a kept answer may be given. One caller looks again; those that come meanwhile take its word. */
AWAITS static bool holds(struct tool_run *run, struct answer *answer)
{
	int64_t now_ms = ads_now(run->ads), looked_ms = atomic_load(&answer->looked_ms);
	bool result;

	if (now_ms >= answer->fresh_until_ms || answer->epoch != atomic_load(&run->ads->epoch))
		return false;
	if (now_ms - looked_ms < ANSWER_LOOK_MS ||
	    !atomic_compare_exchange_strong(&answer->looked_ms, &looked_ms, now_ms))
		return true;
	return look_again(run, answer, &result) == OK && result;
}

/*   ret_given  false: it has to be made */
AWAITS static enum err give_kept(struct tool_run *run, struct str key, bool *ret_given)
{
	AUTO(answer) *answer = answers_find(run->ads->answers, key);

	*ret_given = false;
	if (answer == NULL)
		return OK;
	if (!holds(run, answer)) {
		answers_drop(run->ads->answers, answer);
		return OK;
	}
	atomic_fetch_add(&run->ads->hits, 1);
	*ret_given = true;
	return give(run->call, answer->head, answer->tail, answer->svg, CACHE_HIT,
		    (ads_now(run->ads) - answer->fetched_ms) / 1000);
}

/* What is stale is on its way to be replaced, and is not kept. */
static void keep(struct tool_run *run, struct str key, uint64_t epoch, const struct tool_text *text)
{
	struct answer answer = {
		.key = key,
		.head = buf_str(&text->head),
		.tail = buf_str(&text->tail),
		.svg = buf_str(&run->svg),
		.place = run->account.place,
		.platform = run->input.platform,
		.fetched_ms = run->fetched_ms,
		.fresh_until_ms = run->fresh_until_ms,
		.epoch = epoch,
	};

	for (size_t i = 0; i < run->report_count; i++) {
		const struct tool_report *report = &run->reports[i];

		if (!report->is_there || report->cached.state == CACHE_STALE)
			return;
		answer.sources[answer.source_count++] =
			(struct answer_source){report->cached.row.key, report->cached.row.fetched_ms};
	}
	atomic_init(&answer.looked_ms, ads_now(run->ads));
	answers_keep(run->ads->answers, &answer);
}

/* ---- refusals ---------------------------------------------------------------------------- */

/* Of failure classes; what is not listed is the platform's trouble. */
static const struct {
	const char *class, *status;
} statuses[] = {
	{"not_connected", "not_connected"},
	{"token_expired", "reauth_required"},
	{"token_revoked", "reauth_required"},
	{"reauth_required", "reauth_required"},
	{"permission", "permission_denied"},
	{"unsupported", "permission_denied"},
	{"blocked", "permission_denied"},
	{"rate_limited", "rate_limited"},
	{"quota", "rate_limited"},
};

static enum err refuse(struct tool_run *run, enum err err, struct ads_failure *failure)
{
	const char *status = "upstream_error";

	if (err_is_credential(err)) {
		run->call->wanted = (struct native_place){arena_str(run->call->arena, run->account.place.upstream),
							  arena_str(run->call->arena, run->account.place.account)};
		return err;
	}
	if (err != ERR_TOOL_FAILED)
		return err;
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++)
		if (str_eq(failure->class, str_of(statuses[i].class)))
			status = statuses[i].status;
	if (str_eq(str_of(status), STR("rate_limited")) && failure->retry_after_s <= 0)
		failure->retry_after_s = RATE_AGAIN_S;
	return tool_refuse(run->call, run->tool, run->input.platform, status, failure);
}

PRINTF(3, 4) static enum err say_no(struct tool_run *run, const char *status, const char *fmt, ...)
{
	char text[256];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	return tool_refuse(run->call, run->tool, run->input.platform, status,
			   &(struct ads_failure){.class = STR(""), .message = str_of(text)});
}

/* ---- a call ------------------------------------------------------------------------------ */

/*   ret_chosen  false: the call is answered */
AWAITS static enum err choose_account(struct tool_run *run, bool *ret_chosen)
{
	struct ads_failure failure = {.class = STR(""), .message = STR("")};
	struct ads_account *accounts;
	size_t count = 0;
	enum err err = ads_accounts(run->ads, run->call->tenant_id, run->call->principal, run->input.platform, 0,
				    run->arena, &accounts, &count, &failure);

	*ret_chosen = false;
	if (err == ERR_NOT_FOUND)
		return say_no(run, "not_connected", "No %s account is set up here: ask an operator for an upstream.",
			      ads_platform_name(run->input.platform));
	if (err != OK) {
		run->account.place = (struct ads_place){.upstream = failure.upstream, .account = failure.account};
		return refuse(run, err, &failure);
	}
	if (run->input.account >= count)
		return say_no(run, "not_connected", "There are %zu ad accounts; accountIndex counts from 0.", count);
	run->account = accounts[run->input.account];
	*ret_chosen = true;
	return OK;
}

/* All is there but the figures. */
AWAITS static enum err compute(struct tool_run *run, struct str key, uint64_t epoch)
{
	struct tool_text text = {0};
	enum err err = tool_read(run);

	if (err == OK)
		err = work_run(tool_analyse, run);
	if (err == ERR_LIMIT)
		return say_no(run, "upstream_error", "The account has more data than can be computed with at once.");
	TRY(err);
	if (run->analysis.no_data)
		return say_no(run, "no_data", "There is nothing to be told for %s.",
			      report_range_name(run->input.range));
	tool_answer_write(run, &text);
	err = give(run->call, buf_str(&text.head), buf_str(&text.tail), buf_str(&run->svg), run->state,
		   (ads_now(run->ads) - run->fetched_ms) / 1000);
	keep(run, key, epoch, &text);
	buf_free(&text.head);
	buf_free(&text.tail);
	return err;
}

/* Few at a time have documents in memory. Of many that ask for the same the first computes, the others find its answer.
 */
AWAITS static enum err compute_in_turn(struct tool_run *run, struct str key, uint64_t epoch)
{
	struct gate *gate = &run->ads->computing[loop_index(loop_self())];
	bool given;
	enum err err;

	TRY(gate_enter(gate));
	err = give_kept(run, key, &given);
	if (err == OK && !given)
		err = compute(run, key, epoch);
	gate_leave(gate);
	return err;
}

AWAITS static enum err make(struct tool_run *run, struct str key)
{
	uint64_t epoch = atomic_load(&run->ads->epoch);
	struct ads_failure failure = {.class = STR(""), .message = STR("")};
	bool chosen;
	enum err err;

	TRY(choose_account(run, &chosen));
	if (!chosen)
		return OK;
	err = tool_gather(run, &failure);
	return err == OK ? compute_in_turn(run, key, epoch) : refuse(run, err, &failure);
}

AWAITS static enum err serve(struct tool_run *run)
{
	const struct tool_type *type = &tool_types[run->tool];
	AUTO_BUF key = {0};
	bool given;
	enum err err;

	TRY(read_input(run));
	if (!type->platforms[run->input.platform])
		return say_no(run, "unsupported_platform", "%s", type->unsupported);
	put_key(run, &key);
	TRY(give_kept(run, buf_str(&key), &given));
	if (given)
		return OK;
	run->arena = arena_new(ADS_ARENA_BYTES_MAX);
	err = make(run, buf_str(&key));
	arena_free(run->arena);
	buf_free(&run->data);
	buf_free(&run->svg);
	buf_free(&run->problem);
	return err;
}

AWAITS static enum err run_tool(void *room, struct native_call *call, enum tool_name tool)
{
	struct tool_run run = {.ads = room, .call = call, .tool = tool, .event = STR("")};

	CHECK_OBJ(run.ads, ADS_MAGIC);
	return serve(&run);
}

#define OPERATION(function, tool)                                                                                      \
	AWAITS static enum err function(void *room, struct native_call *call)                                          \
	{                                                                                                              \
		return run_tool(room, call, tool);                                                                     \
	}
OPERATION(get_account_health, TOOL_HEALTH)
OPERATION(get_pmax_breakdown, TOOL_PMAX)
OPERATION(get_quality_score, TOOL_QUALITY)
OPERATION(get_search_term_waste, TOOL_WASTE)
OPERATION(get_budget_optimizer, TOOL_BUDGET)
OPERATION(get_auction_insights, TOOL_AUCTION)
OPERATION(get_weekly_anomaly, TOOL_ANOMALY)

struct native_table ads_natives(struct ads *ads)
{
	static const struct native_op ops[] = {
		{"ads.get_account_health", get_account_health},
		{"ads.get_pmax_breakdown", get_pmax_breakdown},
		{"ads.get_quality_score", get_quality_score},
		{"ads.get_search_term_waste", get_search_term_waste},
		{"ads.get_budget_optimizer", get_budget_optimizer},
		{"ads.get_auction_insights", get_auction_insights},
		{"ads.get_weekly_anomaly", get_weekly_anomaly},
		{NULL, NULL},
	};

	return (struct native_table){.ops = ops, .room = ads};
}
