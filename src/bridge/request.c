/* Reading what a client wants to be. The rules are the provider's, the operator's and those of RFC 7591 together, so
 * that what passes here is what an application can be there:
 *
 *     redirect_uris                https to an allowed host, http on the user's own machine; no fragment, no wildcard
 *     token_endpoint_auth_method   none, client_secret_basic, client_secret_post
 *     grant_types                  authorization_code, refresh_token
 *     scope                        of the operator's list
 *     software_statement           refused: nobody's is believed
 *
 * Editors register half a dozen redirect URIs at once and need one of them: those that are not allowed are left out.
 * Addresses of logos, policies and keys are not kept, and nothing is fetched from them. */
#include "bridge/request.h"

#include "authclient/redirect.h"
#include "authclient/shown_name.h"
#include "http/client.h"

static const char *const auth_names[] = {
	[BRIDGE_AUTH_NONE] = "none",
	[BRIDGE_AUTH_BASIC] = "client_secret_basic",
	[BRIDGE_AUTH_POST] = "client_secret_post",
};

const char *bridge_auth_name(enum bridge_auth auth)
{
	return auth_names[auth];
}

static enum err fail(struct buf *problem, enum err err, const char *sentence)
{
	buf_put(problem, str_of(sentence));
	return err;
}

/* ---- redirect URIs ----------------------------------------------------------------- */

static bool host_is_listed(const struct bridge_settings *settings, struct str host)
{
	for (size_t i = 0; i < settings->redirect_host_count; i++)
		if (str_eq_nocase(settings->redirect_hosts[i], host))
			return true;
	return false;
}

/* Why a client may not have it; NULL: it may. */
static const char *refusal_of(const struct bridge_settings *settings, struct str uri)
{
	struct url url;

	if (!redirect_allowed(uri, NULL, 0) || memchr(uri.p, '*', uri.n) != NULL)
		return "it must be https, or http on 127.0.0.1, [::1] or localhost, without fragment and wildcard";
	if (redirect_is_loopback(uri))
		return settings->loopback ? NULL : "addresses on the user's own machine are not allowed here";
	if (url_parse(uri, &url) != OK)
		return "schemes of one's own are not allowed here";
	return host_is_listed(settings, url.host) ? NULL : "its host is not among those that are allowed here";
}

static bool is_repeated(const struct str *uris, size_t count, struct str uri)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(uris[i], uri))
			return true;
	return false;
}

static struct str json_array(struct arena *arena, const struct str *texts, size_t count)
{
	AUTO_BUF json = {0};

	buf_put_byte(&json, '[');
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_byte(&json, ',');
		buf_put_json(&json, texts[i]);
	}
	buf_put_byte(&json, ']');
	return arena_str(arena, buf_str(&json));
}

static enum err read_redirects(struct arena *arena, const struct bridge_settings *settings, yyjson_val *root,
			       struct buf *problem, struct bridge_request *request, bool *ret_local)
{
	yyjson_val *list = json_get(root, "redirect_uris"), *item;
	const char *why = "redirect_uris must be an array that has one";
	struct str kept[REDIRECTS_MAX];
	size_t index, max, count = 0;

	*ret_local = false;
	yyjson_arr_foreach(list, index, max, item)
	{
		struct str uri = json_str(item);
		const char *refusal = uri.p == NULL ? "it must be a text" : refusal_of(settings, uri);

		if (refusal != NULL)
			why = refusal;
		if (refusal != NULL || count >= REDIRECTS_MAX || is_repeated(kept, count, uri))
			continue;
		*ret_local = *ret_local || redirect_is_loopback(uri);
		kept[count++] = uri;
	}
	if (count == 0)
		return fail(problem, ERR_OAUTH_REDIRECT, why);
	request->redirect_uris = json_array(arena, kept, count);
	return OK;
}

/* ---- the other members ------------------------------------------------------------- */

static enum err read_auth(yyjson_val *root, struct buf *problem, struct bridge_request *request)
{
	yyjson_val *value = json_get(root, "token_endpoint_auth_method");

	request->auth = BRIDGE_AUTH_BASIC;
	if (value == NULL)
		return OK;
	for (size_t i = 0; i < ARRAY_LEN(auth_names); i++)
		if (str_eq(json_str(value), str_of(auth_names[i]))) {
			request->auth = (enum bridge_auth)i;
			return OK;
		}
	return fail(problem, ERR_OAUTH_METADATA,
		    "token_endpoint_auth_method must be none, client_secret_basic or client_secret_post");
}

/* Whether it is an array of nothing but these two (the second may be NULL), the first among them. */
static bool has_only(yyjson_val *list, const char *first, const char *second)
{
	yyjson_val *item;
	size_t index, max;

	if (!json_lists(list, str_of(first)))
		return false;
	yyjson_arr_foreach(list, index, max, item)
	{
		struct str text = json_str(item);

		if (!str_eq(text, str_of(first)) && (second == NULL || !str_eq(text, str_of(second))))
			return false;
	}
	return true;
}

static enum err read_grants(yyjson_val *root, struct buf *problem, struct bridge_request *request)
{
	yyjson_val *grants = json_get(root, "grant_types"), *responses = json_get(root, "response_types");

	if (grants != NULL && !has_only(grants, "authorization_code", "refresh_token"))
		return fail(problem, ERR_OAUTH_METADATA,
			    "grant_types must be authorization_code, with or without refresh_token");
	if (responses != NULL && !has_only(responses, "code", NULL))
		return fail(problem, ERR_OAUTH_METADATA, "response_types must be code");
	request->refreshes = json_lists(grants, STR("refresh_token"));
	return OK;
}

/* Who asks for none gets all. */
static enum err read_scope(struct arena *arena, const struct bridge_settings *settings, yyjson_val *root,
			   struct buf *problem, struct bridge_request *request)
{
	struct str asked = json_str(json_get(root, "scope")), word;
	AUTO_BUF granted = {0};

	request->scopes = 0;
	if (asked.n == 0)
		request->scopes = (uint32_t)((1ULL << settings->scope_count) - 1);
	while (asked.n > 0) {
		str_cut(asked, ' ', &word, &asked);
		for (size_t i = 0; i < settings->scope_count; i++)
			if (str_eq(settings->scopes[i].name, word))
				request->scopes |= 1u << i;
	}
	if (request->scopes == 0 && settings->scope_count > 0)
		return fail(problem, ERR_OAUTH_METADATA, "none of the scopes is allowed here");
	for (size_t i = 0; i < settings->scope_count; i++) {
		if ((request->scopes & 1u << i) == 0)
			continue;
		if (granted.n > 0)
			buf_put_byte(&granted, ' ');
		buf_put(&granted, settings->scopes[i].name);
	}
	request->scope = arena_str(arena, buf_str(&granted));
	return OK;
}

/* A public client that says it is a web application has nowhere to keep a secret but runs no server: a page. */
static enum err read_type(yyjson_val *root, bool local, struct buf *problem, struct bridge_request *request)
{
	yyjson_val *value = json_get(root, "application_type");
	struct str type = json_str(value);

	if (value != NULL && !str_eq(type, STR("web")) && !str_eq(type, STR("native")))
		return fail(problem, ERR_OAUTH_METADATA, "application_type must be web or native");
	request->application_type = type.p == NULL ? STR("") : type;
	if (request->auth != BRIDGE_AUTH_NONE)
		request->platform = BRIDGE_WEB;
	else
		request->platform = str_eq(type, STR("web")) && !local ? BRIDGE_SPA : BRIDGE_NATIVE;
	return OK;
}

enum err bridge_request_read(struct arena *arena, const struct bridge_settings *settings, struct str body,
			     struct buf *problem, struct bridge_request *ret_request)
{
	struct bridge_request request = {0};
	yyjson_val *root;
	bool local;

	if (json_read(arena, body, &root) != OK || !yyjson_is_obj(root))
		return fail(problem, ERR_OAUTH_METADATA, "the body must be one JSON object");
	if (json_get(root, "software_statement") != NULL)
		return fail(problem, ERR_BRIDGE_STATEMENT, err_text(ERR_BRIDGE_STATEMENT));
	TRY(read_redirects(arena, settings, root, problem, &request, &local));
	TRY(read_auth(root, problem, &request));
	TRY(read_type(root, local, problem, &request));
	TRY(read_grants(root, problem, &request));
	TRY(read_scope(arena, settings, root, problem, &request));
	request.client_name = shown_name(arena, json_str(json_get(root, "client_name")), BRIDGE_CLIENT_NAME_BYTES_MAX,
					 STR("An MCP client"));
	request.client_id = json_str(json_get(root, "client_id"));
	request.client_secret = json_str(json_get(root, "client_secret"));
	*ret_request = request;
	return OK;
}

/* ---- the answer's form --------------------------------------------------------------- */

void bridge_request_put(const struct bridge_request *request, struct buf *out)
{
	buf_put(out, STR("\"client_name\":"));
	buf_put_json(out, request->client_name);
	buf_put_fmt(out, ",\"redirect_uris\":%.*s,\"token_endpoint_auth_method\":\"%s\"",
		    STR_ARG(request->redirect_uris), bridge_auth_name(request->auth));
	buf_put(out, request->refreshes ? STR(",\"grant_types\":[\"authorization_code\",\"refresh_token\"]")
					: STR(",\"grant_types\":[\"authorization_code\"]"));
	buf_put(out, STR(",\"response_types\":[\"code\"]"));
	if (request->application_type.n > 0)
		buf_put_fmt(out, ",\"application_type\":\"%.*s\"", STR_ARG(request->application_type));
	if (request->scope.n > 0) {
		buf_put(out, STR(",\"scope\":"));
		buf_put_json(out, request->scope);
	}
}

enum err bridge_request_kept(struct arena *arena, struct str json, struct bridge_request *ret_request)
{
	struct bridge_request request = {0};
	AUTO_BUF problem = {0}, uris = {0};
	yyjson_val *root;

	if (json_read(arena, json, &root) != OK || !yyjson_is_arr(json_get(root, "redirect_uris")) ||
	    read_auth(root, &problem, &request) != OK)
		return ERR_DB_CORRUPT;
	json_write(&uris, json_get(root, "redirect_uris"));
	request.redirect_uris = arena_str(arena, buf_str(&uris));
	*ret_request = request;
	return OK;
}
