/* JSON escapes: decoding one, a whole string, or comparing without decoding into memory. The
 * scanner proves a string valid with the same json_unescape that later reads it. */
#include "base/json_text.h"

#include "base/check.h"
#include "base/utf8.h"

/* Four hex digits, or -1. */
static int32_t hex4(const uint8_t *p, const uint8_t *end)
{
	int32_t value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		uint8_t c = p[i], lower = c | 0x20;

		if (c >= '0' && c <= '9')
			value = value << 4 | (c - '0');
		else if (lower >= 'a' && lower <= 'f')
			value = value << 4 | (lower - 'a' + 10);
		else
			return -1;
	}
	return value;
}

/* \uXXXX at p; RFC 8259 s7 writes what lies above U+FFFF as a surrogate pair. */
static size_t unescape_unicode(const uint8_t **pp, const uint8_t *end, char out[4])
{
	const uint8_t *p = *pp;
	int32_t rune = hex4(p + 2, end), low;

	if (rune < 0 || (rune & 0xFC00) == 0xDC00)
		return 0;
	p += 6;
	if ((rune & 0xFC00) == 0xD800) {
		if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
			return 0;
		low = hex4(p + 2, end);
		if (low < 0 || (low & 0xFC00) != 0xDC00)
			return 0;
		rune = 0x10000 + ((rune & 0x3FF) << 10) + (low & 0x3FF);
		p += 6;
	}
	*pp = p;
	return utf8_put(out, (uint32_t)rune);
}

size_t json_unescape(const uint8_t **pp, const uint8_t *end, char out[4])
{
	static const char plain[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
					['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
	const uint8_t *p = *pp;

	if (end - p < 2)
		return 0;
	if (p[1] == 'u')
		return unescape_unicode(pp, end, out);
	if (plain[p[1]] == 0)
		return 0;
	out[0] = plain[p[1]];
	*pp = p + 2;
	return 1;
}

struct str json_unescape_all(struct arena *arena, struct str raw)
{
	const uint8_t *p = (const uint8_t *)raw.p, *end = p + raw.n;
	char *out = arena_try_alloc(arena, raw.n + 4), *to = out; /* an escape never grows */

	if (out == NULL)
		return STR_NONE;
	while (p != end) {
		const uint8_t *escape = memchr(p, '\\', (size_t)(end - p));
		size_t run = (size_t)((escape == NULL ? end : escape) - p), n;

		memcpy(to, p, run);
		to += run;
		p += run;
		if (escape == NULL)
			break;
		n = json_unescape(&p, end, to);
		CHECK(n > 0); /* the scanner has accepted it */
		to += n;
	}
	*to = '\0';
	return (struct str){out, (size_t)(to - out)};
}

bool json_spells(struct str raw, struct str plain)
{
	const uint8_t *p = (const uint8_t *)raw.p, *end = p + raw.n;

	while (p != end) {
		char bytes[4];
		size_t n = 1;

		if (*p == '\\') {
			n = json_unescape(&p, end, bytes);
			CHECK(n > 0);
		} else {
			bytes[0] = (char)*p++;
		}
		if (!str_starts(plain, (struct str){bytes, n}))
			return false;
		plain = str_skip(plain, n);
	}
	return plain.n == 0;
}
