/* One well-formed UTF-8 sequence at a time, shared by the validators and writers of this
 * room. Overlong forms, surrogates and code points above U+10FFFF are not well-formed. */
#ifndef GATEHOUSE_BASE_UTF8_H
#define GATEHOUSE_BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "base/attrs.h"

/* Length of the multi-byte sequence whose first byte (0x80 or above) is *p, or 0 when it is
 * not well-formed or runs past `end`.
 *   Source     Unicode 15, table 3-7; RFC 3629 section 4 */
static inline size_t utf8_sequence(const uint8_t *p, const uint8_t *end)
{
	size_t left = (size_t)(end - p);
	uint8_t lead = p[0];

	if (lead < 0xC2)
		return 0;
	if (lead < 0xE0)
		return left >= 2 && (p[1] & 0xC0) == 0x80 ? 2 : 0;
	if (lead < 0xF0) {
		/* E0 must not be overlong, ED must not be a surrogate */
		uint8_t low = lead == 0xE0 ? 0xA0 : 0x80;
		uint8_t high = lead == 0xED ? 0x9F : 0xBF;

		return left >= 3 && p[1] >= low && p[1] <= high && (p[2] & 0xC0) == 0x80 ? 3 : 0;
	}
	if (lead < 0xF5) {
		/* F0 must not be overlong, F4 must not pass U+10FFFF */
		uint8_t low = lead == 0xF0 ? 0x90 : 0x80;
		uint8_t high = lead == 0xF4 ? 0x8F : 0xBF;

		return left >= 4 && p[1] >= low && p[1] <= high && (p[2] & 0xC0) == 0x80 && (p[3] & 0xC0) == 0x80 ? 4
														  : 0;
	}
	return 0;
}

/* Read the character at `at` (before `end`), ASCII too; a byte that begins none counts as one of its own,
 * U+FFFD.
 *   returns    its bytes */
static inline size_t utf8_take(const uint8_t *at, const uint8_t *end, uint32_t *ret_code)
{
	static const uint8_t lead_bits[5] = {0, 0, 0x1F, 0x0F, 0x07};
	size_t n = *at < 0x80 ? 1 : utf8_sequence(at, end);
	uint32_t code;

	if (n <= 1) {
		*ret_code = n == 1 ? *at : 0xFFFD;
		return 1;
	}
	code = at[0] & lead_bits[n];
	for (size_t i = 1; i < n; i++)
		code = code << 6 | (at[i] & 0x3F);
	*ret_code = code;
	return n;
}

/* Write a code point (no surrogate, at most U+10FFFF) to `out` (4 bytes of room); its length. */
static inline size_t utf8_put(char *out, uint32_t rune)
{
	if (rune < 0x80) {
		out[0] = (char)rune;
		return 1;
	}
	if (rune < 0x800) {
		out[0] = (char)(0xC0 | rune >> 6);
		out[1] = (char)(0x80 | (rune & 0x3F));
		return 2;
	}
	if (rune < 0x10000) {
		out[0] = (char)(0xE0 | rune >> 12);
		out[1] = (char)(0x80 | (rune >> 6 & 0x3F));
		out[2] = (char)(0x80 | (rune & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | rune >> 18);
	out[1] = (char)(0x80 | (rune >> 12 & 0x3F));
	out[2] = (char)(0x80 | (rune >> 6 & 0x3F));
	out[3] = (char)(0x80 | (rune & 0x3F));
	return 4;
}

#endif
