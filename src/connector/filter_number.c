/* Filters for sums of money and other numbers that platforms send as text: they go by the digits, never through a
 * double. And for what platforms say in headers of how much of their limits is used: JSON, with figures of several
 * kinds of which the highest counts. */
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

/* ---- the highest of several ---- */

#define PEAK_DEPTH_MAX 8 /* such headers are three deep */

/* Whether a name is one of those between commas. */
static bool is_one_of(struct str names, struct str wanted)
{
	struct str name;

	while (names.n > 0) {
		str_cut(names, ',', &name, &names);
		if (str_eq(name, wanted))
			return true;
	}
	return false;
}

static void take_peak(const struct scope *scope, yyjson_val *json, struct str name, struct str names, unsigned depth,
		      struct value *peak)
{
	struct value value = value_of_json(json);
	size_t at, count;
	yyjson_val *key, *item;
	int order;

	if (depth > PEAK_DEPTH_MAX || !scope_spend(scope, 0))
		return;
	yyjson_obj_foreach(json_members(json), at, count, key, item)
		take_peak(scope, item, json_str(key), names, depth + 1, peak);
	if (yyjson_is_arr(json))
		yyjson_arr_foreach(json, at, count, item) take_peak(scope, item, name, names, depth + 1, peak);
	if (yyjson_is_ctn(json) || value.kind != VALUE_JSON || !is_one_of(names, name))
		return;
	if (peak->kind == VALUE_ABSENT || (value_order(scope, value, *peak, &order) && order > 0))
		*peak = value;
}

/* The highest number under one of some names, wherever in a JSON text it stands. */
struct value filter_peak(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct value root = value.kind == VALUE_TEXT ? scope_json(scope, value.text) : value, peak = absent;

	if (root.kind == VALUE_JSON)
		take_peak(scope, root.json, STR(""), argument->text, 0, &peak);
	return peak;
}
