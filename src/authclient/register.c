/* One description serves as document and as request, so that a server that reads both sees the same client. A gateway
 * is a web client with one address to return to, wherever its users are. */
#include "authclient/register.h"

#include "authclient/words.h"
#include "base/json.h"

#define ID_BYTES_MAX 2048
#define SECRET_BYTES_MAX 4096
#define SECONDS_MAX (INT64_MAX / 1000)

enum registration registration_choose(const struct issuer_facts *issuer, bool given, bool document)
{
	if (given)
		return REGISTRATION_GIVEN;
	if (document && issuer->client_documents)
		return REGISTRATION_DOCUMENT;
	return issuer->registration_endpoint.n > 0 ? REGISTRATION_DYNAMIC : REGISTRATION_NONE;
}

enum client_auth client_auth_choose(unsigned auths, bool has_secret, bool has_key)
{
	if (has_key && (!has_secret || (auths & CLIENT_AUTH_JWT) != 0))
		return CLIENT_AUTH_JWT;
	if (has_secret && (auths == 0 || (auths & CLIENT_AUTH_BASIC) != 0))
		return CLIENT_AUTH_BASIC;
	if (has_secret && (auths & CLIENT_AUTH_POST) != 0)
		return CLIENT_AUTH_POST;
	return CLIENT_AUTH_NONE;
}

static void put_text(struct buf *json, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_put_fmt(json, ",\"%s\":", name);
	buf_put_json(json, value);
}

void client_description_put(const struct client_description *description, struct buf *json)
{
	buf_put(json, STR("{\"client_name\":"));
	buf_put_json(json, description->name);
	put_text(json, "client_id", description->client_id);
	put_text(json, "client_uri", description->uri);
	buf_put(json, STR(",\"redirect_uris\":["));
	buf_put_json(json, description->redirect_uri);
	buf_put(json, STR("],\"grant_types\":[\"authorization_code\",\"refresh_token\"],\"response_types\":[\"code\"]"
			  ",\"application_type\":\"web\""));
	put_text(json, "token_endpoint_auth_method", client_auth_name(description->auth));
	put_text(json, "scope", description->scope);
	if (description->auth == CLIENT_AUTH_JWT)
		put_text(json, "jwks_uri", description->jwks_uri);
	buf_put_byte(json, '}');
}

static enum err refused(int status, yyjson_val *root, struct buf *problem)
{
	struct str code = json_str(json_get(root, "error")), words = json_str(json_get(root, "error_description"));

	buf_put_fmt(problem, "status %d %.*s: %.*s", status, STR_ARG(words_of(code)), STR_ARG(words_of(words)));
	return status == 429 || status >= 500 ? ERR_UPSTREAM_DOWN : ERR_UPSTREAM_AUTH;
}

enum err registration_answer_read(struct arena *arena, int status, struct str body, enum client_auth asked,
				  struct buf *problem, struct client_identity *ret_client, int64_t *ret_expires_ms)
{
	struct client_identity client;
	struct str method;
	yyjson_val *root = NULL;
	enum err err = json_read(arena, body, &root);
	int64_t expires_s = 0;

	if (status != 201 && status != 200)
		return refused(status, err == OK ? root : NULL, problem);
	client = (struct client_identity){
		.id = json_str(json_get(root, "client_id")),
		.secret = json_str(json_get(root, "client_secret")),
	};
	method = json_str(json_get(root, "token_endpoint_auth_method"));
	if (err != OK || client.id.n == 0 || client.id.n > ID_BYTES_MAX || !str_is_printable(client.id) ||
	    client.secret.n > SECRET_BYTES_MAX || !str_is_printable(client.secret)) {
		buf_put(problem, STR("the answer to our registration holds no client id"));
		return ERR_UPSTREAM_GARBAGE;
	}
	client.auth = (enum client_auth)client_auth_of(method);
	if (client.auth == 0)
		client.auth = client.secret.n > 0 ? asked : CLIENT_AUTH_NONE;
	if (!json_int(json_get(root, "client_secret_expires_at"), &expires_s) || expires_s < 0 ||
	    expires_s > SECONDS_MAX)
		expires_s = 0;
	*ret_client = client;
	*ret_expires_ms = expires_s * 1000;
	return OK;
}
