/* Reading a report from its platform: which days it is of, by the account's own calendar; in chunks where the platform
 * tells only so many days at once; page by page; all or nothing.
 *
 *     days ─▶ chunks ─▶ pages ─▶ report_take ─▶ ... ─▶ report_settle ─▶ report_write
 *
 * What takes the processor long (a page of megabytes) is done on a worker thread. Categories of searches are told by
 * campaign: which there are says the report of campaigns. */
#include "ads/private.h"
#include "analytics/civil.h"

#define PAGES_MAX 400			    /* of a report: 1,000 rows each are more than is kept */
#define PAGE_ARENA_BYTES (32 * 1024 * 1024) /* an answer of 4 MB, and what it was made from */
#define INLINE_BYTES (64 * 1024)	    /* a page up to this is read on the spot: a millisecond at most */
#define CAMPAIGNS_MAX 50		    /* Performance Max campaigns that are asked for their categories */
#define DAY_MS 86400000LL

struct fetch {
	struct ads *ads;
	const struct ads_account *of;
	enum report_kind kind;
	struct arena *arena; /* of the caller: failures */
	struct ads_failure *failure;
	struct report report;
	struct buf *document;
	struct buf problem;
	unsigned pages;
	/* the page in hand */
	struct str page, next;
};

/* ---- days -------------------------------------------------------------------------- */

struct zone_question {
	struct str zone;
	int64_t at_ms;
	civil_day day;
};

static enum err zone_work(void *arg)
{
	struct zone_question *question = arg;

	return civil_today(question->zone, question->at_ms, &question->day);
}

AWAITS enum err account_yesterday(const struct ads *ads, struct str time_zone, civil_day *ret_day, bool *ret_zone_known)
{
	struct zone_question question = {.zone = time_zone, .at_ms = ads_now(ads)};
	enum err err = time_zone.n == 0 ? ERR_NOT_FOUND : work_run(zone_work, &question);

	*ret_zone_known = err == OK;
	if (err == ERR_NOT_FOUND)
		question.day = (civil_day)(question.at_ms / DAY_MS);
	else if (err != OK)
		return err;
	*ret_day = question.day - 1;
	return OK;
}

/* ---- a page ------------------------------------------------------------------------ */

static enum err fail(struct fetch *fetch, struct str class, struct str message)
{
	*fetch->failure = (struct ads_failure){.class = class, .message = arena_str(fetch->arena, message)};
	return ERR_TOOL_FAILED;
}

static enum err fail_by(struct fetch *fetch, enum err err)
{
	AUTO_BUF text = {0};

	if (err == ERR_LIMIT)
		return fail(fetch, STR("too_large"), STR("the report is larger than the gateway keeps"));
	if (err != ERR_UPSTREAM_GARBAGE)
		return err;
	buf_put_fmt(&text, "the report %s has another shape than expected: %.*s", report_types[fetch->kind].name,
		    STR_ARG(buf_str(&fetch->problem)));
	return fail(fetch, STR("unexpected_shape"), buf_str(&text));
}

static enum err take_work(void *arg)
{
	struct fetch *fetch = arg;

	return report_take(&fetch->report, fetch->page, &fetch->next, &fetch->problem);
}

static void put_argument(struct buf *out, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_put_fmt(out, "%c\"%s\":", out->n == 0 ? '{' : ',', name);
	buf_put_json(out, value);
}

static void put_day(struct buf *out, const char *name, civil_day day)
{
	AUTO_BUF text = {0};

	civil_put(&text, day);
	put_argument(out, name, buf_str(&text));
}

/* What a tool of the platform's connector is called with. */
static void put_arguments(const struct fetch *fetch, const struct day_range *days, struct str campaign_id,
			  struct str cursor, struct buf *out)
{
	if (fetch->kind != REPORT_ACCOUNTS) {
		put_argument(out, "account_id", fetch->of->account.id);
		put_argument(out, "login_id", fetch->of->account.login_id);
	}
	if (days != NULL) {
		put_day(out, "start", days->start);
		put_day(out, "end", days->end);
	}
	put_argument(out, "campaign_id", campaign_id);
	put_argument(out, "cursor", cursor);
	buf_put(out, out->n == 0 ? STR("{}") : STR("}"));
}

/* The words of a refusal outlive the call's arena. */
static enum err refused(struct fetch *fetch, enum err err, const struct ads_failure *failure)
{
	if (err == ERR_TOOL_FAILED)
		*fetch->failure = (struct ads_failure){.class = arena_str(fetch->arena, failure->class),
						       .message = arena_str(fetch->arena, failure->message),
						       .retry_after_s = failure->retry_after_s};
	return err;
}

/* One page.   cursor   of the one before; empty: the first. fetch->next is what follows */
AWAITS static enum err take_page(struct fetch *fetch, const char *tool, struct str arguments)
{
	const struct ads_source *source = &fetch->ads->spec.source;
	AUTO(arena) *arena = arena_new(PAGE_ARENA_BYTES);
	struct ads_failure failure = {0};
	enum err err;

	if (fetch->pages++ >= PAGES_MAX)
		return fail(fetch, STR("too_large"), STR("the report has more pages than the gateway reads"));
	err = source->call(source->arg, &fetch->of->place, tool, arguments, arena, &fetch->page, &failure);
	if (err != OK)
		return refused(fetch, err, &failure);
	err = fetch->page.n <= INLINE_BYTES ? take_work(fetch) : work_run(take_work, fetch);
	fetch->page = STR_NONE;
	return err == OK ? OK : fail_by(fetch, err);
}

AWAITS static enum err take_pages(struct fetch *fetch, const struct day_range *days, struct str campaign_id)
{
	struct str cursor = STR("");

	for (;;) {
		size_t before = fetch->report.count;
		AUTO_BUF arguments = {0};

		put_arguments(fetch, days, campaign_id, cursor, &arguments);
		TRY(take_page(fetch, report_types[fetch->kind].name, buf_str(&arguments)));
		if (fetch->next.n == 0)
			return OK;
		if (str_eq(fetch->next, cursor) && fetch->report.count > before) /* without rows: not ready yet */
			return fail(fetch, STR("unexpected_shape"), STR("the platform gives the same page again"));
		cursor = fetch->next;
	}
}

/* ---- categories ---------------------------------------------------------------------- */

/* The campaigns that have categories, by the report of campaigns, which is a kept one like any other. */
AWAITS static enum err find_campaigns(struct fetch *fetch, struct str ids[CAMPAIGNS_MAX], size_t *ret_count)
{
	struct arena *arena = fetch->report.arena;
	struct ads_failure failure = {.class = STR("transient"), .message = STR("")};
	const struct campaign_row *rows;
	struct report campaigns;
	struct cached cached;
	struct str next;
	size_t count = 0;
	enum err err;

	err = cache_get(fetch->ads, fetch->of, REPORT_CAMPAIGNS, RANGE_NONE, arena, &cached, &failure);
	if (err == OK)
		err = cache_read(fetch->ads, &cached, arena);
	if (err != OK)
		return refused(fetch, err, &failure);
	report_begin(&campaigns, REPORT_CAMPAIGNS, fetch->of->platform, arena);
	err = report_take(&campaigns, cached.row.document, &next, &fetch->problem);
	if (err != OK)
		return fail_by(fetch, err);
	rows = campaigns.rows;
	for (size_t i = 0; i < campaigns.count && count < CAMPAIGNS_MAX; i++)
		if (str_eq(rows[i].channel, STR("PERFORMANCE_MAX")) && rows[i].status != CAMPAIGN_REMOVED)
			ids[count++] = rows[i].campaign_id;
	*ret_count = count;
	return OK;
}

AWAITS static enum err take_categories(struct fetch *fetch, const struct day_range *days)
{
	struct str ids[CAMPAIGNS_MAX];
	size_t count;

	TRY(find_campaigns(fetch, ids, &count));
	for (size_t i = 0; i < count; i++)
		TRY(take_pages(fetch, days, ids[i]));
	return OK;
}

/* ---- a report ------------------------------------------------------------------------ */

AWAITS static enum err take_range(struct fetch *fetch, const struct day_range *days)
{
	civil_day chunk = (civil_day)report_types[fetch->kind].chunk_days[fetch->of->platform];

	if (chunk == 0)
		chunk = days->end - days->start + 1;
	for (civil_day start = days->start; start <= days->end; start += chunk) {
		struct day_range part = {start, start + chunk - 1};

		if (part.end > days->end)
			part.end = days->end;
		TRY(fetch->kind == REPORT_CATEGORIES ? take_categories(fetch, &part)
						     : take_pages(fetch, &part, STR("")));
	}
	return OK;
}

static enum err finish_work(void *arg)
{
	struct fetch *fetch = arg;

	report_settle(&fetch->report, fetch->of->account.currency);
	return report_write(&fetch->report, fetch->document);
}

/* Reports that a platform gives to few: that it does not is worth keeping. */
static bool is_denied(const struct fetch *fetch, enum err err)
{
	return err == ERR_TOOL_FAILED && str_eq(fetch->failure->class, STR("unsupported")) &&
	       (fetch->kind == REPORT_COMPETITORS || fetch->kind == REPORT_SIMULATIONS);
}

AWAITS static enum err take_all(struct fetch *fetch, enum report_range range, struct fetched *fetched)
{
	bool zone_known;
	enum err err;

	if (range != RANGE_NONE) {
		TRY(account_yesterday(fetch->ads, fetch->of->account.time_zone, &fetched->days.end, &zone_known));
		fetched->days.start = fetched->days.end - (civil_day)report_range_days(range) + 1;
	}
	err = range == RANGE_NONE ? take_pages(fetch, NULL, STR("")) : take_range(fetch, &fetched->days);
	if (is_denied(fetch, err)) {
		report_begin(&fetch->report, fetch->kind, fetch->of->platform, fetch->report.arena);
		fetch->report.denied = true;
		err = OK;
	}
	TRY(err);
	err = fetch->report.count < 100 ? finish_work(fetch) : work_run(finish_work, fetch);
	fetched->rows = (int64_t)fetch->report.count;
	return err == OK ? OK : fail_by(fetch, err);
}

AWAITS enum err fetch_report(struct ads *ads, const struct ads_account *of, enum report_kind kind,
			     enum report_range range, struct arena *arena, struct fetched *fetched,
			     struct ads_failure *ret_failure)
{
	AUTO(arena) *rows = arena_new(ADS_ARENA_BYTES_MAX);
	struct fetch fetch = {.ads = ads,
			      .of = of,
			      .kind = kind,
			      .arena = arena,
			      .failure = ret_failure,
			      .document = &fetched->document};
	enum err err;

	report_begin(&fetch.report, kind, of->platform, rows);
	err = take_all(&fetch, range, fetched);
	buf_free(&fetch.problem);
	return err;
}
