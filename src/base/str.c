/* Borrowed strings: comparing, cutting, numbers, globs, validation and the keyed hash.
 *
 * The hash is SipHash-1-3 under a key drawn from the kernel before main() runs: an outsider
 * who chooses the strings still cannot choose their buckets. Growing buffers are in buf.c. */
#include "base/str.h"

#include <openssl/crypto.h>
#include <sys/random.h>

#include "base/check.h"
#include "base/utf8.h"

/* Process-wide by nature: every table must agree on the hash of a string. Written once,
 * before any thread exists. */
static uint64_t hash_key[2];

__attribute__((constructor)) static void hash_seed(void)
{
	CHECK(getrandom(hash_key, sizeof(hash_key), 0) == sizeof(hash_key));
}

static inline uint8_t lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte | 0x20 : byte;
}

static inline uint64_t load_word(const char *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
	return word;
}

bool str_eq_nocase(struct str a, struct str b)
{
	size_t i = 0;

	if (a.n != b.n)
		return false;
	while (a.n - i >= 8 && load_word(a.p + i) == load_word(b.p + i))
		i += 8; /* most are spelt the same */
	for (; i < a.n; i++) {
		if (lower((uint8_t)a.p[i]) != lower((uint8_t)b.p[i]))
			return false;
	}
	return true;
}

bool str_has_control(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return true;
	return false;
}

struct str str_shorten(struct str s, size_t bytes_max)
{
	if (s.n <= bytes_max)
		return s;
	s.n = bytes_max;
	while (s.n > 0 && ((unsigned char)s.p[s.n] & 0xc0) == 0x80)
		s.n--;
	return s;
}

/* In a word without a top bit, adding 0x60 sets it where a byte is 0x20 or more, adding 1 where it
 * is 0x7F; no sum reaches the next byte. */
bool str_is_printable(struct str s)
{
	const uint64_t top = 0x8080808080808080;
	size_t i = 0;

	for (; s.n - i >= 8; i += 8) {
		uint64_t word = load_word(s.p + i);

		if ((word & top) != 0 || ((word + 0x6060606060606060) & top) != top ||
		    ((word + 0x0101010101010101) & top) != 0)
			return false;
	}
	for (; i < s.n; i++) {
		if ((uint8_t)(s.p[i] - 0x20) > 0x7E - 0x20)
			return false;
	}
	return true;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int order = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (order != 0)
		return order;
	return (a.n > b.n) - (a.n < b.n);
}

static inline bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

struct str str_trim(struct str s)
{
	while (s.n > 0 && is_space(s.p[0]))
		s = str_skip(s, 1);
	while (s.n > 0 && is_space(s.p[s.n - 1]))
		s.n--;
	return s;
}

bool str_cut(struct str s, char sep, struct str *ret_head, struct str *ret_tail)
{
	const char *at = s.n == 0 ? NULL : memchr(s.p, sep, s.n);

	if (at == NULL) {
		*ret_head = s;
		*ret_tail = STR_NONE;
		return false;
	}
	*ret_head = (struct str){s.p, (size_t)(at - s.p)};
	*ret_tail = str_skip(s, ret_head->n + 1);
	return true;
}

enum err str_to_u64(struct str s, uint64_t *ret_value)
{
	uint64_t value = 0;

	if (s.n == 0)
		return ERR_RPC_PARAMS;
	for (size_t i = 0; i < s.n; i++) {
		uint8_t digit = (uint8_t)(s.p[i] - '0');

		if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
		    __builtin_add_overflow(value, digit, &value))
			return ERR_RPC_PARAMS;
	}
	*ret_value = value;
	return OK;
}

enum err str_to_i64(struct str s, int64_t *ret_value)
{
	bool negative = str_starts(s, STR("-"));
	uint64_t size;

	TRY(str_to_u64(str_skip(s, negative), &size));
	if (size > (uint64_t)INT64_MAX + negative)
		return ERR_RPC_PARAMS;
	*ret_value = negative ? (int64_t)(0 - size) : (int64_t)size;
	return OK;
}

/* Only the last `*` ever needs to take more: whatever an earlier one could take as well, the
 * later one has already been given the choice of. So one resume point is enough. */
bool str_glob(struct str pattern, struct str text)
{
	size_t p = 0, t = 0;
	size_t star = SIZE_MAX, resume = 0;

	while (t < text.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			resume = t;
		} else if (p < pattern.n && (pattern.p[p] == '?' || pattern.p[p] == text.p[t])) {
			p++;
			t++;
		} else if (star != SIZE_MAX) {
			p = star + 1;
			t = ++resume;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}

static inline uint64_t rotate_left(uint64_t x, int bits)
{
	return x << bits | x >> (64 - bits);
}

static inline void sip_round(uint64_t v[4])
{
	v[0] += v[1];
	v[2] += v[3];
	v[1] = rotate_left(v[1], 13) ^ v[0];
	v[3] = rotate_left(v[3], 16) ^ v[2];
	v[0] = rotate_left(v[0], 32);
	v[2] += v[1];
	v[0] += v[3];
	v[1] = rotate_left(v[1], 17) ^ v[2];
	v[3] = rotate_left(v[3], 21) ^ v[0];
	v[2] = rotate_left(v[2], 32);
}

/* The last 0..7 bytes, without reading past them. */
static inline uint64_t load_tail(const char *p, size_t n)
{
	uint64_t word = 0;

	for (size_t i = 0; i < n; i++)
		word |= (uint64_t)(uint8_t)p[i] << (8 * i);
	return word;
}

/* Byte order may differ between machines: the value never leaves this process. */
enum err str_hex_to_u64(struct str s, uint64_t *ret_value)
{
	uint64_t n = 0;

	if (s.n == 0 || s.n > 16)
		return ERR_RPC_PARAMS;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c >= '0' && c <= '9')
			n = n * 16 + (uint64_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			n = n * 16 + (uint64_t)(c - 'a' + 10);
		else
			return ERR_RPC_PARAMS;
	}
	*ret_value = n;
	return OK;
}

uint64_t str_hash(struct str s)
{
	uint64_t v[4] = {hash_key[0] ^ 0x736f6d6570736575, hash_key[1] ^ 0x646f72616e646f6d,
			 hash_key[0] ^ 0x6c7967656e657261, hash_key[1] ^ 0x7465646279746573};
	const char *p = s.n == 0 ? "" : s.p, *whole = p + (s.n & ~(size_t)7);
	uint64_t word;

	for (; p != whole; p += 8) {
		word = load_word(p);
		v[3] ^= word;
		sip_round(v);
		v[0] ^= word;
	}
	word = load_tail(p, s.n & 7) | (uint64_t)s.n << 56;
	v[3] ^= word;
	sip_round(v);
	v[0] ^= word;
	v[2] ^= 0xff;
	sip_round(v);
	sip_round(v);
	sip_round(v);
	return v[0] ^ v[1] ^ v[2] ^ v[3];
}

bool str_eq_secret(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || CRYPTO_memcmp(a.p, b.p, a.n) == 0);
}

bool str_is_utf8(struct str s)
{
	const uint8_t *p = (const uint8_t *)(s.n == 0 ? "" : s.p), *end = p + s.n;

	while (p != end) {
		size_t n;

		if (end - p >= 8 && (load_word((const char *)p) & 0x8080808080808080) == 0) {
			p += 8;
			continue;
		}
		if (*p < 0x80) {
			p++;
			continue;
		}
		n = utf8_sequence(p, end);
		if (n == 0)
			return false;
		p += n;
	}
	return true;
}
