/* The per-loop cache behind identity_of_key, shared by cache.c and identity.c. */
#ifndef GATEHOUSE_IDENTITY_IDENTITY_PRIVATE_H
#define GATEHOUSE_IDENTITY_IDENTITY_PRIVATE_H

#include "identity/identity.h"
#include "store/api_key.h"

#define KEY_MAC_BYTES CRYPTO_MAC_BYTES
#define CACHE_SETS 1024
#define CACHE_WAYS 4	      /* with the sets: 4096 keys a loop, 1 MB when all are in use */
#define CACHE_REFUSALS 256    /* unknown keys remembered, per loop */
#define CACHE_REFUSAL_MS 1000 /* bounds what a client that retries a bad key costs the database */

struct cached_key {
	uint8_t mac[KEY_MAC_BYTES];
	int64_t generation; /* of the store when it was read */
	struct caller caller;
	uint32_t age; /* of its last use, on the cache's clock of uses */
	bool used;    /* since the last cache_collect */
};

struct refused_key {
	uint8_t mac[KEY_MAC_BYTES];
	int64_t generation;
	int64_t until_ms; /* on clock_ms() */
};

/* One loop's keys. Zero-initialise to start. */
struct key_cache {
	struct cached_key *sets[CACHE_SETS][CACHE_WAYS];
	struct refused_key *refused; /* CACHE_REFUSALS of them, or NULL before the first */
	uint32_t uses;
};

/* The entry under a MAC, of whatever generation; NULL if there is none. Compares in constant
 * time. Borrowed until the next cache_put. */
struct cached_key *cache_find(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES]);

/* Remember a caller, in place of the set's least recently used entry if need be. */
void cache_put(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES], int64_t generation,
	       const struct caller *caller);

/* Forget what is under a MAC. */
void cache_remove(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES]);

/* Remember for CACHE_REFUSAL_MS that a key is no good; ask whether it is. */
void cache_refuse(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES], int64_t generation);
bool cache_refused(const struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES], int64_t generation);

/* Append the keys used since the last call, at most `cap`; returns how many. */
size_t cache_collect(struct key_cache *cache, int64_t used_ms, struct api_key_use *uses, size_t cap);

/* The caller that a key stands for; false: the key exists and is no good. */
bool key_caller(const struct api_key *key, struct caller *ret_caller);

/* The role of a key that belongs to somebody: at most theirs; false: the two cannot be compared. */
bool key_role_within(struct str role, struct str owner_role, struct str *ret_role);

/* Release all entries, not the cache itself. */
void cache_clear(struct key_cache *cache);

#endif
