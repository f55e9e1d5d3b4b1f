/* Dynamic client registration (RFC 7591). Anybody may register: what they get is a name and a list of addresses, which
 * are worth nothing until a user agrees. So it costs them little, but not nothing: a rate for each address, and a
 * registration that nobody signs in with is forgotten after a day. Software statements are ignored, as the standard
 * allows. */
#include "oauth/oauth_private.h"

#include "base/clock.h"
#include "base/random.h"

static const struct rate register_rate = {.limit = 60, .window_ms = 3600 * 1000};

/* The answer repeats what was registered: the client compares it with what it asked for. */
static void put_answer(const struct oauth_client *client, struct str secret, yyjson_val *asked, struct buf *out)
{
	struct str scope = json_str(json_get(asked, "scope")), type = json_str(json_get(asked, "application_type"));

	buf_put(out, STR("{\"client_id\":"));
	buf_put_json(out, client->id);
	buf_put_fmt(out, ",\"client_id_issued_at\":%lld", (long long)(client->created_ms / 1000));
	if (secret.n > 0)
		buf_put_fmt(out, ",\"client_secret\":\"%.*s\",\"client_secret_expires_at\":0", STR_ARG(secret));
	buf_put(out, STR(",\"client_name\":"));
	buf_put_json(out, client->name);
	buf_put_fmt(out, ",\"redirect_uris\":%.*s,\"grant_types\":%.*s,\"response_types\":[\"code\"]",
		    STR_ARG(client->redirect_uris), STR_ARG(client->grant_types));
	buf_put_fmt(out, ",\"token_endpoint_auth_method\":\"%.*s\"", STR_ARG(client->auth_method));
	if (scope.n > 0) {
		buf_put(out, STR(",\"scope\":"));
		buf_put_json(out, scope);
	}
	if (type.n > 0) {
		buf_put(out, STR(",\"application_type\":"));
		buf_put_json(out, type);
	}
	if (client->jwks.n > 0)
		buf_put_fmt(out, ",\"jwks\":%.*s", STR_ARG(client->jwks));
	if (client->jwks_uri.n > 0) {
		buf_put(out, STR(",\"jwks_uri\":"));
		buf_put_json(out, client->jwks_uri);
	}
	buf_put_byte(out, '}');
}

AWAITS static enum err register_client(struct oauth *oauth, struct visit *visit, yyjson_val *asked)
{
	char id[ID_LEN + 1], secret[OAUTH_TOKEN_TEXT_MAX] = "";
	struct oauth_client client;
	AUTO_BUF json = {0};
	enum err err;

	TRY(client_metadata_read(visit, asked, false, &client));
	random_id(id);
	client.id = (struct str){id, ID_LEN};
	client.kind = STR("registered");
	client.tenant_id = client.user_id = STR("");
	client.created_ms = clock_wall_ms();
	client.expires_ms = client.created_ms + OAUTH_UNUSED_CLIENT_MS;
	client.has_secret = str_starts(client.auth_method, STR("client_secret_"));
	if (client.has_secret) {
		oauth_secret_make("ghs_", secret);
		oauth_client_secret_mac(oauth->spec.key, str_of(secret), client.secret_mac);
	}
	TRY(oauth_client_insert(oauth->spec.db, &client));
	TRY(oauth_audit(oauth, visit, "client.created", STR(""), STR(""), client.id, OK));
	put_answer(&client, str_of(secret), asked, &json);
	err = reply_json(visit->exchange, 201, STR(""), buf_str(&json));
	crypto_wipe(secret, sizeof(secret));
	crypto_wipe(json.p, json.n);
	return err;
}

AWAITS enum err register_serve(struct oauth *oauth, struct visit *visit)
{
	yyjson_val *asked;

	if (!visit->settings->registration)
		return ERR_HTTP_ROUTE;
	TRY(oauth_take(oauth, visit, 'r', &register_rate));
	if (json_read(visit->arena, visit->exchange->body, &asked) != OK) {
		visit->problem = STR("the body must be one JSON object");
		return ERR_OAUTH_METADATA;
	}
	return register_client(oauth, visit, asked);
}
