/* What a call sends to its upstream in its caller's name. The row is found, opened and made into a line once for each
 * loop, and kept on locked pages while the store's generation stands still: a change anywhere makes every loop look at
 * the row again. The key of what is kept names the way of sending too, which a reload may change.
 *
 * A value that was sealed anew between our reading it and our opening it is read once more (vault.h). */
#include "gateway/outbound.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "gateway/gateway.h"
#include "http/form.h"
#include "store/credential.h"
#include "store/sealed.h"
#include "vault/vault.h"

#define OUTBOUND_MAGIC 0x6f757462u
#define KEY_BYTES_MAX 256 /* names of 32 bytes and ids of 26 */
#define ROW_ARENA_BYTES (256 * 1024)

struct kept {
	struct secret_text *text;
	int64_t generation;
	int64_t changed_ms; /* of the row */
	bool refused;	    /* noted */
	char id[ID_LEN + 1];
	size_t key_bytes;
	char key[];
};

struct outbound {
	uint32_t magic;
	struct map kept;
};

struct outbound *outbound_new(void)
{
	struct outbound *outbound = calloc(1, sizeof(*outbound));

	CHECK(outbound != NULL);
	outbound->magic = OUTBOUND_MAGIC;
	return outbound;
}

static void kept_free(struct kept *kept)
{
	secret_text_unref(kept->text);
	free(kept);
}

static void forget(struct outbound *outbound, struct str key)
{
	struct kept *kept = map_remove(&outbound->kept, key);

	if (kept != NULL)
		kept_free(kept);
}

static void forget_all(struct outbound *outbound)
{
	struct kept *kept;
	size_t cursor = 0;

	while ((kept = map_next(&outbound->kept, &cursor)) != NULL)
		kept_free(kept);
	map_free(&outbound->kept);
	outbound->kept = (struct map){0};
}

void outbound_free(struct outbound *outbound)
{
	CHECK_OBJ(outbound, OUTBOUND_MAGIC);
	forget_all(outbound);
	outbound->magic = 0;
	free(outbound);
}

/* ---- what is sent ---------------------------------------------------------------- */

static void put_form(const struct upstream_auth *auth, struct str plain, struct buf *out)
{
	switch (auth->kind) {
	case UPSTREAM_AUTH_BEARER:
		buf_put(out, STR("Authorization: Bearer "));
		buf_put(out, plain);
		break;
	case UPSTREAM_AUTH_BASIC:
		buf_put(out, STR("Authorization: Basic "));
		base64_put(out, plain.p, plain.n);
		break;
	case UPSTREAM_AUTH_HEADER:
		buf_put(out, auth->name);
		buf_put(out, STR(": "));
		buf_put(out, plain);
		break;
	default:
		buf_put(out, auth->name);
		buf_put_byte(out, '=');
		percent_put(out, plain);
		return;
	}
	buf_put(out, STR("\r\n"));
}

enum err outbound_form(const struct upstream_auth *auth, struct str plain, struct secret_text **ret_text)
{
	AUTO_BUF form = {0};
	bool encoded = auth->kind == UPSTREAM_AUTH_BASIC || auth->kind == UPSTREAM_AUTH_QUERY;

	if (plain.n == 0 || (!encoded && !str_is_printable(plain)))
		return ERR_RPC_PARAMS;
	buf_reserve(&form, auth->name.n + 3 * plain.n + 64); /* so that it never moves, leaving a copy behind */
	put_form(auth, plain, &form);
	if (form.n <= SECRET_TEXT_BYTES_MAX)
		*ret_text = secret_text_new(buf_str(&form));
	crypto_wipe(form.p, form.n);
	return form.n <= SECRET_TEXT_BYTES_MAX ? OK : ERR_LIMIT;
}

/* ---- from the row ---------------------------------------------------------------- */

/* Find and open; `ret_row` without what is sealed. */
AWAITS static enum err open_row(struct gateway *gateway, struct str tenant_id, struct str upstream, struct str user_id,
				struct kept *kept, struct secret_text **ret_plain)
{
	enum err err = ERR_NOT_FOUND;

	for (int i = 0; i < 2 && err == ERR_NOT_FOUND; i++) {
		AUTO(arena) *arena = arena_new(ROW_ARENA_BYTES);
		struct vault_place place = {.tenant_id = tenant_id, .kind = sealed_kind_name(SEALED_CREDENTIAL)};
		struct credential_row row;

		err = credential_find(gateway->db, arena, tenant_id, upstream, user_id, &row);
		if (err != OK)
			break;
		place.row = row.id;
		kept->changed_ms = row.changed_ms;
		kept->refused = str_eq(row.state, STR("refused"));
		memcpy(kept->id, row.id.p, row.id.n < ID_LEN ? row.id.n : ID_LEN);
		err = vault_open(gateway->vault, &place, row.sealed, ret_plain);
	}
	return err == ERR_NOT_FOUND ? ERR_CREDENTIAL_MISSING : err;
}

AWAITS static enum err make_ready(struct gateway *gateway, const struct upstream_spec *spec, struct str tenant_id,
				  struct str principal, struct kept *kept)
{
	AUTO(secret_text) *plain = NULL;
	enum err err = open_row(gateway, tenant_id, spec->name, principal, kept, &plain);

	if (err == OK && outbound_form(&spec->auth, secret_text_str(plain), &kept->text) != OK)
		err = ERR_CREDENTIAL_REFUSED; /* kept for another way of sending */
	if (err != OK && err != ERR_CREDENTIAL_MISSING)
		log_warn("credential.unusable", LOG_STR("upstream", spec->name), LOG_STR("tenant", tenant_id),
			 LOG_ERR(err));
	return err;
}

static struct str put_key(const struct upstream_spec *spec, struct str tenant_id, struct str principal,
			  char out[KEY_BYTES_MAX])
{
	const struct str pieces[] = {spec->auth.name, spec->name, tenant_id, principal};
	size_t n = 0;

	out[n++] = (char)('0' + spec->auth.kind);
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++) {
		CHECK(n + pieces[i].n + 1 <= KEY_BYTES_MAX);
		if (pieces[i].n > 0)
			memcpy(out + n, pieces[i].p, pieces[i].n);
		n += pieces[i].n;
		out[n++] = '\n';
	}
	return (struct str){out, n};
}

static void keep(struct outbound *outbound, struct kept *kept)
{
	struct str key = {kept->key, kept->key_bytes};

	forget(outbound, key);
	if (outbound->kept.used >= OUTBOUND_KEPT_MAX)
		forget_all(outbound);
	map_put(&outbound->kept, key, kept);
}

AWAITS static enum err get(void *arg, const struct upstream_spec *spec, const struct upstream_asking *asking,
			   struct secret_text **ret_text)
{
	struct gateway *gateway = arg;
	struct outbound *outbound = gateway_here(gateway)->outbound;
	int64_t generation = identity_generation(gateway->identity);
	char key_bytes[KEY_BYTES_MAX];
	struct str key = put_key(spec, asking->tenant_id, asking->principal, key_bytes);
	struct kept *kept = map_get(&outbound->kept, key);
	enum err err;

	if (spec->auth.kind == UPSTREAM_AUTH_OAUTH || spec->auth.kind == UPSTREAM_AUTH_HMAC)
		return ERR_CREDENTIAL_MISSING;

	if (likely(kept != NULL && kept->generation == generation)) {
		*ret_text = secret_text_ref(kept->text);
		return OK;
	}
	kept = calloc(1, sizeof(*kept) + key.n);
	CHECK(kept != NULL);
	memcpy(kept->key, key.p, key.n);
	kept->key_bytes = key.n;
	kept->generation = generation;
	err = make_ready(gateway, spec, asking->tenant_id, asking->principal, kept);
	if (err != OK) {
		kept_free(kept);
		forget(outbound, key);
		return err;
	}
	*ret_text = secret_text_ref(kept->text);
	keep(outbound, kept);
	return OK;
}

/* Once for each value: whoever lists credentials sees it. */
AWAITS static enum err refused(void *arg, const struct upstream_spec *spec, const struct upstream_asking *asking,
			       const struct upstream_refusal *refusal, bool *ret_again)
{
	struct gateway *gateway = arg;
	char key_bytes[KEY_BYTES_MAX], id[ID_LEN + 1];
	struct str key = put_key(spec, asking->tenant_id, asking->principal, key_bytes);
	struct kept *kept = map_get(&gateway_here(gateway)->outbound->kept, key);

	*ret_again = false;
	if (kept == NULL || kept->refused)
		return ERR_CREDENTIAL_REFUSED;
	kept->refused = true;
	memcpy(id, kept->id, sizeof(id));
	log_warn("credential.refused", LOG_STR("upstream", spec->name), LOG_STR("tenant", asking->tenant_id),
		 LOG_CSTR("credential", id));
	if (credential_note(gateway->db, asking->tenant_id, str_of(id), kept->changed_ms, STR("refused")) != OK)
		log_debug("credential.unnoted", LOG_CSTR("credential", id));
	return ERR_CREDENTIAL_REFUSED;
}

struct upstream_credentials outbound_source(struct gateway *gateway)
{
	return (struct upstream_credentials){.get = get, .refused = refused, .arg = gateway};
}
