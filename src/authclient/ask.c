/* One request for a token: it is made, sent once and wiped, the answer read. Never sent twice from here: a server that
 * rotates refresh tokens may have kept the first. Where a code gives a token of an hour that is exchanged for one of
 * months, both are asked here, and who asked sees the second alone: were the first kept when the second fails, the
 * account would be lost within the hour. */
#include "authclient/ask.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "http/fetch.h"

/* Where what is sent is a query. */
static struct str url_with(struct arena *arena, struct str url, struct str query)
{
	char mark = memchr(url.p, '?', url.n) == NULL ? '?' : '&';

	return arena_fmt(arena, "%.*s%c%.*s", STR_ARG(url), mark, STR_ARG(query));
}

static struct fetch fetch_of(const struct token_endpoint *endpoint, struct str url)
{
	return (struct fetch){.url = url, .ca_file = endpoint->ca_file, .allow_private = endpoint->allow_private};
}

/* Send it once.
 *   nonce      for the proof, where there is one */
AWAITS static enum err send_once(struct arena *arena, const struct token_endpoint *endpoint, struct str url,
				 const struct token_request *request, struct str nonce, struct fetched *ret_fetched)
{
	AUTO_BUF headers = {0}, text = {0};
	struct fetch fetch = fetch_of(endpoint, url);
	bool in_query = token_carriage(request, endpoint->dialect) == CARRY_QUERY;
	enum err err = OK;

	token_request_put(request, endpoint->client, endpoint->dialect, &headers, &text);
	if (endpoint->dpop != NULL) {
		buf_put(&headers, STR("DPoP: "));
		err = dpop_proof_put(endpoint->dpop, in_query ? STR("GET") : STR("POST"), url, STR(""), nonce,
				     clock_wall_ms(), &headers);
		buf_put(&headers, STR("\r\n"));
	}
	fetch.headers = buf_str(&headers);
	if (in_query) {
		fetch.url = url_with(arena, url, buf_str(&text));
	} else {
		fetch.method = STR("POST");
		fetch.body = buf_str(&text);
	}
	if (err == OK)
		err = http_fetch(arena, &fetch, ret_fetched);
	crypto_wipe(headers.p, headers.n);
	crypto_wipe(text.p, text.n);
	return err;
}

/* A server that wants a nonce in the proof has looked at nothing else: the one refusal after which the same is sent
 * again. */
AWAITS static enum err ask_once(struct arena *arena, const struct token_endpoint *endpoint, struct str url,
				const struct token_request *request, struct buf *problem,
				struct token_answer *ret_answer, enum token_refusal *ret_refusal)
{
	size_t said = problem->n;
	struct fetched fetched;
	enum err err;

	TRY(send_once(arena, endpoint, url, request, STR(""), &fetched));
	err = token_answer_read(arena, endpoint->dialect, fetched.status, fetched.body, clock_wall_ms(), problem,
				ret_answer, ret_refusal);
	if (err != ERR_UPSTREAM_AUTH || *ret_refusal != REFUSAL_DPOP_NONCE || endpoint->dpop == NULL ||
	    !dpop_nonce_ok(fetched.dpop_nonce))
		return err;
	problem->n = said;
	TRY(send_once(arena, endpoint, url, request, fetched.dpop_nonce, &fetched));
	return token_answer_read(arena, endpoint->dialect, fetched.status, fetched.body, clock_wall_ms(), problem,
				 ret_answer, ret_refusal);
}

AWAITS enum err token_ask(struct arena *arena, const struct token_endpoint *endpoint,
			  const struct token_request *request, struct buf *problem, struct token_answer *ret_answer,
			  enum token_refusal *ret_refusal)
{
	struct token_request longer = {.grant = GRANT_LONGER};
	struct token_answer first;

	*ret_refusal = REFUSAL_OTHER;
	if (request->grant != GRANT_CODE || endpoint->dialect->longer.grant == NULL)
		return ask_once(arena, endpoint, endpoint->url, request, problem, ret_answer, ret_refusal);
	TRY(ask_once(arena, endpoint, endpoint->url, request, problem, &first, ret_refusal));
	longer.access_token = first.access_token;
	TRY(ask_once(arena, endpoint, endpoint->longer_url.n > 0 ? endpoint->longer_url : endpoint->url, &longer,
		     problem, ret_answer, ret_refusal));
	if (ret_answer->scope.p == NULL)
		ret_answer->scope = first.scope;
	return OK;
}

AWAITS enum err token_end(struct arena *arena, const struct token_endpoint *endpoint, struct str refresh_token,
			  struct str access_token, struct buf *problem)
{
	struct fetch fetch = fetch_of(endpoint, endpoint->url);
	struct token_ending ending;
	struct fetched fetched;

	token_ending_make(arena, refresh_token, access_token, endpoint->client, endpoint->dialect, &ending);
	fetch.method = ending.method;
	fetch.headers = ending.headers;
	fetch.body = ending.body;
	TRY(http_fetch(arena, &fetch, &fetched));
	if (fetched.status >= 200 && fetched.status < 300)
		return OK;
	buf_put_fmt(problem, "status %d", fetched.status);
	return fetched.status == 429 || fetched.status >= 500 ? ERR_UPSTREAM_DOWN : ERR_UPSTREAM_AUTH;
}
