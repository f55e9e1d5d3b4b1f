/* A server with its authorization server, in the same process: pages by their path, and a log of what was asked. */
#ifndef GATEHOUSE_TEST_CONNECT_SITE_H
#define GATEHOUSE_TEST_CONNECT_SITE_H

#include "../unit.h"

#include "http/server.h"
#include "rt/loop.h"

#define PAGES_MAX 12

/* "@" in headers and bodies stands for the site's origin. */
struct page {
	const char *path; /* with the method in front when it is not GET: "POST /token" */
	int status;
	const char *headers, *body;
};

struct site {
	struct page page[PAGES_MAX];
	size_t count;
	struct address bound;
	struct buf log;	    /* "GET /a POST /b ...", since it was last read */
	struct buf sent;    /* the last body */
	struct buf headers; /* the last Authorization and DPoP */
	struct http_server *server;
};

static inline void site_put(struct site *site, struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.n; i++) {
		if (text.p[i] == '@')
			buf_put_fmt(out, "http://127.0.0.1:%u", address_port(&site->bound));
		else
			buf_put_byte(out, text.p[i]);
	}
}

AWAITS static inline void site_answer(struct site *site, struct http_exchange *exchange, const struct page *page)
{
	AUTO_BUF headers = {0}, body = {0};
	struct piece piece;
	struct http_body answer = {.content_type = STR("application/json"), .pieces = &piece, .count = 1};

	site_put(site, str_of(page->headers == NULL ? "" : page->headers), &headers);
	site_put(site, str_of(page->body == NULL ? "" : page->body), &body);
	piece = (struct piece){.str = buf_str(&body)};
	(void)!http_answer(exchange, page->status, buf_str(&headers), &answer);
}

static inline const char *site_method(const struct http_exchange *exchange)
{
	return exchange->method == HTTP_GET ? "GET" : exchange->method == HTTP_POST ? "POST" : "?";
}

static inline bool site_is(const struct page *page, const struct http_exchange *exchange)
{
	char line[512];

	if (exchange->method == HTTP_GET)
		return str_eq(exchange->path, str_of(page->path));
	snprintf(line, sizeof(line), "%s %.*s", site_method(exchange), STR_ARG(exchange->path));
	return strcmp(line, page->path) == 0;
}

AWAITS static inline void site_handle(struct http_exchange *exchange, void *arg)
{
	struct site *site = arg;

	buf_put_fmt(&site->log, "%s%s %.*s", site->log.n > 0 ? " " : "", site_method(exchange),
		    STR_ARG(exchange->path));
	site->sent.n = site->headers.n = 0;
	buf_put(&site->sent, exchange->body);
	buf_put(&site->headers, http_field_find(&exchange->fields, STR("authorization")));
	buf_put_byte(&site->headers, '|');
	buf_put(&site->headers, http_field_find(&exchange->fields, STR("dpop")));
	for (size_t i = 0; i < site->count; i++) {
		if (site_is(&site->page[i], exchange)) {
			site_answer(site, exchange, &site->page[i]);
			return;
		}
	}
	site_answer(site, exchange, &(struct page){.status = 404, .body = "{}"});
}

AWAITS static inline void site_start(struct site *site)
{
	const struct http_server_spec spec = {.handle = site_handle,
					      .arg = site,
					      .head_bytes_max = 16384,
					      .body_bytes_max = 1 << 20,
					      .header_timeout_ms = 10000,
					      .body_timeout_ms = 10000,
					      .idle_timeout_ms = 10000,
					      .keepalive_ms = 10000,
					      .connections_max = 1000,
					      .connections_per_ip_max = 1000};
	struct listener_spec listen = {0};
	struct listener *listener;

	ck_ok(address_parse(STR("127.0.0.1:0"), &listen.address));
	ck_ok(http_server_new(&spec, &site->server));
	ck_ok(http_server_listen(site->server, &listen, NULL, &listener, &site->bound));
	ck_ok(http_server_accept(site->server));
}

AWAITS static inline void site_stop(struct site *site)
{
	http_server_drain(site->server, 0, 100);
	http_server_free(site->server);
	buf_free(&site->log);
	buf_free(&site->sent);
	buf_free(&site->headers);
}

/* Begin anew with these pages. */
static inline void site_set(struct site *site, const struct page *pages, size_t count)
{
	ck_assert_uint_le(count, PAGES_MAX);
	memcpy(site->page, pages, count * sizeof(*pages));
	site->count = count;
	site->log.n = 0;
}
#define SITE(site, ...)                                                                                                \
	site_set(site, (const struct page[]){__VA_ARGS__},                                                             \
		 sizeof((const struct page[]){__VA_ARGS__}) / sizeof(struct page))

/* What was asked since, and forget it. */
#define ck_log(site, want)                                                                                             \
	do {                                                                                                           \
		ck_str(buf_str(&(site)->log), want);                                                                   \
		(site)->log.n = 0;                                                                                     \
	} while (0)

static inline struct str site_text(struct site *site, struct arena *arena, const char *text)
{
	AUTO_BUF out = {0};

	site_put(site, str_of(text), &out);
	return arena_str(arena, buf_str(&out));
}

#endif
