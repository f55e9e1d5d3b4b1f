/* Names clients see. Model APIs take [A-Za-z0-9_-]{1,64}; upstream tools may be called
 * anything. A name that fits is the plain concatenation; one that had to change ends in a
 * hash of the original, so that two originals never meet and the result is stable. */
#include "base/crypto.h"
#include "base/limits.h"
#include "catalog/shelf.h"

#define NAME_HASH_CHARS 8

static bool name_char_ok(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-';
}

/* Append `part` to out[at..], replacing foreign bytes; returns the new length, at most the cap. */
static size_t name_append(char *out, size_t at, struct str part, bool *changed)
{
	for (size_t i = 0; i < part.n; i++) {
		if (at == TOOL_NAME_BYTES_MAX) {
			*changed = true;
			return at;
		}
		if (!name_char_ok(part.p[i]))
			*changed = true;
		out[at++] = name_char_ok(part.p[i]) ? part.p[i] : '_';
	}
	return at;
}

/* "_" and 8 hex digits of SHA-256(upstream NUL tool). */
static void name_hash(struct str upstream, struct str tool, char out[NAME_HASH_CHARS + 1])
{
	static const char hex[] = "0123456789abcdef";
	AUTO_BUF both = {0};
	uint8_t digest[32];

	buf_put(&both, upstream);
	buf_put_byte(&both, '\0');
	buf_put(&both, tool);
	crypto_sha256(buf_str(&both), digest);
	out[0] = '_';
	for (size_t i = 0; i < NAME_HASH_CHARS; i++)
		out[1 + i] = hex[digest[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
}

struct str catalog_name_hashed(struct str upstream, struct str separator, struct str tool, char *out)
{
	bool changed = false;
	char hash[NAME_HASH_CHARS + 1];
	size_t n = 0;

	n = name_append(out, n, upstream, &changed);
	n = name_append(out, n, separator, &changed);
	n = name_append(out, n, tool, &changed);
	if (n > TOOL_NAME_BYTES_MAX - sizeof(hash))
		n = TOOL_NAME_BYTES_MAX - sizeof(hash);
	name_hash(upstream, tool, hash);
	memcpy(out + n, hash, sizeof(hash));
	out[n + sizeof(hash)] = '\0';
	return (struct str){out, n + sizeof(hash)};
}

struct str catalog_name(struct str upstream, struct str separator, struct str tool, char *out)
{
	bool changed = false;
	size_t n = 0;

	n = name_append(out, n, upstream, &changed);
	n = name_append(out, n, separator, &changed);
	n = name_append(out, n, tool, &changed);
	if (changed)
		return catalog_name_hashed(upstream, separator, tool, out);
	out[n] = '\0';
	return (struct str){out, n};
}
