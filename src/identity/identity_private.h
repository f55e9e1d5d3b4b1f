/* What the files of this room share: the room itself, and the per-loop cache in front of every proof. */
#ifndef GATEHOUSE_IDENTITY_IDENTITY_PRIVATE_H
#define GATEHOUSE_IDENTITY_IDENTITY_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "identity/identity.h"
#include "rt/loop.h"
#include "store/api_key.h"
#include "store/oauth_grant.h"

#define IDENTITY_MAGIC 0x6964656eu
#define LOOKUP_ARENA_BYTES (256 * 1024) /* a token read, rows, keys */

#define KEY_MAC_BYTES CRYPTO_MAC_BYTES
#define CACHE_SETS 1024
#define CACHE_WAYS 4	      /* with the sets: 4096 credentials a loop, 4 MB when all are in use */
#define CACHE_REFUSALS 256    /* refused credentials remembered, per loop */
#define CACHE_REFUSAL_MS 1000 /* bounds what a client that retries a bad key costs the database */

struct cached_key {
	uint8_t mac[KEY_MAC_BYTES];
	int64_t epoch; /* of identity when it was proved */
	struct caller caller;
	uint32_t age; /* of its last use, on the cache's clock of uses */
	bool used;    /* since the last cache_collect */
};

struct refused_key {
	uint8_t mac[KEY_MAC_BYTES];
	int64_t epoch;
	int64_t until_ms; /* on clock_ms() */
	enum err err;
};

/* One loop's credentials. Zero-initialise to start. */
struct key_cache {
	struct cached_key *sets[CACHE_SETS][CACHE_WAYS];
	struct refused_key *refused; /* CACHE_REFUSALS of them, or NULL before the first */
	uint32_t uses;
};

/* The entry under a MAC, of whatever epoch; NULL if there is none. Compares in constant
 * time. Borrowed until the next cache_put. */
struct cached_key *cache_find(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES]);

/* Remember a caller, in place of the set's least recently used entry if need be. */
void cache_put(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES], int64_t epoch, const struct caller *caller);

/* Forget what is under a MAC. */
void cache_remove(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES]);

/* Remember for CACHE_REFUSAL_MS why a credential is no good; ask why, OK when nothing is known against it. */
void cache_refuse(struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES], int64_t epoch, enum err err);
NODISCARD enum err cache_refused(const struct key_cache *cache, const uint8_t mac[KEY_MAC_BYTES], int64_t epoch);

/* Append the keys used since the last call, at most `cap`; returns how many. */
size_t cache_collect(struct key_cache *cache, int64_t used_ms, struct api_key_use *uses, size_t cap);

struct issuers;
struct signing;

struct identity {
	uint32_t magic;
	struct db *db;
	struct secret *key;
	struct signing *signing; /* NULL: no tokens of our own */
	pthread_mutex_t lock;
	struct issuers *issuers; /* under lock; NULL: not configured yet */
	struct group poller;	 /* loop 0's, as the next seven */
	int64_t touch_ms;	 /* when last uses are written next */
	bool poll_failed;
	int64_t store_generation;
	struct list sleepers; /* see nap.c */
	struct nap *napping;  /* the poller, between two polls */
	bool look_asked;
	void (*moved)(void *arg, int64_t generation); /* NULL: nobody listens */
	void *moved_arg;
	atomic_bool look_posted;
	struct task look;
	atomic_int_fast64_t epoch;	/* an entry of a cache is true as long as it is the entry's */
	atomic_int_fast64_t generation; /* what callers compare: moves with the epoch and once a minute */
	size_t cache_count;
	struct key_cache *caches[]; /* by loop_index; each made and used by its loop only */
};

/* nap.c: sleep until the next poll is due or somebody asks for one; wake who awaits a change.
 *   Errors     ERR_CANCELED
 *   Runs on    the poller; loop 0 */
NODISCARD enum err nap_until_poll(struct identity *identity) AWAITS;
void naps_end(struct identity *identity);
void naps_init(struct identity *identity);
void naps_drain(struct identity *identity) AWAITS;

/* token_caller.c: the caller behind a token.
 *   Errors     as identity_of */
NODISCARD enum err token_caller(struct identity *identity, struct arena *arena,
				const struct credential_text *credential, struct caller *ret_caller) AWAITS;

/* Whether a grant and all it hangs on are live. */
bool grant_is_live(const struct oauth_grant *grant);

/* The caller that a key stands for; false: the key exists and is no good. */
bool key_caller(const struct api_key *key, struct caller *ret_caller);

/* The caller that a client certificate stands for; false: its account or tenant is disabled. */
struct certificate;
bool certificate_caller(const struct certificate *certificate, struct caller *ret_caller);

/* The role of a key that belongs to somebody: at most theirs; false: the two cannot be compared. */
bool key_role_within(struct str role, struct str owner_role, struct str *ret_role);

/* Release all entries, not the cache itself. */
void cache_clear(struct key_cache *cache);

#endif
