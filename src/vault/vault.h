/* Envelope encryption of what rows keep: each tenant has data keys, wrapped by the key-encryption key (KEK) of the
 * installation, and a value is sealed with the newest of them, bound to its tenant, kind, row and key. Moved to
 * another row or tenant it does not open; when a tenant's data keys are destroyed, none of its values does.
 *   Source     doc/decisions/0015-vault.md, doc/rooms/vault.md */
#ifndef GATEHOUSE_VAULT_VAULT_H
#define GATEHOUSE_VAULT_VAULT_H

#include "base/secret_text.h"
#include "db/db.h"

#define VAULT_KEK_NAME_MAX 64
#define VAULT_KEYS_OPEN_MAX 4096 /* opened data keys kept in a process: 1.5 MB, a third of it on locked pages */

struct vault;

/* Who wraps data keys: keys of our own (vault/kek.h), or a service that never shows its key. Any thread's fiber. */
struct vault_kek {
	/* Append `plain` (CRYPTO_KEY_BYTES bytes) wrapped and bound to `bound`; the name of the key that did it. AWAITS
	 */
	enum err (*wrap)(void *arg, struct str plain, struct str bound, struct buf *out,
			 char ret_name[VAULT_KEK_NAME_MAX + 1]);
	/* Undo it. ERR_CRYPTO: altered, bound to something else, or no key of that name is there. AWAITS */
	enum err (*unwrap)(void *arg, struct str name, struct str wrapped, struct str bound,
			   uint8_t ret_key[CRYPTO_KEY_BYTES]);
	/* The name of the key that wraps now. Must not wait. */
	void (*name)(void *arg, char ret_name[VAULT_KEK_NAME_MAX + 1]);
	void *arg;
};

struct vault_spec {
	struct db *db;
	struct vault_kek kek;
	/* Moves when the store's generation has; opened keys are looked at again then. NULL: they are each time. */
	int64_t (*generation)(void *arg);
	void *arg; /* borrowed, like all of it, until vault_free */
};

/* Copies the spec, opens nothing yet.
 *   Runs on    any thread */
struct vault *vault_new(const struct vault_spec *spec);

/* Wipe the opened keys and release.
 *   Runs on    any thread */
void vault_free(struct vault *vault); /* nobody may be using it; NULL is fine */

/* What a value belongs to. */
struct vault_place {
	struct str tenant_id; /* not empty */
	struct str kind;      /* sealed_kind_name() */
	struct str row;	      /* the row's id */
};

/* Append `plain`, sealed. The tenant's first data key is made here; of two replicas that try, one wins.
 *   plain      at most SECRET_TEXT_BYTES_MAX bytes
 *   Errors     ERR_NOT_FOUND (no such tenant), ERR_LIMIT, ERR_CRYPTO (the KEK cannot open the data key), ERR_DB ...
 *   Runs on    a fiber, any loop, as all of these */
NODISCARD enum err vault_seal(struct vault *vault, const struct vault_place *place, struct str plain, struct buf *out)
	AWAITS;

/* The plaintext of a sealed value.
 *   ret_plain  a reference
 *   Errors     ERR_CRYPTO (altered, moved, or the KEK is another one), ERR_NOT_FOUND (its key was destroyed; or the
 * value was sealed anew since it was read, then read it again), ERR_DB ... */
NODISCARD enum err vault_open(struct vault *vault, const struct vault_place *place, struct str sealed,
			      struct secret_text **ret_plain) AWAITS;

/* Forget a tenant's opened keys: the store said that one of them has gone, seal anew. */
void vault_forget(struct vault *vault, struct str tenant_id);

/* Destroy a tenant's data keys: here at once, elsewhere as soon as the generation is seen to have moved. A value that
 * is sealed afterwards gets a new key.
 *   Errors     ERR_DB ... */
NODISCARD enum err vault_destroy(struct vault *vault, struct str tenant_id) AWAITS;

/* --- rotation --- */

/* A run of it. Zero it, set made_before_ms. */
struct vault_rotation {
	int64_t made_before_ms; /* data keys older than this get a successor; 0: none do, what was begun is finished */
	/* counted */
	uint64_t tenants, tenants_failed, keys_made, keys_wrapped, values_sealed, values_unreadable;
	/* where a tenant's steps have come to */
	unsigned kind;
	char after[64];
};

/* One bounded step for a tenant: make the next data key, wrap anew what another KEK has wrapped, seal the next page
 * of values anew, remove keys that no value needs any more. Any step may be the last of its process, or be made twice:
 * each change is whole by itself, and what is done is passed over.
 *   ret_done   nothing is left to do (values that cannot be read keep their old key)
 *   Errors     ERR_CRYPTO (a data key does not open), ERR_DB ... */
NODISCARD enum err vault_rotate_step(struct vault *vault, struct str tenant_id, struct vault_rotation *rotation,
				     bool *ret_done) AWAITS;

/* All steps for every tenant that has data keys. A tenant whose keys do not open is counted, logged and left.
 *   Errors     ERR_DB ..., ERR_CANCELED */
NODISCARD enum err vault_rotate(struct vault *vault, struct vault_rotation *rotation) AWAITS;

#endif
