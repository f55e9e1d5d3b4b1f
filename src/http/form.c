/* Forms, queries and cookies: decoded strictly and once. What could be read in two ways (a broken escape, a NUL,
 * bytes that are no UTF-8) is refused rather than repaired, since the same text decides about redirects and
 * sign-ins elsewhere. Encoding writes only unreserved characters as they are, so that what is put can be read back
 * by any parser. */
#include "http/form.h"

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

static enum err decode(struct arena *arena, struct str text, struct str *ret_decoded)
{
	char *out = arena_try_alloc(arena, text.n + 1);
	size_t n = 0;

	if (out == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (c == '%') {
			int high = i + 2 < text.n ? hex_digit(text.p[i + 1]) : -1;
			int low = i + 2 < text.n ? hex_digit(text.p[i + 2]) : -1;

			if (high < 0 || low < 0)
				return ERR_HTTP_MALFORMED;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (c == '+') {
			c = ' ';
		}
		if (c == '\0')
			return ERR_HTTP_MALFORMED;
		out[n++] = c;
	}
	out[n] = '\0';
	*ret_decoded = (struct str){out, n};
	return str_is_utf8(*ret_decoded) ? OK : ERR_HTTP_MALFORMED;
}

enum err form_read(struct arena *arena, struct str text, struct form *ret_form)
{
	ret_form->count = 0;
	while (text.n > 0) {
		struct str pair, rest, name, value = STR("");
		struct form_field *field;

		str_cut(text, '&', &pair, &rest);
		text = rest;
		if (pair.n == 0)
			continue;
		if (ret_form->count == FORM_FIELDS_MAX)
			return ERR_LIMIT;
		if (!str_cut(pair, '=', &name, &value))
			value = STR("");
		field = &ret_form->field[ret_form->count];
		TRY(decode(arena, name, &field->name));
		TRY(decode(arena, value, &field->value));
		ret_form->count++;
	}
	return OK;
}

struct str form_get(const struct form *form, struct str name)
{
	for (size_t i = 0; i < form->count; i++)
		if (str_eq(form->field[i].name, name))
			return form->field[i].value;
	return STR_NONE;
}

bool form_repeats(const struct form *form, struct str name)
{
	size_t count = 0;

	for (size_t i = 0; i < form->count; i++)
		count += str_eq(form->field[i].name, name);
	return count > 1;
}

void percent_put(struct buf *out, struct str text)
{
	static const char hex[] = "0123456789ABCDEF";

	for (size_t i = 0; i < text.n; i++) {
		uint8_t c = (uint8_t)text.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
			     c == '.' || c == '_' || c == '~';

		if (plain) {
			buf_put_byte(out, (char)c);
			continue;
		}
		buf_put_byte(out, '%');
		buf_put_byte(out, hex[c >> 4]);
		buf_put_byte(out, hex[c & 15]);
	}
}

void form_put(struct buf *out, struct str name, struct str value)
{
	char last = out->n > 0 ? out->p[out->n - 1] : '?';

	if (last != '?' && last != '&')
		buf_put_byte(out, '&');
	percent_put(out, name);
	buf_put_byte(out, '=');
	percent_put(out, value);
}

struct str cookie_get(struct str header, struct str name)
{
	struct str found = STR_NONE;

	while (header.n > 0) {
		struct str pair, rest, key, value;

		str_cut(header, ';', &pair, &rest);
		header = rest;
		if (!str_cut(str_trim(pair), '=', &key, &value) || !str_eq(key, name))
			continue;
		if (found.p != NULL)
			return STR_NONE;
		found = value;
	}
	return found;
}
