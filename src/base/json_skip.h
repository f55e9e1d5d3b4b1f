/* Skipping the plain bytes of a JSON string, which is most of what a JSON reader does. A short
 * string is over within the inline step; the rest is json_skip.c's. Room-internal. */
#ifndef GATEHOUSE_BASE_JSON_SKIP_H
#define GATEHOUSE_BASE_JSON_SKIP_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

#include "base/attrs.h"

#define JSON_SKIP_INLINE inline __attribute__((always_inline)) /* pieces of the scanner's one loop */

#if defined(__SSE2__)
#define JSON_STEP_BYTES 16

/* Which of 16 bytes are a quote, a backslash, a control or not ASCII: bit i for p[i]. */
static JSON_SKIP_INLINE unsigned json_odd_bytes(const uint8_t *p)
{
	__m128i bytes = _mm_loadu_si128((const __m128i *)p);
	__m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
	__m128i backslash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
	__m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
	__m128i odd = _mm_or_si128(_mm_or_si128(quote, backslash), _mm_or_si128(control, bytes));

	return (unsigned)_mm_movemask_epi8(odd); /* the top bit of the byte itself: not ASCII */
}

#define JSON_FIRST_ODD(mask) ((unsigned)__builtin_ctz(mask))
#else
#define JSON_STEP_BYTES 8
#define JSON_EACH_BYTE(value) (0x0101010101010101u * (uint64_t)(value))

/* The top bit of each byte below `limit` (at most 0x80) or above 0x7F, as far as the first. */
static JSON_SKIP_INLINE uint64_t json_bytes_below(uint64_t word, uint8_t limit)
{
	return (word - JSON_EACH_BYTE(limit)) & ~word & JSON_EACH_BYTE(0x80);
}

/* The same for 8 bytes: the top bit of each odd byte; exact up to the first one. */
static JSON_SKIP_INLINE uint64_t json_odd_bytes(const uint8_t *p)
{
	uint64_t word;

	memcpy(&word, p, sizeof(word));
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	word = __builtin_bswap64(word);
#endif
	return json_bytes_below(word ^ JSON_EACH_BYTE('"'), 1) | json_bytes_below(word ^ JSON_EACH_BYTE('\\'), 1) |
	       json_bytes_below(word, 0x20) | (word & JSON_EACH_BYTE(0x80));
}

#define JSON_FIRST_ODD(mask) ((unsigned)__builtin_ctzll(mask) / 8)
#endif

/* As json_skip_plain, for a string that is longer than its first step. */
const uint8_t *json_skip_on(const uint8_t *p, const uint8_t *end);

/* The first odd byte at or after p, or the end. */
static JSON_SKIP_INLINE const uint8_t *json_skip_plain(const uint8_t *p, const uint8_t *end)
{
	if (likely(end - p >= JSON_STEP_BYTES)) {
		uint64_t mask = json_odd_bytes(p);

		if (mask != 0)
			return p + JSON_FIRST_ODD(mask);
		p += JSON_STEP_BYTES;
	}
	return json_skip_on(p, end);
}

#endif
