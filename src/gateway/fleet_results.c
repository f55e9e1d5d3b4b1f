/* Claims. A result has a name: a MAC over the upstream, its epoch, whose it is, and the URI, so that nobody who reads
 * the shared state learns or guesses a URI from it. Under that name are a value and, while somebody fetches it, a
 * lease:
 *
 *     look ──▶ there is a value ──────────────────────────────▶ take it
 *      ▲ │
 *      │ └──▶ none ──▶ lease ──▶ ours ──▶ look once more ──▶ fetch, put the value, end the lease
 *      └─── a while ◀──┘ another's
 *
 * A lease lives LEASE_MS and is extended by a fiber beside the fetch; when its holder dies the next who looks has it. A
 * value says that there is a result, that each principal has one of its own, or (for a moment) that there is
 * nothing to keep, so that those who wait do not fetch one after the other. Numbers in big endian:
 *
 *   0        1      2            10       18          26
 *   | format | kind | it ends at | ttl at | ttl bytes | the JSON-RPC answer
 *
 * sealed with AES-256-GCM, bound to the name and the tenant. */
#include "gateway/fleet_results_private.h"

#include <endian.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"

#define FLEET_RESULTS_MAGIC 0x46525354u /* "FRST" */
#define FORMAT 1
#define LEASE_MS 3000 /* for so long a result is waited for whose fetcher has died */
#define PAUSE_MS_MIN 4
#define PAUSE_MS_MAX 100
#define NOTHING_LIFE_MS 1000  /* long enough for all who wait to see it */
#define PRIVATE_LIFE_MS 60000 /* a server may change its mind */
#define SETTLE_MS 1000	      /* what telling the others may take at the end of a claim */
#define TENANT_BYTES_MAX 64
#define VALUE_ARENA_BYTES (RESULT_CACHE_ENTRY_BYTES_MAX + 65536)

enum kind { KIND_RESULT = 'r', KIND_PRIVATE = 'p', KIND_NOTHING = 'n' };
enum { AT_KIND = 1, AT_ENDS = 2, AT_TTL = 10, AT_TTL_BYTES = 18, HEAD_BYTES = 26 };

/* Where a result is. */
struct place {
	struct str key; /* in key_text */
	char key_text[64];
	char bound[CRYPTO_MAC_BYTES + TENANT_BYTES_MAX];
	size_t bound_n;
};

AWAITS enum err fleet_results_start(struct state *state, const struct secret *key, struct fleet_results **ret_results)
{
	struct fleet_results *results;

	*ret_results = NULL;
	if (!state_is_shared(state))
		return OK;
	results = calloc(1, sizeof(*results));
	CHECK(results != NULL);
	results->magic = FLEET_RESULTS_MAGIC;
	results->state = state;
	results->name_key = secret_derive(key, STR("gatehouse result names 1"));
	results->seal_key = secret_derive(key, STR("gatehouse result seals 1"));
	pthread_mutex_init(&results->lock, NULL);
	*ret_results = results;
	return fleet_epochs_start(results);
}

AWAITS void fleet_results_stop(struct fleet_results *results)
{
	if (results == NULL)
		return;
	CHECK_OBJ(results, FLEET_RESULTS_MAGIC);
	fleet_epochs_stop(results);
	secret_free(results->name_key);
	secret_free(results->seal_key);
	pthread_mutex_destroy(&results->lock);
	results->magic = 0;
	free(results);
}

/* ---- names ----------------------------------------------------------------------- */

/* Each part with its length, so that no two results have one name. */
static void put_part(struct buf *out, struct str part)
{
	uint64_t n = htobe64(part.p == NULL ? UINT64_MAX : part.n);

	buf_put(out, (struct str){(const char *)&n, sizeof(n)});
	buf_put(out, part);
}

static void find_place(const struct fleet_claim *claim, const struct result_key *key, struct str tenant,
		       struct place *ret_place)
{
	AUTO_BUF parts = {0}, text = {0};
	uint8_t mac[CRYPTO_MAC_BYTES];
	struct str all;

	CHECK(tenant.n <= TENANT_BYTES_MAX);
	put_part(&parts, key->upstream);
	put_part(&parts, (struct str){claim->epoch, claim->epoch_n});
	put_part(&parts, tenant);
	put_part(&parts, key->principal);
	put_part(&parts, key->uri);
	all = buf_str(&parts);
	crypto_mac(claim->results->name_key, &all, 1, mac);
	buf_put(&text, STR("result:"));
	base64url_put(&text, mac, sizeof(mac));
	CHECK(text.n <= sizeof(ret_place->key_text));
	memcpy(ret_place->key_text, text.p, text.n);
	ret_place->key = (struct str){ret_place->key_text, text.n};
	memcpy(ret_place->bound, mac, sizeof(mac));
	if (tenant.n > 0)
		memcpy(ret_place->bound + sizeof(mac), tenant.p, tenant.n);
	ret_place->bound_n = sizeof(mac) + tenant.n;
}

static struct str bound(const struct place *place)
{
	return (struct str){place->bound, place->bound_n};
}

/* ---- values ---------------------------------------------------------------------- */

static void put_number(struct buf *out, int64_t n)
{
	uint64_t big = htobe64((uint64_t)n);

	buf_put(out, (struct str){(const char *)&big, sizeof(big)});
}

static int64_t number_at(struct str plain, size_t at)
{
	uint64_t big;

	memcpy(&big, plain.p + at, sizeof(big));
	return (int64_t)be64toh(big);
}

AWAITS static void put_value(struct fleet_results *results, const struct place *place, enum kind kind,
			     const struct result_kept *kept, int64_t life_ms)
{
	AUTO_BUF plain = {0}, sealed = {0};

	buf_put_byte(&plain, FORMAT);
	buf_put_byte(&plain, (char)kind);
	put_number(&plain, clock_wall_ms() + life_ms);
	put_number(&plain, kept == NULL ? 0 : (int64_t)kept->ttl_at);
	put_number(&plain, kept == NULL ? 0 : (int64_t)kept->ttl_bytes);
	if (kept != NULL)
		buf_put(&plain, kept->text);
	crypto_seal(results->seal_key, buf_str(&plain), bound(place), &sealed);
	if (state_put(results->state, place->key, buf_str(&sealed), life_ms) != OK)
		log_debug("results.unshared", LOG_INT("bytes", (int64_t)sealed.n));
}

/* Whoever sealed it is one of us; that it is whole is looked at all the same. Clocks may differ: what seems to have
 * ended is nothing, and what ends too late ends with the longest life that there is. */
static bool read_result(struct str plain, struct result_kept *ret_kept)
{
	int64_t ttl_at = number_at(plain, AT_TTL), ttl_bytes = number_at(plain, AT_TTL_BYTES),
		left_ms = number_at(plain, AT_ENDS) - clock_wall_ms();
	int64_t n = (int64_t)(plain.n - HEAD_BYTES);

	if (left_ms <= 0 || ttl_at < 0 || ttl_bytes < 0 || ttl_at > n || ttl_bytes > n - ttl_at)
		return false;
	*ret_kept = (struct result_kept){
		.text = str_skip(plain, HEAD_BYTES),
		.ttl_at = (size_t)ttl_at,
		.ttl_bytes = (size_t)ttl_bytes,
		.ttl_ms = left_ms,
	};
	return true;
}

/*   ret_found  set when true is returned: there is something */
static bool open_value(struct fleet_results *results, const struct place *place, struct str sealed, struct buf *text,
		       struct result_kept *ret_kept, enum fleet_found *ret_found)
{
	struct str plain;
	size_t n;

	text->n = 0;
	buf_reserve(text, sealed.n + 1);
	if (crypto_open(results->seal_key, sealed, bound(place), text->p, &n) != OK || n < HEAD_BYTES ||
	    text->p[0] != FORMAT)
		return false;
	text->n = n;
	plain = buf_str(text);
	switch ((enum kind)plain.p[AT_KIND]) {
	case KIND_RESULT:
		*ret_found = FLEET_RESULT;
		return read_result(plain, ret_kept);
	case KIND_PRIVATE:
		*ret_found = FLEET_PRIVATE;
		return true;
	case KIND_NOTHING:
		*ret_found = FLEET_UNKNOWN;
		return true;
	}
	return false;
}

/*   ret_found  FLEET_CLAIMED: there is nothing */
AWAITS static enum err look(struct fleet_results *results, const struct place *place, struct buf *text,
			    struct result_kept *ret_kept, enum fleet_found *ret_found)
{
	AUTO(arena) *arena = arena_new(VALUE_ARENA_BYTES);
	struct str sealed;

	TRY(state_get(results->state, arena, place->key, &sealed));
	if (sealed.p == NULL || !open_value(results, place, sealed, text, ret_kept, ret_found))
		*ret_found = FLEET_CLAIMED;
	return OK;
}

/* ---- claims ---------------------------------------------------------------------- */

AWAITS_ENTRY static void keeper_main(void *arg)
{
	struct fleet_claim *claim = arg;
	struct place place;
	bool held;

	find_place(claim, claim->key, claim->tenant, &place);
	while (fiber_sleep(LEASE_MS / 3) == OK)
		if (state_lease(claim->results->state, place.key, claim->holder, LEASE_MS, &held) != OK)
			continue; /* another may fetch it too, when that lasts */
}

/*   ret_held   false: another has it */
AWAITS static enum err lease(struct fleet_claim *claim, const struct place *place, bool *ret_held)
{
	uint64_t holder = 0;

	while (holder == 0)
		random_bytes(&holder, sizeof(holder));
	TRY(state_lease(claim->results->state, place->key, holder, LEASE_MS, ret_held));
	if (!*ret_held)
		return OK;
	claim->holder = holder;
	group_init(&claim->keeper, loop_self());
	if (group_spawn(&claim->keeper, "result lease", keeper_main, claim) != OK)
		log_debug("results.unkept", LOG_BOOL("held", true)); /* it ends by itself */
	return OK;
}

AWAITS static enum err wait_or_claim(struct fleet_claim *claim, const struct place *place, struct buf *text,
				     struct result_kept *ret_kept, enum fleet_found *ret_found)
{
	int64_t until_ms = clock_ms() + FLEET_RESULT_WAIT_MS, pause_ms = PAUSE_MS_MIN;
	bool held = false;

	for (;;) {
		TRY(look(claim->results, place, text, ret_kept, ret_found));
		if (held || *ret_found != FLEET_CLAIMED)
			return OK;
		TRY(lease(claim, place, &held));
		if (held)
			continue; /* whoever had it may have put the value meanwhile */
		if (clock_ms() >= until_ms)
			return ERR_BUSY;
		TRY(fiber_sleep(pause_ms));
		pause_ms = pause_ms < PAUSE_MS_MAX / 2 ? 2 * pause_ms : PAUSE_MS_MAX;
	}
}

AWAITS static void end_lease(struct fleet_claim *claim, const struct place *place)
{
	if (claim->holder == 0)
		return;
	group_cancel(&claim->keeper);
	if (group_join(&claim->keeper) != OK || state_lease_end(claim->results->state, place->key, claim->holder) != OK)
		log_debug("results.unended", LOG_BOOL("held", true)); /* it ends by itself */
	claim->holder = 0;
}

AWAITS enum err fleet_claim(struct fleet_claim *claim, struct buf *text, struct result_kept *ret_kept,
			    enum fleet_found *ret_found)
{
	struct fiber_shield shield;
	struct place place;
	enum err err;

	CHECK_OBJ(claim->results, FLEET_RESULTS_MAGIC);
	claim->holder = 0;
	err = fleet_epoch_read(claim);
	if (err == OK) {
		find_place(claim, claim->key, claim->tenant, &place);
		err = wait_or_claim(claim, &place, text, ret_kept, ret_found);
	}
	if (claim->holder != 0 && (err != OK || *ret_found != FLEET_CLAIMED)) {
		shield = fiber_shield_begin(SETTLE_MS);
		end_lease(claim, &place);
		fiber_shield_end(shield);
	}
	if (err == ERR_CANCELED || err == ERR_TIMEOUT)
		return err;
	if (err != OK)
		*ret_found = FLEET_UNKNOWN;
	return OK;
}

AWAITS static void tell(struct fleet_claim *claim, const struct place *place, const struct fleet_fetched *fetched)
{
	const struct result_kept *kept = fetched->kept;
	int64_t life_ms;
	struct place own;

	if (kept == NULL) {
		put_value(claim->results, place, KIND_NOTHING, NULL, NOTHING_LIFE_MS);
		return;
	}
	life_ms = kept->ttl_ms < RESULT_CACHE_TTL_MS_MAX ? kept->ttl_ms : RESULT_CACHE_TTL_MS_MAX;
	if (fetched->own == NULL) {
		put_value(claim->results, place, KIND_RESULT, kept, life_ms);
		return;
	}
	find_place(claim, fetched->own, fetched->own_tenant, &own);
	put_value(claim->results, &own, KIND_RESULT, kept, life_ms);
	put_value(claim->results, place, KIND_PRIVATE, NULL, PRIVATE_LIFE_MS);
}

AWAITS void fleet_claim_end(struct fleet_claim *claim, const struct fleet_fetched *fetched)
{
	struct fiber_shield shield;
	struct place place;

	if (claim->holder == 0)
		return;
	shield = fiber_shield_begin(SETTLE_MS);
	find_place(claim, claim->key, claim->tenant, &place);
	if (fetched->told)
		tell(claim, &place, fetched);
	end_lease(claim, &place);
	fiber_shield_end(shield);
}
