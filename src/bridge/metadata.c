/* What clients read to find us: an authorization server whose people sign in and get their tokens at the provider, and
 * whose registration is here (RFC 8414). The issuer is the URL that the document is found by, since clients compare it;
 * the provider's own document would say neither where to register nor that PKCE is understood, which it is.
 *
 * Tokens and answers at the redirect URI name the provider as their issuer, so `iss` in those answers is not promised,
 * and ID tokens are no business of ours: who reads them takes the provider for what it is. */
#include "bridge/bridge_private.h"
#include "http/reply.h"

#define HEADERS "Cache-Control: public, max-age=300\r\n"

static void put_endpoint(struct buf *out, const char *name, const struct bridge_settings *settings, const char *path)
{
	buf_put_fmt(out, ",\"%s\":\"%.*s/%.*s/%s\"", name, STR_ARG(settings->authority), STR_ARG(settings->tenant),
		    path);
}

static void put_scopes(const struct bridge_settings *settings, struct buf *out)
{
	buf_put(out, STR(",\"scopes_supported\":["));
	for (size_t i = 0; i < settings->scope_count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		buf_put_json(out, settings->scopes[i].name);
	}
	buf_put_byte(out, ']');
}

AWAITS enum err bridge_metadata(struct visit *visit, const struct bridge_settings *settings, bool openid)
{
	struct piece piece;
	AUTO_BUF json = {0};

	buf_put_fmt(&json, "{\"issuer\":\"%.*s/oauth/bridge/%.*s\"", STR_ARG(visit->origin), STR_ARG(settings->name));
	put_endpoint(&json, "authorization_endpoint", settings, "oauth2/v2.0/authorize");
	put_endpoint(&json, "token_endpoint", settings, "oauth2/v2.0/token");
	put_endpoint(&json, "jwks_uri", settings, "discovery/v2.0/keys");
	buf_put_fmt(&json, ",\"registration_endpoint\":\"%.*s/oauth/bridge/%.*s/register\"", STR_ARG(visit->origin),
		    STR_ARG(settings->name));
	put_scopes(settings, &json);
	buf_put(&json, STR(",\"response_types_supported\":[\"code\"],\"response_modes_supported\":[\"query\"],"
			   "\"grant_types_supported\":[\"authorization_code\",\"refresh_token\"],"
			   "\"code_challenge_methods_supported\":[\"S256\"],"
			   "\"token_endpoint_auth_methods_supported\":[\"none\",\"client_secret_basic\","
			   "\"client_secret_post\"]"));
	if (openid)
		buf_put(&json, STR(",\"subject_types_supported\":[\"pairwise\"],"
				   "\"id_token_signing_alg_values_supported\":[\"RS256\"]"));
	buf_put_byte(&json, '}');
	piece = (struct piece){.str = buf_str(&json)};
	return http_answer(visit->exchange, 200, STR(HEADERS),
			   &(struct http_body){.content_type = STR("application/json"), .pieces = &piece, .count = 1});
}
