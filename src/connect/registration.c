/* One row for a tenant and server. A server that changes its authorization server loses the registration at the old
 * one here: grants that came of it know their client themselves. Of two that register at the same moment one is kept,
 * and both use that.
 *
 * For a client that the operator gave, the row says only where it is known: trust at first use. */
#include "connect/registration.h"

#include "authclient/settings.h"
#include "base/clock.h"
#include "base/json.h"
#include "base/random.h"
#include "connect/connect_private.h"
#include "http/fetch.h"
#include "store/registration.h"
#include "store/sealed.h"
#include "vault/vault.h"

#define KEEP_TRIES 3 /* a key may be replaced while we seal, somebody may have kept one before us */
#define ROW_ARENA_BYTES (128 * 1024)

static struct vault_place place_of(const struct connect_at *at, struct str id)
{
	return (struct vault_place){at->tenant_id, sealed_kind_name(SEALED_REGISTRATION), id};
}

/* ---- what is sealed ----------------------------------------------------------------- */

static void put_sealed(const struct client_identity *client, struct str redirect_uri, struct buf *json)
{
	buf_put(json, STR("{\"client_secret\":"));
	buf_put_json(json, client->secret);
	buf_put(json, STR(",\"client_auth\":"));
	buf_put_json(json, client_auth_name(client->auth));
	buf_put(json, STR(",\"redirect_uri\":"));
	buf_put_json(json, redirect_uri);
	buf_put_byte(json, '}');
}

static enum err read_sealed(struct arena *arena, struct str json, struct str redirect_uri,
			    struct client_identity *client)
{
	yyjson_val *root;

	if (json_read(arena, json, &root) != OK || !str_eq(json_str(json_get(root, "redirect_uri")), redirect_uri))
		return ERR_NOT_FOUND;
	client->secret = json_str(json_get(root, "client_secret"));
	client->auth = (enum client_auth)client_auth_of(json_str(json_get(root, "client_auth")));
	return client->auth == 0 ? ERR_NOT_FOUND : OK;
}

/* ---- what is kept ------------------------------------------------------------------- */

/* Use the row.
 *   Errors     ERR_NOT_FOUND: it is of no use here */
AWAITS static enum err use(struct connect *connect, struct arena *arena, const struct connect_at *at,
			   const struct registration_row *row, struct str issuer, struct str redirect_uri,
			   struct client_identity *ret_client)
{
	const struct vault_place place = place_of(at, row->id);
	struct client_identity client = {.id = arena_str(arena, row->client_id)};
	AUTO(secret_text) *plain = NULL;
	enum err err;

	if (!str_eq(row->issuer, issuer) ||
	    (row->expires_ms != 0 && row->expires_ms < clock_wall_ms() + REGISTRATION_SPARE_MS))
		return ERR_NOT_FOUND;
	err = vault_open(connect->spec.vault, &place, row->sealed, &plain);
	if (err == ERR_CRYPTO)
		return ERR_NOT_FOUND;
	TRY(err);
	TRY(read_sealed(arena, secret_text_str(plain), redirect_uri, &client));
	*ret_client = client;
	return OK;
}

/* Seal it for its row, and write that: a new one, or in the place of `present`.
 *   Errors     ERR_EXISTS, ERR_NOT_FOUND: somebody else was at it meanwhile, look again */
AWAITS static enum err write_row(struct connect *connect, const struct connect_at *at, struct str issuer,
				 struct str client_id, struct str plain, int64_t expires_ms,
				 const struct registration_row *present)
{
	AUTO_BUF sealed = {0};
	char id[ID_LEN + 1];
	struct registration_row row = {.tenant_id = at->tenant_id,
				       .upstream = at->upstream,
				       .issuer = issuer,
				       .client_id = client_id,
				       .expires_ms = expires_ms,
				       .created_ms = clock_wall_ms()};
	struct vault_place place;

	random_id(id);
	row.id = present == NULL ? (struct str){id, ID_LEN} : present->id;
	row.changed_ms = row.created_ms;
	place = place_of(at, row.id);
	TRY(vault_seal(connect->spec.vault, &place, plain, &sealed));
	row.sealed = buf_str(&sealed);
	if (present == NULL)
		return registration_insert(connect->spec.db, &row);
	return registration_update(connect->spec.db, &row, present->changed_ms);
}

/* ---- registering ---------------------------------------------------------------------- */

AWAITS static enum err ask(struct arena *arena, const struct connect_at *at, const struct issuer_facts *issuer,
			   const struct client_description *description, struct buf *problem,
			   struct client_identity *ret_client, int64_t *ret_expires_ms)
{
	AUTO_BUF body = {0};
	struct fetch fetch = {.url = issuer->registration_endpoint,
			      .method = STR("POST"),
			      .headers = STR("Content-Type: application/json\r\nAccept: application/json\r\n"),
			      .allow_private = at->allow_private,
			      .ca_file = at->ca_file};
	struct fetched fetched;

	client_description_put(description, &body);
	fetch.body = buf_str(&body);
	TRY(http_fetch(arena, &fetch, &fetched));
	return registration_answer_read(arena, fetched.status, fetched.body, description->auth, problem, ret_client,
					ret_expires_ms);
}

/* Some know scopes that their servers name only as those servers' business, and refuse a client that names them; which
 * scopes a client may have can be left open (RFC 7591 section 2). */
AWAITS static enum err ask_twice(struct arena *arena, const struct connect_at *at, const struct issuer_facts *issuer,
				 const struct client_description *description, struct buf *problem,
				 struct client_identity *ret_client, int64_t *ret_expires_ms)
{
	struct client_description unscoped = *description;
	enum err err = ask(arena, at, issuer, description, problem, ret_client, ret_expires_ms);

	if (err != ERR_UPSTREAM_AUTH || description->scope.n == 0)
		return err;
	unscoped.scope = STR("");
	problem->n = 0;
	return ask(arena, at, issuer, &unscoped, problem, ret_client, ret_expires_ms);
}

/* Keep what we were given. Who was faster wins: their client is used, ours is forgotten. */
AWAITS static enum err keep(struct connect *connect, struct arena *arena, const struct connect_at *at,
			    struct str issuer, struct str redirect_uri, int64_t expires_ms,
			    const struct registration_row *read, struct client_identity *client)
{
	const struct registration_row *present = read;
	struct registration_row now;
	AUTO_BUF plain = {0};
	enum err err = OK;

	put_sealed(client, redirect_uri, &plain);
	for (int i = 0; i < KEEP_TRIES; i++) {
		err = write_row(connect, at, issuer, client->id, buf_str(&plain), expires_ms, present);
		if (err != ERR_EXISTS && err != ERR_NOT_FOUND)
			break;
		vault_forget(connect->spec.vault, at->tenant_id);
		present = NULL;
		err = registration_find(connect->spec.db, arena, at->tenant_id, at->upstream, &now);
		if (err == OK && (read == NULL || now.changed_ms != read->changed_ms) &&
		    use(connect, arena, at, &now, issuer, redirect_uri, client) == OK)
			break;
		if (err == OK)
			present = &now;
		err = ERR_BUSY;
	}
	crypto_wipe(plain.p, plain.n);
	return err;
}

AWAITS enum err registration_get(struct connect *connect, struct arena *arena, const struct connect_at *at,
				 const struct issuer_facts *issuer, const struct client_description *description,
				 struct buf *problem, struct client_identity *ret_client)
{
	struct registration_row row;
	struct client_identity client;
	int64_t expires_ms;
	bool is_there;
	enum err err;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	err = registration_find(connect->spec.db, arena, at->tenant_id, at->upstream, &row);
	is_there = err == OK;
	if (is_there)
		err = use(connect, arena, at, &row, issuer->issuer, description->redirect_uri, ret_client);
	if (err != ERR_NOT_FOUND)
		return err;
	TRY(ask_twice(arena, at, issuer, description, problem, &client, &expires_ms));
	TRY(keep(connect, arena, at, issuer->issuer, description->redirect_uri, expires_ms, is_there ? &row : NULL,
		 &client));
	*ret_client = client;
	return OK;
}

/* ---- clients that the operator gave ------------------------------------------------------- */

AWAITS static enum err bind_once(struct connect *connect, struct arena *arena, const struct connect_at *at,
				 struct str issuer, struct str client_id, struct buf *problem)
{
	struct registration_row row;
	enum err err = registration_find(connect->spec.db, arena, at->tenant_id, at->upstream, &row);

	if (err == ERR_NOT_FOUND)
		return write_row(connect, at, issuer, client_id, STR("{}"), 0, NULL);
	TRY(err);
	if (!str_eq(row.client_id, client_id))
		return write_row(connect, at, issuer, client_id, STR("{}"), 0, &row);
	if (str_eq(row.issuer, issuer))
		return OK;
	buf_put_fmt(
		problem,
		"its authorization server was %.*s and is %.*s now: `auth.client_id` is of the first; where that is "
		"meant, say so with `auth.issuer`",
		STR_ARG(row.issuer), STR_ARG(issuer));
	return ERR_UPSTREAM_AUTH;
}

AWAITS enum err registration_bind(struct connect *connect, const struct connect_at *at, struct str issuer,
				  struct str client_id, struct buf *problem)
{
	enum err err = ERR_BUSY;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	for (int i = 0; i < KEEP_TRIES; i++) {
		AUTO(arena) *arena = arena_new(ROW_ARENA_BYTES);

		err = bind_once(connect, arena, at, issuer, client_id, problem);
		if (err != ERR_EXISTS && err != ERR_NOT_FOUND)
			return err;
		vault_forget(connect->spec.vault, at->tenant_id);
	}
	return err;
}

AWAITS enum err registration_forget(struct connect *connect, const struct connect_at *at, struct str client_id)
{
	CHECK_OBJ(connect, CONNECT_MAGIC);
	if (at->settings->client_id.n > 0)
		return OK;
	return registration_delete(connect->spec.db, at->tenant_id, at->upstream, client_id);
}
