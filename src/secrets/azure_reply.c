/* Reading Key Vault: {"value", "id", "attributes"}, {"value": [...], "nextLink"}, {"error": {"code", "message"}}. The
 * challenge is the dangerous part: it says where to take a token from and what for, and comes from a host that has
 * proved nothing but its certificate. */
#include "secrets/azure_reply.h"

#include "authclient/words.h"
#include "base/json.h"
#include "http/challenge.h"

/* ---- the challenge --------------------------------------------------------------- */

static struct str either(const struct challenge *challenge, struct str name, struct str other)
{
	struct str value = challenge_get(challenge, name);

	return value.p == NULL ? challenge_get(challenge, other) : value;
}

static struct str without_slash(struct str text)
{
	while (text.n > 0 && text.p[text.n - 1] == '/')
		text.n--;
	return text;
}

/* The resource's own host, or one below it. */
static bool belongs(struct str host, struct str resource_host)
{
	if (str_eq_nocase(host, resource_host))
		return true;
	return host.n > resource_host.n && host.p[host.n - resource_host.n - 1] == '.' &&
	       str_eq_nocase(str_skip(host, host.n - resource_host.n), resource_host);
}

static bool is_for(struct str resource, const struct url *vault)
{
	struct url url;

	return url_is_usable(resource, true, &url) && url.tls == vault->tls && belongs(vault->host, url.host);
}

enum err azure_challenge_read(struct arena *arena, struct str field, const struct url *vault, struct str authority,
			      struct buf *problem, struct azure_challenge *ret_challenge)
{
	struct challenges *challenges = ARENA_NEW(arena, struct challenges);
	const struct challenge *bearer;
	struct str asked, resource;

	challenges_read(arena, field, challenges);
	bearer = challenges_find(challenges, STR("bearer"));
	if (bearer == NULL)
		return ERR_UPSTREAM_GARBAGE;
	asked = without_slash(either(bearer, STR("authorization"), STR("authorization_uri")));
	resource = either(bearer, STR("resource"), STR("scope"));
	if (str_ends(resource, STR("/.default")))
		resource.n -= sizeof("/.default") - 1;
	resource = without_slash(resource);
	if (asked.n == 0 || resource.n == 0)
		return ERR_UPSTREAM_GARBAGE;
	if (!is_for(resource, vault)) {
		buf_put(problem,
			STR("it asks for a token for another host than its own: no vault, or somebody in between"));
		return ERR_FORBIDDEN;
	}
	if (!str_eq_nocase(asked, without_slash(authority))) {
		buf_put_fmt(problem,
			    "it trusts another authority than %.*s; check `azure.tenant` and `azure.authority`",
			    STR_ARG(authority));
		return ERR_FORBIDDEN;
	}
	*ret_challenge = (struct azure_challenge){
		.authority = without_slash(authority),
		.scope = arena_fmt(arena, "%.*s/.default", STR_ARG(resource)),
	};
	return OK;
}

/* ---- answers --------------------------------------------------------------------- */

static enum err read_root(struct arena *arena, struct str body, yyjson_val **ret_root)
{
	if (json_read(arena, body, ret_root) != OK || !yyjson_is_obj(*ret_root))
		return ERR_UPSTREAM_GARBAGE;
	return OK;
}

enum err azure_value_read(struct arena *arena, struct str body, struct str *ret_value)
{
	yyjson_val *root;

	TRY(read_root(arena, body, &root));
	*ret_value = json_str(json_get(root, "value"));
	return ret_value->p == NULL || ret_value->n > SECRET_TEXT_BYTES_MAX ? ERR_UPSTREAM_GARBAGE : OK;
}

/* The last part of https://VAULT/secrets/NAME. */
static struct str name_of(struct str id)
{
	const char *slash = id.n == 0 ? NULL : memrchr(id.p, '/', id.n);

	return slash == NULL ? STR_NONE : str_skip(id, (size_t)(slash - id.p) + 1);
}

static enum err add_fact(yyjson_val *item, struct secret_fact *facts, size_t *count)
{
	struct str name = name_of(json_str(json_get(item, "id")));
	int64_t updated_s = 0;

	if (!secrets_name_ok(name))
		return OK;
	if (*count == SECRETS_LISTED_MAX)
		return ERR_LIMIT;
	if (!json_int(json_get(json_get(item, "attributes"), "updated"), &updated_s) || updated_s < 0 ||
	    updated_s > INT64_MAX / 1000)
		updated_s = 0;
	facts[(*count)++] = (struct secret_fact){.name = name, .version = STR(""), .changed_ms = updated_s * 1000};
	return OK;
}

/* The next page is asked for with our token: only from the vault itself. */
static bool is_own(struct str next, const struct url *vault)
{
	struct url url;

	return url_is_usable(next, true, &url) && url_same_origin(&url, vault);
}

enum err azure_page_read(struct arena *arena, struct str body, const struct url *vault, struct secret_fact *facts,
			 size_t *count, struct str *ret_next)
{
	yyjson_val *root, *items, *item;
	size_t i, max;

	TRY(read_root(arena, body, &root));
	items = json_get(root, "value");
	if (!yyjson_is_arr(items))
		return ERR_UPSTREAM_GARBAGE;
	yyjson_arr_foreach(items, i, max, item) TRY(add_fact(item, facts, count));
	*ret_next = json_str(json_get(root, "nextLink"));
	if (ret_next->n == 0)
		*ret_next = STR_NONE;
	return ret_next->n == 0 || is_own(*ret_next, vault) ? OK : ERR_UPSTREAM_GARBAGE;
}

struct str azure_words(struct arena *arena, struct str body)
{
	yyjson_val *root, *error;
	struct str inner;

	if (read_root(arena, body, &root) != OK)
		return STR("");
	error = json_get(root, "error");
	inner = json_str(json_get(json_get(error, "innererror"), "code"));
	if (json_str(json_get(error, "code")).n == 0)
		return STR("");
	return arena_fmt(arena, "%.*s%s%.*s: %.*s", STR_ARG(words_of(json_str(json_get(error, "code")))),
			 inner.n > 0 ? "/" : "", STR_ARG(words_of(inner)),
			 STR_ARG(words_of(json_str(json_get(error, "message")))));
}
