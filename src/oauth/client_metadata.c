/* What a client says about itself, in the members of RFC 7591, whether it registers or publishes a document. What
 * cannot be granted is left out rather than refused where the standard lets a server answer with less: editors
 * register half a dozen redirect URIs at once and need one of them. Scopes are not kept: a client's later requests
 * would fail by what it happened to name at first, and the user is asked in any case. */
#include "authclient/redirect.h"
#include "authclient/shown_name.h"
#include "oauth/oauth_private.h"

#define NAME_BYTES_MAX 100 /* shown to people who must decide by it */
#define JWKS_BYTES_MAX 16384

static enum err fail(struct visit *visit, enum err err, const char *problem)
{
	visit->problem = str_of(problem);
	return err;
}

static enum err read_redirects(struct visit *visit, yyjson_val *root, struct str *ret_json)
{
	yyjson_val *list = json_get(root, "redirect_uris"), *item;
	AUTO_BUF json = {0};
	size_t index, max, kept = 0;

	buf_put_byte(&json, '[');
	yyjson_arr_foreach(list, index, max, item)
	{
		struct str uri = json_str(item);

		if (kept >= REDIRECTS_MAX ||
		    !redirect_allowed(uri, visit->settings->redirect_schemes, visit->settings->redirect_scheme_count))
			continue;
		if (kept++ > 0)
			buf_put_byte(&json, ',');
		buf_put_json(&json, uri);
	}
	buf_put_byte(&json, ']');
	if (kept == 0)
		return ERR_OAUTH_REDIRECT;
	*ret_json = arena_str(visit->arena, buf_str(&json));
	return OK;
}

bool client_lists(struct arena *arena, struct str json, struct str text)
{
	yyjson_val *root;

	return json_read(arena, json, &root) == OK && json_lists(root, text);
}

/* Only what a person's agreement carries; machines' grants need an administrator. */
static enum err read_grant_types(struct visit *visit, yyjson_val *root, struct str *ret_json)
{
	yyjson_val *list = json_get(root, "grant_types");

	if (list != NULL && !json_lists(list, STR("authorization_code")))
		return fail(visit, ERR_OAUTH_METADATA, "grant_types must have authorization_code");
	*ret_json = json_lists(list, STR("refresh_token")) ? STR("[\"authorization_code\",\"refresh_token\"]")
							   : STR("[\"authorization_code\"]");
	return OK;
}

static enum err read_keys(struct visit *visit, yyjson_val *root, struct oauth_client *client)
{
	yyjson_val *jwks = json_get(root, "jwks");
	AUTO_BUF text = {0};

	client->jwks = STR("");
	client->jwks_uri = json_str(json_get(root, "jwks_uri"));
	if (yyjson_is_obj(jwks)) {
		json_write(&text, jwks);
		client->jwks = arena_str(visit->arena, buf_str(&text));
	}
	if (client->jwks_uri.p == NULL)
		client->jwks_uri = STR("");
	if (client->jwks_uri.n > 0 && !str_starts(client->jwks_uri, STR("https://")))
		return fail(visit, ERR_OAUTH_METADATA, "jwks_uri must be an https URL");
	if (client->jwks.n > JWKS_BYTES_MAX || client->jwks_uri.n > REDIRECT_BYTES_MAX)
		return fail(visit, ERR_OAUTH_METADATA, "jwks or jwks_uri is too long");
	if (client->jwks.n == 0 && client->jwks_uri.n == 0)
		return fail(visit, ERR_OAUTH_METADATA, "private_key_jwt needs jwks or jwks_uri");
	return OK;
}

static enum err read_auth_method(struct visit *visit, yyjson_val *root, bool document, struct oauth_client *client)
{
	struct str method = json_str(json_get(root, "token_endpoint_auth_method"));

	if (method.p == NULL)
		method = document ? STR("none") : STR("client_secret_basic");
	client->auth_method = method;
	client->jwks = client->jwks_uri = STR("");
	if (str_eq(method, STR("none")))
		return OK;
	if (str_eq(method, STR("private_key_jwt")))
		return read_keys(visit, root, client);
	if (!document && (str_eq(method, STR("client_secret_basic")) || str_eq(method, STR("client_secret_post"))))
		return OK;
	return fail(visit, ERR_OAUTH_METADATA, "this token_endpoint_auth_method is not supported");
}

enum err client_metadata_read(struct visit *visit, yyjson_val *root, bool document, struct oauth_client *ret_client)
{
	struct oauth_client client = {.scope = STR("")};
	yyjson_val *responses;

	if (!yyjson_is_obj(root))
		return fail(visit, ERR_OAUTH_METADATA, "a JSON object is needed");
	responses = json_get(root, "response_types");
	if (responses != NULL && !json_lists(responses, STR("code")))
		return fail(visit, ERR_OAUTH_METADATA, "response_types must have code");
	TRY(read_redirects(visit, root, &client.redirect_uris));
	TRY(read_grant_types(visit, root, &client.grant_types));
	TRY(read_auth_method(visit, root, document, &client));
	client.name =
		shown_name(visit->arena, json_str(json_get(root, "client_name")), NAME_BYTES_MAX, STR("An MCP client"));
	*ret_client = client;
	return OK;
}
