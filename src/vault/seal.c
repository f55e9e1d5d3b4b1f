/* Sealing one value with an opened data key: AES-256-GCM with a fresh random nonce. The version in front is readable,
 * since it says which key opens the value; it is bound too, so that changing it is noticed.
 *   Source     NIST SP 800-38D s8.3: 2^32 values under one key with random nonces */
#include "vault/seal.h"

#include "base/check.h"

static void put_piece(struct buf *out, struct str piece)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_put_byte(out, (char)(piece.n >> shift));
	buf_put(out, piece);
}

static void put_version(struct buf *out, int64_t version)
{
	char bytes[4] = {(char)(version >> 24), (char)(version >> 16), (char)(version >> 8), (char)version};

	CHECK(version >= 1 && version <= UINT32_MAX);
	put_piece(out, (struct str){bytes, sizeof(bytes)});
}

void seal_bound(const struct vault_place *place, int64_t version, struct buf *out)
{
	CHECK(place->tenant_id.n > 0 && place->kind.n > 0 && place->row.n > 0);
	put_piece(out, STR("gatehouse vault 1"));
	put_piece(out, place->tenant_id);
	put_piece(out, place->kind);
	put_piece(out, place->row);
	put_version(out, version);
}

void seal_key_bound(struct str tenant_id, int64_t version, struct buf *out)
{
	put_piece(out, STR("gatehouse data key 1"));
	put_piece(out, tenant_id);
	put_version(out, version);
}

void seal_value(const struct secret *key, int64_t version, const struct vault_place *place, struct str plain,
		struct buf *out)
{
	char prefix[SEALED_PREFIX_BYTES];
	AUTO_BUF bound = {0};

	seal_bound(place, version, &bound);
	sealed_prefix(version, prefix);
	buf_put(out, (struct str){prefix, sizeof(prefix)});
	crypto_seal(key, plain, buf_str(&bound), out);
}

enum err seal_open(const struct secret *key, const struct vault_place *place, struct str sealed,
		   struct secret_text **ret_plain)
{
	int64_t version = sealed_version(sealed);
	struct secret_text *plain;
	AUTO_BUF bound = {0};
	enum err err;
	size_t n;
	char *p;

	if (version == 0 || sealed.n < SEAL_OVERHEAD || sealed.n - SEAL_OVERHEAD > SECRET_TEXT_BYTES_MAX)
		return ERR_CRYPTO;
	seal_bound(place, version, &bound);
	plain = secret_text_room(sealed.n - SEAL_OVERHEAD, &p);
	err = crypto_open(key, str_skip(sealed, SEALED_PREFIX_BYTES), buf_str(&bound), p, &n);
	if (err == OK)
		*ret_plain = plain;
	else
		secret_text_unref(plain);
	return err;
}
