/* Smaller units of currencies, for platforms that tell budgets in them. Two decimals, but for those listed here; a
 * currency that nobody knows has two. Whoever has the account's currency converts once, when a report is settled. */
#include "ads/rows.h"

static const struct {
	char code[4];
	unsigned decimals;
} others[] = {
	{"BHD", 3}, {"BIF", 0}, {"CLP", 0}, {"DJF", 0}, {"GNF", 0}, {"IQD", 3}, {"ISK", 0}, {"JOD", 3},
	{"JPY", 0}, {"KMF", 0}, {"KRW", 0}, {"KWD", 3}, {"LYD", 3}, {"OMR", 3}, {"PYG", 0}, {"RWF", 0},
	{"TND", 3}, {"UGX", 0}, {"UYI", 0}, {"VND", 0}, {"VUV", 0}, {"XAF", 0}, {"XOF", 0}, {"XPF", 0},
};

unsigned currency_decimals(struct str currency)
{
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		if (str_eq(currency, str_of(others[i].code)))
			return others[i].decimals;
	return 2;
}

int64_t currency_micros(struct str currency, int64_t minor)
{
	int64_t unit = MICROS, micros;

	for (unsigned i = currency_decimals(currency); i > 0; i--)
		unit /= 10;
	return __builtin_mul_overflow(minor, unit, &micros) ? INT64_MAX : micros;
}
