/* Who signed what: HMAC-SHA256 over the raw body and the time, keyed with the text behind a signing key's prefix as it
 * stands, not with the bytes that its digits mean. What is sent instead of a key, its hash, is of those bytes. Bodies
 * come in canonical form and are signed as they come: to read them first and to write them anew would sign another
 * text. */
#include "inngest/private.h"

#include "base/check.h"
#include "base/crypto.h"

#define KEY_DIGITS_MIN 8
#define KEY_DIGITS_MAX 256
#define KEY_PREFIX "signkey-"

/* Whether digits alone follow, and how many bytes they are: 0 is none. */
static size_t hex_bytes(struct str digits)
{
	for (size_t i = 0; i < digits.n; i++) {
		char c = digits.p[i];

		if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F')))
			return 0;
	}
	return digits.n % 2 == 0 ? digits.n / 2 : 0;
}

static uint8_t nibble(char c)
{
	return (uint8_t)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

struct str key_secret(struct str key)
{
	struct str environment, rest;

	if (!str_starts(key, STR(KEY_PREFIX)) ||
	    !str_cut(str_skip(key, strlen(KEY_PREFIX)), '-', &environment, &rest) || environment.n == 0)
		return key;
	return rest;
}

bool inngest_key_is_good(struct str key)
{
	struct str secret = key_secret(key);

	return secret.n >= KEY_DIGITS_MIN && secret.n <= KEY_DIGITS_MAX && hex_bytes(secret) > 0;
}

void key_hash_put(struct buf *out, struct str key)
{
	struct str secret = key_secret(key);
	uint8_t bytes[KEY_DIGITS_MAX / 2], digest[32];
	size_t n = hex_bytes(secret);

	CHECK(n > 0 && n <= sizeof(bytes));
	for (size_t i = 0; i < n; i++)
		bytes[i] = (uint8_t)(nibble(secret.p[2 * i]) << 4 | nibble(secret.p[2 * i + 1]));
	crypto_sha256((struct str){(const char *)bytes, n}, digest);
	crypto_wipe(bytes, sizeof(bytes));
	buf_put(out, (struct str){key.p, key.n - secret.n});
	buf_put_hex(out, digest, sizeof(digest));
}

static void sign(struct str key, struct str body, struct str time, uint8_t out[CRYPTO_DIGEST_BYTES_MAX])
{
	AUTO_BUF text = {0};

	buf_put(&text, body);
	buf_put(&text, time);
	(void)crypto_mac_shared(CRYPTO_SHA256, key_secret(key), buf_str(&text), out);
}

void signature_put(struct buf *out, struct str key, struct str body, int64_t now_s)
{
	uint8_t mac[CRYPTO_DIGEST_BYTES_MAX];
	AUTO_BUF time = {0};

	buf_put_fmt(&time, "%lld", (long long)now_s);
	sign(key, body, buf_str(&time), mac);
	buf_put(out, STR("t="));
	buf_put(out, buf_str(&time));
	buf_put(out, STR("&s="));
	buf_put_hex(out, mac, CRYPTO_MAC_BYTES);
}

/* The two parameters of a signature, each once, in any order. */
static bool parameters_read(struct str header, struct str *ret_time, struct str *ret_mac)
{
	struct str time = STR_NONE, mac = STR_NONE;
	bool more = true;

	while (more) {
		struct str pair, name, value;

		more = str_cut(header, '&', &pair, &header);
		if (!str_cut(pair, '=', &name, &value))
			return false;
		if (str_eq(name, STR("t")) && time.p == NULL)
			time = value;
		else if (str_eq(name, STR("s")) && mac.p == NULL)
			mac = value;
		else
			return false;
	}
	*ret_time = time;
	*ret_mac = mac;
	return time.n > 0 && mac.n == 2 * CRYPTO_MAC_BYTES && hex_bytes(mac) > 0;
}

bool signature_proves(struct str header, struct str body, struct str key, int64_t now_s, struct str *ret_mac)
{
	uint8_t wanted[CRYPTO_DIGEST_BYTES_MAX], given[CRYPTO_MAC_BYTES];
	struct str time, mac;
	uint64_t at_s;

	if (!parameters_read(header, &time, &mac) || str_to_u64(time, &at_s) != OK || at_s > INT64_MAX / 2 ||
	    (int64_t)at_s < now_s - INNGEST_AGE_S || (int64_t)at_s > now_s + INNGEST_AGE_S)
		return false;
	for (size_t i = 0; i < sizeof(given); i++)
		given[i] = (uint8_t)(nibble(mac.p[2 * i]) << 4 | nibble(mac.p[2 * i + 1]));
	sign(key, body, time, wanted);
	if (!str_eq_secret((struct str){(const char *)wanted, CRYPTO_MAC_BYTES},
			   (struct str){(const char *)given, sizeof(given)}))
		return false;
	*ret_mac = mac;
	return true;
}

struct str single_header(const struct http_fields *fields, struct str name)
{
	struct str value = STR_NONE;

	for (size_t i = 0; i < fields->count; i++) {
		if (!str_eq_nocase(fields->field[i].name, name))
			continue;
		if (value.p != NULL)
			return STR_NONE;
		value = fields->field[i].value;
	}
	return value;
}

enum inngest_proof inngest_prove(const struct inngest_spec *spec, const struct inngest_request *request)
{
	struct str header = single_header(request->fields, STR("x-inngest-signature")), unused;
	int64_t now_s = request->now_ms / 1000;

	if (http_field_find(request->fields, STR("x-inngest-signature")).p == NULL)
		return INNGEST_UNSIGNED;
	if (request->body.n > INNGEST_BODY_BYTES_MAX)
		return INNGEST_FALSE;
	if (signature_proves(header, request->body, spec->signing_key, now_s, &unused))
		return INNGEST_PROVEN;
	if (spec->signing_key_fallback.n > 0 &&
	    signature_proves(header, request->body, spec->signing_key_fallback, now_s, &unused))
		return INNGEST_PROVEN_FALLBACK;
	return INNGEST_FALSE;
}

void step_hash_put(struct buf *out, struct str id)
{
	uint8_t digest[CRYPTO_SHA1_BYTES];

	crypto_sha1(id, digest);
	buf_put_hex(out, digest, sizeof(digest));
}
