/* base64, in the two dresses the protocols use: URL-safe without padding (keys, tokens) and
 * standard with padding (header values). Decoding is strict: one text for each byte string,
 * so that a token cannot be written in two ways. */
#include "base/random.h"

static const char alphabet_url[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
static const char alphabet_std[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void encode(struct buf *out, const uint8_t *p, size_t n, const char *alphabet)
{
	char *to = buf_reserve(out, n / 3 * 4 + 4);
	const char *start = to;

	for (; n >= 3; n -= 3, p += 3) {
		*to++ = alphabet[p[0] >> 2];
		*to++ = alphabet[(p[0] << 4 | p[1] >> 4) & 63];
		*to++ = alphabet[(p[1] << 2 | p[2] >> 6) & 63];
		*to++ = alphabet[p[2] & 63];
	}
	if (n > 0) {
		uint8_t second = n == 2 ? p[1] : 0;

		*to++ = alphabet[p[0] >> 2];
		*to++ = alphabet[(p[0] << 4 | second >> 4) & 63];
		if (n == 2)
			*to++ = alphabet[second << 2 & 63];
	}
	out->n += (size_t)(to - start);
}

/* 0..63, or -1 for a foreign character. */
static inline int sextet(uint8_t c, const char *alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == (uint8_t)alphabet[62] ? 62 : c == (uint8_t)alphabet[63] ? 63 : -1;
}

static enum err decode(struct str text, const char *alphabet, uint8_t *out, size_t cap, size_t *ret_n)
{
	size_t bytes = text.n / 4 * 3 + (text.n % 4 > 0 ? text.n % 4 - 1 : 0);
	uint32_t bits = 0;
	int held = 0;
	size_t n = 0;

	if (text.n % 4 == 1 || bytes > cap)
		return ERR_RPC_PARAMS;
	for (size_t i = 0; i < text.n; i++) {
		int value = sextet((uint8_t)text.p[i], alphabet);

		if (value < 0)
			return ERR_RPC_PARAMS;
		bits = bits << 6 | (uint32_t)value;
		held += 6;
		if (held >= 8) {
			held -= 8;
			out[n++] = (uint8_t)(bits >> held);
		}
	}
	if ((bits & ((1u << held) - 1)) != 0)
		return ERR_RPC_PARAMS; /* stray bits: a second spelling of the same bytes */
	*ret_n = n;
	return OK;
}

void base64url_put(struct buf *out, const void *bytes, size_t n)
{
	encode(out, bytes, n, alphabet_url);
}

enum err base64url_get(struct str text, void *out, size_t cap, size_t *ret_n)
{
	return decode(text, alphabet_url, out, cap, ret_n);
}

void base64_put(struct buf *out, const void *bytes, size_t n)
{
	encode(out, bytes, n, alphabet_std);
	for (size_t rest = n % 3; rest != 0 && rest < 3; rest++)
		buf_put_byte(out, '=');
}

enum err base64_get(struct str text, void *out, size_t cap, size_t *ret_n)
{
	if (text.n % 4 != 0)
		return ERR_RPC_PARAMS;
	for (int i = 0; i < 2 && str_ends(text, STR("=")); i++)
		text.n--;
	return decode(text, alphabet_std, out, cap, ret_n);
}
