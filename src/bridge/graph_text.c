/* Texts of Graph. Whatever it answers is a stranger's: ids become parts of URLs and are taken only when they look like
 * ids, the next page's address only when it is Graph's own, and words only when they can be printed. */
#include "bridge/graph_text.h"

#include "authclient/words.h"
#include "base/clock.h"

#define NAME_PREFIX "mcp-"

/* ---- what is said -------------------------------------------------------------------- */

/* [{"resourceAppId", "resourceAccess": [{"id", "type"}]}], each API once. */
static void put_access(const struct bridge_request *request, const struct bridge_settings *settings, struct buf *out)
{
	uint32_t left = request->scopes;
	const char *comma = "";

	for (size_t i = 0; i < settings->scope_count; i++)
		if (settings->scopes[i].resource.n == 0)
			left &= ~(1u << i);
	for (size_t i = 0; i < settings->scope_count; i++) {
		struct str resource = settings->scopes[i].resource;
		const char *inner = "";

		if ((left & 1u << i) == 0)
			continue;
		buf_put_fmt(out, "%s{\"resourceAppId\":", comma);
		buf_put_json(out, resource);
		buf_put(out, STR(",\"resourceAccess\":["));
		for (size_t k = i; k < settings->scope_count; k++) {
			if ((left & 1u << k) == 0 || !str_eq_nocase(settings->scopes[k].resource, resource))
				continue;
			left &= ~(1u << k);
			buf_put_fmt(out, "%s{\"id\":", inner);
			buf_put_json(out, settings->scopes[k].permission);
			buf_put(out, STR(",\"type\":\"Scope\"}"));
			inner = ",";
		}
		buf_put(out, STR("]}"));
		comma = ",";
	}
}

void graph_application_put(const struct bridge_request *request, const struct bridge_settings *settings, struct str tag,
			   struct buf *out)
{
	static const char *const platforms[] = {
		[BRIDGE_WEB] = "web", [BRIDGE_NATIVE] = "publicClient", [BRIDGE_SPA] = "spa"};
	AUTO_BUF name = {0};

	buf_put(&name, STR(NAME_PREFIX));
	buf_put(&name, request->client_name);
	buf_put(out, STR("{\"displayName\":"));
	buf_put_json(out, buf_str(&name));
	buf_put(out, STR(",\"signInAudience\":\"AzureADMyOrg\",\"tags\":["));
	buf_put_json(out, tag);
	buf_put_fmt(out, "],\"isFallbackPublicClient\":%s", request->auth == BRIDGE_AUTH_NONE ? "true" : "false");
	/* The lists that are not its own are emptied: an update may have moved it. */
	for (int i = 0; i < BRIDGE_PLATFORMS; i++)
		buf_put_fmt(out, ",\"%s\":{\"redirectUris\":%.*s}", platforms[i],
			    STR_ARG((int)request->platform == i ? request->redirect_uris : STR("[]")));
	buf_put(out, STR(",\"requiredResourceAccess\":["));
	put_access(request, settings, out);
	buf_put(out, STR("]}"));
}

/* ---- what it answers ----------------------------------------------------------------- */

static enum err read_root(struct arena *arena, struct str body, yyjson_val **ret_root)
{
	if (json_read(arena, body, ret_root) != OK || !yyjson_is_obj(*ret_root))
		return ERR_UPSTREAM_GARBAGE;
	return OK;
}

static bool is_id(struct str text)
{
	for (size_t i = 0; i < text.n; i++) {
		char c = text.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-'))
			return false;
	}
	return text.n > 0 && text.n <= GRAPH_ID_BYTES_MAX;
}

static int64_t time_of(yyjson_val *value)
{
	int64_t ms;

	return clock_iso_read(json_str(value), &ms) == OK && ms > 0 ? ms : 0;
}

static enum err application_of(yyjson_val *value, struct graph_application *ret)
{
	struct graph_application application = {
		.object_id = json_str(json_get(value, "id")),
		.client_id = json_str(json_get(value, "appId")),
		.unique = json_str(json_get(value, "uniqueName")),
		.created_ms = time_of(json_get(value, "createdDateTime")),
	};

	if (!is_id(application.object_id) || !is_id(application.client_id))
		return ERR_UPSTREAM_GARBAGE;
	*ret = application;
	return OK;
}

enum err graph_application_read(struct arena *arena, struct str body, struct graph_application *ret)
{
	yyjson_val *root;

	TRY(read_root(arena, body, &root));
	return application_of(root, ret);
}

enum err graph_page_read(struct arena *arena, struct str body, struct str graph, struct graph_application **ret_items,
			 size_t *ret_count, struct str *ret_next)
{
	yyjson_val *root, *items, *item;
	struct graph_application *found;
	struct url own, next_url;
	size_t i, max, count = 0;
	struct str next;

	TRY(read_root(arena, body, &root));
	items = json_get(root, "value");
	next = json_str(json_get(root, "@odata.nextLink"));
	if (!yyjson_is_arr(items))
		return ERR_UPSTREAM_GARBAGE;
	if (next.n > 0 &&
	    !(url_parse(graph, &own) == OK && url_is_usable(next, true, &next_url) && url_same_origin(&own, &next_url)))
		return ERR_UPSTREAM_GARBAGE;
	found = arena_try_alloc(arena, (yyjson_arr_size(items) + 1) * sizeof(*found));
	if (found == NULL)
		return ERR_LIMIT;
	yyjson_arr_foreach(items, i, max, item) count += application_of(item, &found[count]) == OK;
	*ret_items = found;
	*ret_count = count;
	*ret_next = next.n == 0 ? STR_NONE : next;
	return OK;
}

enum err graph_password_read(struct arena *arena, struct str body, struct graph_password *ret)
{
	struct graph_password password;
	yyjson_val *root;

	TRY(read_root(arena, body, &root));
	password.key_id = json_str(json_get(root, "keyId"));
	password.secret = json_str(json_get(root, "secretText"));
	password.ends_ms = time_of(json_get(root, "endDateTime"));
	if (!is_id(password.key_id) || !words_are_token(password.secret, GRAPH_SECRET_BYTES_MAX))
		return ERR_UPSTREAM_GARBAGE;
	*ret = password;
	return OK;
}

enum err graph_passwords_read(struct arena *arena, struct str body, struct str label, struct str **ret_ids,
			      size_t *ret_count)
{
	yyjson_val *root, *items, *item;
	size_t i, max, count = 0;
	struct str *ids;

	TRY(read_root(arena, body, &root));
	items = json_get(root, "passwordCredentials");
	if (!yyjson_is_arr(items))
		return ERR_UPSTREAM_GARBAGE;
	ids = arena_try_alloc(arena, (yyjson_arr_size(items) + 1) * sizeof(*ids));
	if (ids == NULL)
		return ERR_LIMIT;
	yyjson_arr_foreach(items, i, max, item)
	{
		ids[count] = json_str(json_get(item, "keyId"));
		count += is_id(ids[count]) && str_starts(json_str(json_get(item, "displayName")), label);
	}
	*ret_ids = ids;
	*ret_count = count;
	return OK;
}

/* ---- refusals ------------------------------------------------------------------------ */

struct graph_error graph_error_read(struct arena *arena, struct str body)
{
	yyjson_val *root, *error;

	if (read_root(arena, body, &root) != OK)
		return (struct graph_error){STR(""), STR("")};
	error = json_get(root, "error");
	return (struct graph_error){words_of(json_str(json_get(error, "code"))),
				    words_of(json_str(json_get(error, "message")))};
}

static bool has(struct str text, const char *part)
{
	return text.n > 0 && memmem(text.p, text.n, part, strlen(part)) != NULL;
}

enum graph_refusal graph_refusal_of(int status, const struct graph_error *error)
{
	if (status == 429 || status >= 500)
		return GRAPH_LATER;
	if (status == 404 || has(error->code, "ResourceNotFound") || has(error->code, "NoBackingApplicationObject"))
		return GRAPH_LAG;
	if (status == 409 || has(error->code, "MultipleObjectsWithSameKeyValue"))
		return GRAPH_EXISTS;
	if (has(error->code, "Policy") || has(error->message, "policy"))
		return GRAPH_POLICY;
	return status == 400 ? GRAPH_BAD : GRAPH_DENIED;
}
