/* Numbers as JSON writes them, compared exactly: no digit is lost to a double. */
#ifndef GATEHOUSE_SCHEMA_SCHEMA_NUMBER_H
#define GATEHOUSE_SCHEMA_SCHEMA_NUMBER_H

#include "base/json.h"

#define NUMBER_SCRATCH_BYTES 40	     /* a double or a 64-bit integer as text */
#define NUMBER_DIVISOR_DIGITS_MAX 37 /* of multipleOf: what a 128-bit remainder can hold, times ten */

/* A decimal as a slice of its lexeme, from the first to the last digit that is not 0; a point
 * may lie between. Zero has no digits. Exponents beyond +-2^62 are clamped to it. */
struct decimal {
	const char *digits;
	size_t n;      /* bytes, the point included */
	int64_t high;  /* power of ten of the first digit */
	int64_t low;   /* power of ten of the last digit */
	bool negative; /* never for zero */
};

/* Whether v is a number, and its lexeme: its own text, or written to `scratch`. */
bool number_lexeme(yyjson_val *v, char scratch[NUMBER_SCRATCH_BYTES], struct str *ret_lexeme);

/* The decimal a valid JSON number spells; borrows the lexeme. */
struct decimal decimal_of(struct str lexeme);

/* Order by value, as qsort wants it. */
int decimal_cmp(const struct decimal *a, const struct decimal *b);

/* Whether the lexeme spells a mathematical integer: 1, -0, 1.0, 1e3. */
bool number_is_integer(struct str lexeme);

/* The same of a value; false when it is no number. */
bool number_value_is_integer(yyjson_val *v);

/* An integer of at most 18 characters without point and exponent; false for any other lexeme. */
bool number_small(struct str lexeme, int64_t *ret_value);

/* An integer that fits, however it is written: 3, 3.0, 30e-1; larger ones saturate.
 *   returns  false for negative and fractional ones */
bool number_count(struct str lexeme, uint64_t *ret_count);

/* Whether a / b is an integer; b is positive and has at most NUMBER_DIVISOR_DIGITS_MAX digits. */
bool decimal_divides(const struct decimal *a, const struct decimal *b);

/* Digits from the first to the last that is not 0. */
size_t decimal_digits(const struct decimal *decimal);

/* Equal for numbers of equal value. */
uint64_t number_hash(struct str lexeme);

#endif
