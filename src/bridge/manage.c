/* A client's own registration, read, changed and removed (RFC 7592): by the token that it got when it registered, or by
 * who may manage its tenant's clients. A token is compared with what is kept in constant time, and one that is wrong is
 * answered as one of a registration that does not exist.
 *
 * A change is made there first, then here: whoever asked for one that is cut short in between was told of no success,
 * and asks again. */
#include "base/clock.h"
#include "base/log.h"
#include "bridge/bridge_private.h"
#include "http/reply.h"

/* ---- answers ---------------------------------------------------------------------------- */

AWAITS enum err bridge_answer(struct visit *visit, const struct bridge_settings *settings, int status,
			      const struct bridged_client *client, struct str secret, struct str token)
{
	AUTO_BUF json = {0};
	enum err err;

	buf_put(&json, STR("{\"client_id\":"));
	buf_put_json(&json, client->client_id);
	buf_put_fmt(&json, ",\"client_id_issued_at\":%lld", (long long)(client->created_ms / 1000));
	if (secret.n > 0) {
		buf_put(&json, STR(",\"client_secret\":"));
		buf_put_json(&json, secret);
		buf_put_fmt(&json, ",\"client_secret_expires_at\":%lld", (long long)(client->secret_expires_ms / 1000));
	}
	buf_put_fmt(&json, ",%.*s,\"registration_client_uri\":\"%.*s/oauth/bridge/%.*s/register/%.*s\"",
		    (int)client->metadata.n - 2, client->metadata.p + 1, STR_ARG(visit->origin),
		    STR_ARG(settings->name), STR_ARG(client->id));
	if (token.n > 0)
		buf_put_fmt(&json, ",\"registration_access_token\":\"%.*s\"", STR_ARG(token));
	buf_put_byte(&json, '}');
	err = reply_json(visit->exchange, status, STR(""), buf_str(&json));
	crypto_wipe(json.p, json.n);
	return err;
}

void bridge_note(struct visit *visit, const struct bridge_settings *settings, const struct graph *graph, enum err err)
{
	struct str problem = buf_str(&graph->problem);

	if (problem.n == 0)
		return;
	log_warn("bridge.refused", LOG_STR("request_id", visit->request_id), LOG_STR("bridge", settings->name),
		 LOG_ERR(err), LOG_STR("problem", problem));
	/* What the directory has against the registration itself is for who registers. */
	if (err == ERR_OAUTH_METADATA || err == ERR_BRIDGE_POLICY)
		visit->problem = arena_fmt(visit->arena, "%s: %.*s", err_text(err), STR_ARG(problem));
}

/* ---- whose it is -------------------------------------------------------------------------- */

AWAITS static enum err find_by_caller(struct bridge *bridge, struct visit *visit, struct str id,
				      struct bridged_client *ret)
{
	TRY(bridged_client_find(bridge->spec.db, visit->arena, id, ret));
	return str_eq(ret->tenant_id, str_of(visit->caller.tenant_id)) ? OK : ERR_NOT_FOUND;
}

AWAITS static enum err find_by_token(struct bridge *bridge, struct visit *visit, struct str id,
				     struct bridged_client *ret)
{
	struct str token = bridge_token_of(visit), kept;
	uint8_t mac[CRYPTO_MAC_BYTES];
	enum err err;

	if (http_field_get(&visit->exchange->fields, HTTP_AUTHORIZATION).p == NULL)
		return ERR_UNAUTHENTICATED;
	err = bridged_client_find(bridge->spec.db, visit->arena, id, ret);
	if (err != OK)
		return err == ERR_NOT_FOUND ? ERR_TOKEN_INVALID : err;
	bridge_token_mac(bridge, token, mac);
	kept = (struct str){(const char *)ret->token_mac, sizeof(ret->token_mac)};
	return token.n > 0 && str_eq_secret(kept, (struct str){(const char *)mac, sizeof(mac)}) ? OK
												: ERR_TOKEN_INVALID;
}

AWAITS static enum err find_client(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings,
				   struct str id, struct bridged_client *ret)
{
	bool by_caller = visit->caller.tenant_id[0] != '\0';
	enum err absent = by_caller ? ERR_NOT_FOUND : ERR_TOKEN_INVALID;

	TRY(by_caller ? find_by_caller(bridge, visit, id, ret) : find_by_token(bridge, visit, id, ret));
	if (!str_eq(ret->bridge, settings->name) || str_eq(ret->state, BRIDGED_MAKING))
		return absent;
	/* One that is being removed can be removed, and nothing else. */
	return str_eq(ret->state, BRIDGED_ACTIVE) || visit->exchange->method == HTTP_DELETE ? OK : absent;
}

/* ---- GET ------------------------------------------------------------------------------------ */

/* Its secret; *ret_secret NULL: it has none. The row may have been sealed anew since it was read. */
AWAITS static enum err open_secret(struct bridge *bridge, struct visit *visit, struct bridged_client *client,
				   struct secret_text **ret_secret)
{
	const struct vault_place place = bridge_place(client);
	enum err err;

	*ret_secret = NULL;
	if (client->sealed.n == 0)
		return OK;
	err = vault_open(bridge->spec.vault, &place, client->sealed, ret_secret);
	if (err != ERR_NOT_FOUND)
		return err;
	TRY(bridged_client_find(bridge->spec.db, visit->arena, client->id, client));
	return vault_open(bridge->spec.vault, &place, client->sealed, ret_secret);
}

AWAITS static enum err show(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings,
			    struct bridged_client *client)
{
	AUTO(secret_text) *secret = NULL;

	TRY(open_secret(bridge, visit, client, &secret));
	return bridge_answer(visit, settings, 200, client, secret == NULL ? STR("") : secret_text_str(secret),
			     bridge_token_of(visit));
}

/* ---- PUT ------------------------------------------------------------------------------------ */

static enum err complain(struct visit *visit, const char *sentence)
{
	visit->problem = str_of(sentence);
	return ERR_OAUTH_METADATA;
}

/* What an update may not change: who it is, and whether it has a secret. */
AWAITS static enum err check_update(struct bridge *bridge, struct visit *visit, struct bridged_client *client,
				    const struct bridge_request *request)
{
	AUTO(secret_text) *secret = NULL;
	struct bridge_request kept;

	TRY(bridge_request_kept(visit->arena, client->metadata, &kept));
	if (!str_eq(request->client_id, client->client_id))
		return complain(visit, "client_id must be the registered one");
	if (request->auth != kept.auth)
		return complain(visit, "token_endpoint_auth_method cannot be changed; register anew");
	if (request->client_secret.p == NULL)
		return OK;
	TRY(open_secret(bridge, visit, client, &secret));
	if (secret == NULL || !str_eq_secret(secret_text_str(secret), request->client_secret))
		return complain(visit, "client_secret must be the registered one, or left out");
	return OK;
}

AWAITS static enum err change_there(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings,
				    const struct bridge_request *request, const struct bridged_client *client)
{
	char tag[GRAPH_TAG_BYTES + 1];
	AUTO_BUF body = {0};
	struct graph graph;
	enum err err;

	bridge_tag(bridge, settings, tag);
	graph_application_put(request, settings, str_of(tag), &body);
	graph_begin(&graph, settings);
	err = graph_change(&graph, client->object_id, buf_str(&body));
	if (err != OK)
		bridge_note(visit, settings, &graph, err);
	graph_end(&graph);
	return err;
}

AWAITS static enum err update(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings,
			      struct bridged_client *client)
{
	AUTO_BUF problem = {0}, metadata = {0};
	int64_t before_ms = client->changed_ms;
	struct bridge_request request;
	enum err err = bridge_request_read(visit->arena, settings, visit->exchange->body, &problem, &request);

	if (err != OK) {
		visit->problem = arena_str(visit->arena, buf_str(&problem));
		return err;
	}
	TRY(check_update(bridge, visit, client, &request));
	visit->exchange->cancel_on_close = false;
	TRY(change_there(bridge, visit, settings, &request, client));
	buf_put_byte(&metadata, '{');
	bridge_request_put(&request, &metadata);
	buf_put_byte(&metadata, '}');
	client->metadata = arena_str(visit->arena, buf_str(&metadata));
	client->changed_ms = clock_wall_ms();
	err = bridged_client_describe(bridge->spec.db, client, before_ms);
	if (err == ERR_NOT_FOUND) {
		visit->problem = STR("it was changed at the same moment; send it again");
		return ERR_BUSY;
	}
	TRY(err);
	TRY(bridge_audit(bridge, visit, "bridge.client_updated", client, OK));
	return show(bridge, visit, settings, client);
}

/* ---- DELETE --------------------------------------------------------------------------------- */

/* Marked first: if the directory cannot be asked now the job goes on with it, and the token opens nothing more. */
AWAITS static enum err remove_client(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings,
				     const struct bridged_client *client)
{
	struct graph graph;
	enum err err;

	visit->exchange->cancel_on_close = false;
	TRY(bridged_client_retire(bridge->spec.db, client->tenant_id, client->id, clock_wall_ms()));
	graph_begin(&graph, settings);
	err = bridge_undo(bridge, &graph, client);
	if (err != OK)
		bridge_note(visit, settings, &graph, err);
	graph_end(&graph);
	TRY(bridge_audit(bridge, visit, "bridge.client_deleted", client, err));
	TRY(err);
	return http_answer(visit->exchange, 204, STR("Cache-Control: no-store\r\n"), &(struct http_body){0});
}

AWAITS enum err bridge_manage(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings,
			      struct str id)
{
	struct bridged_client client;

	TRY(find_client(bridge, visit, settings, id, &client));
	switch (visit->exchange->method) {
	case HTTP_PUT:
		return update(bridge, visit, settings, &client);
	case HTTP_DELETE:
		return remove_client(bridge, visit, settings, &client);
	default:
		return show(bridge, visit, settings, &client);
	}
}
