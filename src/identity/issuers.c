/* The set of issuers and their keys. Each issuer has a keeper, a fiber on loop 0 that fetches the keys when they grow
 * old; a token whose kid nobody knows makes it happen earlier, at a bounded rate: the owner has rotated, or somebody
 * invents kids. All fetches of one issuer are one flight.
 *
 * Keys are immutable and counted; the lock covers the moment of taking a reference, never a wait. An issuer that is
 * down keeps its last keys for a day: long enough to mend it, short enough that a key it has withdrawn meanwhile ends.
 */
#include "identity/issuers.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/crypto.h"
#include "base/log.h"
#include "http/fetch.h"

#define ISSUERS_MAGIC 0x49535355u /* "ISSU" */
#define RETRY_MS 5000
#define RETRY_MS_MAX (5 * 60 * 1000)
#define KEYS_REDIRECTS 2

struct issuer {
	const struct issuer_settings *settings;
	struct issuers *set;
	pthread_mutex_t lock;
	struct jose_keys *keys;	       /* under lock; NULL: none yet */
	int64_t keys_ms;	       /* under lock: when they came, on clock_ms() */
	atomic_int_fast64_t missed_ms; /* of the last fetch that a token caused */
	atomic_int fetching;	       /* who waits for a fetch */
	/* loop 0's */
	uint8_t digest[32]; /* of the document that the keys are from */
	int64_t fresh_ms;
	int64_t retry_ms; /* 0: the last fetch went well */
};

struct issuers {
	uint32_t magic;
	atomic_uint refs;
	struct issuers_spec spec;
	struct group keepers;
	size_t count;
	struct issuer issuer[];
};

struct issuers *issuers_ref(struct issuers *issuers)
{
	CHECK_OBJ(issuers, ISSUERS_MAGIC);
	atomic_fetch_add_explicit(&issuers->refs, 1, memory_order_relaxed);
	return issuers;
}

void issuers_unref(struct issuers *issuers)
{
	if (issuers == NULL)
		return;
	CHECK_OBJ(issuers, ISSUERS_MAGIC);
	if (atomic_fetch_sub_explicit(&issuers->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < issuers->count; i++) {
		jose_keys_unref(issuers->issuer[i].keys);
		pthread_mutex_destroy(&issuers->issuer[i].lock);
	}
	if (issuers->spec.release != NULL)
		issuers->spec.release(issuers->spec.owner);
	issuers->magic = 0;
	free(issuers);
}

/* --- keys --- */

/* A reference, NULL when there are none that are still good. */
static struct jose_keys *keys_of(struct issuer *issuer)
{
	struct jose_keys *keys = NULL;

	pthread_mutex_lock(&issuer->lock);
	if (issuer->keys != NULL && clock_ms() - issuer->keys_ms < ISSUER_STALE_MS)
		keys = jose_keys_ref(issuer->keys);
	pthread_mutex_unlock(&issuer->lock);
	return keys;
}

/* `keys` is taken over. */
static void keys_put(struct issuer *issuer, struct jose_keys *keys, int64_t at_ms)
{
	struct jose_keys *before;

	pthread_mutex_lock(&issuer->lock);
	before = issuer->keys;
	issuer->keys = keys;
	issuer->keys_ms = at_ms;
	pthread_mutex_unlock(&issuer->lock);
	jose_keys_unref(before);
}

/* --- fetching, on loop 0 --- */

static int64_t fresh_ms_of(int64_t said_ms)
{
	int64_t ms = said_ms <= 0 ? ISSUER_FRESH_MS : said_ms;

	return ms < ISSUER_FRESH_MS_MIN ? ISSUER_FRESH_MS_MIN : ms > ISSUER_FRESH_MS_MAX ? ISSUER_FRESH_MS_MAX : ms;
}

static enum err take_document(struct issuer *issuer, const struct fetched *fetched)
{
	const struct issuers_spec *spec = &issuer->set->spec;
	struct jose_keys *keys;
	bool known = issuer->keys != NULL;
	uint8_t digest[32];

	if (fetched->status != 200)
		return ERR_UPSTREAM_DOWN;
	TRY(jose_keys_read(fetched->body, &keys));
	crypto_sha256(fetched->body, digest);
	keys_put(issuer, keys, clock_ms());
	issuer->fresh_ms = fresh_ms_of(fetched->fresh_ms);
	if (memcmp(digest, issuer->digest, sizeof(digest)) == 0)
		return OK;
	memcpy(issuer->digest, digest, sizeof(digest));
	if (known) /* what a withdrawn key has proved is not true any more */
		spec->changed(spec->arg);
	return OK;
}

AWAITS static enum err fetch_keys(struct issuer *issuer)
{
	AUTO(arena) *arena = arena_new(4 * FETCH_BYTES_MAX);
	struct fetch fetch = {
		.headers = STR("Accept: application/json, application/jwk-set+json\r\n"),
		.redirects = KEYS_REDIRECTS,
		.allow_private = issuer->settings->allow_private,
	};
	struct fetched fetched;

	TRY(issuer_discover(arena, issuer->settings, &fetch.url));
	TRY(http_fetch(arena, &fetch, &fetched));
	return take_document(issuer, &fetched);
}

/* One problem is one line in the log, however often it is met. */
static void note_outcome(struct issuer *issuer, enum err err)
{
	if (err == ERR_CANCELED)
		return;
	if (err == OK && issuer->retry_ms > 0)
		log_info("issuer.recovered", LOG_STR("issuer", issuer->settings->name));
	if (err != OK && issuer->retry_ms == 0)
		log_warn("issuer.down", LOG_STR("issuer", issuer->settings->name), LOG_ERR(err),
			 LOG_CSTR("advice", "its tokens are accepted for a day with the keys known so far"));
	if (err == OK)
		issuer->retry_ms = 0;
	else
		issuer->retry_ms = issuer->retry_ms == 0		 ? RETRY_MS
				   : issuer->retry_ms * 2 < RETRY_MS_MAX ? issuer->retry_ms * 2
									 : RETRY_MS_MAX;
}

AWAITS static enum err fetch_flight(void *arg)
{
	struct issuer *issuer = arg;
	enum err err = fetch_keys(issuer);

	note_outcome(issuer, err);
	return err;
}

static void release_flight(void *arg)
{
	struct issuer *issuer = arg;

	issuers_unref(issuer->set);
}

AWAITS static enum err fetch_once(struct issuer *issuer)
{
	char key[16 + sizeof(issuer)];
	enum err err;

	memcpy(key, "identity.issuer:", 16);
	memcpy(key + 16, &issuer, sizeof(issuer));
	(void)issuers_ref(issuer->set);
	atomic_fetch_add(&issuer->fetching, 1);
	err = flight_join((struct str){key, sizeof(key)}, fetch_flight, issuer, release_flight);
	atomic_fetch_sub(&issuer->fetching, 1);
	return err;
}

static AWAITS void keeper_main(void *arg)
{
	struct issuer *issuer = arg;
	int64_t wait_ms = 0;

	do {
		enum err err = fetch_once(issuer);

		if (err == ERR_CANCELED)
			return;
		wait_ms = issuer->retry_ms > 0 ? issuer->retry_ms : issuer->fresh_ms * 9 / 10;
	} while (fiber_sleep(wait_ms) == OK);
}

/* --- the set --- */

/* Keys of the same issuer from the same place stay: a reload must not lose them because it is down just now. */
static void inherit(struct issuer *issuer, struct issuers *before)
{
	for (size_t i = 0; before != NULL && i < before->count; i++) {
		struct issuer *old = &before->issuer[i];

		if (!str_eq(old->settings->issuer, issuer->settings->issuer) ||
		    !str_eq(old->settings->jwks_uri, issuer->settings->jwks_uri))
			continue;
		issuer->keys = keys_of(old);
		issuer->keys_ms = old->keys_ms;
		memcpy(issuer->digest, old->digest, sizeof(issuer->digest));
	}
}

AWAITS struct issuers *issuers_new(const struct issuers_spec *spec, struct issuers *before)
{
	size_t count = spec->settings->issuer_count;
	struct issuers *issuers = calloc(1, sizeof(*issuers) + count * sizeof(issuers->issuer[0]));

	CHECK(issuers != NULL && loop_index(loop_self()) == 0);
	issuers->magic = ISSUERS_MAGIC;
	atomic_init(&issuers->refs, 1);
	issuers->spec = *spec;
	issuers->count = count;
	group_init(&issuers->keepers, loop_self());
	for (size_t i = 0; i < count; i++) {
		struct issuer *issuer = &issuers->issuer[i];

		issuer->settings = &spec->settings->issuers[i];
		issuer->set = issuers;
		issuer->fresh_ms = ISSUER_FRESH_MS;
		atomic_init(&issuer->missed_ms, INT64_MIN / 2);
		pthread_mutex_init(&issuer->lock, NULL);
		inherit(issuer, before);
		if (group_spawn(&issuers->keepers, "issuer", keeper_main, issuer) != OK)
			log_warn("issuer.no_keeper", LOG_STR("issuer", issuer->settings->name));
	}
	return issuers;
}

AWAITS void issuers_stop(struct issuers *issuers)
{
	struct fiber_shield shield = fiber_shield_begin(5000);

	CHECK_OBJ(issuers, ISSUERS_MAGIC);
	group_cancel(&issuers->keepers);
	if (group_join(&issuers->keepers) != OK)
		log_warn("issuer.slow_stop", LOG_INT("issuers", (int64_t)issuers->count));
	fiber_shield_end(shield);
}

/* --- proving --- */

static AWAITS enum err fetch_here(void *arg)
{
	struct issuer *issuer = arg;

	if (atomic_load(&issuer->fetching) == 0) {
		if (clock_ms() - atomic_load(&issuer->missed_ms) < ISSUER_MISS_MS)
			return ERR_NOT_FOUND; /* somebody was here before us */
		atomic_store(&issuer->missed_ms, clock_ms());
	}
	return fetch_once(issuer);
}

/* Newer keys, or a reason why not: ERR_NOT_FOUND when it is too early to ask again. */
AWAITS static enum err fetch_for(struct issuer *issuer)
{
	if (atomic_load(&issuer->fetching) == 0 && clock_ms() - atomic_load(&issuer->missed_ms) < ISSUER_MISS_MS)
		return ERR_NOT_FOUND;
	return loop_call(loop_at(0), "issuer-fetch", fetch_here, issuer);
}

AWAITS static enum err prove(struct issuer *issuer, const struct jose_token *token, yyjson_val **ret_claims)
{
	AUTO(jose_keys) *keys = keys_of(issuer), *fresh = NULL;
	unsigned algs = issuer->settings->algorithms;
	enum err err = keys == NULL ? ERR_NOT_FOUND : jose_verify(token, keys, algs, ret_claims);

	if (err != ERR_NOT_FOUND)
		return err;
	err = fetch_for(issuer);
	if (err == ERR_CANCELED || err == ERR_TIMEOUT)
		return err;
	fresh = keys_of(issuer);
	if (fresh == NULL)
		return ERR_ISSUER_DOWN;
	err = jose_verify(token, fresh, algs, ret_claims);
	return err == ERR_NOT_FOUND ? ERR_TOKEN_INVALID : err;
}

AWAITS enum err issuers_prove(struct issuers *issuers, const struct jose_token *token, yyjson_val **ret_claims,
			      const struct issuer_settings **ret_issuer)
{
	CHECK_OBJ(issuers, ISSUERS_MAGIC);
	for (size_t i = 0; i < issuers->count; i++) {
		struct issuer *issuer = &issuers->issuer[i];

		if (token->issuer.p == NULL || !str_eq(issuer->settings->issuer, token->issuer))
			continue;
		if ((token->alg & issuer->settings->algorithms) == 0)
			return ERR_TOKEN_INVALID;
		TRY(prove(issuer, token, ret_claims));
		*ret_issuer = issuer->settings;
		return OK;
	}
	return ERR_TOKEN_INVALID;
}
