/* Sums and ratios of figures, and the only place where numbers of answers are written.
 *
 * Money is counted in integers from the platform's text to the answer's: no double in between can lose a cent of it.
 * What is a quotient anyway (a cost per click, a slope) is a double, rounded once, half away from zero, when it is
 * written. Undefined is NaN within, null outside, never 0. */
#include "analytics/figures.h"

#include <math.h>

#include "base/check.h"

#define MICROS_DIGITS 6
#define EXACT_MAX 9e15 /* integers up to here are exact as doubles, with one digit to spare */

void figures_add(struct figures *sum, const struct figures *more)
{
	sum->cost_micros += more->cost_micros;
	sum->value_micros += more->value_micros;
	sum->impressions += more->impressions;
	sum->clicks += more->clicks;
	sum->conversions += more->conversions;
}

double ratio(double a, double b)
{
	return b > 0 ? a / b : NAN;
}

double figures_ctr(const struct figures *of)
{
	return ratio((double)of->clicks, (double)of->impressions);
}

double figures_cvr(const struct figures *of)
{
	return ratio(of->conversions, (double)of->clicks);
}

double figures_roas(const struct figures *of)
{
	return ratio((double)of->value_micros, (double)of->cost_micros);
}

double figures_cpc(const struct figures *of)
{
	return ratio((double)of->cost_micros, (double)of->clicks);
}

double figures_cpm(const struct figures *of)
{
	return ratio(1000.0 * (double)of->cost_micros, (double)of->impressions);
}

double figures_cpa(const struct figures *of)
{
	return ratio((double)of->cost_micros, of->conversions);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* As many digits as there are, taken off the front of `text`.   returns   how many */
static size_t digits_take(struct str *text, struct str *ret_digits)
{
	size_t n = 0;

	while (n < text->n && is_digit(text->p[n]))
		n++;
	*ret_digits = (struct str){text->p, n};
	*text = str_skip(*text, n);
	return n;
}

bool micros_read(struct str text, int64_t *ret_micros)
{
	bool negative = text.n > 0 && text.p[0] == '-';
	struct str rest = str_skip(text, negative), whole, fraction = STR_NONE;
	int64_t micros = 0;

	if (digits_take(&rest, &whole) == 0)
		return false;
	if (rest.n > 0 && rest.p[0] == '.') {
		rest = str_skip(rest, 1);
		if (digits_take(&rest, &fraction) == 0)
			return false;
	}
	if (rest.n > 0)
		return false;
	for (size_t i = 0; i < whole.n + MICROS_DIGITS; i++) {
		size_t at = i - whole.n;
		int digit = i < whole.n ? whole.p[i] - '0' : at < fraction.n ? fraction.p[at] - '0' : 0;

		if (__builtin_mul_overflow(micros, 10, &micros) || __builtin_add_overflow(micros, digit, &micros))
			return false;
	}
	if (fraction.n > MICROS_DIGITS && fraction.p[MICROS_DIGITS] >= '5' &&
	    __builtin_add_overflow(micros, 1, &micros))
		return false;
	*ret_micros = negative ? -micros : micros;
	return true;
}

/* A whole number of units of 10^-decimals, without zeros at the end. */
static void put_scaled(struct buf *out, bool negative, uint64_t scaled, unsigned decimals)
{
	char text[24], *p = text + sizeof(text);
	unsigned digits = 0;

	while (decimals > 0 && scaled % 10 == 0) {
		scaled /= 10;
		decimals--;
	}
	do {
		if (digits == decimals && decimals > 0)
			*--p = '.';
		*--p = (char)('0' + scaled % 10);
		scaled /= 10;
		digits++;
	} while (scaled > 0 || digits <= decimals);
	if (negative)
		*--p = '-';
	buf_put(out, (struct str){p, (size_t)(text + sizeof(text) - p)});
}

static void put_fixed(struct buf *out, double value, unsigned decimals)
{
	static const double scales[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6};
	double scaled;

	CHECK(decimals < ARRAY_LEN(scales));
	if (!isfinite(value)) {
		buf_put(out, STR("null"));
		return;
	}
	scaled = round(value * scales[decimals]);
	if (fabs(scaled) < EXACT_MAX)
		put_scaled(out, scaled < 0, (uint64_t)fabs(scaled), decimals);
	else
		buf_put_fmt(out, "%.0f", value);
}

void put_amount(struct buf *out, int64_t micros)
{
	put_scaled(out, micros < 0, micros < 0 ? -(uint64_t)micros : (uint64_t)micros, MICROS_DIGITS);
}

void put_amount_of(struct buf *out, double micros)
{
	if (isfinite(micros) && fabs(micros) < EXACT_MAX)
		put_amount(out, llround(micros));
	else
		put_fixed(out, micros / MICROS, 0);
}

void put_ratio(struct buf *out, double value)
{
	put_fixed(out, value, 4);
}

void put_pct(struct buf *out, double value)
{
	put_fixed(out, value, 2);
}

void put_count(struct buf *out, double value)
{
	put_fixed(out, value, 6);
}

void put_name(struct buf *out, const char *name)
{
	if (out->n > 0 && out->p[out->n - 1] != '{')
		buf_put_byte(out, ',');
	buf_put_byte(out, '"');
	buf_put(out, str_of(name));
	buf_put(out, STR("\":"));
}

struct delta delta_of(double now, double before)
{
	if (isnan(now) || isnan(before) || before < 0)
		return (struct delta){NAN, DIRECTION_UNDEFINED};
	if (before == 0) {
		if (now == 0)
			return (struct delta){0, DIRECTION_FLAT};
		return (struct delta){NAN, now > 0 ? DIRECTION_NEW : DIRECTION_UNDEFINED};
	}
	if (now == 0)
		return (struct delta){-100, DIRECTION_STOPPED};
	return (struct delta){100 * (now - before) / before, now > before   ? DIRECTION_UP
							     : now < before ? DIRECTION_DOWN
									    : DIRECTION_FLAT};
}

const char *direction_name(enum direction direction)
{
	static const char *const names[] = {
		[DIRECTION_UP] = "up",	 [DIRECTION_DOWN] = "down",	  [DIRECTION_FLAT] = "flat",
		[DIRECTION_NEW] = "new", [DIRECTION_STOPPED] = "stopped", [DIRECTION_UNDEFINED] = "undefined",
	};

	CHECK((size_t)direction < ARRAY_LEN(names));
	return names[direction];
}
