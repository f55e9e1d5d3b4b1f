/* A code becomes claims: asked of the token endpoint with the verifier and the client's secret, read from an id token
 * whose signature, issuer, audience, times and nonce are checked. The secret lies in a file of its own, is read each
 * time (it may have been rotated), and goes to the token endpoint only. */
#include <fcntl.h>
#include <stdio.h>

#include "authclient/ask.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret_file.h"
#include "http/fetch.h"
#include "identity/claims.h"
#include "signin/provider.h"

#define LEEWAY_MS 60000
#define SUBJECT_BYTES_MAX 255 /* OpenID Connect Core section 2 */

struct secret_reading {
	const char *path;
	struct secret_text *secret;
	struct buf problem;
};

static enum err read_secret_work(void *arg)
{
	struct secret_reading *reading = arg;

	return secret_file_text(AT_FDCWD, reading->path, SECRET_FILE_PRIVATE, &reading->problem, &reading->secret);
}

/* The client's secret; stays NULL where none is configured. */
AWAITS static enum err read_secret(const struct provider_settings *settings, struct secret_text **ret_secret)
{
	struct secret_reading reading = {.path = settings->client_secret_file.p}; /* NUL-terminated, as in a config */
	enum err err;

	if (settings->client_secret_file.n == 0)
		return OK;
	err = work_run(read_secret_work, &reading);
	if (err == OK)
		*ret_secret = reading.secret;
	else
		log_error("provider.secret_unreadable", LOG_STR("provider", settings->name),
			  LOG_STR("problem", buf_str(&reading.problem)));
	buf_free(&reading.problem);
	return err == OK ? OK : ERR_CONFIG;
}

AWAITS static enum err ask_token(struct arena *arena, const struct provider_settings *settings,
				 const struct provider_facts *facts, const struct provider_code *code,
				 struct str secret, struct token_answer *ret_answer)
{
	const struct auth_dialect standard = {0};
	const struct client_identity client = {
		.id = settings->client_id,
		.secret = secret,
		.auth = client_auth_choose(facts->basic ? CLIENT_AUTH_BASIC : CLIENT_AUTH_POST, secret.n > 0, false),
	};
	const struct token_endpoint endpoint = {.url = facts->token_endpoint,
						.dialect = &standard,
						.client = &client,
						.allow_private = settings->allow_private};
	const struct token_request request = {.grant = GRANT_CODE,
					      .code = code->code,
					      .redirect_uri = code->redirect_uri,
					      .verifier = code->verifier};
	enum token_refusal refusal;
	AUTO_BUF problem = {0};
	enum err err = token_ask(arena, &endpoint, &request, &problem, ret_answer, &refusal);

	if (problem.n == 0)
		return err;
	log_warn("provider.refused", LOG_STR("provider", settings->name), LOG_STR("problem", buf_str(&problem)));
	return ERR_TOKEN_INVALID;
}

/* Whether `aud` names this client, and `azp`, where it is there or needed, too. */
static bool is_for(yyjson_val *claims, struct str client_id)
{
	yyjson_val *aud = json_get(claims, "aud"), *azp = json_get(claims, "azp"), *item;
	yyjson_arr_iter each;
	bool named = str_eq(json_str(aud), client_id) && client_id.n > 0;

	if (yyjson_is_arr(aud)) {
		each = yyjson_arr_iter_with(aud);
		while ((item = yyjson_arr_iter_next(&each)) != NULL)
			named = named || str_eq(json_str(item), client_id);
	}
	if (azp == NULL)
		return named && (!yyjson_is_arr(aud) || yyjson_arr_size(aud) == 1);
	return named && str_eq(json_str(azp), client_id);
}

enum err provider_check_claims(yyjson_val *claims, const struct provider_settings *settings, struct str nonce,
			       int64_t now_ms)
{
	const struct jose_expected expected = {
		.issuer = settings->issuer,
		.audiences = &settings->client_id,
		.audience_count = 1,
		.now_ms = now_ms,
		.leeway_ms = LEEWAY_MS,
	};
	struct str subject = json_str(json_get(claims, "sub"));
	int64_t expires_ms;

	TRY(jose_check_claims(claims, &expected, &expires_ms));
	if (!is_for(claims, settings->client_id))
		return ERR_TOKEN_AUDIENCE;
	if (subject.n == 0 || subject.n > SUBJECT_BYTES_MAX || nonce.n == 0 ||
	    !str_eq_secret(json_str(json_get(claims, "nonce")), nonce))
		return ERR_TOKEN_INVALID;
	return OK;
}

AWAITS static enum err verify(struct signin *signin, struct arena *arena, const struct provider_settings *settings,
			      const struct provider_facts *facts, struct str text, yyjson_val **ret_claims)
{
	struct jose_token token;
	enum err err = ERR_NOT_FOUND;

	TRY(jose_token_read(arena, text, &token));
	for (int again = 0; again < 2 && err == ERR_NOT_FOUND; again++) {
		AUTO(jose_keys) *keys = NULL;

		TRY(provider_keys_get(signin, settings, facts->jwks_uri, again == 1, &keys));
		err = jose_verify(&token, keys, JOSE_ALGS, ret_claims);
	}
	return err == ERR_NOT_FOUND ? ERR_TOKEN_INVALID : err;
}

static bool lacks(yyjson_val *claims, const struct provider_settings *settings)
{
	const struct claim_rules *rules = &settings->claims;

	return json_get(claims, "email") == NULL ||
	       (rules->role_claim.n > 0 && claims_get(claims, rules->role_claim) == NULL) ||
	       (rules->tenant_claim.n > 0 && claims_get(claims, rules->tenant_claim) == NULL);
}

/* One object of both; what the signed one says counts. */
static enum err merge(struct arena *arena, yyjson_val *claims, yyjson_val *more, yyjson_val **ret_claims)
{
	AUTO_BUF out = {0};
	yyjson_obj_iter each = yyjson_obj_iter_with(claims);
	yyjson_val *key;

	buf_put_byte(&out, '{');
	for (int second = 0; second < 2; second++) {
		while ((key = yyjson_obj_iter_next(&each)) != NULL) {
			if (second == 1 && yyjson_obj_getn(claims, json_str(key).p, json_str(key).n) != NULL)
				continue;
			buf_put(&out, out.n > 1 ? STR(",") : STR(""));
			buf_put_json(&out, json_str(key));
			buf_put_byte(&out, ':');
			json_write(&out, yyjson_obj_iter_get_val(key));
		}
		each = yyjson_obj_iter_with(more);
	}
	buf_put_byte(&out, '}');
	return json_read(arena, buf_str(&out), ret_claims);
}

/* Providers that keep id tokens small tell the rest when asked. Without an answer the id token has to do. */
AWAITS static enum err add_userinfo(struct arena *arena, const struct provider_settings *settings,
				    const struct provider_facts *facts, struct str access_token, yyjson_val **claims)
{
	struct fetch fetch = {.url = facts->userinfo_endpoint, .allow_private = settings->allow_private};
	struct fetched fetched;
	yyjson_val *more;
	enum err err;

	if (facts->userinfo_endpoint.n == 0 || access_token.n == 0 || !str_is_printable(access_token) ||
	    !lacks(*claims, settings))
		return OK;
	fetch.headers =
		arena_fmt(arena, "Accept: application/json\r\nAuthorization: Bearer %.*s\r\n", STR_ARG(access_token));
	err = http_fetch(arena, &fetch, &fetched);
	if (err == OK && fetched.status == 200 && json_read(arena, fetched.body, &more) == OK && yyjson_is_obj(more) &&
	    str_eq(json_str(json_get(more, "sub")), json_str(json_get(*claims, "sub"))))
		return merge(arena, *claims, more, claims);
	log_warn("provider.no_userinfo", LOG_STR("provider", settings->name), LOG_ERR(err));
	return fiber_status();
}

AWAITS enum err provider_exchange(struct signin *signin, struct arena *arena, const struct provider_settings *settings,
				  const struct provider_facts *facts, const struct provider_code *code,
				  yyjson_val **ret_claims)
{
	AUTO(secret_text) *secret = NULL;
	struct token_answer answer;
	yyjson_val *claims;

	TRY(read_secret(settings, &secret));
	TRY(ask_token(arena, settings, facts, code, secret == NULL ? STR_NONE : secret_text_str(secret), &answer));
	TRY(verify(signin, arena, settings, facts, answer.id_token, &claims));
	TRY(provider_check_claims(claims, settings, code->nonce, clock_wall_ms()));
	TRY(add_userinfo(arena, settings, facts, answer.access_token, &claims));
	*ret_claims = claims;
	return OK;
}
