/* The canonical bytes of a row, and the MACs over them: see chain.h for the format.
 *
 * Rows are encoded on the loops and hashed in place on the writer thread; verify.c encodes what
 * it reads from the table and hashes that. Which rows follow each other is their business. */
#include "audit/chain.h"

#include "base/check.h"

#define ANCHOR STR("anchor")

static size_t number_put(uint8_t *out, uint64_t value)
{
	size_t n = 0;

	while (value >= 0x80) {
		out[n++] = (uint8_t)(value | 0x80);
		value >>= 7;
	}
	out[n++] = (uint8_t)value;
	return n;
}

static uint64_t number_get(const uint8_t **at)
{
	uint64_t value = 0;
	unsigned shift = 0;
	uint8_t byte;

	do {
		byte = *(*at)++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
	} while ((byte & 0x80) != 0);
	return value;
}

size_t chain_body_bytes_max(const struct chain_body *body)
{
	size_t n = 4 * CHAIN_NUMBER_BYTES_MAX;

	for (size_t i = 0; i < CHAIN_STRINGS; i++)
		n += 2 + body->strings[i].n;
	return n;
}

size_t chain_encode(const struct chain_body *body, uint8_t *out)
{
	uint8_t *at = out;

	at += number_put(at, (uint64_t)body->at_ms);
	at += number_put(at, (uint64_t)body->duration_us);
	at += number_put(at, (uint64_t)body->bytes_in);
	at += number_put(at, (uint64_t)body->bytes_out);
	for (size_t i = 0; i < CHAIN_STRINGS; i++) {
		struct str string = body->strings[i];

		CHECK(string.n <= CHAIN_STRING_BYTES_MAX);
		at += number_put(at, string.n);
		if (string.n > 0)
			memcpy(at, string.p, string.n);
		at += string.n;
	}
	return (size_t)(at - out);
}

void chain_decode(const uint8_t *bytes, struct chain_body *ret_body)
{
	ret_body->at_ms = (int64_t)number_get(&bytes);
	ret_body->duration_us = (int64_t)number_get(&bytes);
	ret_body->bytes_in = (int64_t)number_get(&bytes);
	ret_body->bytes_out = (int64_t)number_get(&bytes);
	for (size_t i = 0; i < CHAIN_STRINGS; i++) {
		size_t n = number_get(&bytes);

		ret_body->strings[i] = (struct str){(const char *)bytes, n};
		bytes += n;
	}
}

static void seq_put(uint8_t out[8], int64_t seq)
{
	for (size_t i = 0; i < 8; i++)
		out[i] = (uint8_t)((uint64_t)seq >> 8 * i);
}

void chain_link(const struct secret *key, uint8_t *head, size_t body_bytes, const uint8_t before[AUDIT_MAC_BYTES],
		int64_t seq, uint8_t ret_mac[AUDIT_MAC_BYTES])
{
	struct str row = {(const char *)head, CHAIN_HEAD_BYTES + body_bytes};
	uint8_t mac[CRYPTO_MAC_BYTES];

	memcpy(head, before, AUDIT_MAC_BYTES);
	seq_put(head + AUDIT_MAC_BYTES, seq);
	crypto_mac(key, &row, 1, mac);
	memcpy(ret_mac, mac, AUDIT_MAC_BYTES);
}

static void seal_of(const struct secret *key, const struct audit_head *head, struct str purpose,
		    uint8_t out[AUDIT_MAC_BYTES])
{
	uint8_t bytes[CHAIN_HEAD_BYTES], mac[CRYPTO_MAC_BYTES];
	const struct str pieces[] = {{(const char *)bytes, sizeof(bytes)}, purpose};

	memcpy(bytes, head->mac, AUDIT_MAC_BYTES);
	seq_put(bytes + AUDIT_MAC_BYTES, head->seq);
	crypto_mac(key, pieces, ARRAY_LEN(pieces), mac);
	memcpy(out, mac, AUDIT_MAC_BYTES);
}

static bool has_seal(const struct secret *key, const struct audit_head *head, struct str purpose)
{
	uint8_t seal[AUDIT_MAC_BYTES];

	seal_of(key, head, purpose, seal);
	return str_eq_secret((struct str){(const char *)seal, sizeof(seal)},
			     (struct str){(const char *)head->seal, sizeof(head->seal)});
}

void chain_seal(const struct secret *key, struct audit_head *head)
{
	seal_of(key, head, STR(""), head->seal);
}

bool chain_is_sealed(const struct secret *key, const struct audit_head *head)
{
	return has_seal(key, head, STR(""));
}

void chain_seal_anchor(const struct secret *key, struct audit_head *anchor)
{
	seal_of(key, anchor, ANCHOR, anchor->seal);
}

bool chain_is_anchor(const struct secret *key, const struct audit_head *anchor)
{
	return has_seal(key, anchor, ANCHOR);
}
