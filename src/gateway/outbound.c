/* What a request sends to its upstream in its caller's name. It is made ready once for each loop, and kept on locked
 * pages while the store's generation stands still and, of tokens, until shortly before their end. The key of what is
 * kept names the way of sending too, which a reload may change.
 *
 *     asking ── tenant? ──▶ kept? ──▶ as it is, or made for this request: outbound_sign.c, outbound_oauth.c
 *                 │ none      │ no
 *                 ▼           ▼
 *          whoever lends     a sealed row, opened; or room connect
 *
 * A value that was sealed anew between our reading it and our opening it is read once more (vault.h). */
#include "gateway/outbound_private.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "http/form.h"
#include "store/credential.h"
#include "store/sealed.h"
#include "store/tenant.h"
#include "vault/vault.h"

#define OUTBOUND_MAGIC 0x6f757462u
#define KEY_BYTES_MAX 256 /* names of 32 bytes, three of them, and ids of 26 */
#define ROW_ARENA_BYTES (256 * 1024)

struct outbound *outbound_new(void)
{
	struct outbound *outbound = calloc(1, sizeof(*outbound));

	CHECK(outbound != NULL);
	outbound->magic = OUTBOUND_MAGIC;
	return outbound;
}

static void kept_free(void *value)
{
	struct kept *kept = value;

	secret_text_unref(kept->text);
	secret_text_unref(kept->more);
	dpop_key_unref(kept->dpop);
	if (kept->identity != NULL)
		secret_text_unref(kept->identity->secret);
	free(kept->identity);
	free(kept);
}

static void forget(struct outbound *outbound, struct str key)
{
	struct kept *kept = map_remove(&outbound->kept, key);

	if (kept != NULL)
		kept_free(kept);
}

void outbound_free(struct outbound *outbound)
{
	CHECK_OBJ(outbound, OUTBOUND_MAGIC);
	map_free_values(&outbound->kept, kept_free);
	outbound_nonces_free(outbound);
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
		buf_put(out, auth->signing.prefix);
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
	buf_reserve(&form, auth->name.n + auth->signing.prefix.n + 3 * plain.n +
				   64); /* so that it never moves, leaving a copy behind */
	put_form(auth, plain, &form);
	if (form.n <= SECRET_TEXT_BYTES_MAX)
		*ret_text = secret_text_new(buf_str(&form));
	crypto_wipe(form.p, form.n);
	return form.n <= SECRET_TEXT_BYTES_MAX ? OK : ERR_LIMIT;
}

/* ---- from the row ---------------------------------------------------------------- */

struct str outbound_place(struct arena *arena, const struct upstream_spec *spec, const struct upstream_asking *asking)
{
	return local_place(arena, spec->name, asking->account);
}

/* A credential that somebody has set: `plain`, and in `kept` which row it is. */
AWAITS static enum err open_row(struct gateway *gateway, const struct upstream_spec *spec,
				const struct upstream_asking *asking, struct kept *kept, struct secret_text **ret_plain)
{
	enum err err = ERR_NOT_FOUND;

	for (int i = 0; i < 2 && err == ERR_NOT_FOUND; i++) {
		AUTO(arena) *arena = arena_new(ROW_ARENA_BYTES);
		struct vault_place place = {.tenant_id = asking->tenant_id,
					    .kind = sealed_kind_name(SEALED_CREDENTIAL)};
		struct credential_row row;

		err = credential_find(gateway->db, arena, asking->tenant_id, outbound_place(arena, spec, asking),
				      asking->principal, &row);
		if (err != OK)
			break;
		place.row = row.id;
		kept->changed_ms = row.changed_ms;
		kept->refused = str_eq(row.state, STR("refused"));
		memcpy(kept->id, row.id.p, row.id.n < ID_LEN ? row.id.n : ID_LEN);
		/* A token must not go out as if somebody had typed it in. */
		err = str_eq(row.kind, STR("static")) ? vault_open(gateway->vault, &place, row.sealed, ret_plain)
						      : ERR_CREDENTIAL_MISSING;
	}
	return err == ERR_NOT_FOUND ? ERR_CREDENTIAL_MISSING : err;
}

AWAITS static enum err static_ready(struct gateway *gateway, const struct upstream_spec *spec,
				    const struct upstream_asking *asking, struct kept *kept)
{
	AUTO(secret_text) *plain = NULL;

	TRY(open_row(gateway, spec, asking, kept, &plain));
	if (spec->kind == UPSTREAM_LOCAL) {
		kept->identity = calloc(1, sizeof(*kept->identity));
		CHECK(kept->identity != NULL);
		kept->identity->secret = secret_text_ref(plain);
	}
	if (spec->auth.kind == UPSTREAM_AUTH_SECRET)
		return OK;
	if (spec->auth.kind == UPSTREAM_AUTH_HMAC)
		kept->text = secret_text_ref(plain);
	else if (outbound_form(&spec->auth, secret_text_str(plain), &kept->text) != OK)
		return ERR_CREDENTIAL_REFUSED; /* kept for another way of sending */
	return OK;
}

AWAITS static enum err make_ready(struct gateway *gateway, const struct upstream_spec *spec,
				  const struct upstream_asking *asking, struct kept *kept)
{
	enum err err = spec->auth.kind == UPSTREAM_AUTH_OAUTH ? outbound_oauth_ready(gateway, spec, asking, kept)
							      : static_ready(gateway, spec, asking, kept);

	if (err != OK && err != ERR_CREDENTIAL_MISSING && err != ERR_CREDENTIAL_REAUTH)
		log_warn("credential.unusable", LOG_STR("upstream", spec->name), LOG_STR("tenant", asking->tenant_id),
			 LOG_ERR(err));
	return err;
}

static struct str put_key(const struct upstream_spec *spec, const struct upstream_asking *asking,
			  char out[KEY_BYTES_MAX])
{
	const struct str pieces[] = {spec->auth.name, spec->name, asking->account, asking->tenant_id,
				     asking->principal};
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

struct kept *outbound_kept(struct outbound *outbound, const struct upstream_spec *spec,
			   const struct upstream_asking *asking)
{
	char key[KEY_BYTES_MAX];

	return map_get(&outbound->kept, put_key(spec, asking, key));
}

void outbound_forget(struct outbound *outbound, const struct upstream_spec *spec, const struct upstream_asking *asking,
		     int64_t changed_ms)
{
	struct kept *kept = outbound_kept(outbound, spec, asking);

	if (kept != NULL && kept->changed_ms == changed_ms)
		forget(outbound, (struct str){kept->key, kept->key_bytes});
}

static void keep(struct outbound *outbound, struct kept *kept)
{
	struct str key = {kept->key, kept->key_bytes};

	forget(outbound, key);
	if (outbound->kept.used >= OUTBOUND_KEPT_MAX)
		map_free_values(&outbound->kept, kept_free);
	map_put(&outbound->kept, key, kept);
}

/* ---- for a request ---------------------------------------------------------------- */

static bool is_good(const struct kept *kept, int64_t generation)
{
	return kept != NULL && kept->generation == generation &&
	       (kept->until_ms == 0 || loop_now(loop_self()) < kept->until_ms);
}

/* What it sends depends on the request. */
static bool signs(const struct kept *kept, const struct upstream_spec *spec)
{
	return kept->dpop != NULL || spec->auth.kind == UPSTREAM_AUTH_HMAC;
}

/* Ready, and kept from now on.
 *   ret_kept   until the next await */
AWAITS static enum err look_up(struct gateway *gateway, const struct upstream_spec *spec,
			       const struct upstream_asking *asking, struct kept **ret_kept)
{
	struct outbound *outbound = gateway_here(gateway)->outbound;
	char key_bytes[KEY_BYTES_MAX];
	struct str key = put_key(spec, asking, key_bytes);
	struct kept *kept = calloc(1, sizeof(*kept) + key.n);
	enum err err;

	CHECK(kept != NULL);
	memcpy(kept->key, key.p, key.n);
	kept->key_bytes = key.n;
	/* Read before the row: what changes in between is looked at once more. */
	kept->generation = identity_generation(gateway->identity);
	err = make_ready(gateway, spec, asking, kept);
	if (err != OK) {
		kept_free(kept);
		forget(outbound, key);
		return err;
	}
	if (kept->identity != NULL)
		kept->identity->signs = signs(kept, spec);
	keep(outbound, kept);
	*ret_kept = kept;
	return OK;
}

static enum err put_lines(struct outbound *outbound, const struct kept *kept, const struct upstream_spec *spec,
			  const struct upstream_asking *asking, struct secret_text **ret_lines)
{
	*ret_lines = NULL;
	if (signs(kept, spec) && asking->method.n == 0)
		return OK;
	if (kept->dpop != NULL)
		return outbound_proof(outbound, kept, spec, asking, ret_lines);
	if (spec->auth.kind == UPSTREAM_AUTH_HMAC)
		return outbound_sign(&spec->auth, secret_text_str(kept->text), asking, clock_wall_ms(), ret_lines) == OK
			       ? OK
			       : ERR_CREDENTIAL_REFUSED;
	if (kept->text != NULL)
		*ret_lines = secret_text_ref(kept->text);
	return OK;
}

AWAITS static enum err get_for(struct gateway *gateway, const struct upstream_spec *spec,
			       const struct upstream_asking *asking, struct secret_text **ret_lines,
			       const struct upstream_identity **ret_identity)
{
	struct outbound *outbound = gateway_here(gateway)->outbound;
	struct kept *kept = outbound_kept(outbound, spec, asking);

	if (unlikely(!is_good(kept, identity_generation(gateway->identity))))
		TRY(look_up(gateway, spec, asking, &kept));
	TRY(put_lines(outbound, kept, spec, asking, ret_lines));
	if (ret_identity != NULL)
		*ret_identity = kept->identity;
	return OK;
}

/* Whose the gateway uses where it asks for itself, to read lists: who has been there longest. What needs no person the
 * first tenant has, since somebody's name it must have.
 *   lent       strings in `arena` */
AWAITS static enum err lend(struct gateway *gateway, const struct upstream_spec *spec, struct arena *arena,
			    struct upstream_asking *lent)
{
	bool of_user = spec->auth.each == UPSTREAM_EACH_USER;
	struct credential_row row;
	struct tenant *tenant;
	size_t count = 0;
	enum err err = credential_oldest(gateway->db, arena, spec->owner.n > 0 ? spec->owner : STR_NONE,
					 outbound_place(arena, spec, lent), of_user, &row);

	if (err == OK) {
		lent->tenant_id = row.tenant_id;
		lent->principal = row.user_id;
	}
	if (err != ERR_NOT_FOUND)
		return err;
	if (spec->auth.kind != UPSTREAM_AUTH_OAUTH || spec->auth.oauth.flow == AUTH_FLOW_CODE || of_user)
		return ERR_CREDENTIAL_MISSING;
	lent->tenant_id = spec->owner;
	if (spec->owner.n > 0)
		return OK;
	TRY(tenant_page(gateway->db, arena, STR(""), 1, &tenant, &count));
	if (count == 0)
		return ERR_CREDENTIAL_MISSING;
	lent->tenant_id = tenant->id;
	return OK;
}

AWAITS static enum err get(void *arg, const struct upstream_spec *spec, const struct upstream_asking *asking,
			   struct secret_text **ret_lines, const struct upstream_identity **ret_identity)
{
	AUTO(arena) *arena = NULL;
	struct upstream_asking lent;

	if (likely(asking->tenant_id.n > 0))
		return get_for(arg, spec, asking, ret_lines, ret_identity);
	arena = arena_new(ROW_ARENA_BYTES);
	lent = *asking;
	TRY(lend(arg, spec, arena, &lent));
	return get_for(arg, spec, &lent, ret_lines, ret_identity);
}

/* ---- refusals --------------------------------------------------------------------- */

/* Once for each value: whoever lists credentials sees it. */
AWAITS static enum err note_refused(struct gateway *gateway, const struct upstream_spec *spec,
				    const struct upstream_asking *asking)
{
	struct kept *kept = outbound_kept(gateway_here(gateway)->outbound, spec, asking);
	char id[ID_LEN + 1];

	if (kept == NULL || kept->refused)
		return ERR_CREDENTIAL_REFUSED;
	kept->refused = true;
	memcpy(id, kept->id, sizeof(id));
	log_warn("credential.refused", LOG_STR("upstream", spec->name), LOG_STR("tenant", asking->tenant_id),
		 LOG_CSTR("id", id));
	if (credential_note(gateway->db, asking->tenant_id, str_of(id), kept->changed_ms, STR("refused")) != OK)
		log_debug("credential.unnoted", LOG_CSTR("id", id));
	return ERR_CREDENTIAL_REFUSED;
}

AWAITS static enum err refused(void *arg, const struct upstream_spec *spec, const struct upstream_asking *asking,
			       const struct upstream_refusal *refusal, bool *ret_again)
{
	AUTO(arena) *arena = NULL;
	struct upstream_asking whose = *asking;

	*ret_again = false;
	if (asking->tenant_id.n == 0) {
		arena = arena_new(ROW_ARENA_BYTES);
		TRY(lend(arg, spec, arena, &whose));
	}
	return spec->auth.kind == UPSTREAM_AUTH_OAUTH ? outbound_oauth_refused(arg, spec, &whose, refusal, ret_again)
						      : note_refused(arg, spec, &whose);
}

struct upstream_credentials outbound_source(struct gateway *gateway)
{
	return (struct upstream_credentials){.get = get, .refused = refused, .arg = gateway};
}
