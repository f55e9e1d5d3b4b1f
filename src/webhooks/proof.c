/* The four ways in which platforms prove themselves. What is signed is the body as it came, byte for byte: it is judged
 * before anything reads it. */
#include "webhooks/proof.h"

#include "base/crypto.h"

#define MAC_BYTES 32

static int digit_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool hex_read(struct str text, uint8_t *out, size_t n)
{
	if (text.n != 2 * n)
		return false;
	for (size_t i = 0; i < n; i++) {
		int high = digit_of(text.p[2 * i]), low = digit_of(text.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static struct str header(const struct webhook_request *request, const char *name)
{
	return request->header(request->arg, name);
}

static bool is_mac(struct str secret, struct str text, struct str hex)
{
	uint8_t given[MAC_BYTES], wanted[CRYPTO_DIGEST_BYTES_MAX];

	if (secret.n == 0 || !hex_read(hex, given, sizeof(given)))
		return false;
	if (crypto_mac_shared(CRYPTO_SHA256, secret, text, wanted) != MAC_BYTES)
		return false;
	return str_eq_secret((struct str){(const char *)given, MAC_BYTES},
			     (struct str){(const char *)wanted, MAC_BYTES});
}

bool proof_meta(const struct webhook_request *request)
{
	struct str given = header(request, "x-hub-signature-256"), prefix = STR("sha256=");

	return str_starts(given, prefix) && is_mac(request->secret, request->body, str_skip(given, prefix.n));
}

bool proof_telegram(const struct webhook_request *request)
{
	return request->secret.n > 0 &&
	       str_eq_secret(header(request, "x-telegram-bot-api-secret-token"), request->secret);
}

bool proof_discord(const struct webhook_request *request)
{
	struct str stamp = header(request, "x-signature-timestamp");
	uint8_t key[CRYPTO_ED25519_KEY_BYTES], signature[CRYPTO_ED25519_BYTES];
	AUTO_BUF text = {0};

	if (!hex_read(request->secret, key, sizeof(key)) ||
	    !hex_read(header(request, "x-signature-ed25519"), signature, sizeof(signature)))
		return false;
	buf_put(&text, stamp);
	buf_put(&text, request->body);
	return crypto_ed25519_verify(key, buf_str(&text), signature);
}

/* The value of NAME= among parts with commas between. */
static struct str part_of(struct str parts, struct str name)
{
	bool more = true;

	while (more) {
		struct str part, key, value;

		more = str_cut(parts, ',', &part, &parts);
		if (str_cut(part, '=', &key, &value) && str_eq(str_trim(key), name))
			return str_trim(value);
	}
	return STR_NONE;
}

bool proof_tiktok(const struct webhook_request *request)
{
	struct str given = header(request, "tiktok-signature"), stamp = part_of(given, STR("t"));
	AUTO_BUF text = {0};
	uint64_t seconds;
	int64_t age_ms;

	if (str_to_u64(stamp, &seconds) != OK || seconds > INT64_MAX / 1000)
		return false;
	age_ms = request->now_ms - (int64_t)seconds * 1000;
	if (age_ms > PROOF_AGE_MS || age_ms < -PROOF_AGE_MS)
		return false;
	buf_put(&text, stamp);
	buf_put_byte(&text, '.');
	buf_put(&text, request->body);
	return is_mac(request->secret, buf_str(&text), part_of(given, STR("s")));
}
