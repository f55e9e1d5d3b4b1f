/* Reading and writing rows by the table of their fields. A row that lacks what it needs, or has it in another type,
 * makes the whole report unusable: half of a report would be numbers that look right and are not. Fields that are not
 * in the table are not kept, so a document can hold nothing that nobody has thought of. */
#include "ads/rows.h"

#include <math.h>
#include <stdlib.h>

#include "analytics/civil.h"
#include "store/metric.h"

#define PAGE_ARENA_BYTES (96 * 1024 * 1024) /* a document of 8 MB, 16 bytes for each of its values */
#define NUMBER_BYTES_MAX 40		    /* of a number's digits */
#define POINTS_MAX 64			    /* of a simulation */

void report_begin(struct report *report, enum report_kind kind, enum ads_platform platform, struct arena *arena)
{
	*report = (struct report){.kind = kind, .platform = platform, .arena = arena, .event = STR("")};
}

/* ---- values ------------------------------------------------------------------------ */

bool number_read(yyjson_val *v, double *ret_value)
{
	char text[NUMBER_BYTES_MAX + 1], *end;
	struct str digits = yyjson_is_raw(v) ? (struct str){yyjson_get_raw(v), yyjson_get_len(v)} : json_str(v);
	double value;

	if (digits.n == 0 || digits.n > NUMBER_BYTES_MAX)
		return false;
	for (size_t i = 0; i < digits.n; i++)
		if (strchr("+-.0123456789eE", digits.p[i]) == NULL)
			return false;
	memcpy(text, digits.p, digits.n);
	text[digits.n] = '\0';
	value = strtod(text, &end);
	if (*end != '\0' || !isfinite(value))
		return false;
	*ret_value = value;
	return true;
}

bool report_counts(struct report *report, double value)
{
	if (!(fabs(value) <= ROW_VALUE_MAX)) /* NaN, too */
		return false;
	report->magnitude += fabs(value);
	return report->magnitude <= REPORT_VALUES_MAX;
}

static enum err keep_text(struct arena *arena, yyjson_val *v, struct str *ret_text)
{
	struct str text = arena_try_str(arena, json_str(v));

	if (text.p == NULL)
		return ERR_LIMIT;
	*ret_text = text;
	return OK;
}

static int word_value(const struct field_word *words, yyjson_val *v)
{
	for (const struct field_word *at = words; at->word != NULL; at++)
		if (str_eq(json_str(v), str_of(at->word)))
			return at->value;
	return words[0].value;
}

static enum err wrong(struct buf *problem, const char *name, const char *what)
{
	buf_put_fmt(problem, ".%s: %s", name, what);
	return ERR_UPSTREAM_GARBAGE;
}

static int points_by_cost(const void *a, const void *b)
{
	int64_t x = ((const struct simulation_point *)a)->cost_micros;
	int64_t y = ((const struct simulation_point *)b)->cost_micros;

	return x < y ? -1 : x > y;
}

static enum err read_points(struct report *report, yyjson_val *v, struct simulation *simulation, struct buf *problem)
{
	struct simulation_point *points;
	size_t count = yyjson_arr_size(v), i, max;
	yyjson_val *item;

	if (!yyjson_is_arr(v) || count > POINTS_MAX)
		return wrong(problem, "points", "not a short list");
	points = arena_try_alloc(report->arena, (count + 1) * sizeof(*points));
	if (points == NULL)
		return ERR_LIMIT;
	yyjson_arr_foreach(v, i, max, item)
	{
		points[i] = (struct simulation_point){0};
		if (!json_int(json_get(item, "cost_micros"), &points[i].cost_micros))
			return wrong(problem, "points", "cost_micros is not an integer");
		(void)json_int(json_get(item, "value_micros"), &points[i].value_micros);
		(void)number_read(json_get(item, "conversions"), &points[i].conversions);
	}
	qsort(points, count, sizeof(*points), points_by_cost);
	simulation->points = points;
	simulation->point_count = count;
	return OK;
}

/* One field of a row; `to` is the row. JSON null is as good as nothing. */
static enum err read_field(struct report *report, const struct report_field *field, yyjson_val *v, char *to,
			   struct buf *problem)
{
	int64_t whole = field->kind == FIELD_MAYBE ? -1 : 0;
	double number = field->kind == FIELD_SHARE ? -1 : 0;
	bool is_there = v != NULL && !yyjson_is_null(v);
	void *at = to + field->at;

	if (!is_there && field->needed)
		return wrong(problem, field->name, "is missing");
	switch (field->kind) {
	case FIELD_TEXT:
		*(struct str *)at = STR("");
		if (is_there && !yyjson_is_str(v))
			return wrong(problem, field->name, "not a text");
		return is_there ? keep_text(report->arena, v, at) : OK;
	case FIELD_TRUTH:
		*(bool *)at = yyjson_is_true(v);
		return OK;
	case FIELD_DATE:
		return civil_read(json_str(v), at) ? OK : wrong(problem, field->name, "not a date");
	case FIELD_WHOLE:
	case FIELD_SIGNED:
	case FIELD_MAYBE:
	case FIELD_SMALL:
		if (is_there && !json_int(v, &whole))
			return wrong(problem, field->name, "not an integer");
		if (whole < 0 && field->kind == FIELD_WHOLE)
			return wrong(problem, field->name, "is negative");
		if (!report_counts(report, (double)whole))
			return wrong(problem, field->name, "too large");
		if (field->kind == FIELD_SMALL)
			*(int *)at = (int)(whole < 0 ? 0 : whole > INT32_MAX ? INT32_MAX : whole);
		else
			*(int64_t *)at = whole;
		return OK;
	case FIELD_NUMBER:
	case FIELD_SHARE:
		if (is_there && !number_read(v, &number))
			return wrong(problem, field->name, "not a number");
		if (!report_counts(report, number))
			return wrong(problem, field->name, "too large");
		*(double *)at = number;
		return OK;
	case FIELD_WORD:
		*(int *)at = word_value(field->words, v);
		return OK;
	case FIELD_POINTS:
		return read_points(report, v, (struct simulation *)(void *)to, problem);
	}
	return OK;
}

/* ---- rows -------------------------------------------------------------------------- */

static void *row_at(const struct report *report, const struct report_shape *shape, size_t i)
{
	return (char *)report->rows + i * shape->row_bytes;
}

static enum err make_room(struct report *report, const struct report_shape *shape, size_t more, bool with_events)
{
	size_t cap = report->cap == 0 ? 256 : report->cap;
	void *rows;
	struct event_row *events = NULL;

	if (report->count + more > REPORT_ROWS_MAX)
		return ERR_LIMIT;
	while (cap < report->count + more)
		cap *= 2;
	if (cap == report->cap)
		return OK;
	rows = arena_try_alloc(report->arena, cap * shape->row_bytes);
	if (with_events)
		events = arena_try_alloc(report->arena, cap * sizeof(*events));
	if (rows == NULL || (with_events && events == NULL))
		return ERR_LIMIT;
	if (report->count > 0) {
		memcpy(rows, report->rows, report->count * shape->row_bytes);
		if (with_events)
			memcpy(events, report->events, report->count * sizeof(*events));
	}
	report->rows = rows;
	report->events = events;
	report->cap = cap;
	return OK;
}

/* "feed" of "instagram" is one thing: a placement. */
static enum err name_placement(struct report *report, struct term_row *row)
{
	size_t n = row->publisher.n + 1 + row->position.n;
	char *text;

	if (report->kind != REPORT_SEARCH_TERMS || report->platform != ADS_META)
		return OK;
	text = arena_try_alloc(report->arena, n);
	if (text == NULL)
		return ERR_LIMIT;
	memcpy(text, row->publisher.p, row->publisher.n);
	text[row->publisher.n] = '/';
	memcpy(text + row->publisher.n + 1, row->position.p, row->position.n);
	row->term.text = (struct str){text, n};
	row->term.ad_group_id = row->term.match_type = STR("");
	return OK;
}

static enum err read_row(struct report *report, const struct report_shape *shape, yyjson_val *v, bool with_events,
			 struct buf *problem)
{
	char *row = row_at(report, shape, report->count);

	if (!yyjson_is_obj(v)) {
		buf_put(problem, STR(": not an object"));
		return ERR_UPSTREAM_GARBAGE;
	}
	memset(row, 0, shape->row_bytes);
	for (const struct report_field *field = shape->fields; field->name != NULL; field++)
		TRY(read_field(report, field, json_get(v, field->name), row, problem));
	TRY(name_placement(report, (struct term_row *)(void *)row));
	report->has_conversions = report->has_conversions || json_get(v, "conversions") != NULL;
	if (with_events)
		TRY(event_read(report, v, &report->events[report->count], problem));
	report->count++;
	return OK;
}

/* What a kept document has beside its rows. */
static enum err read_rest(struct report *report, yyjson_val *root)
{
	yyjson_val *dropped = json_get(root, "dropped");

	if (json_get(root, "event") != NULL)
		TRY(keep_text(report->arena, json_get(root, "event"), &report->event));
	report->denied = yyjson_is_true(json_get(root, "denied"));
	report->partial = report->partial || json_get(root, "warning") != NULL || json_get(root, "partial") != NULL;
	(void)json_int(json_get(dropped, "rows"), &report->dropped_rows);
	(void)json_int(json_get(dropped, "cost_micros"), &report->dropped.cost_micros);
	(void)json_int(json_get(dropped, "impressions"), &report->dropped.impressions);
	(void)json_int(json_get(dropped, "clicks"), &report->dropped.clicks);
	(void)json_int(json_get(dropped, "value_micros"), &report->dropped.value_micros);
	(void)number_read(json_get(dropped, "conversions"), &report->dropped.conversions);
	return OK;
}

enum err report_take(struct report *report, struct str page, struct str *ret_next, struct buf *problem)
{
	const struct report_shape *shape = report_shape(report->kind, report->platform);
	AUTO(arena) *arena = arena_new(PAGE_ARENA_BYTES);
	yyjson_val *root, *rows, *row;
	bool with_events;
	size_t i, max;
	enum err err = json_read(arena, page, &root);

	if (err == ERR_LIMIT)
		return err;
	rows = err == OK ? json_get(root, "rows") : NULL;
	if (!yyjson_is_arr(rows)) {
		buf_put(problem, err == OK ? STR("rows: not a list") : STR("not JSON"));
		return ERR_UPSTREAM_GARBAGE;
	}
	if (report->cap == 0) /* the first says what it is */
		report->is_document = json_get(root, "kept") != NULL;
	with_events = shape->figures_at >= 0 && !report->is_document;
	TRY(make_room(report, shape, yyjson_arr_size(rows), with_events));
	yyjson_arr_foreach(rows, i, max, row)
	{
		size_t begin = problem->n;

		buf_put_fmt(problem, "rows[%zu]", i);
		TRY(read_row(report, shape, row, with_events, problem));
		problem->n = begin;
	}
	TRY(read_rest(report, root));
	*ret_next = STR("");
	return yyjson_is_str(json_get(root, "next_cursor"))
		       ? keep_text(report->arena, json_get(root, "next_cursor"), ret_next)
		       : OK;
}

/* ---- what is settled when all are there ---------------------------------------------- */

static void settle_budgets(struct report *report, struct str currency)
{
	struct campaign_row *rows = report->rows;

	for (size_t i = 0; i < report->count; i++)
		if (rows[i].budget_micros < 0 && rows[i].budget_minor >= 0)
			rows[i].budget_micros = currency_micros(currency, rows[i].budget_minor);
}

static void drop_personal(struct report *report)
{
	struct term_row *rows = report->rows;
	size_t kept = 0;

	for (size_t i = 0; i < report->count; i++) {
		const struct figures *figures = &rows[i].term.figures;

		if (!term_is_personal(rows[i].term.text)) {
			rows[kept++] = rows[i];
			continue;
		}
		report->dropped_rows++;
		report->dropped.cost_micros += figures->cost_micros;
		report->dropped.value_micros += figures->value_micros;
		report->dropped.impressions += figures->impressions;
		report->dropped.clicks += figures->clicks;
		report->dropped.conversions += figures->conversions;
	}
	report->count = kept;
}

void report_settle(struct report *report, struct str currency)
{
	if (report->events != NULL)
		event_settle(report);
	if (report->kind == REPORT_CAMPAIGNS || report->kind == REPORT_BUDGETS_BELOW)
		settle_budgets(report, currency);
	if ((report->kind == REPORT_SEARCH_TERMS && report->platform != ADS_META) || report->kind == REPORT_PMAX_TERMS)
		drop_personal(report);
}

/* ---- writing ------------------------------------------------------------------------- */

/* The shortest of two that reads back as the same. */
static void put_number(struct buf *out, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%.15g", value);
	if (strtod(text, NULL) != value)
		snprintf(text, sizeof(text), "%.17g", value);
	buf_put(out, str_of(text));
}

static void write_points(const struct simulation *simulation, struct buf *out)
{
	for (size_t i = 0; i < simulation->point_count; i++) {
		const struct simulation_point *point = &simulation->points[i];

		buf_put_fmt(out, "%s{\"cost_micros\":%lld,\"value_micros\":%lld,\"conversions\":", i == 0 ? "[" : ",",
			    (long long)point->cost_micros, (long long)point->value_micros);
		put_number(out, point->conversions);
		buf_put_byte(out, '}');
	}
	buf_put(out, simulation->point_count == 0 ? STR("[]") : STR("]"));
}

/* What is absent when read needs not be written. */
static bool is_absent(const struct report_field *field, const char *row)
{
	const void *at = row + field->at;

	switch (field->kind) {
	case FIELD_TEXT:
		return ((const struct str *)at)->n == 0;
	case FIELD_TRUTH:
		return !*(const bool *)at;
	case FIELD_WHOLE:
	case FIELD_SIGNED:
		return *(const int64_t *)at == 0;
	case FIELD_MAYBE:
		return *(const int64_t *)at < 0;
	case FIELD_SMALL:
		return *(const int *)at == 0;
	case FIELD_NUMBER:
		return *(const double *)at == 0;
	case FIELD_SHARE:
		return *(const double *)at < 0;
	case FIELD_WORD:
		return *(const int *)at == field->words[0].value;
	case FIELD_DATE:
	case FIELD_POINTS:
		break;
	}
	return false;
}

static void write_word(const struct field_word *words, int value, struct buf *out)
{
	const struct field_word *at = words;

	while (at->word != NULL && at->value != value)
		at++;
	buf_put_json(out, str_of(at->word == NULL ? words[0].word : at->word));
}

static void write_field(const struct report_field *field, const char *row, struct buf *out)
{
	const void *at = row + field->at;

	switch (field->kind) {
	case FIELD_TEXT:
		buf_put_json(out, *(const struct str *)at);
		break;
	case FIELD_TRUTH:
		buf_put(out, *(const bool *)at ? STR("true") : STR("false"));
		break;
	case FIELD_DATE:
		buf_put_byte(out, '"');
		civil_put(out, *(const civil_day *)at);
		buf_put_byte(out, '"');
		break;
	case FIELD_WHOLE:
	case FIELD_SIGNED:
	case FIELD_MAYBE:
		buf_put_fmt(out, "%lld", (long long)*(const int64_t *)at);
		break;
	case FIELD_SMALL:
		buf_put_fmt(out, "%d", *(const int *)at);
		break;
	case FIELD_NUMBER:
	case FIELD_SHARE:
		put_number(out, *(const double *)at);
		break;
	case FIELD_WORD:
		write_word(field->words, *(const int *)at, out);
		break;
	case FIELD_POINTS:
		write_points((const struct simulation *)(const void *)row, out);
		break;
	}
}

static void write_row(const struct report_shape *shape, const char *row, struct buf *out)
{
	char before = '{';

	for (const struct report_field *field = shape->fields; field->name != NULL; field++) {
		if (!field->needed && is_absent(field, row))
			continue;
		buf_put_fmt(out, "%c\"%s\":", before, field->name);
		write_field(field, row, out);
		before = ',';
	}
	buf_put_byte(out, '}');
}

static void write_rest(const struct report *report, struct buf *out)
{
	const struct figures *dropped = &report->dropped;

	if (report->event.n > 0) {
		buf_put(out, STR(",\"event\":"));
		buf_put_json(out, report->event);
	}
	if (report->partial)
		buf_put(out, STR(",\"partial\":true"));
	if (report->denied) /* the last: see cache_fresh_until_ms */
		buf_put(out, STR(",\"denied\":true"));
	if (report->dropped_rows == 0)
		return;
	buf_put_fmt(out,
		    ",\"dropped\":{\"rows\":%lld,\"cost_micros\":%lld,\"impressions\":%lld,\"clicks\":%lld,"
		    "\"value_micros\":%lld,\"conversions\":",
		    (long long)report->dropped_rows, (long long)dropped->cost_micros, (long long)dropped->impressions,
		    (long long)dropped->clicks, (long long)dropped->value_micros);
	put_number(out, dropped->conversions);
	buf_put_byte(out, '}');
}

enum err report_write(const struct report *report, struct buf *out)
{
	const struct report_shape *shape = report_shape(report->kind, report->platform);

	buf_put(out, STR("{\"kept\":1,\"rows\":["));
	for (size_t i = 0; i < report->count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		write_row(shape, row_at(report, shape, i), out);
		if (out->n > METRIC_BYTES_MAX)
			return ERR_LIMIT;
	}
	buf_put_byte(out, ']');
	write_rest(report, out);
	buf_put_byte(out, '}');
	return out->n > METRIC_BYTES_MAX ? ERR_LIMIT : OK;
}
