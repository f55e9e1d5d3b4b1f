/* Decoding with GMime's filters. They take any bytes; what comes out is made valid UTF-8 here, because it goes into
 * JSON. */
#include "email/text.h"

#include <gmime/gmime.h>

#include "base/utf8.h"

#define WORD_BYTES_MAX 8192 /* of a header that is decoded */

/* Through one filter, appended to `out`. */
static void filter(GMimeFilter *filter, struct str in, struct buf *out)
{
	char *bytes = NULL;
	size_t n = 0, prespace = 0;

	if (in.n == 0)
		return;
	g_mime_filter_complete(filter, (char *)(uintptr_t)in.p, in.n, 0, &bytes, &n, &prespace);
	buf_put(out, (struct str){bytes, n});
}

void mail_decode(struct str encoded, struct str encoding, struct buf *out)
{
	char name[32] = "";
	GMimeContentEncoding how;
	GMimeFilter *decoder;

	if (encoding.n < sizeof name)
		memcpy(name, encoding.p == NULL ? "" : encoding.p, encoding.n);
	how = g_mime_content_encoding_from_string(name);
	if (how != GMIME_CONTENT_ENCODING_BASE64 && how != GMIME_CONTENT_ENCODING_QUOTEDPRINTABLE &&
	    how != GMIME_CONTENT_ENCODING_UUENCODE) {
		buf_put(out, encoded);
		return;
	}
	decoder = g_mime_filter_basic_new(how, FALSE);
	filter(decoder, encoded, out);
	g_object_unref(decoder);
}

/* Line ends as everywhere but in mail. */
static void drop_cr(struct buf *text)
{
	size_t n = 0;

	for (size_t i = 0; i < text->n; i++)
		if (text->p[i] != '\r' || i + 1 == text->n || text->p[i + 1] != '\n')
			text->p[n++] = text->p[i];
	text->n = n;
}

void mail_put_utf8(struct str text, struct buf *out)
{
	const uint8_t *at = (const uint8_t *)text.p, *end;

	if (str_is_utf8(text)) {
		buf_put(out, text);
		return;
	}
	end = at + text.n;
	while (at < end) {
		uint32_t code;
		char bytes[4];

		at += utf8_take(at, end, &code);
		buf_put(out, (struct str){bytes, utf8_put(bytes, code)});
	}
}

void mail_decode_text(struct str encoded, struct str encoding, struct str charset, struct buf *out)
{
	AUTO_BUF bytes = {0}, utf8 = {0};
	GMimeFilter *converter = NULL;
	char name[64] = "";

	mail_decode(encoded, encoding, &bytes);
	if (charset.n > 0 && charset.n < sizeof name && !str_eq_nocase(charset, STR("utf-8")) &&
	    !str_eq_nocase(charset, STR("us-ascii"))) {
		memcpy(name, charset.p, charset.n);
		converter = g_mime_filter_charset_new(name, "utf-8");
	}
	if (converter != NULL) {
		filter(converter, buf_str(&bytes), &utf8);
		g_object_unref(converter);
		drop_cr(&utf8);
		mail_put_utf8(buf_str(&utf8), out);
	} else {
		drop_cr(&bytes);
		mail_put_utf8(buf_str(&bytes), out);
	}
}

void mail_decode_words(struct str header, struct buf *out)
{
	AUTO_BUF copy = {0};
	char *decoded;

	buf_put(&copy, str_shorten(header, WORD_BYTES_MAX));
	for (size_t i = 0; i < copy.n; i++)
		if ((unsigned char)copy.p[i] < ' ')
			copy.p[i] = ' '; /* folded lines; and NUL, which would end it */
	buf_put_byte(&copy, '\0');
	decoded = g_mime_utils_header_decode_text(NULL, copy.p);
	mail_put_utf8(str_trim(str_of(decoded)), out);
	g_free(decoded);
}

static int hex_digit(char byte)
{
	if (byte >= '0' && byte <= '9')
		return byte - '0';
	byte |= 0x20;
	return byte >= 'a' && byte <= 'f' ? byte - 'a' + 10 : -1;
}

void mail_decode_filename(struct str name, struct buf *out)
{
	AUTO_BUF bytes = {0};
	struct str charset, language, rest;

	/* charset'language'percent%20encoded */
	if (!str_cut(name, '\'', &charset, &rest) || !str_cut(rest, '\'', &language, &rest) || charset.n == 0 ||
	    memchr(name.p, '%', name.n) == NULL) {
		mail_decode_words(name, out);
		return;
	}
	for (size_t i = 0; i < rest.n; i++) {
		int high = i + 2 < rest.n && rest.p[i] == '%' ? hex_digit(rest.p[i + 1]) : -1;
		int low = high >= 0 ? hex_digit(rest.p[i + 2]) : -1;

		buf_put_byte(&bytes, low >= 0 ? (char)(high << 4 | low) : rest.p[i]);
		i += low >= 0 ? 2 : 0;
	}
	mail_decode_text(buf_str(&bytes), STR_NONE, charset, out);
}

void mail_snippet(struct str text, size_t characters, struct buf *out)
{
	const uint8_t *at = (const uint8_t *)text.p, *end = at + text.n;
	bool gap = false, begun = false;

	while (at < end && characters > 0) {
		uint32_t code;
		char bytes[4];

		at += utf8_take(at, end, &code);
		if (code <= ' ' || code == 0xA0 || code == 0x200B || code == 0x200C || code == 0x34F ||
		    code == 0xFEFF) {
			gap = true;
			continue;
		}
		if (gap && begun) {
			buf_put_byte(out, ' ');
			characters--;
		}
		if (characters == 0)
			return;
		gap = false;
		begun = true;
		buf_put(out, (struct str){bytes, utf8_put(bytes, code)});
		characters--;
	}
}
