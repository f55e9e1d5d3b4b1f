/* Filters for sums of money and other numbers that platforms send as text: they go by the digits, never through a
 * double. */
#include "connector/template_private.h"

#include "schema/schema_number.h"

#define MICROS_POWER 6	   /* a micro is 10^-6 */
#define MICROS_HIGH_MAX 11 /* below 10^12 units: with six digits more, 64 bits hold it */

static const struct value absent;

struct value filter_decimal(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	char scratch[NUMBER_SCRATCH_BYTES];
	struct str lexeme;

	return value_number(value, scratch, &lexeme) ? scope_text(scope, lexeme) : absent;
}

/* A number where JSON is written, also of a text that is one. */
struct value filter_num(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	char scratch[NUMBER_SCRATCH_BYTES];
	struct str lexeme;

	return value_number(value, scratch, &lexeme) ? scope_json(scope, lexeme) : absent;
}

/* Its millionths; what is smaller is rounded, half away from zero. */
static int64_t micros_of(const struct decimal *decimal)
{
	int64_t micros = 0, power = decimal->high;

	for (size_t i = 0; i < decimal->n && power >= -MICROS_POWER - 1; i++) {
		int digit = decimal->digits[i] - '0';

		if (decimal->digits[i] == '.')
			continue;
		if (power >= -MICROS_POWER)
			micros = micros * 10 + digit;
		else if (digit >= 5)
			micros++;
		power--;
	}
	for (; power >= -MICROS_POWER; power--)
		micros *= 10;
	return decimal->negative ? -micros : micros;
}

struct value filter_micros(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	char scratch[NUMBER_SCRATCH_BYTES];
	struct decimal decimal;
	struct str lexeme;

	if (!value_number(value, scratch, &lexeme))
		return absent;
	decimal = decimal_of(lexeme);
	if (decimal.n > 0 && decimal.high > MICROS_HIGH_MAX)
		return absent;
	/* The first digit is too small to count, or to round. */
	if (decimal.n == 0 || decimal.high < -MICROS_POWER - 1)
		return scope_number(scope, 0);
	return scope_number(scope, micros_of(&decimal));
}
