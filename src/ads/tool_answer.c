/* What a tool answers: the envelope around the data, and how it says no. The envelope names whose figures these are, of
 * which days, how old and how whole. Everything that changes while an answer is kept stands in one place, between head
 * and tail. */
#include "ads/tool.h"
#include "analytics/civil.h"
#include "base/clock.h"

#define WARNING_BYTES_MAX 512
#define LAG_DAYS 3 /* conversions of so many days still come in */

static void put_member(struct buf *out, const char *name, struct str value)
{
	buf_put_fmt(out, ",\"%s\":", name);
	buf_put_json(out, value);
}

static void put_date(struct buf *out, const char *name, civil_day day)
{
	buf_put_fmt(out, "\"%s\":\"", name);
	civil_put(out, day);
	buf_put_byte(out, '"');
}

static void put_time(struct buf *out, const char *name, int64_t wall_ms)
{
	char text[CLOCK_ISO_LEN + 1];

	clock_iso(wall_ms, text);
	buf_put_fmt(out, "\"%s\":\"%s\"", name, text);
}

/* ---- how whole ------------------------------------------------------------------------ */

static void put_coverage(const struct tool_run *run, struct buf *out)
{
	bool any = false;

	buf_put(out, STR(",\"coverage\":{\"reports\":["));
	for (size_t i = 0; i < run->report_count; i++) {
		const struct tool_report *report = &run->reports[i];
		const struct metric *row = &report->cached.row;

		if (!report->is_there)
			continue;
		buf_put_fmt(out, "%s{\"report\":\"%s\",\"rows\":%lld,", any ? "," : "", report_types[report->kind].name,
			    (long long)row->row_count);
		if (row->end_day != 0) {
			put_date(out, "start", (civil_day)row->start_day);
			buf_put_byte(out, ',');
			put_date(out, "end", (civil_day)row->end_day);
			buf_put_byte(out, ',');
		}
		put_time(out, "fetched_at", row->fetched_ms);
		buf_put_byte(out, '}');
		any = true;
	}
	buf_put_fmt(out, "],\"dropped_rows\":%lld}", (long long)run->dropped_rows);
}

PRINTF(4, 5)
static void warn(struct buf *out, bool *any, const char *code, const char *fmt, ...)
{
	char text[WARNING_BYTES_MAX];
	va_list args;

	va_start(args, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	buf_put_fmt(out, "%s{\"code\":\"%s\",\"detail\":", *any ? "," : "", code);
	buf_put_json(out, str_of(text));
	buf_put_byte(out, '}');
	*any = true;
}

static bool has_warning(const struct tool_run *run, const char *code)
{
	for (size_t i = 0; i < run->analysis.warning_count; i++)
		if (str_eq(str_of(run->analysis.warnings[i].code), str_of(code)))
			return true;
	return false;
}

static void warn_of_report(const struct tool_report *report, struct buf *out, bool *any)
{
	const char *name = report_types[report->kind].name;
	const struct ads_failure *failure = &report->failure;
	const char *between = failure->message.n == 0 ? "" : ": ";

	if (report->is_there && report->rows.partial)
		warn(out, any, "partial", "%s: the platform says that rows are missing", name);
	if (!report->is_there)
		warn(out, any, "report_unavailable", "%s: %.*s%s%.*s", name, STR_ARG(failure->class), between,
		     STR_ARG(failure->message));
	else if (report->cached.state == CACHE_STALE && failure->class.n > 0)
		warn(out, any, "stale", "%s could not be fetched anew, %.*s%s%.*s", name, STR_ARG(failure->class),
		     between, STR_ARG(failure->message));
	else if (report->cached.state == CACHE_STALE)
		warn(out, any, "stale", "%s is past its time and is being fetched anew", name);
}

static void put_warnings(const struct tool_run *run, struct buf *out)
{
	bool any = false;

	buf_put(out, STR(",\"warnings\":["));
	for (size_t i = 0; i < run->analysis.warning_count; i++)
		warn(out, &any, run->analysis.warnings[i].code, "%s", run->analysis.warnings[i].detail);
	if (run->tool != TOOL_AUCTION && !has_warning(run, "conversions_incomplete"))
		warn(out, &any, "conversions_incomplete", "last %d days", LAG_DAYS);
	for (size_t i = 0; i < run->report_count; i++)
		warn_of_report(&run->reports[i], out, &any);
	if (run->dropped_rows > 0)
		warn(out, &any, "personal_terms_dropped", "%lld search terms that may name a person are left out",
		     (long long)run->dropped_rows);
	if (!run->zone_known)
		warn(out, &any, "time_zone_unknown", "days are those of UTC");
	buf_put_byte(out, ']');
}

/* ---- the envelope --------------------------------------------------------------------- */

void tool_age_write(enum cache_state state, int64_t age_s, struct buf *out)
{
	static const char *const names[] = {[CACHE_HIT] = "hit", [CACHE_MISS] = "miss", [CACHE_STALE] = "stale"};

	buf_put_fmt(out, "\"%s\",\"age_s\":%lld", names[state], (long long)(age_s < 0 ? 0 : age_s));
}

static void put_account(const struct tool_run *run, struct buf *out)
{
	const struct ad_account *account = &run->account.account;

	buf_put_fmt(out, ",\"account\":{\"index\":\"%zu\"", run->input.account);
	put_member(out, "id", account->id);
	put_member(out, "name", account->name);
	buf_put_byte(out, '}');
	put_member(out, "currency", account->currency);
	put_member(out, "time_zone", run->zone_known ? account->time_zone : STR("UTC"));
}

static void put_range(const struct tool_run *run, struct buf *out)
{
	buf_put_fmt(out, ",\"range\":{\"key\":\"%s\",", report_range_name(run->input.range));
	put_date(out, "start", run->range.start);
	buf_put_byte(out, ',');
	put_date(out, "end", run->range.end);
	buf_put_fmt(out, ",\"days\":%u}", report_range_days(run->input.range));
}

void tool_answer_write(const struct tool_run *run, struct tool_text *text)
{
	const char *equivalence = tool_types[run->tool].equivalence[run->input.platform];
	struct buf *head = &text->head, *tail = &text->tail;

	buf_put_fmt(head, "{\"status\":\"ok\",\"tool\":\"%s\",\"platform\":\"%s\"", tool_types[run->tool].name,
		    ads_platform_name(run->input.platform));
	put_account(run, head);
	put_range(run, head);
	if (run->event.n > 0)
		put_member(head, "conversion_event", run->event);
	else
		buf_put(head, STR(",\"conversion_event\":null"));
	buf_put(head, STR(",\"freshness\":{"));
	put_time(head, "fetched_at", run->fetched_ms);
	buf_put(head, STR(",\"cache\":"));
	buf_put_byte(tail, ',');
	put_date(tail, "complete_until", run->range.end - LAG_DAYS);
	buf_put_byte(tail, '}');
	put_coverage(run, tail);
	put_warnings(run, tail);
	if (equivalence != NULL)
		put_member(tail, "equivalence", str_of(equivalence));
	buf_put(tail, STR(",\"data\":"));
	buf_put(tail, buf_str(&run->data));
	buf_put_byte(tail, '}');
}

/* ---- saying no ------------------------------------------------------------------------ */

static void put_supported(const struct tool_type *type, struct buf *out)
{
	bool any = false;

	buf_put(out, STR(",\"supported_platforms\":["));
	for (int i = 0; i < ADS_PLATFORMS; i++) {
		if (!type->platforms[i])
			continue;
		buf_put_fmt(out, "%s\"%s\"", any ? "," : "", ads_platform_name(i));
		any = true;
	}
	buf_put_byte(out, ']');
}

enum err tool_refuse(struct native_call *call, enum tool_name tool, enum ads_platform platform, const char *status,
		     const struct ads_failure *failure)
{
	const struct tool_type *type = &tool_types[tool];
	AUTO_BUF out = {0};

	buf_put_fmt(&out, "{\"status\":\"%s\",\"tool\":\"%s\",\"platform\":\"%s\"", status, type->name,
		    ads_platform_name(platform));
	if (!type->platforms[platform])
		put_supported(type, &out);
	put_member(&out, "message", failure->message);
	if (failure->class.n > 0)
		put_member(&out, "upstream_code", failure->class);
	if (failure->retry_after_s > 0)
		buf_put_fmt(&out, ",\"retry_after_s\":%lld", (long long)failure->retry_after_s);
	buf_put_byte(&out, '}');
	call->result = arena_str(call->arena, buf_str(&out));
	call->refused = true;
	return OK;
}
