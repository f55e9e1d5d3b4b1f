/* Times in the forms that platforms write: seconds or milliseconds since 1970, RFC 3339 with and without a colon in its
 * offset, a day, "/Date(1439434356790+0000)/". */
#include "connector/template_private.h"

#include "base/clock.h"

#define SECONDS_MAX 99999999999 /* the year 5138: larger numbers are milliseconds */

static const struct value absent;

/* "2026-01-01T00:00:00+0000" and "2026-01-01 00:00:00" as clock_iso_read has them; without an offset it is UTC. */
static bool text_ms(struct str text, int64_t *ret_ms)
{
	char iso[48];
	size_t n = text.n;

	if (n < 10 || n > sizeof(iso) - 12)
		return false;
	memcpy(iso, text.p, n);
	if (n == 10) {
		memcpy(iso + n, "T00:00:00Z", 10);
		n += 10;
	} else if (iso[10] == ' ') {
		iso[10] = 'T';
	}
	if (n > 20 && (iso[n - 5] == '+' || iso[n - 5] == '-')) {
		iso[n] = iso[n - 1];
		iso[n - 1] = iso[n - 2];
		iso[n - 2] = ':';
		n++;
	} else if (n > 18 && iso[n - 1] != 'Z' && iso[n - 1] != 'z' && iso[n - 6] != '+' && iso[n - 6] != '-') {
		iso[n++] = 'Z';
	}
	return clock_iso_read((struct str){iso, n}, ret_ms) == OK;
}

static bool number_ms(int64_t number, int64_t *ret_ms)
{
	if (number < 0)
		return false;
	*ret_ms = number > SECONDS_MAX ? number : number * 1000;
	return true;
}

static bool value_ms(const struct scope *scope, struct value value, int64_t *ret_ms)
{
	struct str text, digits, rest;
	int64_t number;

	if (value_int(value, &number))
		return number_ms(number, ret_ms);
	text = value_text(scope->arena, value);
	if (value.kind == VALUE_JSON) { /* 1700000000.123 */
		str_cut(text, '.', &digits, &rest);
		return str_to_i64(digits, &number) == OK && number_ms(number, ret_ms);
	}
	if (str_starts(text, STR("/Date("))) {
		digits = str_skip(text, 6);
		digits.n = strspn(arena_str(scope->arena, str_shorten(digits, 20)).p, "0123456789");
		return str_to_i64(digits, ret_ms) == OK && *ret_ms >= 0;
	}
	return text_ms(text, ret_ms);
}

struct value filter_unix(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	int64_t ms;

	return value_ms(scope, value, &ms) ? scope_number(scope, ms / 1000) : absent;
}

/* The first `n` bytes of its ISO form and `end`. */
static struct value iso_value(const struct scope *scope, struct value value, size_t n, struct str end)
{
	char iso[CLOCK_ISO_LEN + 1];
	int64_t ms;

	if (!value_ms(scope, value, &ms))
		return absent;
	clock_iso(ms, iso);
	memcpy(iso + n, end.p, end.n);
	return scope_text(scope, (struct str){iso, n + end.n});
}

struct value filter_rfc3339(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	return iso_value(scope, value, strlen("2026-11-21T01:02:03"), STR("Z"));
}

struct value filter_date(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	return iso_value(scope, value, strlen("2026-11-21"), STR(""));
}
