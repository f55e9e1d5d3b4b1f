/* The chain: what of a row is authenticated, in which bytes, and how rows hang together.
 *
 *     mac(n)  = HMAC-SHA256(key, mac(n-1) | seq | at_ms | numbers | strings), first 16 bytes
 *     seal(n) = HMAC-SHA256(key, mac(n) | seq), first 16 bytes
 *     anchor(n) = HMAC-SHA256(key, mac(n) | seq | "anchor"), first 16 bytes
 *
 *     mac(n-1)  16 bytes, zeros before the first row
 *     seq       8 bytes, little-endian
 *     at_ms, duration_us, bytes_in, bytes_out   LEB128 of the two's complement
 *     event, tenant_id, principal, ip, request_id, target, upstream, outcome
 *               each a LEB128 length and the bytes
 *
 * Each part says where it ends, so two different rows never have the same bytes; a seal's 24
 * bytes and an anchor's 30 are fewer than any row's 36. A head is no anchor: whoever kept an old one
 * could else delete the rows up to it. The order is that of the ring's slots: a row is encoded once,
 * on its loop, and hashed where it lies. Private to audit. */
#ifndef GATEHOUSE_AUDIT_CHAIN_H
#define GATEHOUSE_AUDIT_CHAIN_H

#include "audit/audit.h"
#include "store/audit_row.h"

#define CHAIN_STRINGS 8
#define CHAIN_STRING_BYTES_MAX 256
#define CHAIN_HEAD_BYTES (AUDIT_MAC_BYTES + 8) /* in front of a body: previous MAC and seq */
#define CHAIN_NUMBER_BYTES_MAX 10
#define CHAIN_BODY_BYTES_MAX (4 * CHAIN_NUMBER_BYTES_MAX + CHAIN_STRINGS * (2 + CHAIN_STRING_BYTES_MAX))

/* A row without its place in the chain. */
struct chain_body {
	int64_t at_ms, duration_us, bytes_in, bytes_out;
	struct str strings[CHAIN_STRINGS]; /* event ... outcome, each at most CHAIN_STRING_BYTES_MAX */
};

/* What encoding takes at most. */
size_t chain_body_bytes_max(const struct chain_body *body);

/* Encode into `out`; returns the bytes used. */
size_t chain_encode(const struct chain_body *body, uint8_t *out);

/* Back from chain_encode's own bytes (trusted: they never leave this process). */
void chain_decode(const uint8_t *bytes, struct chain_body *ret_body);

/* Put previous MAC and seq into the CHAIN_HEAD_BYTES before an encoded body and compute the row's
 * MAC over all of it. */
void chain_link(const struct secret *key, uint8_t *head, size_t body_bytes, const uint8_t before[AUDIT_MAC_BYTES],
		int64_t seq, uint8_t ret_mac[AUDIT_MAC_BYTES]);

/* The seal of a head, and whether it is the right one. */
void chain_seal(const struct secret *key, struct audit_head *head);
bool chain_is_sealed(const struct secret *key, const struct audit_head *head);

/* The same for the anchor, behind which the table begins. */
void chain_seal_anchor(const struct secret *key, struct audit_head *anchor);
bool chain_is_anchor(const struct secret *key, const struct audit_head *anchor);

#endif
