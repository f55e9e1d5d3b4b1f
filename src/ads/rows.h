/* A report's rows in memory: read from a connector's pages or from a kept document, and written as the document that is
 * kept. What fields a kind of row has is a table (fields.c): reading, checking and writing go by it. Private to the
 * room.
 *
 *     pages ─▶ report_take ─▶ rows ─▶ report_settle ─▶ report_write ─▶ document ─▶ report_take ─▶ rows */
#ifndef GATEHOUSE_ADS_ROWS_H
#define GATEHOUSE_ADS_ROWS_H

#include "ads/report.h"
#include "base/arena.h"
#include "base/json.h"

#define REPORT_ROWS_MAX 100000 /* of a report: 1,000 campaigns over 90 days */
#define ROW_VALUE_MAX 1e15     /* of a number in a row: a thousand millions of money */
#define REPORT_VALUES_MAX 1e18 /* of all of them together: sums of several reports fit 63 bits, too */

/* Rows that are no struct of the computations'. */
struct day_row {
	struct str campaign_id, name, channel;
	enum campaign_status status;
	civil_day day;
	struct figures figures;
};
struct campaign_row { /* of campaigns and budgets_below */
	struct str campaign_id, name, channel, budget_id;
	enum campaign_status status;
	int64_t budget_micros, budget_minor; /* -1: not told */
	bool lifetime, shared, learning;
};
struct term_row {
	struct term term;
	struct str publisher, position; /* Meta: `term.text` is made of them */
};

/* What a row tells of conversions before one kind of them is chosen for the report: see event.c. */
#define EVENTS_MAX 6
struct event_row {
	double count[EVENTS_MAX];
	int64_t value_micros[EVENTS_MAX];
	uint8_t counted, valued; /* which of them the row has */
	bool has_value;		 /* `value_micros` of its own */
	double roas;		 /* NaN: not told */
};

struct report {
	enum report_kind kind;
	enum ads_platform platform;
	struct arena *arena; /* rows and their texts */
	void *rows;	     /* an array of the kind's struct */
	size_t count, cap;
	struct event_row *events; /* beside them while pages come; NULL: a kept document, or no figures */
	struct str event;     /* the action that counts as a conversion; empty: `conversions` as the platform counts */
	bool is_document;     /* rows as they are kept; else pages of a connector */
	bool partial;	      /* the platform says that rows are missing */
	bool denied;	      /* the platform does not let this account have it */
	double magnitude;     /* of all numbers together, so that no sum of them can overflow */
	bool has_conversions; /* some row tells of conversions at all */
	/* Rows that were left out since they may name a person, and what they had. */
	int64_t dropped_rows;
	struct figures dropped;
};

/* An empty one. */
void report_begin(struct report *report, enum report_kind kind, enum ads_platform platform, struct arena *arena);

/* Take a page, or a kept document: {"rows":[...],"next_cursor":...}.
 *   ret_next   the cursor of the next page, in the report's arena; empty: that was the last
 *   problem    what is not as it should be: "rows[3].cost_micros: not an integer"
 *   Errors     ERR_UPSTREAM_GARBAGE: another shape; ERR_LIMIT: too many rows
 *   Runs on    any thread, as all of these */
NODISCARD enum err report_take(struct report *report, struct str page, struct str *ret_next, struct buf *problem);

/* All pages are there: one kind of conversion is chosen, budgets become micros, what may name a person goes.
 *   currency   of the ad account */
void report_settle(struct report *report, struct str currency);

/* Append the document.   Errors     ERR_LIMIT: larger than METRIC_BYTES_MAX */
NODISCARD enum err report_write(const struct report *report, struct buf *out);

/* Whether a number may be in the report: neither it nor any sum with the others is too large to be computed with. */
bool report_counts(struct report *report, double value);

/* ---- fields.c ---- */

enum field_kind {
	FIELD_TEXT,   /* struct str */
	FIELD_TRUTH,  /* bool */
	FIELD_DATE,   /* civil_day */
	FIELD_WHOLE,  /* int64_t, not negative; absent 0 */
	FIELD_SIGNED, /* int64_t; absent 0 */
	FIELD_MAYBE,  /* int64_t; absent -1 */
	FIELD_SMALL,  /* int; absent 0 */
	FIELD_NUMBER, /* double; absent 0 */
	FIELD_SHARE,  /* double; absent -1 */
	FIELD_WORD,   /* int, an enum, by its words */
	FIELD_POINTS, /* of struct simulation */
};
struct field_word {
	const char *word;
	int value;
}; /* The first is what an unknown word means; the last has no word. */
struct report_field {
	const char *name; /* NULL: the last */
	enum field_kind kind;
	bool needed;
	size_t at;
	const struct field_word *words;
};
struct report_shape {
	const struct report_field *fields;
	size_t row_bytes;
	ptrdiff_t figures_at; /* -1: it has none */
};
/* Static; each pair has one, also where the platform has no such report. Any thread. */
const struct report_shape *report_shape(enum report_kind kind, enum ads_platform platform);

/* ---- event.c ---- */

/* What a row of a page tells of conversions.
 *   problem    may be appended to
 *   Errors     ERR_UPSTREAM_GARBAGE */
NODISCARD enum err event_read(struct report *report, yyjson_val *row, struct event_row *ret_event, struct buf *problem);
/* Choose one kind for all rows, and set their figures by it. */
void event_settle(struct report *report);

/* ---- personal.c ---- */

/* Whether a text may be an e-mail address or a telephone number, or holds one. */
bool term_is_personal(struct str text);

/* ---- currency.c ---- */

/* Decimals of a currency's smaller unit: 2 for EUR, 0 for JPY, 3 for KWD.   Source   ISO 4217 */
unsigned currency_decimals(struct str currency);
/* An amount in smaller units as micros. */
int64_t currency_micros(struct str currency, int64_t minor);

/* A JSON number, or a text that is one, as a double. */
bool number_read(yyjson_val *v, double *ret_value);

#endif
