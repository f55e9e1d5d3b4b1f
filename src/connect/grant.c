/* Grants as text and as rows. A value is sealed for its row, with the tenant's newest data key; that key may be
 * replaced while we are at it, and the store then says so (ERR_NOT_FOUND) in the same words as for a row that has
 * changed: the row is looked at again to tell the two apart. */
#include "connect/grant.h"

#include <stddef.h>

#include "authclient/words.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "connect/connect_private.h"
#include "store/sealed.h"
#include "vault/vault.h"

#define SEALING_TRIES 4	     /* a key may be replaced while we seal, somebody may have kept one before us */
#define GRANT_TEXT_BYTES 512 /* of the document's own: names, numbers, braces */
#define ESCAPED_BYTES_MAX 6  /* what one byte may take in JSON */
#define HINT_BYTES_MAX 128   /* of an account's name in lists */

/* ---- as text --------------------------------------------------------------------- */

static const struct {
	const char *name;
	size_t offset; /* of a struct str in struct grant */
	bool sent;     /* stands in a header's line or a form: one printable word */
} texts[] = {
	{"issuer", offsetof(struct grant, issuer), false},
	{"token_url", offsetof(struct grant, token_url), false},
	{"revoke_url", offsetof(struct grant, revoke_url), false},
	{"client_id", offsetof(struct grant, client_id), false},
	{"client_secret", offsetof(struct grant, client_secret), false},
	{"resource", offsetof(struct grant, resource), false},
	{"scope", offsetof(struct grant, scope), false},
	{"wanted_scope", offsetof(struct grant, wanted_scope), false},
	{"access_token", offsetof(struct grant, access_token), true},
	{"refresh_token", offsetof(struct grant, refresh_token), true},
	{"dpop_key", offsetof(struct grant, dpop_key), false},
	{"account_id", offsetof(struct grant, account_id), false},
	{"account_name", offsetof(struct grant, account_name), false},
	{"picked", offsetof(struct grant, picked), false},
};

static const char *const type_names[] = {
	[TOKEN_BEARER] = "bearer", [TOKEN_DPOP] = "dpop", [TOKEN_NOT_APPLICABLE] = "n_a"};

static struct str *text_of(struct grant *grant, size_t i)
{
	return (struct str *)(void *)((char *)grant + texts[i].offset);
}

static void put_member(struct buf *json, const char *name, struct str value)
{
	buf_put_fmt(json, ",\"%s\":", name);
	buf_put_json(json, value);
}

void grant_put(const struct grant *grant, struct buf *json)
{
	struct grant copy = *grant;
	size_t bytes = GRANT_TEXT_BYTES;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		bytes += ESCAPED_BYTES_MAX * text_of(&copy, i)->n;
	buf_reserve(json, bytes); /* so that it never moves, leaving a copy behind */
	buf_put(json, STR("{\"version\":1"));
	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		if (text_of(&copy, i)->n > 0)
			put_member(json, texts[i].name, *text_of(&copy, i));
	put_member(json, "type", str_of(type_names[grant->type]));
	if (grant->client_auth != 0)
		put_member(json, "client_auth", client_auth_name(grant->client_auth));
	buf_put_fmt(json, ",\"expires_ms\":%lld,\"refresh_expires_ms\":%lld,\"refusals\":%lld}",
		    (long long)grant->expires_ms, (long long)grant->refresh_expires_ms, (long long)grant->refusals);
}

static bool read_texts(yyjson_val *root, struct grant *grant)
{
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		yyjson_val *value = json_get(root, texts[i].name);
		struct str text = json_str(value);

		if (value != NULL && text.p == NULL)
			return false;
		if (texts[i].sent && text.n > 0 && !words_are_token(text, TOKEN_BYTES_MAX))
			return false;
		*text_of(grant, i) = text.n > 0 ? text : STR("");
	}
	return true;
}

static bool read_number(yyjson_val *value, int64_t *ret_number)
{
	return value == NULL || (json_int(value, ret_number) && *ret_number >= 0);
}

static bool read_type(struct str name, enum token_type *ret_type)
{
	for (size_t i = 0; i < ARRAY_LEN(type_names); i++) {
		if (!str_eq(str_of(type_names[i]), name))
			continue;
		*ret_type = (enum token_type)i;
		return true;
	}
	return false;
}

enum err grant_read(struct arena *arena, struct str json, struct grant *ret_grant)
{
	struct grant grant = {0};
	yyjson_val *root = NULL, *auth;
	enum err err = json_read(arena, json, &root);

	if (err != OK)
		return err == ERR_LIMIT ? ERR_LIMIT : ERR_RPC_PARAMS;
	auth = json_get(root, "client_auth");
	if (auth != NULL) {
		grant.client_auth = (enum client_auth)client_auth_of(json_str(auth));
		if (grant.client_auth == 0)
			return ERR_RPC_PARAMS;
	}
	if (!yyjson_is_obj(root) || !read_texts(root, &grant) ||
	    !read_type(json_str(json_get(root, "type")), &grant.type) ||
	    !read_number(json_get(root, "expires_ms"), &grant.expires_ms) ||
	    !read_number(json_get(root, "refresh_expires_ms"), &grant.refresh_expires_ms) ||
	    !read_number(json_get(root, "refusals"), &grant.refusals))
		return ERR_RPC_PARAMS;
	*ret_grant = grant;
	return OK;
}

/* ---- as a row -------------------------------------------------------------------- */

static struct vault_place place_of(const struct credential_row *row)
{
	return (struct vault_place){row->tenant_id, sealed_kind_name(SEALED_CREDENTIAL), row->id};
}

AWAITS enum err grant_find(struct connect *connect, struct arena *arena, const struct connect_at *at,
			   struct grant *ret_grant, struct credential_row *ret_row)
{
	AUTO(secret_text) *plain = NULL;
	struct credential_row row;
	enum err err = ERR_NOT_FOUND;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	for (int i = 0; i < SEALING_TRIES && err == ERR_NOT_FOUND; i++) {
		struct vault_place place;

		err = credential_find(connect->spec.db, arena, at->tenant_id, at->upstream, at->user_id, &row);
		if (err == ERR_NOT_FOUND || (err == OK && !str_eq(row.kind, GRANT_KIND)))
			return ERR_CREDENTIAL_MISSING;
		TRY(err);
		place = place_of(&row);
		err = vault_open(connect->spec.vault, &place, row.sealed, &plain);
	}
	if (err == ERR_NOT_FOUND)
		return ERR_CREDENTIAL_MISSING; /* its key was destroyed */
	TRY(err);
	err = grant_read(arena, secret_text_str(plain), ret_grant);
	if (err == OK)
		*ret_row = row;
	return err == ERR_RPC_PARAMS ? ERR_CRYPTO : err;
}

static struct str hint_of(const struct grant *grant)
{
	struct str hint = grant->account_name;

	if (hint.n > HINT_BYTES_MAX)
		hint.n = HINT_BYTES_MAX;
	while (hint.n > 0 && !str_is_utf8(hint)) /* cut within a character */
		hint.n--;
	return hint;
}

/* Make `row` what says `grant`; what is sealed lies in `sealed`. */
AWAITS static enum err seal(struct connect *connect, const struct grant *grant, struct str state, struct buf *sealed,
			    struct credential_row *row)
{
	const struct vault_place place = place_of(row);
	AUTO_BUF json = {0};
	enum err err;

	grant_put(grant, &json);
	sealed->n = 0;
	err = vault_seal(connect->spec.vault, &place, buf_str(&json), sealed);
	crypto_wipe(json.p, json.n);
	row->kind = GRANT_KIND;
	row->hint = hint_of(grant);
	row->state = state;
	row->sealed = buf_str(sealed);
	row->expires_ms = grant->expires_ms;
	row->changed_ms = clock_wall_ms();
	return err;
}

/*   replaces   another grant, too */
AWAITS static enum err keep_once(struct connect *connect, const struct connect_at *at, const struct grant *grant,
				 struct str state, bool replaces)
{
	AUTO(arena) *arena = arena_new(GRANT_ARENA_BYTES);
	struct db *db = connect->spec.db;
	struct credential_row row;
	int64_t before_ms = 0;
	AUTO_BUF sealed = {0};
	char id[ID_LEN + 1];
	enum err err = credential_find(db, arena, at->tenant_id, at->upstream, at->user_id, &row);
	bool is_new = err == ERR_NOT_FOUND;

	if (err != OK && !is_new)
		return err;
	if (!is_new && !replaces && str_eq(row.kind, GRANT_KIND))
		return OK;
	if (is_new) {
		random_id(id);
		row = (struct credential_row){.id = {id, ID_LEN},
					      .tenant_id = at->tenant_id,
					      .upstream = at->upstream,
					      .user_id = at->user_id,
					      .created_ms = clock_wall_ms()};
	}
	before_ms = row.changed_ms;
	row.failures = 0;
	TRY(seal(connect, grant, state, &sealed, &row));
	err = is_new ? credential_insert(db, &row) : credential_update(db, &row, before_ms);
	if (err == ERR_NOT_FOUND)
		vault_forget(connect->spec.vault, at->tenant_id);
	return err;
}

AWAITS static enum err keep(struct connect *connect, const struct connect_at *at, const struct grant *grant,
			    struct str state, bool replaces)
{
	enum err err = ERR_NOT_FOUND;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	for (int i = 0; i < SEALING_TRIES && (err == ERR_NOT_FOUND || err == ERR_EXISTS); i++)
		err = keep_once(connect, at, grant, state, replaces);
	return err;
}

AWAITS enum err grant_keep(struct connect *connect, const struct connect_at *at, const struct grant *grant,
			   struct str state)
{
	return keep(connect, at, grant, state, true);
}

AWAITS enum err grant_room(struct connect *connect, const struct connect_at *at)
{
	const struct grant none = {0};

	return keep(connect, at, &none, GRANT_ACTIVE, false);
}

/* Whether the row is still as it was read. */
AWAITS static enum err look_again(struct connect *connect, const struct credential_row *read)
{
	AUTO(arena) *arena = arena_new(GRANT_ARENA_BYTES);
	struct credential_row row;

	TRY(credential_get(connect->spec.db, arena, read->tenant_id, read->id, &row));
	return row.changed_ms == read->changed_ms ? OK : ERR_NOT_FOUND;
}

AWAITS enum err grant_swap(struct connect *connect, const struct credential_row *read, const struct grant *grant,
			   struct str state)
{
	bool tell = !str_eq(read->state, state);
	enum err err = ERR_NOT_FOUND;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	for (int i = 0; i < SEALING_TRIES; i++) {
		struct credential_row row = *read;
		AUTO_BUF sealed = {0};

		row.failures = 0;
		TRY(seal(connect, grant, state, &sealed, &row));
		err = tell ? credential_update(connect->spec.db, &row, read->changed_ms)
			   : credential_renew(connect->spec.db, &row, read->changed_ms);
		if (err != ERR_NOT_FOUND)
			return err;
		vault_forget(connect->spec.vault, read->tenant_id);
		TRY(look_again(connect, read));
	}
	return err;
}
