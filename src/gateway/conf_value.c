/* Single values: durations, sizes, rates, and texts that name a file or a variable. Units are
 * tables; arithmetic that overflows is a wrong value, not a small one. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>

#include "base/secret_file.h"
#include "gateway/conf_table.h"
#include "gateway/conf_value.h"
#include "gateway/config_secrets.h"

struct unit {
	struct str name;
	uint64_t factor;
};

static const struct unit time_units[] = {
	{{"ms", 2}, 1},	     {{"s", 1}, 1000},	     {{"sec", 3}, 1000},   {{"m", 1}, 60000},	   {{"min", 3}, 60000},
	{{"h", 1}, 3600000}, {{"hour", 4}, 3600000}, {{"d", 1}, 86400000}, {{"day", 3}, 86400000},
};

static const struct unit size_units[] = {
	{{"B", 1}, 1}, {{"KB", 2}, 1 << 10}, {{"MB", 2}, 1 << 20}, {{"GB", 2}, 1 << 30}, {{"", 0}, 1},
};

static size_t digits_of(struct str text)
{
	size_t n = 0;

	while (n < text.n && text.p[n] >= '0' && text.p[n] <= '9')
		n++;
	return n;
}

/* "15min" by a table of units; without digits 1 is meant where `bare` allows it ("min"). */
static enum err parse_scaled(struct str text, const struct unit *units, size_t count, bool bare, uint64_t *ret_value)
{
	size_t n = digits_of(text);
	struct str unit = str_trim(str_skip(text, n));
	uint64_t value = 1;

	if (n == 0 && !bare)
		return ERR_CONFIG;
	if (n > 0 && str_to_u64((struct str){text.p, n}, &value) != OK)
		return ERR_CONFIG;
	for (size_t i = 0; i < count; i++) {
		if (!str_eq_nocase(unit, units[i].name))
			continue;
		return __builtin_mul_overflow(value, units[i].factor, ret_value) || *ret_value > INT64_MAX ? ERR_CONFIG
													   : OK;
	}
	return ERR_CONFIG;
}

enum err conf_parse_ms(struct str text, int64_t *ret_ms)
{
	uint64_t ms;

	TRY(parse_scaled(text, time_units, ARRAY_LEN(time_units), false, &ms));
	*ret_ms = (int64_t)ms;
	return OK;
}

enum err conf_parse_size(struct str text, uint64_t *ret_bytes)
{
	return parse_scaled(text, size_units, ARRAY_LEN(size_units), false, ret_bytes);
}

enum err conf_parse_rate(struct str text, uint32_t *ret_limit, int64_t *ret_window_ms)
{
	struct str count, window;
	uint64_t limit, ms;

	if (str_eq(text, STR("off")) || str_eq(text, STR("0"))) {
		*ret_limit = 0;
		*ret_window_ms = 1000;
		return OK;
	}
	if (!str_cut(text, '/', &count, &window) || str_to_u64(str_trim(count), &limit) != OK || limit == 0 ||
	    limit > UINT32_MAX)
		return ERR_CONFIG;
	TRY(parse_scaled(str_trim(window), time_units, ARRAY_LEN(time_units), true, &ms));
	if (ms == 0)
		return ERR_CONFIG;
	*ret_limit = (uint32_t)limit;
	*ret_window_ms = (int64_t)ms;
	return OK;
}

static enum err read_secret_file(struct conf_reading *reading, const struct conf_node *at, struct str name,
				 struct buf *out)
{
	struct str path = name.n > 0 && name.p[0] == '/'
				  ? arena_str(reading->arena, name)
				  : arena_fmt(reading->arena, "%.*s/%.*s", STR_ARG(reading->directory), STR_ARG(name));
	AUTO(secret_text) *text = NULL;
	AUTO_BUF problem = {0};

	if (secret_file_text(AT_FDCWD, path.p, reading->production ? SECRET_FILE_PRIVATE : SECRET_FILE_ANY, &problem,
			     &text) != OK) {
		conf_problem(&reading->problems, at, "the secret file %.*s", STR_ARG(buf_str(&problem)));
		return ERR_CONFIG;
	}
	buf_put(out, secret_text_str(text));
	return OK;
}

static enum err read_variable(struct conf_reading *reading, const struct conf_node *at, struct str name,
			      struct buf *out)
{
	const char *value;

	if (reading->production) {
		conf_problem(&reading->problems, at,
			     "${env:%.*s}: secrets do not come from the environment in production; use ${secret:...} "
			     "or ${file:...}",
			     STR_ARG(name));
		return ERR_CONFIG;
	}
	value = getenv(arena_str(reading->arena, name).p);
	if (value == NULL) {
		conf_problem(&reading->problems, at, "the environment variable %.*s is not set", STR_ARG(name));
		return ERR_CONFIG;
	}
	buf_put(out, str_of(value));
	return OK;
}

enum err conf_expand(struct conf_reading *reading, const struct conf_node *node, struct str *ret_text)
{
	struct str rest = node->text;
	AUTO_BUF out = {0};

	while (rest.n > 0) {
		const char *dollar = memmem(rest.p, rest.n, "${", 2);
		const char *end = dollar == NULL ? NULL : memchr(dollar, '}', rest.n - (size_t)(dollar - rest.p));
		struct str inner;

		if (end == NULL) {
			buf_put(&out, rest);
			break;
		}
		if (reading->literal) {
			conf_problem(&reading->problems, node, "${...} is for the configuration file");
			return ERR_CONFIG;
		}
		buf_put(&out, (struct str){rest.p, (size_t)(dollar - rest.p)});
		inner = (struct str){dollar + 2, (size_t)(end - dollar - 2)};
		if (str_starts(inner, STR("file:"))) {
			TRY(read_secret_file(reading, node, str_skip(inner, 5), &out));
		} else if (str_starts(inner, STR("env:"))) {
			TRY(read_variable(reading, node, str_skip(inner, 4), &out));
		} else if (str_starts(inner, STR("secret:"))) {
			struct str value;

			TRY(config_secret_text(reading, node, str_skip(inner, 7), &value));
			buf_put(&out, value);
		} else {
			conf_problem(&reading->problems, node,
				     "${%.*s}: only ${secret:NAME}, ${file:PATH} and ${env:NAME} are known",
				     STR_ARG(inner));
			return ERR_CONFIG;
		}
		rest = str_skip(rest, (size_t)(end + 1 - rest.p));
	}
	*ret_text = arena_str(reading->arena, buf_str(&out));
	crypto_wipe(out.p, out.n); /* it may hold a secret; what grew out of it lies in the snapshot */
	return OK;
}
