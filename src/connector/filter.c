/* The filters of templates, by name. Each takes a value that is there and makes another; what it cannot make is absent,
 * so that the next alternative counts. Times, URLs, sums of money and what single
 * platforms want are in files of their own. */
#include "connector/template_private.h"

#include "base/random.h"
#include "http/form.h"
#include "schema/schema_number.h"

static const struct value absent;

uint32_t text_next(struct str *text)
{
	const uint8_t *p = (const uint8_t *)text->p;
	size_t n = p[0] < 0x80 ? 1 : p[0] < 0xE0 ? 2 : p[0] < 0xF0 ? 3 : 4;
	uint32_t c = n == 1 ? p[0] : p[0] & (0xFFu >> (n + 1));

	if (n > text->n) {
		*text = str_skip(*text, text->n);
		return 0xFFFD;
	}
	for (size_t i = 1; i < n; i++)
		c = c << 6 | (p[i] & 0x3F);
	*text = str_skip(*text, n);
	return c;
}

/* A scalar's text; p NULL for objects and arrays. */
static struct str plain_text(const struct scope *scope, struct value value)
{
	if (value.kind == VALUE_JSON && yyjson_is_ctn(value.json))
		return STR_NONE;
	return value_text(scope->arena, value);
}

static struct value filter_str(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	return value_of_text(plain_text(scope, value));
}

static bool is_digits(struct str text)
{
	for (size_t i = text.n > 0 && text.p[0] == '-'; i < text.n; i++)
		if (text.p[i] < '0' || text.p[i] > '9')
			return false;
	return true;
}

/* 12, 12.0 and "12": digits, as many as there are. */
static struct value filter_int(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	char scratch[NUMBER_SCRATCH_BYTES];
	struct str lexeme, magnitude;
	uint64_t count;

	if (!value_number(value, scratch, &lexeme) || !number_is_integer(lexeme))
		return absent;
	if (is_digits(lexeme))
		return scope_json(scope, lexeme);
	magnitude = str_skip(lexeme, lexeme.p[0] == '-');
	if (!number_count(magnitude, &count) || count > INT64_MAX)
		return absent;
	return scope_number(scope, magnitude.n < lexeme.n ? -(int64_t)count : (int64_t)count);
}

static struct value filter_bool(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str text = plain_text(scope, value);

	if (str_eq(text, STR("true")) || str_eq(text, STR("1")))
		return scope_bool(true);
	if (str_eq(text, STR("false")) || str_eq(text, STR("0")))
		return scope_bool(false);
	return absent;
}

static struct value filter_bool01(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct value flag = filter_bool(scope, value, argument);

	return flag.kind == VALUE_ABSENT ? absent : scope_number(scope, yyjson_get_bool(flag.json));
}

static struct value filter_json(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	AUTO_BUF text = {0};

	value_put_json(&text, value);
	return scope_text(scope, buf_str(&text));
}

static struct value filter_csv(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	AUTO_BUF text = {0};
	yyjson_arr_iter each;
	yyjson_val *item;

	if (value.kind != VALUE_JSON || !yyjson_is_arr(value.json))
		return value_of_text(plain_text(scope, value));
	each = yyjson_arr_iter_with(value.json);
	while ((item = yyjson_arr_iter_next(&each)) != NULL) {
		struct str piece = value_text(scope->arena, value_of_json(item));

		if (piece.p == NULL || !scope_spend(scope, piece.n))
			continue;
		if (text.n > 0)
			buf_put_byte(&text, ',');
		buf_put(&text, piece);
	}
	return text.n == 0 ? absent : scope_text(scope, buf_str(&text));
}

static struct value filter_count(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str text;
	int64_t count = 0;

	if (value.kind == VALUE_JSON && yyjson_is_ctn(value.json))
		return scope_number(scope, (int64_t)yyjson_get_len(value.json));
	for (text = value_text(scope->arena, value); text.n > 0; count++)
		text_next(&text);
	return scope_number(scope, count);
}

/* The argument's number: as it stands, or where its path leads. */
static bool argument_number(const struct scope *scope, const struct filter_argument *argument, int64_t *ret_number)
{
	if (argument->path != NULL)
		return value_int(path_value(argument->path, scope), ret_number);
	*ret_number = argument->number;
	return true;
}

static struct value filter_plus(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	int64_t number, more, sum;

	if (!value_int(value, &number) || !argument_number(scope, argument, &more) ||
	    __builtin_add_overflow(number, more, &sum))
		return absent;
	return scope_number(scope, sum);
}

static struct value filter_times(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	int64_t number, factor, product;

	if (!value_int(value, &number) || !argument_number(scope, argument, &factor) ||
	    __builtin_mul_overflow(number, factor, &product))
		return absent;
	return scope_number(scope, product);
}

static struct value filter_trunc(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str text = plain_text(scope, value), rest = text;
	int64_t characters;

	if (text.p == NULL || !argument_number(scope, argument, &characters))
		return absent;
	for (int64_t i = 0; i < characters && rest.n > 0; i++)
		text_next(&rest);
	return value_of_text((struct str){text.p, text.n - rest.n});
}

static struct value filter_lower(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct value lower = scope_text(scope, plain_text(scope, value));
	char *p = (char *)lower.text.p; /* our own copy */

	for (size_t i = 0; i < lower.text.n; i++)
		if (p[i] >= 'A' && p[i] <= 'Z')
			p[i] = (char)(p[i] + 32);
	return lower;
}

static struct value filter_url(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	AUTO_BUF text = {0};

	percent_put(&text, value_text(scope->arena, value));
	return scope_text(scope, buf_str(&text));
}

static struct value filter_b64(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str text = value_text(scope->arena, value);
	AUTO_BUF out = {0};

	base64_put(&out, text.p, text.n);
	return scope_text(scope, buf_str(&out));
}

static struct value filter_b64url(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str text = value_text(scope->arena, value);
	AUTO_BUF out = {0};

	base64url_put(&out, text.p, text.n);
	return scope_text(scope, buf_str(&out));
}

static struct value filter_after(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str text = plain_text(scope, value), mark = argument->text;

	if (text.p == NULL || mark.n == 0 || !scope_spend(scope, text.n * mark.n))
		return absent;
	for (size_t at = text.n; at >= mark.n; at--)
		if (memcmp(text.p + at - mark.n, mark.p, mark.n) == 0)
			return value_of_text(str_skip(text, at));
	return absent;
}

static const struct filter filters[] = {
	{"str", FILTER_BARE, filter_str},
	{"int", FILTER_BARE, filter_int},
	{"bool", FILTER_BARE, filter_bool},
	{"bool01", FILTER_BARE, filter_bool01},
	{"json", FILTER_BARE, filter_json},
	{"csv", FILTER_BARE, filter_csv},
	{"count", FILTER_BARE, filter_count},
	{"plus", FILTER_NUMBER, filter_plus},
	{"times", FILTER_NUMBER, filter_times},
	{"trunc", FILTER_NUMBER, filter_trunc},
	{"lower", FILTER_BARE, filter_lower},
	{"url", FILTER_BARE, filter_url},
	{"raw", FILTER_BARE, NULL},
	{"unix", FILTER_BARE, filter_unix},
	{"rfc3339", FILTER_BARE, filter_rfc3339},
	{"date", FILTER_BARE, filter_date},
	{"b64", FILTER_BARE, filter_b64},
	{"b64url", FILTER_BARE, filter_b64url},
	{"after", FILTER_TEXT, filter_after},
	{"param", FILTER_TEXT, filter_param},
	{"strip", FILTER_TEXT, filter_strip},
	{"litescape", FILTER_BARE, filter_litescape},
	{"weighted", FILTER_BARE, filter_weighted},
	{"graphql", FILTER_BARE, filter_graphql},
	{"decimal", FILTER_BARE, filter_decimal},
	{"num", FILTER_BARE, filter_num},
	{"micros", FILTER_BARE, filter_micros},
	{"peak", FILTER_TEXT, filter_peak},
	{"hmac", FILTER_PATH, filter_hmac},
};

const struct filter *filter_named(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(filters); i++)
		if (str_eq(name, str_of(filters[i].name)))
			return &filters[i];
	return NULL;
}

bool filter_encodes(const struct filter *filter)
{
	return filter->apply == NULL || filter->apply == filter_url;
}
