/* RFC 6238 with the parameters that every authenticator app supports: SHA-1, 30 seconds, six digits. All steps that
 * could match are always compared, each in constant time. */
#include "signin/totp.h"

#include <stdio.h>

#include "http/form.h"

void totp_code(struct str secret, int64_t step, char out[TOTP_DIGITS + 1])
{
	uint8_t mac[CRYPTO_SHA1_BYTES], counter[8];
	uint32_t value;
	size_t at;

	for (int i = 0; i < 8; i++)
		counter[i] = (uint8_t)((uint64_t)step >> (56 - 8 * i));
	crypto_mac_sha1(secret, (struct str){(const char *)counter, sizeof(counter)}, mac);
	at = mac[CRYPTO_SHA1_BYTES - 1] & 15;
	value = ((uint32_t)mac[at] & 0x7f) << 24 | (uint32_t)mac[at + 1] << 16 | (uint32_t)mac[at + 2] << 8 |
		mac[at + 3];
	(void)snprintf(out, TOTP_DIGITS + 1, "%06u", value % 1000000);
	crypto_wipe(mac, sizeof(mac));
}

bool totp_matches(struct str secret, struct str code, int64_t now_ms, int64_t step_last, int64_t *ret_step)
{
	int64_t now = now_ms / TOTP_STEP_MS, found = 0;
	char typed[TOTP_DIGITS], right[TOTP_DIGITS + 1];
	size_t n = 0;

	for (size_t i = 0; i < code.n; i++) {
		if (code.p[i] == ' ')
			continue;
		if (code.p[i] < '0' || code.p[i] > '9' || n == TOTP_DIGITS)
			return false;
		typed[n++] = code.p[i];
	}
	if (n != TOTP_DIGITS)
		return false;
	for (int64_t step = now - TOTP_SKEW; step <= now + TOTP_SKEW; step++) {
		totp_code(secret, step, right);
		if (str_eq_secret((struct str){typed, n}, (struct str){right, TOTP_DIGITS}) && step > step_last)
			found = step;
	}
	crypto_wipe(right, sizeof(right));
	if (found == 0)
		return false;
	*ret_step = found;
	return true;
}

void base32_put(struct buf *out, const uint8_t *bytes, size_t n)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
	uint32_t bits = 0;
	int held = 0;

	for (size_t i = 0; i < n; i++) {
		bits = bits << 8 | bytes[i];
		for (held += 8; held >= 5; held -= 5)
			buf_put_byte(out, alphabet[bits >> (held - 5) & 31]);
	}
	if (held > 0)
		buf_put_byte(out, alphabet[bits << (5 - held) & 31]);
}

void totp_uri_put(struct buf *out, struct str issuer, struct str account, struct str secret)
{
	buf_put(out, STR("otpauth://totp/"));
	percent_put(out, issuer);
	buf_put_byte(out, ':');
	percent_put(out, account);
	buf_put(out, STR("?secret="));
	base32_put(out, (const uint8_t *)secret.p, secret.n);
	buf_put(out, STR("&issuer="));
	percent_put(out, issuer);
}
