/* The answers of rooms that serve pages and JSON: one line each, with the headers that protect them. */
#ifndef GATEHOUSE_HTTP_REPLY_H
#define GATEHOUSE_HTTP_REPLY_H

#include "http/server.h"

/* JSON with Cache-Control: no-store. `headers`: full lines, may be empty.
 *   Errors     as http_answer */
NODISCARD enum err reply_json(struct http_exchange *exchange, int status, struct str headers, struct str json) AWAITS;

/* A page: Content-Security-Policy without scripts, frames and inline styles; no-store, nosniff.
 *   form_to    origins besides our own that its forms may lead to, between spaces; empty: none */
NODISCARD enum err reply_html(struct http_exchange *exchange, int status, struct str headers, struct str form_to,
			      struct str html) AWAITS;

/* 303 See Other (after a form) with no-store; `location` must hold no control characters (it is checked).
 *   Errors     ERR_HTTP_MALFORMED, as http_answer */
NODISCARD enum err reply_redirect(struct http_exchange *exchange, struct str headers, struct str location) AWAITS;

/* Append text as HTML: & < > " ' escaped. */
void html_put(struct buf *out, struct str text);

#endif
