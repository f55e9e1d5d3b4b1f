/* How property names are hashed and compared, the same when compiling and when running. Private
 * to the room. */
#ifndef GATEHOUSE_SCHEMA_SCHEMA_PROPERTY_H
#define GATEHOUSE_SCHEMA_SCHEMA_PROPERTY_H

#include "schema/schema_program.h"

/* Distinct for all names of up to 8 bytes; longer ones need a comparison when it is equal. */
static inline uint64_t property_tag(const char *p, size_t n)
{
	uint64_t head, tail;
	uint32_t low, high;

	if (n > 8) {
		memcpy(&head, p, 8);
		memcpy(&tail, p + n - 8, 8);
		return head ^ (tail << 17 | tail >> 47);
	}
	if (n >= 4) {
		memcpy(&low, p, 4);
		memcpy(&high, p + n - 4, 4);
		return (uint64_t)high << 32 | low;
	}
	return n == 0 ? 0 : (uint64_t)(uint8_t)p[n - 1] << 16 | (uint64_t)(uint8_t)p[n / 2] << 8 | (uint8_t)p[0];
}

/* Whether names of n bytes with equal tags are equal. Up to 16 bytes the tag and the first 8
 * bytes say what the last 8 are. */
static inline bool property_same(const char *a, const char *b, size_t n)
{
	uint64_t head_a, head_b;

	if (n <= 8)
		return true;
	if (n > 16)
		return memcmp(a, b, n) == 0;
	memcpy(&head_a, a, 8);
	memcpy(&head_b, b, 8);
	return head_a == head_b;
}

static inline uint32_t property_bucket(const struct object_rule *rule, uint64_t tag, size_t n)
{
	return (uint32_t)(((tag ^ n) * UINT64_C(0x9E3779B97F4A7C15)) >> 32) & rule->bucket_mask;
}

#endif
