/* What a sealed value looks like, and what it is bound to. Private to the room, and its tests.
 *
 *     0        1              5          17                          n-16       n
 *     | format | key version  | nonce    | ciphertext                | tag      |
 *     | 1      | 32 bits, BE  | 96 bits  | as long as the plaintext  | 128 bits | */
#ifndef GATEHOUSE_VAULT_SEAL_H
#define GATEHOUSE_VAULT_SEAL_H

#include "store/sealed.h"
#include "vault/vault.h"

#define SEAL_OVERHEAD (SEALED_PREFIX_BYTES + CRYPTO_SEAL_OVERHEAD)

/* Append what a value is bound to, or a wrapped data key: each piece with its length in front, so that no two places
 * read the same. */
void seal_bound(const struct vault_place *place, int64_t version, struct buf *out);
void seal_key_bound(struct str tenant_id, int64_t version, struct buf *out);

/* Append `plain` sealed under a version of a key. */
void seal_value(const struct secret *key, int64_t version, const struct vault_place *place, struct str plain,
		struct buf *out);

/* Undo it, with the key of its version.
 *   Errors     ERR_CRYPTO */
NODISCARD enum err seal_open(const struct secret *key, const struct vault_place *place, struct str sealed,
			     struct secret_text **ret_plain);

#endif
