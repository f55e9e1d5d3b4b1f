/* The authorization server's door: which endpoint is asked, with which method, and the answers that all of them
 * share. What web pages of any origin may call says so (CORS); what a browser navigates to does not. */
#include "oauth/oauth_private.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

struct endpoint {
	struct str path; /* ends in '/': all below it */
	bool get, post, cors;
	/* AWAITS */
	enum err (*serve)(struct oauth *oauth, struct visit *visit);
};

static const struct endpoint endpoints[] = {
	{{"/.well-known/", 13}, true, false, true, metadata_serve},
	{{"/mcp/", 5}, true, false, true, metadata_serve},
	{{"/oauth/authorize", 16}, true, true, false, authorize_serve},
	{{"/oauth/jwks", 11}, true, false, true, jwks_serve},
	{{"/oauth/token", 12}, false, true, true, token_serve},
	{{"/oauth/revoke", 13}, false, true, true, revoke_serve},
	{{"/oauth/introspect", 17}, false, true, false, introspect_serve},
	{{"/oauth/register", 15}, false, true, true, register_serve},
};

struct oauth *oauth_new(const struct oauth_spec *spec)
{
	struct oauth *oauth = calloc(1, sizeof(*oauth));

	CHECK(oauth != NULL);
	oauth->magic = OAUTH_MAGIC;
	oauth->spec = *spec;
	return oauth;
}

void oauth_free(struct oauth *oauth)
{
	if (oauth == NULL)
		return;
	CHECK_OBJ(oauth, OAUTH_MAGIC);
	oauth->magic = 0;
	free(oauth);
}

static const struct endpoint *endpoint_of(struct str path)
{
	for (size_t i = 0; i < ARRAY_LEN(endpoints); i++) {
		struct str known = endpoints[i].path;

		if (str_eq(path, known) || (known.p[known.n - 1] == '/' && str_starts(path, known)))
			return &endpoints[i];
	}
	return NULL;
}

AWAITS static enum err preflight(struct visit *visit, const struct endpoint *endpoint)
{
	struct str headers = endpoint->post ? STR("Access-Control-Allow-Methods: POST, OPTIONS\r\n"
						  "Access-Control-Allow-Headers: authorization, content-type, dpop, "
						  "mcp-protocol-version\r\nAccess-Control-Max-Age: 7200\r\n")
					    : STR("Access-Control-Allow-Methods: GET, OPTIONS\r\n"
						  "Access-Control-Allow-Headers: mcp-protocol-version, authorization, "
						  "content-type\r\nAccess-Control-Max-Age: 7200\r\n");

	return http_answer(visit->exchange, 204, headers, &(struct http_body){0});
}

/* The error is answered in OAuth's form, and goes up for the log all the same. */
AWAITS static enum err answer_failure(struct visit *visit, enum err err)
{
	struct fiber_shield shield = fiber_shield_begin(1000);
	enum err written = oauth_error_answer(visit, err);

	fiber_shield_end(shield);
	return written == OK ? err : written;
}

AWAITS enum err oauth_serve(struct oauth *oauth, struct visit *visit)
{
	struct http_exchange *exchange = visit->exchange;
	const struct endpoint *endpoint = endpoint_of(visit->path);
	enum http_method method = exchange->method;
	enum err err;

	CHECK_OBJ(oauth, OAUTH_MAGIC);
	if (endpoint == NULL || !visit->settings->oauth)
		return ERR_HTTP_ROUTE;
	if (endpoint->cors)
		exchange->extra_headers =
			arena_fmt(visit->arena,
				  "%.*sAccess-Control-Allow-Origin: *\r\n"
				  "Access-Control-Expose-Headers: www-authenticate, x-request-id, retry-after\r\n",
				  STR_ARG(exchange->extra_headers));
	if (method == HTTP_OPTIONS && endpoint->cors)
		return preflight(visit, endpoint);
	if (!(endpoint->get && (method == HTTP_GET || method == HTTP_HEAD)) && !(endpoint->post && method == HTTP_POST))
		return ERR_HTTP_METHOD;
	if (exchange->body.n > OAUTH_BODY_BYTES_MAX)
		return answer_failure(visit, ERR_HTTP_BODY_TOO_LARGE);
	err = endpoint->serve(oauth, visit);
	return err == OK || exchange->answered || !endpoint->post ? err : answer_failure(visit, err);
}
