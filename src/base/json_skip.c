/* Long strings: 64 bytes at a time once it is clear that there are many, with AVX2 where the CPU
 * has it. A block with an odd byte in it is left to the single steps, which say where it is. */
#include "base/json_skip.h"

#define LONG_STEPS 7 /* of a string, before bigger ones are worth their set-up */

#if defined(__SSE2__)
#define BLOCK_BYTES 64

/* Whether any of 64 bytes is odd: what long texts are made of has none. */
static JSON_SKIP_INLINE bool block_is_odd(const uint8_t *p)
{
	return (json_odd_bytes(p) | json_odd_bytes(p + 16) | json_odd_bytes(p + 32) | json_odd_bytes(p + 48)) != 0;
}

static const uint8_t *skip_blocks_16(const uint8_t *p, const uint8_t *end)
{
	while (end - p >= BLOCK_BYTES && !block_is_odd(p))
		p += BLOCK_BYTES;
	return p;
}

#if defined(__x86_64__)
static JSON_SKIP_INLINE __attribute__((target("avx2"))) __m256i odd_bytes_32(const uint8_t *p)
{
	__m256i bytes = _mm256_loadu_si256((const __m256i *)p);
	__m256i quote = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('"'));
	__m256i backslash = _mm256_cmpeq_epi8(bytes, _mm256_set1_epi8('\\'));
	__m256i control = _mm256_cmpeq_epi8(_mm256_min_epu8(bytes, _mm256_set1_epi8(0x1F)), bytes);

	return _mm256_or_si256(_mm256_or_si256(quote, backslash), _mm256_or_si256(control, bytes));
}

static __attribute__((target("avx2"))) const uint8_t *skip_blocks_32(const uint8_t *p, const uint8_t *end)
{
	while (end - p >= BLOCK_BYTES &&
	       _mm256_movemask_epi8(_mm256_or_si256(odd_bytes_32(p), odd_bytes_32(p + 32))) == 0)
		p += BLOCK_BYTES;
	return p;
}
#else
#define skip_blocks_32 skip_blocks_16
#endif

/* Past whole blocks without an odd byte. */
static const uint8_t *skip_blocks(const uint8_t *p, const uint8_t *end)
{
	return __builtin_cpu_supports("avx2") ? skip_blocks_32(p, end) : skip_blocks_16(p, end);
}
#else
/* Without wide registers a block gains nothing. */
static const uint8_t *skip_blocks(const uint8_t *p, const uint8_t *end)
{
	return p;
}
#endif

const uint8_t *json_skip_on(const uint8_t *p, const uint8_t *end)
{
	for (unsigned steps = 0; end - p >= JSON_STEP_BYTES; p += JSON_STEP_BYTES, steps++) {
		uint64_t mask = json_odd_bytes(p);

		if (mask != 0)
			return p + JSON_FIRST_ODD(mask);
		if (steps == LONG_STEPS)
			p = skip_blocks(p + JSON_STEP_BYTES, end) - JSON_STEP_BYTES;
	}
	while (p != end && *p >= 0x20 && *p < 0x80 && *p != '"' && *p != '\\')
		p++;
	return p;
}
