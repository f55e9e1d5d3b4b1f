/* Which client is speaking: found by its id, and proved in the one way it has registered. A secret is compared by its
 * MAC in constant time; a client that shows two proofs, or another than its own, is refused. */
#include "oauth/oauth_private.h"

#include "base/clock.h"
#include "base/random.h"

static bool is_usable(const struct oauth_client *client, int64_t now_ms)
{
	return !client->disabled &&
	       (!str_eq(client->kind, STR("registered")) || client->expires_ms == 0 || client->expires_ms > now_ms);
}

/* What a document said when it was last read is good enough where strangers must not make the gateway fetch. */
AWAITS static enum err find_document(struct oauth *oauth, struct visit *visit, struct str id, bool may_fetch,
				     struct oauth_client *ret_client)
{
	enum err err = oauth_client_get(oauth->spec.db, visit->arena, id, ret_client);

	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	if (may_fetch && (err == ERR_NOT_FOUND || ret_client->expires_ms <= clock_wall_ms()))
		return document_fetch(oauth, visit, id, ret_client);
	return err;
}

AWAITS enum err client_find(struct oauth *oauth, struct visit *visit, struct str id, bool may_fetch,
			    struct oauth_client *ret_client)
{
	enum err err;

	if (id.n == 0 || id.n >= CALLER_CLIENT_MAX)
		return ERR_OAUTH_CLIENT;
	if (document_is_id(visit, id)) {
		TRY(find_document(oauth, visit, id, may_fetch, ret_client));
	} else {
		err = oauth_client_get(oauth->spec.db, visit->arena, id, ret_client);
		if (err != OK)
			return err == ERR_NOT_FOUND ? ERR_OAUTH_CLIENT : err;
	}
	return is_usable(ret_client, clock_wall_ms()) ? OK : ERR_OAUTH_CLIENT;
}

/* What a request shows to prove its client. */
struct proof {
	struct str id, secret, assertion; /* p NULL absent */
	const char *method;
};

/* Basic: id and secret are form-encoded first (RFC 6749 section 2.3.1). */
static enum err read_basic(struct arena *arena, struct str credentials, struct proof *proof)
{
	AUTO_BUF text = {0};
	struct form *form = ARENA_NEW(arena, struct form);
	struct str id, secret;
	size_t n;

	if (credentials.n > 4096 ||
	    base64_get(credentials, buf_reserve(&text, credentials.n + 4), credentials.n + 4, &n) != OK)
		return ERR_OAUTH_CLIENT;
	text.n = n;
	if (!str_cut(buf_str(&text), ':', &id, &secret))
		return ERR_OAUTH_CLIENT;
	if (form_read(arena, arena_fmt(arena, "i=%.*s&s=%.*s", STR_ARG(id), STR_ARG(secret)), form) != OK ||
	    form->count != 2)
		return ERR_OAUTH_CLIENT;
	proof->id = form->field[0].value;
	proof->secret = form->field[1].value;
	proof->method = "client_secret_basic";
	return OK;
}

static enum err read_proof(struct visit *visit, const struct form *form, struct proof *ret_proof)
{
	struct str header = http_field_get(&visit->exchange->fields, HTTP_AUTHORIZATION), scheme, credentials;
	struct proof proof = {.id = form_get(form, STR("client_id")),
			      .secret = form_get(form, STR("client_secret")),
			      .assertion = form_get(form, STR("client_assertion")),
			      .method = "none"};
	struct str named = proof.id;

	if (proof.secret.n > 0)
		proof.method = "client_secret_post";
	if (header.p != NULL) {
		if (proof.secret.n > 0 || proof.assertion.n > 0) {
			visit->problem = STR("the client shows two proofs; one is enough");
			return ERR_OAUTH_REQUEST;
		}
		if (!str_cut(header, ' ', &scheme, &credentials) || !str_eq_nocase(scheme, STR("basic")))
			return ERR_OAUTH_CLIENT;
		TRY(read_basic(visit->arena, str_trim(credentials), &proof));
		if (named.n > 0 && !str_eq(named, proof.id))
			return ERR_OAUTH_CLIENT;
	}
	if (proof.assertion.n > 0) {
		proof.method = "private_key_jwt";
		if (proof.id.n == 0)
			proof.id = assertion_issuer(visit, proof.assertion);
	}
	*ret_proof = proof;
	return OK;
}

static bool secret_is_right(const struct oauth *oauth, const struct oauth_client *client, struct str secret)
{
	uint8_t mac[32];

	oauth_client_secret_mac(oauth->spec.key, secret, mac);
	return client->has_secret &&
	       str_eq_secret((struct str){(const char *)mac, sizeof(mac)},
			     (struct str){(const char *)client->secret_mac, sizeof(client->secret_mac)});
}

/* Basic and post are one thing to many libraries: a client that registered either may use both. */
static bool method_fits(struct str registered, struct str shown)
{
	return str_eq(registered, shown) ||
	       (str_starts(registered, STR("client_secret_")) && str_starts(shown, STR("client_secret_")));
}

AWAITS enum err client_authenticate(struct oauth *oauth, struct visit *visit, const struct form *form,
				    struct oauth_client *ret_client)
{
	struct proof proof;
	enum err err;

	TRY(read_proof(visit, form, &proof));
	err = client_find(oauth, visit, proof.id, false, ret_client);
	if (err != OK)
		return err == ERR_NOT_FOUND ? ERR_OAUTH_CLIENT : err;
	if (!method_fits(ret_client->auth_method, str_of(proof.method)))
		return ERR_OAUTH_CLIENT;
	if (str_eq(ret_client->auth_method, STR("none")))
		return OK;
	if (str_starts(ret_client->auth_method, STR("client_secret_")))
		return secret_is_right(oauth, ret_client, proof.secret) ? OK : ERR_OAUTH_CLIENT;
	return assertion_check(oauth, visit, ret_client, form);
}
