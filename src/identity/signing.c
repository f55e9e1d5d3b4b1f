/* Signing keys, a copy for each loop: signing is a few microseconds of arithmetic and must not wait for the database or
 * for another loop. A copy is read again after SIGNING_KEPT_MS; who reads that the signing key is old enough makes
 * the next one, and of several that do so at the same moment one succeeds (store/signing_key.c). */
#include "identity/signing.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/random.h"
#include "store/signing_key.h"

#define SIGNING_MAGIC 0x53494b59u /* "SIKY" */

/* A loop's copy; all empty before the first use. */
struct signing_copy {
	struct jose_signer *signer; /* NULL: no key yet */
	struct jose_keys *keys;
	struct buf jwks;
	int64_t active_ms; /* of the signer */
	int64_t last_ms;   /* the latest active_ms of all */
	int64_t read_ms;   /* on clock_ms(); 0 never */
};

struct signing {
	uint32_t magic;
	struct db *db;
	const struct secret *seal;
	struct signing_copy copies[LOOPS_MAX];
};

struct signing *signing_new(struct db *db, const struct secret *seal)
{
	struct signing *signing = calloc(1, sizeof(*signing));

	CHECK(signing != NULL);
	signing->magic = SIGNING_MAGIC;
	signing->db = db;
	signing->seal = seal;
	return signing;
}

static void copy_clear(struct signing_copy *copy)
{
	jose_signer_free(copy->signer);
	jose_keys_unref(copy->keys);
	buf_free(&copy->jwks);
	*copy = (struct signing_copy){0};
}

void signing_free(struct signing *signing)
{
	if (signing == NULL)
		return;
	CHECK_OBJ(signing, SIGNING_MAGIC);
	for (size_t i = 0; i < ARRAY_LEN(signing->copies); i++)
		copy_clear(&signing->copies[i]);
	signing->magic = 0;
	free(signing);
}

static struct signing_copy *copy_here(struct signing *signing)
{
	CHECK_OBJ(signing, SIGNING_MAGIC);
	return &signing->copies[loop_index(loop_self())];
}

static enum err open_signer(const struct signing *signing, const struct signing_key *key,
			    struct jose_signer **ret_signer)
{
	AUTO_BUF text = {0};
	enum err err;
	size_t n;

	err = crypto_open(signing->seal, key->private_sealed, key->kid, buf_reserve(&text, key->private_sealed.n + 1),
			  &n);
	if (err == OK) {
		text.n = n;
		err = jose_signer_read(buf_str(&text), ret_signer);
		crypto_wipe(text.p, text.n);
	}
	return err;
}

static enum err copy_fill(const struct signing *signing, const struct signing_key *keys, size_t count, int64_t now_ms,
			  struct signing_copy *copy)
{
	const struct signing_key *last = NULL;

	buf_put(&copy->jwks, STR("{\"keys\":["));
	for (size_t i = 0; i < count; i++) {
		if (i > 0)
			buf_put_byte(&copy->jwks, ',');
		buf_put(&copy->jwks, keys[i].public_jwk);
		copy->last_ms = keys[i].active_ms;
		if (keys[i].active_ms <= now_ms || last == NULL)
			last = &keys[i];
	}
	buf_put(&copy->jwks, STR("]}"));
	TRY(jose_keys_read(buf_str(&copy->jwks), &copy->keys));
	if (last == NULL)
		return OK;
	copy->active_ms = last->active_ms;
	return open_signer(signing, last, &copy->signer);
}

/* Read the keys into a new copy, then put it in place: nobody sees half of it, since nothing awaits between. */
AWAITS static enum err copy_read(struct signing *signing)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct signing_copy fresh = {0};
	struct signing_key *keys;
	enum err err;
	size_t count;

	TRY(signing_key_list(signing->db, arena, clock_wall_ms(), &keys, &count));
	err = copy_fill(signing, keys, count, clock_wall_ms(), &fresh);
	if (err != OK) {
		copy_clear(&fresh);
		return err;
	}
	fresh.read_ms = clock_ms();
	copy_clear(copy_here(signing));
	*copy_here(signing) = fresh;
	return OK;
}

AWAITS static enum err key_make(struct signing *signing, int64_t active_ms, int64_t after_ms)
{
	AUTO_BUF private_jwk = {0}, public_jwk = {0}, sealed = {0};
	char kid[ID_LEN + 1];
	struct signing_key key = {.created_ms = clock_wall_ms(), .active_ms = active_ms};
	enum err err;

	random_id(kid);
	key.kid = (struct str){kid, ID_LEN};
	TRY(jose_signer_make(key.kid, &private_jwk, &public_jwk));
	crypto_seal(signing->seal, buf_str(&private_jwk), key.kid, &sealed);
	crypto_wipe(private_jwk.p, private_jwk.n);
	key.private_sealed = buf_str(&sealed);
	key.public_jwk = buf_str(&public_jwk);
	err = signing_key_insert(signing->db, &key, active_ms + SIGNING_SHOWN_MS, after_ms);
	return err == ERR_NOT_FOUND ? OK : err; /* somebody else was faster */
}

/* A copy that is young enough, and on the way to sign with a key that is. */
AWAITS static enum err copy_refresh(struct signing *signing, int64_t life_ms)
{
	struct signing_copy *copy = copy_here(signing);
	int64_t now_ms;

	if (copy->read_ms == 0 || clock_ms() - copy->read_ms > SIGNING_KEPT_MS)
		TRY(copy_read(signing));
	now_ms = clock_wall_ms();
	if (life_ms == 0 || (copy->signer != NULL && copy->last_ms + life_ms > now_ms))
		return OK;
	/* The first one signs at once. */
	TRY(key_make(signing, copy->signer == NULL ? now_ms : now_ms + SIGNING_LEAD_MS,
		     copy->signer == NULL ? 0 : copy->last_ms));
	return copy_read(signing);
}

AWAITS enum err signing_rotate(struct signing *signing)
{
	int64_t active_ms = clock_wall_ms();

	TRY(copy_read(signing));
	if (copy_here(signing)->signer != NULL)
		active_ms += SIGNING_LEAD_MS;
	TRY(key_make(signing, active_ms, active_ms));
	return copy_read(signing);
}

AWAITS enum err signing_sign(struct signing *signing, int64_t life_ms, struct str typ, struct str claims,
			     struct buf *out)
{
	TRY(copy_refresh(signing, life_ms));
	if (copy_here(signing)->signer == NULL)
		return ERR_DB; /* somebody has removed the rows meanwhile */
	return jose_sign(copy_here(signing)->signer, typ, STR_NONE, claims, out);
}

AWAITS enum err signing_jwks(struct signing *signing, struct buf *out)
{
	TRY(copy_refresh(signing, 0));
	buf_put(out, buf_str(&copy_here(signing)->jwks));
	return OK;
}

AWAITS enum err signing_keys(struct signing *signing, struct jose_keys **ret_keys)
{
	TRY(copy_refresh(signing, 0));
	*ret_keys = jose_keys_ref(copy_here(signing)->keys);
	return OK;
}
