/* Credentials to callers: what kind it is, its MAC, this loop's cache, and behind it the proof, asked once for any
 * number of requests that miss at the same time.
 *
 *     text -> MAC -> cache of the loop --miss--> single flight --> a row of api_key or certificate (key_caller.c)
 *                     ^                              |          or a signature (token_caller.c)
 *                     +----- caller, or a refusal ---+
 *
 * A token is remembered for the endpoint that was asked: its MAC covers both, so a token that is good for one never
 * passes for another. Whether an entry is still true is decided by its epoch and expiry, for all kinds alike. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "identity/identity_private.h"
#include "store/certificate.h"

#define LOOKUPS_MAX 3 /* an entry may be pushed out between the flight's end and our turn */
#define FLIGHT_PREFIX "identity:"
#define TOKEN_PREFIX STR("eyJ") /* {" in base64url: every JWT begins so */

#define CERTIFICATE_PREFIX STR("certificate\n") /* in front of what is MACed: no key and no token begins so */

enum proof { PROOF_KEY, PROOF_TOKEN, PROOF_CERTIFICATE };

/* One flight's work; freed by rt when nobody needs it any more. */
struct lookup {
	struct identity *identity;
	char key[sizeof(FLIGHT_PREFIX) - 1 + KEY_MAC_BYTES]; /* the flight's: prefix and MAC */
	enum proof proof;
	struct credential_text credential; /* a token's, or a fingerprint; strings lie behind the struct */
	size_t bytes;
	char text[];
};

static const uint8_t *lookup_mac(const struct lookup *lookup)
{
	return (const uint8_t *)lookup->key + sizeof(FLIGHT_PREFIX) - 1;
}

static struct key_cache *cache_here(struct identity *identity)
{
	struct key_cache **cache = &identity->caches[loop_index(loop_self())];

	if (unlikely(*cache == NULL)) {
		*cache = calloc(1, sizeof(**cache));
		CHECK(*cache != NULL);
	}
	return *cache;
}

static bool text_is_key(struct str raw)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];
	size_t n;
	bool valid;

	if (raw.n != API_KEY_TEXT_LEN || !str_starts(raw, STR("gh_")))
		return false;
	valid = base64url_get(str_skip(raw, 3), bytes, sizeof(bytes), &n) == OK;
	crypto_wipe(bytes, sizeof(bytes));
	return valid;
}

static bool has_expired(int64_t expires_ms)
{
	return expires_ms != 0 && clock_wall_ms() >= expires_ms;
}

/* --- a miss --- */

AWAITS static enum err prove_certificate(const struct lookup *lookup, struct arena *arena, struct caller *ret_caller)
{
	struct certificate certificate;
	enum err err = certificate_find(lookup->identity->db, DB_ALL_TENANTS, arena,
					(const uint8_t *)lookup->credential.text.p, &certificate);

	if (err == ERR_NOT_FOUND || (err == OK && !certificate_caller(&certificate, ret_caller)))
		return ERR_KEY_INVALID;
	return err;
}

AWAITS static enum err prove(const struct lookup *lookup, struct caller *ret_caller)
{
	struct identity *identity = lookup->identity;
	AUTO(arena) *arena = arena_new(LOOKUP_ARENA_BYTES);
	struct api_key key;
	enum err err;

	if (lookup->proof == PROOF_TOKEN)
		return token_caller(identity, arena, &lookup->credential, ret_caller);
	if (lookup->proof == PROOF_CERTIFICATE)
		return prove_certificate(lookup, arena, ret_caller);
	err = api_key_find(identity->db, arena, lookup_mac(lookup), &key);
	if (err == ERR_NOT_FOUND || (err == OK && !key_caller(&key, ret_caller)))
		return ERR_KEY_INVALID;
	return err;
}

/* Of the credential, not of us: worth remembering. */
static bool is_refusal(enum err err)
{
	return err == ERR_KEY_INVALID || err == ERR_TOKEN_INVALID || err == ERR_TOKEN_EXPIRED ||
	       err == ERR_TOKEN_AUDIENCE;
}

static AWAITS enum err lookup_work(void *arg)
{
	struct lookup *lookup = arg;
	/* Read before the rows: what changes in between only makes the entry look older than it is. */
	int64_t epoch = atomic_load(&lookup->identity->epoch);
	struct key_cache *cache = cache_here(lookup->identity);
	struct caller caller;
	enum err err = prove(lookup, &caller);

	if (err == OK) {
		cache_put(cache, lookup_mac(lookup), epoch, &caller);
	} else if (is_refusal(err)) {
		cache_remove(cache, lookup_mac(lookup));
		cache_refuse(cache, lookup_mac(lookup), epoch, err);
	}
	return err;
}

static void lookup_free(void *arg)
{
	struct lookup *lookup = arg;

	crypto_wipe(lookup->text, lookup->bytes);
	free(lookup);
}

static struct str keep(char **at, struct str text)
{
	struct str kept = {*at, text.n};

	memcpy(*at, text.p, text.n);
	*at += text.n;
	return kept;
}

AWAITS static enum err fly(struct identity *identity, const struct credential_text *credential, enum proof proof,
			   const uint8_t mac[KEY_MAC_BYTES])
{
	size_t bytes = proof == PROOF_KEY ? 0 : credential->text.n + credential->origin.n + credential->resource.n;
	struct lookup *lookup = malloc(sizeof(*lookup) + bytes);
	char *at;

	CHECK(lookup != NULL);
	*lookup = (struct lookup){.identity = identity, .proof = proof, .bytes = bytes};
	memcpy(lookup->key, FLIGHT_PREFIX, sizeof(FLIGHT_PREFIX) - 1);
	memcpy(lookup->key + sizeof(FLIGHT_PREFIX) - 1, mac, KEY_MAC_BYTES);
	at = lookup->text;
	if (proof != PROOF_KEY)
		lookup->credential = (struct credential_text){.text = keep(&at, credential->text),
							      .origin = keep(&at, credential->origin),
							      .resource = keep(&at, credential->resource)};
	return flight_join((struct str){lookup->key, sizeof(lookup->key)}, lookup_work, lookup, lookup_free);
}

/* --- the door --- */

static enum err use(struct cached_key *entry, struct caller *ret_caller)
{
	if (has_expired(entry->caller.expires_ms))
		return entry->caller.credential == CREDENTIAL_KEY ? ERR_KEY_INVALID : ERR_TOKEN_EXPIRED;
	entry->used = true;
	*ret_caller = entry->caller;
	return OK;
}

AWAITS static enum err find(struct identity *identity, const struct credential_text *credential, enum proof proof,
			    const uint8_t mac[KEY_MAC_BYTES], struct caller *ret_caller)
{
	struct key_cache *cache = cache_here(identity);
	int64_t epoch = atomic_load_explicit(&identity->epoch, memory_order_relaxed);
	struct cached_key *entry = cache_find(cache, mac);
	enum err refused;

	if (likely(entry != NULL && entry->epoch == epoch))
		return use(entry, ret_caller);
	refused = cache_refused(cache, mac, epoch);
	if (refused != OK)
		return refused;
	for (int i = 0; i < LOOKUPS_MAX; i++) {
		TRY(fly(identity, credential, proof, mac));
		entry = cache_find(cache, mac); /* of any epoch: it was read after we were asked */
		if (entry != NULL)
			return use(entry, ret_caller);
	}
	return ERR_BUSY;
}

AWAITS enum err identity_of(struct identity *identity, const struct credential_text *credential,
			    struct caller *ret_caller)
{
	const struct str pieces[] = {credential->text, STR("\n"), credential->origin, STR("\n"), credential->resource};
	bool is_key = text_is_key(credential->text);
	uint8_t mac[KEY_MAC_BYTES];

	CHECK_OBJ(identity, IDENTITY_MAGIC);
	if (!is_key && !str_starts(credential->text, TOKEN_PREFIX))
		return ERR_KEY_INVALID;
	if (credential->text.n > CREDENTIAL_TEXT_MAX)
		return ERR_TOKEN_INVALID;
	crypto_mac(identity->key, pieces, is_key ? 1 : ARRAY_LEN(pieces), mac);
	return find(identity, credential, is_key ? PROOF_KEY : PROOF_TOKEN, mac, ret_caller);
}

AWAITS enum err identity_of_key(struct identity *identity, struct str raw_key, struct caller *ret_caller)
{
	const struct credential_text credential = {.text = raw_key, .origin = STR(""), .resource = STR("")};
	uint8_t mac[KEY_MAC_BYTES];

	CHECK_OBJ(identity, IDENTITY_MAGIC);
	if (!text_is_key(raw_key))
		return ERR_KEY_INVALID;
	crypto_mac(identity->key, &raw_key, 1, mac);
	return find(identity, &credential, PROOF_KEY, mac, ret_caller);
}

AWAITS enum err identity_of_certificate(struct identity *identity, const uint8_t fingerprint[32],
					struct caller *ret_caller)
{
	const struct str text = {(const char *)fingerprint, CERTIFICATE_FINGERPRINT_BYTES};
	const struct credential_text credential = {.text = text, .origin = STR(""), .resource = STR("")};
	const struct str pieces[] = {CERTIFICATE_PREFIX, text};
	uint8_t mac[KEY_MAC_BYTES];

	CHECK_OBJ(identity, IDENTITY_MAGIC);
	crypto_mac(identity->key, pieces, ARRAY_LEN(pieces), mac);
	return find(identity, &credential, PROOF_CERTIFICATE, mac, ret_caller);
}
