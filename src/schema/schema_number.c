/* Exact arithmetic on JSON number lexemes for the keywords minimum, maximum, multipleOf, const,
 * enum, uniqueItems and the type integer.
 *
 * A decimal is its lexeme with leading and trailing zeros cut off, plus the powers of ten of its
 * first and last digit. Comparing is one walk over the digits, so cost is linear in the length of
 * the text and nothing is allocated. Integers that fit a machine word take a short cut. */
#include "schema/schema_number.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"

#define EXPONENT_MAX (INT64_C(1) << 62) /* far beyond any lexeme's length: sums do not overflow */
#define SMALL_CHARS_MAX 18		/* any such integer fits 64 bits */

static struct str real_lexeme(double real, char scratch[NUMBER_SCRATCH_BYTES])
{
	int n = 0;

	/* the shortest text that reads back as the same double */
	for (int digits = 15; digits <= 17; digits++) {
		n = snprintf(scratch, NUMBER_SCRATCH_BYTES, "%.*g", digits, real);
		if (strtod(scratch, NULL) == real)
			break;
	}
	CHECK(n > 0 && n < NUMBER_SCRATCH_BYTES);
	return (struct str){scratch, (size_t)n};
}

bool number_lexeme(yyjson_val *v, char scratch[NUMBER_SCRATCH_BYTES], struct str *ret_lexeme)
{
	int n;

	if (likely(yyjson_is_raw(v))) {
		*ret_lexeme = (struct str){unsafe_yyjson_get_str(v), unsafe_yyjson_get_len(v)};
		return true;
	}
	if (!yyjson_is_num(v))
		return false;
	if (yyjson_is_real(v)) {
		*ret_lexeme = real_lexeme(yyjson_get_real(v), scratch);
		return true;
	}
	if (yyjson_is_uint(v))
		n = snprintf(scratch, NUMBER_SCRATCH_BYTES, "%llu", (unsigned long long)yyjson_get_uint(v));
	else
		n = snprintf(scratch, NUMBER_SCRATCH_BYTES, "%lld", (long long)yyjson_get_sint(v));
	*ret_lexeme = (struct str){scratch, (size_t)n};
	return true;
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int64_t exponent_of(struct str s)
{
	bool negative = s.n > 0 && s.p[0] == '-';
	int64_t value = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (is_digit(s.p[i]) && value < EXPONENT_MAX / 16)
			value = value * 10 + (s.p[i] - '0');
	}
	if (value >= EXPONENT_MAX / 16)
		value = EXPONENT_MAX;
	return negative ? -value : value;
}

/* Power of ten of the digit at `p`, where the integer part ends (at a point or not) at `point`. */
static int64_t power_at(const char *p, const char *point, int64_t exponent)
{
	return exponent + (p < point ? point - p - 1 : point - p);
}

struct decimal decimal_of(struct str lexeme)
{
	const char *p = lexeme.p, *end = lexeme.p + lexeme.n;
	const char *first = NULL, *last = NULL, *point = NULL;
	struct decimal decimal = {.negative = lexeme.n > 0 && *p == '-'};
	int64_t exponent = 0;

	if (decimal.negative)
		p++;
	for (; p < end && (is_digit(*p) || *p == '.'); p++) {
		if (*p == '.') {
			point = p;
		} else if (*p != '0') {
			if (first == NULL)
				first = p;
			last = p;
		}
	}
	if (point == NULL)
		point = p;
	if (first == NULL)
		return (struct decimal){.digits = lexeme.p};
	if (p < end)
		exponent = exponent_of((struct str){p + 1, (size_t)(end - p - 1)});
	decimal.digits = first;
	decimal.n = (size_t)(last - first) + 1;
	decimal.high = power_at(first, point, exponent);
	decimal.low = power_at(last, point, exponent);
	return decimal;
}

/* The next digit of a walk, 0 at the end. */
static inline char next_digit(const char **p, const char *end)
{
	if (*p < end && **p == '.')
		(*p)++;
	return *p < end ? *(*p)++ : '0';
}

static int magnitude_cmp(const struct decimal *a, const struct decimal *b)
{
	const char *p = a->digits, *p_end = p + a->n, *q = b->digits, *q_end = q + b->n;

	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	while (p < p_end || q < q_end) {
		char x = next_digit(&p, p_end), y = next_digit(&q, q_end);

		if (x != y)
			return x < y ? -1 : 1;
	}
	return 0;
}

int decimal_cmp(const struct decimal *a, const struct decimal *b)
{
	if (a->n == 0 || b->n == 0 || a->negative != b->negative) {
		int sign_a = a->n == 0 ? 0 : a->negative ? -1 : 1;
		int sign_b = b->n == 0 ? 0 : b->negative ? -1 : 1;

		return sign_a - sign_b;
	}
	return a->negative ? magnitude_cmp(b, a) : magnitude_cmp(a, b);
}

bool number_small(struct str lexeme, int64_t *ret_value)
{
	size_t i = lexeme.n > 0 && lexeme.p[0] == '-';
	bool negative = i == 1;
	int64_t value = 0;

	if (lexeme.n == i || lexeme.n > SMALL_CHARS_MAX)
		return false;
	for (; i < lexeme.n; i++) {
		if (!is_digit(lexeme.p[i]))
			return false;
		value = value * 10 + (lexeme.p[i] - '0');
	}
	*ret_value = negative ? -value : value;
	return true;
}

bool number_is_integer(struct str lexeme)
{
	struct decimal decimal;
	size_t i = lexeme.n > 0 && lexeme.p[0] == '-';

	while (i < lexeme.n && is_digit(lexeme.p[i]))
		i++;
	if (likely(i == lexeme.n))
		return true;
	decimal = decimal_of(lexeme);
	return decimal.n == 0 || decimal.low >= 0;
}

bool number_value_is_integer(yyjson_val *v)
{
	char scratch[NUMBER_SCRATCH_BYTES];
	struct str lexeme;

	return number_lexeme(v, scratch, &lexeme) && number_is_integer(lexeme);
}

bool number_count(struct str lexeme, uint64_t *ret_count)
{
	struct decimal decimal = decimal_of(lexeme);
	const char *p = decimal.digits, *end = p + decimal.n;
	uint64_t count = 0;

	if (decimal.negative || (decimal.n > 0 && decimal.low < 0))
		return false;
	if (decimal.n > 0 && decimal.high >= SMALL_CHARS_MAX) {
		*ret_count = UINT64_MAX;
		return true;
	}
	for (int64_t power = decimal.high; decimal.n > 0 && power >= 0; power--)
		count = count * 10 + (uint64_t)(next_digit(&p, end) - '0');
	*ret_count = count;
	return true;
}

size_t decimal_digits(const struct decimal *decimal)
{
	bool has_point = decimal->n > 0 && memchr(decimal->digits, '.', decimal->n) != NULL;

	return decimal->n - has_point;
}

static unsigned __int128 digits_value(const struct decimal *decimal)
{
	const char *p = decimal->digits, *end = p + decimal->n;
	unsigned __int128 value = 0;

	while (p < end)
		value = value * 10 + (unsigned)(next_digit(&p, end) - '0');
	return value;
}

/* With a = A * 10^i and b = B * 10^k, neither A nor B ending in 0: when i < k, a / b has a factor
 * 1 / 10 that A cannot cancel. Otherwise A * 10^(i - k) modulo B decides. */
bool decimal_divides(const struct decimal *a, const struct decimal *b)
{
	const char *p = a->digits, *end = p + a->n;
	unsigned __int128 divisor, rest = 0;
	int64_t zeros;

	CHECK(b->n > 0 && !b->negative && decimal_digits(b) <= NUMBER_DIVISOR_DIGITS_MAX);
	if (a->n == 0)
		return true;
	if (a->low < b->low)
		return false;
	divisor = digits_value(b);
	while (p < end)
		rest = (rest * 10 + (unsigned)(next_digit(&p, end) - '0')) % divisor;
	/* more zeros than the divisor can have factors 2 or 5 change nothing */
	zeros = a->low - b->low < 128 ? a->low - b->low : 128;
	while (zeros-- > 0 && rest != 0)
		rest = rest * 10 % divisor;
	return rest == 0;
}

uint64_t number_hash(struct str lexeme)
{
	struct decimal decimal = decimal_of(lexeme);
	const char *point = decimal.n == 0 ? NULL : memchr(decimal.digits, '.', decimal.n);
	struct str head = {decimal.digits, decimal.n}, tail = STR_NONE;
	uint64_t hash = (uint64_t)decimal.high * 2 + decimal.negative;

	if (decimal.n == 0)
		return 0;
	if (point != NULL) {
		head.n = (size_t)(point - decimal.digits);
		tail = str_skip((struct str){decimal.digits, decimal.n}, head.n + 1);
	}
	/* one digit at a time: where the point lies must not matter */
	for (size_t i = 0; i < head.n; i++)
		hash = (hash ^ (uint8_t)head.p[i]) * UINT64_C(0x100000001B3);
	for (size_t i = 0; i < tail.n; i++)
		hash = (hash ^ (uint8_t)tail.p[i]) * UINT64_C(0x100000001B3);
	return str_hash((struct str){(const char *)&hash, sizeof(hash)});
}
