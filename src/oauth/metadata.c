/* What clients read before they know anything: the documents under /.well-known.
 *
 *     oauth-protected-resource/mcp[/TOOLSET]        one per endpoint (RFC 9728); at the root, of /mcp
 *     oauth-authorization-server, openid-configuration   (RFC 8414), at the root; clients also look for
 *         them behind the endpoint's path, and below it, and get the same
 *
 * Both are public, the same for everybody, and readable by any web page. */
#include "oauth/oauth_private.h"
#include "oauth/resource.h"

#define WELL_KNOWN STR("/.well-known/")
#define METADATA_HEADERS "Cache-Control: public, max-age=300\r\n"

AWAITS static enum err answer(struct visit *visit, const struct buf *json)
{
	const struct piece piece = {.str = buf_str(json)};

	return http_answer(visit->exchange, 200, STR(METADATA_HEADERS),
			   &(struct http_body){.content_type = STR("application/json"), .pieces = &piece, .count = 1});
}

AWAITS enum err jwks_serve(struct oauth *oauth, struct visit *visit)
{
	AUTO_BUF json = {0};

	TRY(signing_jwks(oauth->spec.signing, &json));
	return answer(visit, &json);
}

/* What stands behind a document's name is the path of an endpoint; nothing means the main one. */
static bool find_endpoint(const struct visit *visit, struct str path, struct str *ret_resource)
{
	if (path.n == 0 || str_eq(path, STR("/")))
		path = STR("/mcp");
	return resource_match(visit->resources, visit->resource_count,
			      arena_fmt(visit->arena, "%.*s%.*s", STR_ARG(visit->origin), STR_ARG(path)),
			      ret_resource) == OK;
}

AWAITS static enum err serve_resource(struct visit *visit, struct str path)
{
	AUTO_BUF json = {0};
	struct str resource;

	if (!find_endpoint(visit, path, &resource))
		return ERR_HTTP_ROUTE;
	buf_put(&json, STR("{\"resource\":"));
	buf_put_json(&json, resource);
	buf_put(&json, STR(",\"authorization_servers\":["));
	buf_put_json(&json, visit->origin);
	buf_put(&json, STR("],\"scopes_supported\":[\"mcp:read\",\"mcp:tools\"],\"bearer_methods_supported\":"
			   "[\"header\"],\"resource_name\":\"Gatehouse\"}"));
	return answer(visit, &json);
}

static void put_endpoint(struct buf *out, const char *name, struct str origin, const char *path)
{
	buf_put_fmt(out, ",\"%s_endpoint\":\"%.*s/oauth/%s\"", name, STR_ARG(origin), path);
}

static void put_server(struct buf *out, const struct visit *visit)
{
	struct str origin = visit->origin;

	buf_put_fmt(out, "{\"issuer\":\"%.*s\"", STR_ARG(origin));
	put_endpoint(out, "authorization", origin, "authorize");
	put_endpoint(out, "token", origin, "token");
	if (visit->settings->registration)
		put_endpoint(out, "registration", origin, "register");
	put_endpoint(out, "revocation", origin, "revoke");
	put_endpoint(out, "introspection", origin, "introspect");
	buf_put_fmt(out, ",\"jwks_uri\":\"%.*s/oauth/jwks\"", STR_ARG(origin));
	buf_put(out,
		STR(",\"response_types_supported\":[\"code\"],\"response_modes_supported\":[\"query\"],"
		    "\"grant_types_supported\":[\"authorization_code\",\"refresh_token\",\"client_credentials\","
		    "\"urn:ietf:params:oauth:grant-type:jwt-bearer\"],"
		    "\"code_challenge_methods_supported\":[\"S256\"],"
		    "\"token_endpoint_auth_methods_supported\":[\"none\",\"client_secret_basic\","
		    "\"client_secret_post\",\"private_key_jwt\"],"
		    "\"token_endpoint_auth_signing_alg_values_supported\":[\"ES256\",\"ES384\",\"RS256\",\"RS384\","
		    "\"RS512\",\"PS256\"],"
		    "\"revocation_endpoint_auth_methods_supported\":[\"none\",\"client_secret_basic\","
		    "\"client_secret_post\",\"private_key_jwt\"],"
		    "\"introspection_endpoint_auth_methods_supported\":[\"client_secret_basic\","
		    "\"client_secret_post\",\"private_key_jwt\"],"
		    "\"scopes_supported\":[\"mcp:read\",\"mcp:tools\",\"api\",\"offline_access\"],"
		    "\"prompt_values_supported\":[\"none\",\"consent\"],"
		    "\"authorization_grant_profiles_supported\":[\"urn:ietf:params:oauth:grant-profile:id-jag\"],"
		    "\"authorization_response_iss_parameter_supported\":true"));
	buf_put(out, visit->settings->documents ? STR(",\"client_id_metadata_document_supported\":true")
						: STR(",\"client_id_metadata_document_supported\":false"));
}

/* OpenID Connect asks for two members more; whoever reads the document in its form wants them. */
AWAITS static enum err serve_server(struct visit *visit, bool openid)
{
	AUTO_BUF json = {0};

	put_server(&json, visit);
	if (openid)
		buf_put(&json, STR(",\"subject_types_supported\":[\"public\"],"
				   "\"id_token_signing_alg_values_supported\":[\"ES256\"]"));
	buf_put_byte(&json, '}');
	return answer(visit, &json);
}

static bool named(struct str rest, struct str name, struct str *ret_path)
{
	if (!str_starts(rest, name) || (rest.n > name.n && rest.p[name.n] != '/'))
		return false;
	*ret_path = str_skip(rest, name.n);
	return true;
}

/* "/mcp/x/.well-known/NAME" names the same as "/.well-known/NAME/mcp/x". */
static struct str turned(struct visit *visit)
{
	struct str path = visit->path, mark = WELL_KNOWN;
	const char *at = memmem(path.p, path.n, mark.p, mark.n);
	size_t before = at == NULL ? 0 : (size_t)(at - path.p);

	if (before == 0)
		return str_skip(path, mark.n);
	return arena_fmt(visit->arena, "%.*s%.*s", STR_ARG(str_skip(path, before + mark.n)), (int)before, path.p);
}

AWAITS enum err metadata_serve(struct oauth *oauth, struct visit *visit)
{
	struct str rest = turned(visit), path, resource;

	(void)oauth;
	if (named(rest, STR("oauth-protected-resource"), &path))
		return serve_resource(visit, path);
	if (named(rest, STR("oauth-authorization-server"), &path) && find_endpoint(visit, path, &resource))
		return serve_server(visit, false);
	if (named(rest, STR("openid-configuration"), &path) && find_endpoint(visit, path, &resource))
		return serve_server(visit, true);
	return ERR_HTTP_ROUTE;
}
