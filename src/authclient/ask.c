/* One request for a token: the form is made, sent once and wiped, the answer read. Never sent twice from here: a server
 * that rotates refresh tokens may have kept the first. */
#include "authclient/ask.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "http/fetch.h"

/* Where the form is a query. */
static struct str url_with(struct arena *arena, struct str url, struct str query)
{
	char mark = memchr(url.p, '?', url.n) == NULL ? '?' : '&';

	return arena_fmt(arena, "%.*s%c%.*s", STR_ARG(url), mark, STR_ARG(query));
}

AWAITS enum err token_ask(struct arena *arena, const struct token_endpoint *endpoint,
			  const struct token_request *request, struct buf *problem, struct token_answer *ret_answer,
			  enum token_refusal *ret_refusal)
{
	AUTO_BUF headers = {0}, form = {0};
	struct fetched fetched;
	struct fetch fetch = {
		.url = endpoint->url, .ca_file = endpoint->ca_file, .allow_private = endpoint->allow_private};
	enum err err;

	token_request_put(request, endpoint->client, endpoint->dialect, &headers, &form);
	fetch.headers = buf_str(&headers);
	if (endpoint->dialect->token_by_get) {
		fetch.url = url_with(arena, endpoint->url, buf_str(&form));
	} else {
		fetch.method = STR("POST");
		fetch.body = buf_str(&form);
	}
	err = http_fetch(arena, &fetch, &fetched);
	crypto_wipe(headers.p, headers.n);
	crypto_wipe(form.p, form.n);
	TRY(err);
	return token_answer_read(arena, fetched.status, fetched.body, clock_wall_ms(), problem, ret_answer,
				 ret_refusal);
}
