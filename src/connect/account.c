/* The client of a grant is the one that it was given to; only its secret is taken from the settings where they name the
 * same client, since an operator may have got a new one. */
#include "connect/account.h"

#include "audit/audit.h"
#include "authclient/providers.h"
#include "authclient/settings.h"
#include "connect/connect_private.h"
#include "connect/target.h"

#define REVOKE_MS 15000

AWAITS enum err account_client(struct arena *arena, const struct connect_at *at, const struct grant *grant,
			       struct str url, struct account_client *ret_client)
{
	const struct auth_settings *settings = at->settings;
	struct account_client *it = ret_client;

	it->identity = (struct client_identity){
		.id = grant->client_id, .secret = grant->client_secret, .auth = grant->client_auth};
	if (settings->client_secret.n > 0 && str_eq(settings->client_id, grant->client_id))
		it->identity.secret = settings->client_secret;
	if (grant->dpop_key.n > 0)
		TRY(dpop_key_read(grant->dpop_key, &it->dpop));
	TRY(connect_client_prove(arena, at, grant->issuer.n > 0 ? grant->issuer : url, &it->identity));
	it->endpoint = (struct token_endpoint){.url = url,
					       .dialect = auth_dialect_of(settings->provider),
					       .client = &it->identity,
					       .dpop = it->dpop,
					       .ca_file = at->ca_file,
					       .allow_private = at->allow_private};
	return OK;
}

void account_client_end(struct account_client *client)
{
	dpop_key_unref(client->dpop);
	client->dpop = NULL;
}

AWAITS enum err account_revoke(struct arena *arena, const struct connect_at *at, const struct grant *grant,
			       struct buf *problem)
{
	struct account_client client = {0};
	struct fiber_shield shield;
	enum err err;

	if (grant->access_token.n == 0 && grant->refresh_token.n == 0)
		return OK;
	if (grant->revoke_url.n == 0) {
		buf_put(problem, STR("the service has no way to end a sign-in from here: remove the gateway in the "
				     "account's settings there"));
		return ERR_NOT_FOUND;
	}
	shield = fiber_shield_begin(REVOKE_MS);
	err = account_client(arena, at, grant, grant->revoke_url, &client);
	if (err == OK)
		err = token_end(arena, &client.endpoint, grant->refresh_token, grant->access_token, problem);
	account_client_end(&client);
	fiber_shield_end(shield);
	if (err != OK && problem->n == 0)
		buf_put_fmt(problem, "the service was not asked: %s", err_text(err));
	return err;
}

AWAITS static enum err end(struct connect *connect, struct arena *arena, const struct connect_at *at,
			   struct buf *problem)
{
	struct audit_record record = {.event = STR("credential.revoked"),
				      .tenant_id = at->tenant_id,
				      .principal = at->user_id,
				      .upstream = at->upstream};
	struct credential_row row;
	struct grant grant;
	enum err err = grant_find(connect, arena, at, &grant, &row);

	if (err == OK) {
		err = account_revoke(arena, at, &grant, problem);
	} else if (err == ERR_CRYPTO) { /* what cannot be read can be forgotten */
		buf_put(problem, STR("what was kept cannot be read, so the service was not asked"));
		TRY(credential_find(connect->spec.db, arena, at->tenant_id, at->upstream, at->user_id, &row));
	} else {
		return err;
	}
	record.target = row.id;
	record.outcome = err == OK ? STR("ok") : str_of(err_name(err));
	err = credential_delete(connect->spec.db, at->tenant_id, row.id);
	if (err == ERR_NOT_FOUND)
		return ERR_CREDENTIAL_MISSING;
	TRY(err);
	return audit_append(connect->spec.audit, &record);
}

AWAITS enum err grant_end(struct connect *connect, const struct connect_at *at, struct buf *problem)
{
	struct arena *arena = arena_new(GRANT_ARENA_BYTES);
	enum err err;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	err = end(connect, arena, at, problem);
	arena_free_wiped(arena);
	return err;
}
