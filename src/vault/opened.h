/* Data keys that are open: those in use, for a process. Private to the room. */
#ifndef GATEHOUSE_VAULT_OPENED_H
#define GATEHOUSE_VAULT_OPENED_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/list.h"
#include "base/map.h"
#include "store/data_key.h"
#include "vault/vault.h"

#define VAULT_MAGIC 0x7661756cu

/* An opened key; immutable but for `generation`, which the vault's lock guards, like its place in list and map. */
struct opened {
	uint32_t magic;
	atomic_uint refs;
	struct secret *key;
	int64_t version, created_ms;
	int64_t generation; /* at which its row was last seen */
	uint8_t digest[32]; /* of the row's wrapped bytes */
	struct list link;   /* the one that was used last is the last */
	struct str name;    /* in the map: version asked for, tenant */
	char name_bytes[];
};

struct vault {
	uint32_t magic;
	struct vault_spec spec;
	pthread_mutex_t lock;
	struct map opened;
	struct list by_use;
};

/* A tenant's key of a version, or its newest (version 0).
 *   ret_opened  a reference
 *   Errors      ERR_NOT_FOUND: there is none, or it was destroyed; ERR_CRYPTO, ERR_DB ... */
NODISCARD enum err opened_get(struct vault *vault, struct str tenant_id, int64_t version, struct opened **ret_opened)
	AWAITS;
void opened_unref(struct opened *opened);
DEFINE_AUTO(opened, opened_unref);

/* Forget a tenant's, or all (tenant_id p NULL). */
void opened_drop(struct vault *vault, struct str tenant_id);

#endif
