/* Reading Vault's envelope: {"data": {...}, "auth": {...}, "errors": [...]}. Whatever a server sends, a fact has the
 * type and size that is said here, or the whole answer is garbage; its own words are shown to people only when they are
 * printable, and never those of an answer that succeeded. */
#include "secrets/vault_reply.h"

#include "authclient/words.h"
#include "base/clock.h"
#include "base/json.h"
#include "secrets/secrets.h"

#define LEASE_S_MAX (10LL * 365 * 24 * 3600)

static enum err read_root(struct arena *arena, struct str body, yyjson_val **ret_root)
{
	if (json_read(arena, body, ret_root) != OK || !yyjson_is_obj(*ret_root))
		return ERR_UPSTREAM_GARBAGE;
	return OK;
}

enum err vault_auth_read(struct arena *arena, struct str body, struct vault_auth *ret_auth)
{
	yyjson_val *root, *auth;
	int64_t lease_s;

	TRY(read_root(arena, body, &root));
	auth = json_get(root, "auth");
	if (!words_are_token(json_str(json_get(auth, "client_token")), VAULT_TOKEN_BYTES_MAX) ||
	    !json_int(json_get(auth, "lease_duration"), &lease_s) || lease_s < 0)
		return ERR_UPSTREAM_GARBAGE;
	*ret_auth = (struct vault_auth){
		.token = json_str(json_get(auth, "client_token")),
		.lease_ms = (lease_s < LEASE_S_MAX ? lease_s : LEASE_S_MAX) * 1000,
		.renewable = yyjson_is_true(json_get(auth, "renewable")),
	};
	return OK;
}

enum err vault_value_read(struct arena *arena, struct str body, struct str *ret_value)
{
	yyjson_val *root;

	TRY(read_root(arena, body, &root));
	*ret_value = json_str(json_get(json_get(json_get(root, "data"), "data"), "value"));
	return ret_value->n > SECRET_TEXT_BYTES_MAX ? ERR_UPSTREAM_GARBAGE : OK;
}

enum err vault_names_read(struct arena *arena, struct str body, struct str **ret_names, size_t *ret_count)
{
	struct str *names = arena_alloc(arena, SECRETS_LISTED_MAX * sizeof(*names));
	yyjson_val *root, *keys, *key;
	size_t i, max, count = 0;

	TRY(read_root(arena, body, &root));
	keys = json_get(json_get(root, "data"), "keys");
	if (!yyjson_is_arr(keys))
		return ERR_UPSTREAM_GARBAGE;
	yyjson_arr_foreach(keys, i, max, key)
	{
		if (!secrets_name_ok(json_str(key)))
			continue;
		if (count == SECRETS_LISTED_MAX)
			return ERR_LIMIT;
		names[count++] = json_str(key);
	}
	*ret_names = names;
	*ret_count = count;
	return OK;
}

enum err vault_facts_read(struct arena *arena, struct str body, int64_t *ret_version, int64_t *ret_changed_ms)
{
	yyjson_val *root, *facts;
	int64_t version, changed_ms;

	TRY(read_root(arena, body, &root));
	facts = json_get(root, "data");
	if (!json_int(json_get(facts, "current_version"), &version) || version < 0)
		return ERR_UPSTREAM_GARBAGE;
	if (clock_iso_read(json_str(json_get(facts, "updated_time")), &changed_ms) != OK)
		changed_ms = 0;
	*ret_version = version;
	*ret_changed_ms = changed_ms;
	return OK;
}

enum err vault_text_read(struct arena *arena, struct str body, const char *name, struct str *ret_text)
{
	yyjson_val *root;
	struct str text;

	TRY(read_root(arena, body, &root));
	text = json_str(json_get(json_get(root, "data"), name));
	if (text.n == 0 || text.n > SECRET_TEXT_BYTES_MAX)
		return ERR_UPSTREAM_GARBAGE;
	*ret_text = text;
	return OK;
}

struct str vault_words(struct arena *arena, struct str body)
{
	yyjson_val *root;

	if (read_root(arena, body, &root) != OK)
		return STR("");
	return words_of(json_str(yyjson_arr_get_first(json_get(root, "errors"))));
}
