/* Credentials to callers. API keys now: gh_ + base64url of 256 random bits, looked up by
 * HMAC in a per-loop cache in front of the store. A change by any process (key created,
 * revoked) is seen within IDENTITY_POLL_MS. */
#ifndef GATEHOUSE_IDENTITY_IDENTITY_H
#define GATEHOUSE_IDENTITY_IDENTITY_H

#include "base/crypto.h"
#include "identity/caller.h"
#include "identity/settings.h"

#define IDENTITY_POLL_MS 500
#define API_KEY_TEXT_LEN 46 /* "gh_" and 43 characters */

struct db;
struct identity;

/* Start; keeps polling the store's generation on loop 0 until identity_stop.
 *   key        the server-side key for API-key MACs; taken over
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err identity_start(struct db *db, struct secret *key, struct identity **ret_identity) AWAITS;

/* Stop polling, write what is known of last uses (for at most 5 s), wipe the key. Nobody may be
 * asking any more.
 *   Runs on    a fiber of loop 0 */
void identity_stop(struct identity *identity) AWAITS;

/* The caller behind a raw API key.
 *   ret_caller filled in place
 *   Errors     ERR_KEY_INVALID (unknown, expired, revoked, tenant disabled, malformed), ERR_DB, ERR_CANCELED ... */
NODISCARD enum err identity_of_key(struct identity *identity, struct str raw_key, struct caller *ret_caller) AWAITS;

/* A credential as it came, and what it is to be good for. */
struct credential_text {
	struct str text;     /* of X-API-Key or behind "Bearer" */
	struct str origin;   /* the gateway's own, the issuer of its tokens; empty: it has none */
	struct str resource; /* URL of the MCP endpoint that is asked, which a token must name; empty: a token for
			      * anything of ours will do */
};
#define CREDENTIAL_TEXT_MAX 8192 /* a token of an issuer that lists its people's groups */

/* The caller behind any credential that fits a header: an API key, an access token of our own, a token of a
 * configured issuer. What a loop has seen once costs the same for each of them.
 *   ret_caller filled in place; to be kept for this credential and this resource only
 *   Errors     ERR_KEY_INVALID, ERR_TOKEN_INVALID, ERR_TOKEN_EXPIRED, ERR_TOKEN_AUDIENCE; ERR_ISSUER_DOWN (its keys
 *              cannot be had now), ERR_DB, ERR_CANCELED ... */
NODISCARD enum err identity_of(struct identity *identity, const struct credential_text *credential,
			       struct caller *ret_caller) AWAITS;

/* A caller found earlier may be used without asking again as long as this returns what it did
 * then and the credential has not expired. It changes with the store, and once a minute so that
 * keys in steady use are seen to be used. One atomic load.
 *   Runs on    any thread */
int64_t identity_generation(const struct identity *identity);

/* Whether a caller found earlier may go on, for what stays open longer than a request: to be asked
 * again whenever identity_generation has moved.
 *   id         of the caller: its grant_id, which of a key is the key's own
 *   Errors     ERR_KEY_INVALID (its credential has expired or was revoked, its tenant is disabled), ERR_DB ... */
NODISCARD enum err identity_check(struct identity *identity, struct str id) AWAITS;

/* A fresh raw key and its MAC; who makes the row wipes the text.
 *   key        of API keys */
#define API_KEY_HINT_LEN 7 /* of the text, "gh_Ab3d": to recognise it in lists */
void identity_key_fresh(const struct secret *key, char ret_raw[API_KEY_TEXT_LEN + 1],
			uint8_t ret_mac[CRYPTO_MAC_BYTES]);

/* A key that somebody wants. Texts may be empty but for tenant_name and role; tenant or user, see store/api_key.h. */
struct key_order {
	struct str tenant_name;
	struct str role; /* empty: the user's, or member for a key that is nobody's */
	struct str name, description;
	struct str scopes, toolsets; /* between spaces */
	struct str user_id;
	int64_t expires_ms; /* 0 never */
};

/* A fresh raw key and its MAC; who makes the row wipes the text.
 *   key        of API keys */
#define API_KEY_HINT_LEN 7 /* of the text, "gh_Ab3d": to recognise it in lists */
void identity_key_fresh(const struct secret *key, char ret_raw[API_KEY_TEXT_LEN + 1],
			uint8_t ret_mac[CRYPTO_MAC_BYTES]);

/* Make a key for a tenant; its raw text is returned once and stored nowhere.
 *   problem    what is wrong with the order, a sentence, on ERR_RPC_PARAMS
 *   Errors     ERR_NOT_FOUND (tenant), ERR_RPC_PARAMS, ERR_DB */
NODISCARD enum err identity_key_create(struct db *db, const struct secret *key, const struct key_order *order,
				       struct buf *problem, char ret_raw[API_KEY_TEXT_LEN + 1], char ret_id[ID_LEN + 1])
	AWAITS;

/* Make a key that is like another one and follows it; the old one works on until then.
 *   expires_ms of the new key; 0 never
 *   Errors     ERR_NOT_FOUND: there is no such key, it is not live any more, or it was rotated before */
NODISCARD enum err identity_key_rotate(struct db *db, const struct secret *key, struct str old_id, int64_t old_until_ms,
				       int64_t expires_ms, char ret_raw[API_KEY_TEXT_LEN + 1], char ret_id[ID_LEN + 1])
	AWAITS;

/* When a key ends for which nobody said when: settings->key_life_ms from now.
 *   wanted_ms  0 never, -1 nobody said
 *   Errors     ERR_LIMIT: later than settings->key_life_ms_max allows */
NODISCARD enum err identity_key_expiry(const struct identity_settings *settings, int64_t wanted_ms, int64_t now_ms,
				       int64_t *ret_expires_ms);

#endif
