/* Published vectors for each primitive, and what sealing must notice. */
#include "../unit.h"

#include <pthread.h>

#include "base/secret.h"

static size_t unhex(const char *hex, uint8_t *out)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		char digits[3] = {hex[2 * i], hex[2 * i + 1], '\0'};

		out[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return n;
}

static void ck_hex(const void *got, const char *want_hex)
{
	uint8_t want[256];
	size_t n = unhex(want_hex, want);

	ck_assert_mem_eq(got, want, n);
}

static struct str bytes_of(const char *hex, uint8_t *space)
{
	size_t n = unhex(hex, space);

	return (struct str){(const char *)space, n};
}

static struct secret *secret_of(const char *hex)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];
	struct secret *secret;

	unhex(hex, bytes);
	secret = secret_new(bytes);
	for (size_t i = 0; i < sizeof(bytes); i++)
		ck_assert_uint_eq(bytes[i], 0); /* wiped at the source */
	return secret;
}

START_TEST(sha256)
{
	uint8_t out[32];

	/* FIPS 180-2, appendix B.1; the empty string */
	crypto_sha256(STR("abc"), out);
	ck_hex(out, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	crypto_sha256(STR_NONE, out);
	ck_hex(out, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
}
END_TEST

/* RFC 4231, test cases 1 to 4. */
static const struct {
	const char *key, *message, *mac;
} rfc4231[] = {
	{"0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265",
	 "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
	{"4a656665", "7768617420646f2079612077616e7420666f72206e6f7468696e673f",
	 "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
	{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
	 "dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd",
	 "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
	{"0102030405060708090a0b0c0d0e0f10111213141516171819",
	 "cdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcdcd",
	 "82558a389a443c0ea4cc819899f2083a85f0faa3e578f8077a2e3ff46729665b"},
};

START_TEST(hmac_vectors)
{
	for (size_t i = 0; i < ARRAY_LEN(rfc4231); i++) {
		uint8_t key[64], message[64], out[CRYPTO_MAC_BYTES];
		struct str whole = bytes_of(rfc4231[i].message, message), split[3];
		struct mac_key mac;

		mac_key_init(&mac, bytes_of(rfc4231[i].key, key));
		mac_sum(&mac, &whole, 1, out);
		ck_hex(out, rfc4231[i].mac);
		/* the same message in three pieces, one of them empty */
		split[0] = (struct str){whole.p, 3};
		split[1] = STR_NONE;
		split[2] = str_skip(whole, 3);
		mac_sum(&mac, split, 3, out);
		ck_hex(out, rfc4231[i].mac);
	}
}
END_TEST

START_TEST(hkdf_vectors)
{
	uint8_t key[32], salt[32], purpose[32], out[CRYPTO_KEY_BYTES];
	struct str input = bytes_of("0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", key);

	/* RFC 5869, test cases 1 and 3, the first 32 bytes */
	hkdf_sha256(input, bytes_of("000102030405060708090a0b0c", salt), bytes_of("f0f1f2f3f4f5f6f7f8f9", purpose),
		    out);
	ck_hex(out, "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf");
	hkdf_sha256(input, STR_NONE, STR_NONE, out);
	ck_hex(out, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
}
END_TEST

START_TEST(gcm_vectors)
{
	/* NIST GCM specification (McGrew, Viega), test cases 14 and 16: AES-256, 96-bit IV */
	AUTO(secret) *zero = secret_of("0000000000000000000000000000000000000000000000000000000000000000");
	AUTO(secret) *key = secret_of("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308");
	uint8_t nonce[12] = {0}, plain[64], bound[32], opened[64];
	AUTO_BUF out = {0};
	size_t n;

	seal_with_nonce(zero, nonce, bytes_of("00000000000000000000000000000000", plain), STR_NONE, &out);
	ck_assert_uint_eq(out.n, 16 + CRYPTO_SEAL_OVERHEAD);
	ck_hex(out.p + 12, "cea7403d4d606b6e074ec5d3baf39d18d0d1c8a799996bf0265b98b5d48ab919");
	out.n = 0;
	unhex("cafebabefacedbaddecaf888", nonce);
	seal_with_nonce(key, nonce,
			bytes_of("d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
				 "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
				 plain),
			bytes_of("feedfacedeadbeeffeedfacedeadbeefabaddad2", bound), &out);
	ck_hex(out.p, "cafebabefacedbaddecaf888"
		      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
		      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
		      "76fc6ece0f4e1768cddf8853bb2d551b");
	ck_ok(crypto_open(key, buf_str(&out), (struct str){(const char *)bound, 20}, opened, &n));
	ck_assert_uint_eq(n, 60);
	ck_assert_mem_eq(opened, plain, 60);
}
END_TEST

/* Each bit of nonce, ciphertext, tag; the bound text; the key; the length. */
START_TEST(sealing_notices_changes)
{
	AUTO(secret) *key = secret_random();
	AUTO(secret) *other = secret_random();
	AUTO_BUF sealed = {0};
	AUTO_BUF again = {0};
	char out[64];
	size_t n = 77;

	crypto_seal(key, STR("a credential"), STR("tenant-1"), &sealed);
	crypto_seal(key, STR("a credential"), STR("tenant-1"), &again);
	ck_assert(!str_eq(buf_str(&sealed), buf_str(&again))); /* a fresh nonce each time */
	for (size_t bit = 0; bit < sealed.n * 8; bit++) {
		sealed.p[bit / 8] ^= (char)(1 << bit % 8);
		ck_err(crypto_open(key, buf_str(&sealed), STR("tenant-1"), out, &n), ERR_CRYPTO);
		sealed.p[bit / 8] ^= (char)(1 << bit % 8);
	}
	ck_err(crypto_open(key, buf_str(&sealed), STR("tenant-2"), out, &n), ERR_CRYPTO);
	ck_err(crypto_open(other, buf_str(&sealed), STR("tenant-1"), out, &n), ERR_CRYPTO);
	for (size_t cut = 0; cut < sealed.n; cut++)
		ck_err(crypto_open(key, (struct str){sealed.p, cut}, STR("tenant-1"), out, &n), ERR_CRYPTO);
	ck_assert_uint_eq(n, 77);
	ck_ok(crypto_open(key, buf_str(&sealed), STR("tenant-1"), out, &n));
	ck_bytes(((struct str){out, n}), STR("a credential"));
	sealed.n = 0;
	crypto_seal(key, STR_NONE, STR_NONE, &sealed);
	ck_ok(crypto_open(key, buf_str(&sealed), STR_NONE, out, &n));
	ck_assert_uint_eq(n, 0);
}
END_TEST

START_TEST(secrets)
{
	AUTO(secret) *master = secret_of("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	AUTO(secret) *keys = secret_derive(master, STR("api-keys"));
	AUTO(secret) *same = secret_derive(master, STR("api-keys"));
	AUTO(secret) *audit = secret_derive(master, STR("audit"));
	struct secret *many[200];
	uint8_t a[32], b[32];

	ck_hex(secret_bytes(master), "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
	ck_assert_mem_eq(secret_bytes(keys), secret_bytes(same), 32);
	ck_assert_mem_ne(secret_bytes(keys), secret_bytes(audit), 32);
	crypto_mac(keys, &STR("x"), 1, a);
	crypto_mac(same, &STR("x"), 1, b);
	ck_assert_mem_eq(a, b, 32);
	for (int round = 0; round < 2; round++) { /* more than a page of them, twice */
		for (size_t i = 0; i < ARRAY_LEN(many); i++)
			many[i] = secret_random();
		for (size_t i = 1; i < ARRAY_LEN(many); i++)
			ck_assert_mem_ne(secret_bytes(many[i]), secret_bytes(many[i - 1]), 32);
		for (size_t i = 0; i < ARRAY_LEN(many); i++)
			secret_free(many[i]);
	}
	secret_free(NULL);
}
END_TEST

static void *seal_many(void *key)
{
	for (int i = 0; i < 200; i++) {
		AUTO_BUF sealed = {0};
		char out[16];
		size_t n;

		crypto_seal(key, STR("text"), STR_NONE, &sealed);
		if (crypto_open(key, buf_str(&sealed), STR_NONE, out, &n) != OK || n != 4)
			return key;
	}
	return NULL;
}

START_TEST(threads_have_their_own_context)
{
	AUTO(secret) *key = secret_random();
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, seal_many, key), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *failed;

		ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
		ck_assert_ptr_null(failed);
	}
}
END_TEST

UNIT_MAIN("crypto", sha256, hmac_vectors, hkdf_vectors, gcm_vectors, sealing_notices_changes, secrets,
	  threads_have_their_own_context)
