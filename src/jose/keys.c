/* Sets of public keys. The library is shown only the members that make up the key, after they were checked here: a
 * private part, a certificate or a link in somebody's set is never touched. A key that is not for us (another kind,
 * for encryption, too short) is left out; the others of its set are good.
 *   Source     RFC 7517 sections 4 and 5, RFC 7518 section 6 */
#include <stdlib.h>

#include "base/check.h"
#include "base/random.h"
#include "jose/jose_private.h"

#define RSA_BYTES_MAX (8192 / 8) /* longer ones cost more time than anybody needs */
#define KEYS_ARENA_BYTES_MAX (1u << 20)

/* The bits of a big-endian number in base64url; 0 when it is none. */
static size_t bits_of(struct str text, unsigned *ret_last_byte)
{
	uint8_t bytes[RSA_BYTES_MAX + 1]; /* one leading zero is seen in the wild */
	size_t n, zeros = 0, bits;

	if (base64url_get(text, bytes, sizeof(bytes), &n) != OK || n == 0)
		return 0;
	while (zeros < n && bytes[zeros] == 0)
		zeros++;
	if (zeros == n)
		return 0;
	bits = (n - zeros) * 8;
	for (unsigned top = bytes[zeros]; top < 0x80; top <<= 1)
		bits--;
	*ret_last_byte = bytes[n - 1];
	return bits;
}

/* As long as the curve's coordinates are, no more and no less. */
static bool is_coordinate(struct str text, unsigned algs)
{
	uint8_t bytes[48];
	size_t n;

	return text.p != NULL && base64url_get(text, bytes, sizeof(bytes), &n) == OK &&
	       n == (algs == JOSE_ES256 ? 32 : 48);
}

/* The JWK that the library reads; empty when the key is no good. */
static void put_material(yyjson_val *v, unsigned algs, struct buf *out)
{
	struct str x = json_str(json_get(v, "x")), y = json_str(json_get(v, "y"));
	struct str n = json_str(json_get(v, "n")), e = json_str(json_get(v, "e"));
	unsigned last;
	size_t bits;

	if (algs == JOSE_ES256 || algs == JOSE_ES384) {
		if (is_coordinate(x, algs) && is_coordinate(y, algs))
			buf_put_fmt(out, "{\"kty\":\"EC\",\"crv\":\"%s\",\"x\":\"%.*s\",\"y\":\"%.*s\"}",
				    algs == JOSE_ES256 ? "P-256" : "P-384", STR_ARG(x), STR_ARG(y));
		return;
	}
	bits = n.p == NULL ? 0 : bits_of(n, &last);
	if (bits < JOSE_RSA_BITS_MIN || e.p == NULL)
		return;
	bits = bits_of(e, &last);
	if (bits >= 2 && bits <= 32 && last % 2 == 1)
		buf_put_fmt(out, "{\"kty\":\"RSA\",\"n\":\"%.*s\",\"e\":\"%.*s\"}", STR_ARG(n), STR_ARG(e));
}

/* Whether the set's owner means it for verifying. */
static bool is_for_verifying(yyjson_val *v)
{
	yyjson_val *use = json_get(v, "use"), *operations = json_get(v, "key_ops"), *operation;
	size_t i, count;

	if (use != NULL && !str_eq(json_str(use), STR("sig")))
		return false;
	if (operations == NULL)
		return true;
	yyjson_arr_foreach(operations, i, count, operation) if (str_eq(json_str(operation), STR("verify"))) return true;
	return false;
}

static void add_key(struct jose_keys *keys, yyjson_val *v)
{
	yyjson_val *crv = json_get(v, "crv"), *alg = json_get(v, "alg"), *kid = json_get(v, "kid");
	struct jose_key key = {
		.algs = jose_algs_of_kind(json_str(json_get(v, "kty")), crv == NULL ? STR("") : json_str(crv))};
	AUTO_BUF material = {0};

	if (alg != NULL)
		key.algs &= jose_alg_of(json_str(alg));
	if (key.algs == 0 || !is_for_verifying(v) || (kid != NULL && !yyjson_is_str(kid)))
		return;
	put_material(v, jose_algs_of_kind(json_str(json_get(v, "kty")), crv == NULL ? STR("") : json_str(crv)),
		     &material);
	key.jwk = material.n == 0 ? NULL : cjose_jwk_import(material.p, material.n, NULL);
	if (key.jwk == NULL)
		return;
	if (kid != NULL)
		key.kid = arena_str(keys->arena, json_str(kid));
	keys->key[keys->count++] = key;
}

enum err jose_keys_read(struct str json, struct jose_keys **ret_keys)
{
	AUTO(arena) *reading = arena_new(4 * KEYS_ARENA_BYTES_MAX);
	struct jose_keys *keys;
	yyjson_val *root, *list, *v;
	struct arena *arena;
	size_t i, count;

	TRY(json_read(reading, json, &root));
	list = json_get(root, "keys");
	if (!yyjson_is_arr(list))
		return ERR_CONFIG;
	if (yyjson_arr_size(list) > JOSE_KEYS_MAX)
		return ERR_LIMIT;
	arena = arena_new(KEYS_ARENA_BYTES_MAX + json.n);
	keys = ARENA_NEW(arena, struct jose_keys);
	keys->magic = JOSE_KEYS_MAGIC;
	keys->arena = arena;
	atomic_init(&keys->refs, 1);
	yyjson_arr_foreach(list, i, count, v) add_key(keys, v);
	*ret_keys = keys;
	return OK;
}

struct jose_keys *jose_keys_ref(struct jose_keys *keys)
{
	CHECK_OBJ(keys, JOSE_KEYS_MAGIC);
	atomic_fetch_add_explicit(&keys->refs, 1, memory_order_relaxed);
	return keys;
}

void jose_keys_unref(struct jose_keys *keys)
{
	if (keys == NULL)
		return;
	CHECK_OBJ(keys, JOSE_KEYS_MAGIC);
	if (atomic_fetch_sub_explicit(&keys->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < keys->count; i++)
		cjose_jwk_release(keys->key[i].jwk);
	keys->magic = 0;
	arena_free(keys->arena);
}

bool jose_keys_have(const struct jose_keys *keys, struct str kid)
{
	CHECK_OBJ(keys, JOSE_KEYS_MAGIC);
	if (kid.p == NULL)
		return keys->count == 1;
	for (size_t i = 0; i < keys->count; i++)
		if (keys->key[i].kid.p != NULL && str_eq(keys->key[i].kid, kid))
			return true;
	return false;
}
