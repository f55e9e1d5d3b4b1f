/* Filters for URLs that platforms give, and for what single platforms want of texts: LinkedIn's and Shopify's escapes,
 * and the length that X counts. */
#include "connector/template_private.h"

#include "base/crypto.h"
#include "http/form.h"

static const struct value absent;

/* ---- URLs ---- */

/* The query of a URL, without its fragment. */
static bool url_query(struct value value, struct str *ret_front, struct str *ret_query)
{
	struct str whole, fragment;

	if (value.kind != VALUE_TEXT)
		return false;
	str_cut(value.text, '#', &whole, &fragment);
	return str_cut(whole, '?', ret_front, ret_query);
}

struct value filter_param(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str front, query, pair, name, text;

	if (!url_query(value, &front, &query))
		return absent;
	while (query.n > 0) {
		struct form *form;

		str_cut(query, '&', &pair, &query);
		str_cut(pair, '=', &name, &text);
		if (!str_eq(name, argument->text))
			continue;
		form = arena_try_alloc(scope->arena, sizeof(*form));
		if (form == NULL || form_read(scope->arena, pair, form) != OK)
			return absent;
		return value_of_text(form_get(form, argument->text));
	}
	return absent;
}

struct value filter_strip(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str front, query, pair, name, text;
	char mark = '?';
	AUTO_BUF out = {0};

	if (!url_query(value, &front, &query))
		return value;
	buf_put(&out, front);
	while (query.n > 0) {
		str_cut(query, '&', &pair, &query);
		str_cut(pair, '=', &name, &text);
		if (pair.n == 0 || str_eq(name, argument->text))
			continue;
		buf_put_byte(&out, mark);
		buf_put(&out, pair);
		mark = '&';
	}
	return scope_text(scope, buf_str(&out));
}

/* ---- texts ---- */

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* A letter or digit; of other scripts, any. */
static bool begins_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || (c & 0x80) != 0;
}

/* Whether the # at `at` begins a hashtag: a word of its own. */
static bool begins_hashtag(struct str text, size_t at)
{
	return (at == 0 || is_space(text.p[at - 1])) && at + 1 < text.n && begins_word(text.p[at + 1]);
}

/* spec: LinkedIn, "little text format": what would begin a mention or markup is escaped; a hashtag is what is meant. */
struct value filter_litescape(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str text = value_text(scope->arena, value);
	AUTO_BUF out = {0};

	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c != '\0' && strchr("\\|{}@[]()<>#*_~", c) != NULL && !(c == '#' && begins_hashtag(text, i)))
			buf_put_byte(&out, '\\');
		buf_put_byte(&out, c);
	}
	return scope_text(scope, buf_str(&out));
}

/* A term of Shopify's search syntax, in quotes so that its operators are only text. */
struct value filter_graphql(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str text = value_text(scope->arena, value);
	AUTO_BUF out = {0};

	buf_put_byte(&out, '"');
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '"' || text.p[i] == '\\')
			buf_put_byte(&out, '\\');
		buf_put_byte(&out, text.p[i]);
	}
	buf_put_byte(&out, '"');
	return scope_text(scope, buf_str(&out));
}

/* HMAC-SHA256 in hexadecimal, with the key that a path leads to: how platforms have a caller prove that it knows the
 * app's secret, too. */
struct value filter_hmac(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str text = value_text(scope->arena, value);
	struct str key = value_text(scope->arena, path_value(argument->path, scope));
	uint8_t mac[CRYPTO_DIGEST_BYTES_MAX];
	AUTO_BUF out = {0};

	if (text.p == NULL || key.n == 0)
		return absent;
	buf_put_hex(&out, mac, crypto_mac_shared(CRYPTO_SHA256, key, text, mac));
	return scope_text(scope, buf_str(&out));
}

/* ---- the length of a text at X ---- */

#define WEIGHTED_URL 23 /* each address is shortened to so many characters */

/* spec: X, "counting characters", configuration v3: these weigh one, all others two. */
static bool weighs_one(uint32_t c)
{
	return c <= 0x10FF || (c >= 0x2000 && c <= 0x200D) || (c >= 0x2010 && c <= 0x201F) ||
	       (c >= 0x2032 && c <= 0x2037);
}

/* What belongs to the emoji or letter before it: joiners and variants, skin tones, marks that NFC would join. */
static bool continues(uint32_t c)
{
	return c == 0xFE0F || c == 0x20E3 || (c >= 0x1F3FB && c <= 0x1F3FF) || (c >= 0x300 && c <= 0x36F) ||
	       (c >= 0xE0020 && c <= 0xE007F);
}

static size_t address_bytes(struct str text)
{
	size_t n = str_starts(text, STR("https://")) ? 8 : str_starts(text, STR("http://")) ? 7 : 0;
	size_t start = n;

	while (n > 0 && n < text.n && (uint8_t)text.p[n] > ' ' && (uint8_t)text.p[n] < 0x7F &&
	       strchr("\"<>`{}|\\^", text.p[n]) == NULL)
		n++;
	return n > start ? n : 0;
}

static bool is_flag_letter(uint32_t c)
{
	return c >= 0x1F1E6 && c <= 0x1F1FF;
}

struct value filter_weighted(const struct scope *scope, struct value value, const struct filter_argument *argument)
{
	struct str text = value_text(scope->arena, value);
	uint32_t before = 0;
	int64_t weight = 0;

	while (text.n > 0) {
		size_t address = address_bytes(text);
		uint32_t c;

		if (address > 0) {
			weight += WEIGHTED_URL;
			text = str_skip(text, address);
			before = 0;
			continue;
		}
		c = text_next(&text);
		if (is_flag_letter(c) && is_flag_letter(before))
			c = 0x200D; /* two letters are one flag */
		else if (!continues(c) && !(before == 0x200D && !weighs_one(c)) && c != 0x200D)
			weight += weighs_one(c) ? 1 : 2;
		before = c;
	}
	return scope_number(scope, weight);
}
