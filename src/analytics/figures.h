/* Sums of figures, ratios of sums, and how numbers are written. */
#ifndef GATEHOUSE_ANALYTICS_FIGURES_H
#define GATEHOUSE_ANALYTICS_FIGURES_H

#include "analytics/rows.h"
#include "base/str.h"

/* `sum` grows by `more`; counts and money saturate nowhere: a century of a country's ads fits. */
void figures_add(struct figures *sum, const struct figures *more);

/* a / b; NaN where b is not above 0: "undefined", written as null. */
double ratio(double a, double b);
double figures_ctr(const struct figures *of);  /* clicks / impressions */
double figures_cvr(const struct figures *of);  /* conversions / clicks */
double figures_roas(const struct figures *of); /* value / cost */
double figures_cpc(const struct figures *of);  /* in micros, as those below */
double figures_cpm(const struct figures *of);
double figures_cpa(const struct figures *of);

/* Read "12.34" as micros, exactly; more than six decimals are rounded half away from zero. false: no number, or too
 * large. */
bool micros_read(struct str text, int64_t *ret_micros);

/* Append a JSON number or null (of NaN and infinities). Never an exponent.
 *   put_amount  micros as major units, exact, trailing zeros trimmed; put_amount_of: a quotient in micros, rounded to
 * them put_ratio   4 decimals; put_pct 2; put_count a sum of fractions, up to 6, all trimmed */
void put_amount(struct buf *out, int64_t micros);
void put_amount_of(struct buf *out, double micros);
void put_ratio(struct buf *out, double value);
void put_pct(struct buf *out, double value);
void put_count(struct buf *out, double value);

/* Append `,"name":` or `"name":` at the beginning of an object (the byte before is `{`). */
void put_name(struct buf *out, const char *name);

/* 100 * (now - before) / before, and which way. */
enum direction { DIRECTION_UP, DIRECTION_DOWN, DIRECTION_FLAT, DIRECTION_NEW, DIRECTION_STOPPED, DIRECTION_UNDEFINED };
struct delta {
	double pct; /* NaN: null */
	enum direction direction;
};
struct delta delta_of(double now, double before); /* NaN: undefined */
const char *direction_name(enum direction direction);

#endif
