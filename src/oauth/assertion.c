/* A client that proves itself with a signed assertion (private_key_jwt, RFC 7523 section 2.2): issued by itself about
 * itself, for this server, for a few minutes, and good for once. */
#include "oauth/oauth_private.h"

#include "base/clock.h"
#include "base/random.h"
#include "http/fetch.h"

#define ASSERTION_LIFE_MS_MAX (10 * 60 * 1000LL)
#define ASSERTION_LEEWAY_MS (60 * 1000LL) /* clocks differ */
#define JWKS_BYTES_MAX (64 * 1024)
#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

static const struct rate keys_rate = {.limit = 60, .window_ms = 60 * 1000};

AWAITS static enum err keys_of(struct oauth *oauth, struct visit *visit, const struct oauth_client *client,
			       struct jose_keys **ret_keys)
{
	const struct fetch fetch = {.url = client->jwks_uri,
				    .bytes_max = JWKS_BYTES_MAX,
				    .allow_private = visit->settings->documents_allow_private};
	struct fetched fetched;

	if (client->jwks.n > 0)
		return jose_keys_read(client->jwks, ret_keys);
	TRY(oauth_take(oauth, visit, 'k', &keys_rate));
	if (http_fetch(visit->arena, &fetch, &fetched) != OK || fetched.status != 200)
		return ERR_OAUTH_CLIENT;
	return jose_keys_read(fetched.body, ret_keys);
}

AWAITS enum err assertion_use_once(struct oauth *oauth, struct str issuer, struct str jti, int64_t life_ms)
{
	const struct str pieces[] = {STR("jti\n"), issuer, STR("\n"), jti};
	char key[2 + CRYPTO_MAC_BYTES] = {'o', 'j'};
	uint32_t count;

	if (jti.n == 0)
		return ERR_OAUTH_GRANT;
	crypto_mac(oauth->spec.key, pieces, ARRAY_LEN(pieces), (uint8_t *)key + 2);
	TRY(state_count(oauth->spec.state, (struct str){key, sizeof(key)}, life_ms, &count));
	return count == 1 ? OK : ERR_OAUTH_GRANT;
}

void assertion_audiences(struct visit *visit, struct str ret_audiences[ASSERTION_AUDIENCES])
{
	ret_audiences[0] = visit->origin;
	ret_audiences[1] = arena_fmt(visit->arena, "%.*s/oauth/token", STR_ARG(visit->origin));
}

struct str assertion_issuer(struct visit *visit, struct str text)
{
	struct jose_token token;

	return jose_token_read(visit->arena, text, &token) == OK ? token.issuer : STR_NONE;
}

AWAITS enum err assertion_check(struct oauth *oauth, struct visit *visit, const struct oauth_client *client,
				const struct form *form)
{
	struct str audiences[ASSERTION_AUDIENCES];
	struct jose_expected expected = {.issuer = client->id,
					 .audiences = audiences,
					 .audience_count = ASSERTION_AUDIENCES,
					 .now_ms = clock_wall_ms(),
					 .leeway_ms = ASSERTION_LEEWAY_MS,
					 .life_ms_max = ASSERTION_LIFE_MS_MAX};
	AUTO(jose_keys) *keys = NULL;
	struct jose_token token;
	int64_t expires_ms;
	yyjson_val *claims;

	assertion_audiences(visit, audiences);
	if (!str_eq(form_get(form, STR("client_assertion_type")), STR(ASSERTION_TYPE)) ||
	    jose_token_read(visit->arena, form_get(form, STR("client_assertion")), &token) != OK)
		return ERR_OAUTH_CLIENT;
	if (keys_of(oauth, visit, client, &keys) != OK || jose_verify(&token, keys, JOSE_ALGS, &claims) != OK ||
	    jose_check_claims(claims, &expected, &expires_ms) != OK ||
	    !str_eq(json_str(json_get(claims, "sub")), client->id))
		return ERR_OAUTH_CLIENT;
	/* Not longer than it can be used: exp may lie further away when there is no iat to judge its life by. */
	if (expires_ms - expected.now_ms > ASSERTION_LIFE_MS_MAX + ASSERTION_LEEWAY_MS)
		return ERR_OAUTH_CLIENT;
	return assertion_use_once(oauth, client->id, json_str(json_get(claims, "jti")),
				  expires_ms - expected.now_ms + ASSERTION_LEEWAY_MS) == OK
		       ? OK
		       : ERR_OAUTH_CLIENT;
}
