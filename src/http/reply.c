/* Pages and JSON of our own, with the headers that keep them from being framed, cached, sniffed or scripted. The
 * policy of pages allows one stylesheet of ours and forms that lead home; nothing is ever inline, so that a hole in
 * escaping would still run nothing. */
#include "http/reply.h"

#define PROTECTION "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"

AWAITS static enum err reply(struct http_exchange *exchange, int status, struct str headers, struct str type,
			     struct str body)
{
	const struct piece piece = {.str = body};

	return http_answer(exchange, status, headers,
			   &(struct http_body){.content_type = type, .pieces = &piece, .count = 1, .gzip = false});
}

AWAITS enum err reply_json(struct http_exchange *exchange, int status, struct str headers, struct str json)
{
	AUTO_BUF all = {0};

	buf_put(&all, STR(PROTECTION));
	buf_put(&all, headers);
	return reply(exchange, status, buf_str(&all), STR("application/json"), json);
}

AWAITS enum err reply_html(struct http_exchange *exchange, int status, struct str headers, struct str form_to,
			   struct str html)
{
	AUTO_BUF all = {0};

	/* same-origin, not no-referrer: under that one browsers send our own forms with `Origin: null`. */
	buf_put(&all, STR(PROTECTION "Referrer-Policy: same-origin\r\nX-Frame-Options: DENY\r\n"
				     "Content-Security-Policy: default-src 'none'; style-src 'self'; img-src 'self'; "
				     "base-uri 'none'; frame-ancestors 'none'; form-action 'self'"));
	if (form_to.n > 0 && str_is_printable(form_to) && memchr(form_to.p, ';', form_to.n) == NULL &&
	    memchr(form_to.p, ',', form_to.n) == NULL) {
		buf_put_byte(&all, ' ');
		buf_put(&all, form_to);
	}
	buf_put(&all, STR("\r\n"));
	buf_put(&all, headers);
	return reply(exchange, status, buf_str(&all), STR("text/html; charset=utf-8"), html);
}

AWAITS enum err reply_redirect(struct http_exchange *exchange, struct str headers, struct str location)
{
	AUTO_BUF all = {0};

	if (location.n == 0 || !str_is_printable(location) || memchr(location.p, ' ', location.n) != NULL)
		return ERR_HTTP_MALFORMED;
	buf_put(&all, STR(PROTECTION "Referrer-Policy: no-referrer\r\nLocation: "));
	buf_put(&all, location);
	buf_put(&all, STR("\r\n"));
	buf_put(&all, headers);
	return http_answer(exchange, 303, buf_str(&all), &(struct http_body){0});
}

void html_put(struct buf *out, struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		switch (text.p[i]) {
		case '&':
			buf_put(out, STR("&amp;"));
			break;
		case '<':
			buf_put(out, STR("&lt;"));
			break;
		case '>':
			buf_put(out, STR("&gt;"));
			break;
		case '"':
			buf_put(out, STR("&quot;"));
			break;
		case '\'':
			buf_put(out, STR("&#39;"));
			break;
		default:
			buf_put_byte(out, text.p[i]);
		}
	}
}
