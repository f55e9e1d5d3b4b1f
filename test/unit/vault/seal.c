/* One sealed value: what it looks like to the byte, and that nothing about it or its place may differ. The known
 * answers were made with another implementation of AES-256-GCM. */
#include "../unit.h"

#include "base/secret.h"
#include "vault/seal.h"

static struct secret *key_0_to_31(void)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	return secret_new(bytes);
}

static const struct vault_place place = {.tenant_id = {"tenant-a", 8}, .kind = {"credential", 10}, .row = {"row-1", 5}};

static void ck_hex(struct str bytes, const char *want)
{
	AUTO_BUF hex = {0};

	for (size_t i = 0; i < bytes.n; i++)
		buf_put_fmt(&hex, "%02x", (uint8_t)bytes.p[i]);
	ck_bytes(buf_str(&hex), str_of(want));
}

#define AAD                                                                                                            \
	"0000001167617465686f757365207661756c7420310000000874656e616e742d610000000a63726564656e7469616c00000005726f77" \
	"2d31"
static const struct {
	int64_t version;
	const char *nonce, *plain, *bound, *sealed;
} vectors[] = {
	{1, "\x00\x01\x02\x03\x04\x05\x06\x07\x08\x09\x0a\x0b", "Bearer abc", AAD "0000000400000001",
	 "0100000001000102030405060708090a0b0567b769a097e27aef22af953066858d168dcd9621998d90588e"},
	{0x01020304, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "", AAD "0000000401020304",
	 "0101020304ffffffffffffffffffffffff19b6f658885db1ac8c830cc62b31b6a0"},
};

START_TEST(known_answers)
{
	AUTO(secret) *key = key_0_to_31();

	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		AUTO(secret_text) *opened = NULL;
		char prefix[SEALED_PREFIX_BYTES];
		AUTO_BUF bound = {0}, sealed = {0};

		seal_bound(&place, vectors[i].version, &bound);
		ck_hex(buf_str(&bound), vectors[i].bound);
		sealed_prefix(vectors[i].version, prefix);
		buf_put(&sealed, (struct str){prefix, sizeof(prefix)});
		seal_with_nonce(key, (const uint8_t *)vectors[i].nonce, str_of(vectors[i].plain), buf_str(&bound),
				&sealed);
		ck_hex(buf_str(&sealed), vectors[i].sealed);
		ck_assert_int_eq(sealed_version(buf_str(&sealed)), vectors[i].version);
		ck_ok(seal_open(key, &place, buf_str(&sealed), &opened));
		ck_bytes(secret_text_str(opened), str_of(vectors[i].plain));
	}
}
END_TEST

/* It must not open; an opened one would leak, so it is let go. */
static void ck_closed(const struct secret *key, const struct vault_place *where, struct str sealed)
{
	struct secret_text *opened = NULL;

	ck_err(seal_open(key, where, sealed, &opened), ERR_CRYPTO);
	ck_assert_ptr_null(opened);
}

START_TEST(each_bit_counts)
{
	AUTO(secret) *key = key_0_to_31();
	AUTO(secret_text) *opened = NULL;
	AUTO_BUF sealed = {0};

	seal_value(key, 7, &place, STR("a secret of some length"), &sealed);
	ck_assert_uint_eq(sealed.n, strlen("a secret of some length") + SEAL_OVERHEAD);
	for (size_t bit = 0; bit < 8 * sealed.n; bit++) {
		sealed.p[bit / 8] ^= (char)(1 << bit % 8);
		ck_closed(key, &place, buf_str(&sealed));
		sealed.p[bit / 8] ^= (char)(1 << bit % 8);
	}
	for (size_t n = 0; n < sealed.n; n++)
		ck_closed(key, &place, (struct str){sealed.p, n});
	buf_put_byte(&sealed, 0);
	ck_closed(key, &place, buf_str(&sealed));
	sealed.n--;
	ck_ok(seal_open(key, &place, buf_str(&sealed), &opened));
}
END_TEST

START_TEST(each_part_of_the_place_counts)
{
	static const struct vault_place others[] = {
		{{"tenant-b", 8}, {"credential", 10}, {"row-1", 5}},
		{{"tenant-a", 8}, {"client", 6}, {"row-1", 5}},
		{{"tenant-a", 8}, {"credential", 10}, {"row-2", 5}},
		{{"tenant-", 7}, {"acredential", 11}, {"row-1", 5}},
		{{"tenant-a", 8}, {"credentialr", 11}, {"ow-1", 4}},
	};
	AUTO(secret) *key = key_0_to_31(), *other = secret_random();
	AUTO_BUF sealed = {0};

	seal_value(key, 1, &place, STR("secret"), &sealed);
	for (size_t i = 0; i < ARRAY_LEN(others); i++)
		ck_closed(key, &others[i], buf_str(&sealed));
	ck_closed(other, &place, buf_str(&sealed));
	sealed_prefix(2, sealed.p); /* the same key under another version */
	ck_closed(key, &place, buf_str(&sealed));
}
END_TEST

#define SEALINGS 1000000
#define SLOTS (1u << 21)

/* A table of nonces by their own bytes, which are random if anything is. */
START_TEST(no_nonce_comes_twice)
{
	AUTO(secret) *key = key_0_to_31();
	uint8_t(*seen)[CRYPTO_NONCE_BYTES] = calloc(SLOTS, sizeof(*seen));
	static const uint8_t empty[CRYPTO_NONCE_BYTES];
	AUTO_BUF sealed = {0};

	ck_assert_ptr_nonnull(seen);
	for (int i = 0; i < SEALINGS; i++) {
		const char *nonce;
		uint32_t slot;

		sealed.n = 0;
		crypto_seal(key, STR_NONE, STR_NONE, &sealed);
		nonce = sealed.p;
		memcpy(&slot, nonce, sizeof(slot));
		for (slot %= SLOTS; memcmp(seen[slot], empty, sizeof(empty)) != 0; slot = (slot + 1) % SLOTS)
			if (memcmp(seen[slot], nonce, CRYPTO_NONCE_BYTES) == 0)
				ck_abort_msg("sealing %d has the nonce of an earlier one", i);
		memcpy(seen[slot], nonce, CRYPTO_NONCE_BYTES);
	}
	free(seen);
}
END_TEST

UNIT_MAIN("seal", known_answers, each_bit_counts, each_part_of_the_place_counts, no_nonce_comes_twice)
