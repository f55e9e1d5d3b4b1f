/* Discovery documents are a stranger's words: what is not a URL we may ask is left out, what names somebody else is
 * refused. An issuer is compared byte by byte, since a slash more or less is how one server passes for another. */
#include "authclient/discovery.h"
#include "base/json.h"

#define SCOPES_MAX 64

static const struct {
	enum client_auth auth;
	const char *name;
} auth_table[] = {
	{CLIENT_AUTH_NONE, "none"},
	{CLIENT_AUTH_BASIC, "client_secret_basic"},
	{CLIENT_AUTH_POST, "client_secret_post"},
	{CLIENT_AUTH_JWT, "private_key_jwt"},
};

struct str client_auth_name(enum client_auth auth)
{
	for (size_t i = 0; i < ARRAY_LEN(auth_table); i++)
		if (auth_table[i].auth == auth)
			return str_of(auth_table[i].name);
	return STR_NONE;
}

unsigned client_auth_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(auth_table); i++)
		if (str_eq(str_of(auth_table[i].name), name))
			return auth_table[i].auth;
	return 0;
}

static struct str get_url(yyjson_val *root, const char *name, bool plain)
{
	struct str text = json_str(json_get(root, name));
	struct url url;

	return url_is_usable(text, plain, &url) ? text : STR_NONE;
}

static enum err read_object(struct arena *arena, struct str json, yyjson_val **ret_root)
{
	enum err err = json_read(arena, json, ret_root);

	if (err == ERR_LIMIT)
		return err;
	return err == OK && yyjson_is_obj(*ret_root) ? OK : ERR_UPSTREAM_GARBAGE;
}

/* Scopes as one string, without what could not stand in one. */
static struct str joined_scopes(struct arena *arena, yyjson_val *array)
{
	yyjson_arr_iter each = yyjson_arr_iter_with(array);
	AUTO_BUF text = {0};
	yyjson_val *item;
	size_t count = 0;

	if (!yyjson_is_arr(array))
		return STR_NONE;
	while ((item = yyjson_arr_iter_next(&each)) != NULL && count < SCOPES_MAX) {
		struct str scope = json_str(item);

		if (scope.n == 0 || !str_is_printable(scope) || memchr(scope.p, ' ', scope.n) != NULL)
			continue;
		buf_put(&text, count++ > 0 ? STR(" ") : STR(""));
		buf_put(&text, scope);
	}
	return count == 0 ? STR_NONE : arena_str(arena, buf_str(&text));
}

/* Same origin, and the resource's path leads to the server's at a whole segment. */
static bool covers(struct str resource, const struct url *server)
{
	struct str path, server_path, rest;
	struct url url;

	if (url_parse(resource, &url) != OK || !url_same_origin(&url, server))
		return false;
	str_cut(url.path, '?', &path, &rest);
	str_cut(server->path, '?', &server_path, &rest);
	while (path.n > 0 && path.p[path.n - 1] == '/')
		path.n--;
	return str_starts(server_path, path) && (server_path.n == path.n || server_path.p[path.n] == '/');
}

enum err resource_facts_read(struct arena *arena, struct str json, const struct url *server, struct buf *problem,
			     struct resource_facts *ret_facts)
{
	struct resource_facts facts;
	yyjson_val *root;
	struct url url;

	TRY(read_object(arena, json, &root));
	facts = (struct resource_facts){
		.resource = json_str(json_get(root, "resource")),
		.issuer = json_str(yyjson_arr_get_first(json_get(root, "authorization_servers"))),
		.scopes = joined_scopes(arena, json_get(root, "scopes_supported")),
	};
	if (facts.resource.n == 0 || facts.issuer.n == 0)
		return ERR_UPSTREAM_GARBAGE;
	if (!str_is_printable(facts.resource) || !covers(facts.resource, server)) {
		buf_put_fmt(problem, "its metadata is about another resource, %.*s",
			    str_is_printable(facts.resource) ? (int)facts.resource.n : 0, facts.resource.p);
		return ERR_UPSTREAM_AUTH;
	}
	if (!url_is_usable(facts.issuer, true, &url)) {
		buf_put(problem, STR("its metadata names an authorization server that is no URL"));
		return ERR_UPSTREAM_AUTH;
	}
	*ret_facts = facts;
	return OK;
}

static unsigned read_auths(yyjson_val *array)
{
	yyjson_arr_iter each = yyjson_arr_iter_with(array);
	yyjson_val *item;
	unsigned auths = 0;

	while ((item = yyjson_arr_iter_next(&each)) != NULL)
		auths |= client_auth_of(json_str(item));
	return auths;
}

enum err issuer_facts_read(struct arena *arena, struct str json, struct str issuer, bool plain, struct buf *problem,
			   struct issuer_facts *ret_facts)
{
	struct issuer_facts facts;
	yyjson_val *root;

	TRY(read_object(arena, json, &root));
	facts = (struct issuer_facts){
		.issuer = json_str(json_get(root, "issuer")),
		.authorization_endpoint = get_url(root, "authorization_endpoint", plain),
		.token_endpoint = get_url(root, "token_endpoint", plain),
		.registration_endpoint = get_url(root, "registration_endpoint", plain),
		.revocation_endpoint = get_url(root, "revocation_endpoint", plain),
		.auths = read_auths(json_get(root, "token_endpoint_auth_methods_supported")),
		.client_documents = yyjson_is_true(json_get(root, "client_id_metadata_document_supported")),
		.iss_promised = yyjson_is_true(json_get(root, "authorization_response_iss_parameter_supported")),
		.offline_access = json_lists(json_get(root, "scopes_supported"), STR("offline_access")),
		.dpop = json_lists(json_get(root, "dpop_signing_alg_values_supported"), STR("ES256")),
	};
	if (facts.issuer.n == 0)
		return ERR_UPSTREAM_GARBAGE;
	if (!str_eq(facts.issuer, issuer)) {
		buf_put(problem, STR("the metadata of its authorization server names another issuer"));
		return ERR_UPSTREAM_AUTH;
	}
	if (facts.token_endpoint.n == 0) {
		buf_put(problem, STR("its authorization server names no token endpoint that may be asked"));
		return ERR_UPSTREAM_AUTH;
	}
	/* Grants without a browser need no authorization endpoint, and then no PKCE. */
	if (facts.authorization_endpoint.n > 0 &&
	    !json_lists(json_get(root, "code_challenge_methods_supported"), STR("S256"))) {
		buf_put(problem, STR("its authorization server does not say that it knows PKCE (S256)"));
		return ERR_UPSTREAM_AUTH;
	}
	*ret_facts = facts;
	return OK;
}

void issuer_facts_guess(struct arena *arena, const struct url *server, struct issuer_facts *ret_facts)
{
	struct str origin = url_origin(server);

	*ret_facts = (struct issuer_facts){
		.issuer = origin,
		.authorization_endpoint = arena_fmt(arena, "%.*s/authorize", STR_ARG(origin)),
		.token_endpoint = arena_fmt(arena, "%.*s/token", STR_ARG(origin)),
		.registration_endpoint = arena_fmt(arena, "%.*s/register", STR_ARG(origin)),
	};
}
