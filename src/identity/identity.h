/* Credentials to callers: API keys (gh_ + base64url of 256 random bits), access tokens of our own, tokens of
 * configured issuers; each looked up by HMAC in a per-loop cache in front of the proof. A change by any process (key
 * created, grant revoked) is seen within IDENTITY_POLL_MS, sooner where somebody says so (identity_look). */
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

/* Access tokens signed by these keys are ours.
 *   signing    borrowed until identity_stop
 *   Runs on    loop 0, before anybody asks */
struct signing;
void identity_trust(struct identity *identity, struct signing *signing);

/* Issuers as the configuration has them now; what was believed by the former ones is asked about again.
 *   release    called with `owner`, which keeps the settings alive, when nobody looks at them any more; may be NULL
 *   Runs on    a fiber of loop 0 */
void identity_configure(struct identity *identity, const struct identity_settings *settings,
			void (*release)(void *owner), void *owner) AWAITS;

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

/* The caller behind a client certificate that was verified in the TLS handshake: the service account it is bound to.
 *   ret_caller filled in place; expires_ms is left 0: the handshake knows when the certificate ends
 *   Errors     ERR_KEY_INVALID (bound to nobody; its account or tenant is disabled), ERR_DB, ERR_CANCELED ... */
NODISCARD enum err identity_of_certificate(struct identity *identity, const uint8_t fingerprint[32],
					   struct caller *ret_caller) AWAITS;

/* Who somebody without an account is, in ids: the same for the same subject of an issuer, in each tenant another one.
 */
void identity_foreign_id(struct str tenant_id, struct str issuer, struct str subject, char ret_id[ID_LEN + 1]);

/* A caller found earlier may be used without asking again as long as this returns what it did
 * then and the credential has not expired. It changes with the store, and once a minute so that
 * keys in steady use are seen to be used. One atomic load.
 *   Runs on    any thread */
int64_t identity_generation(const struct identity *identity);

/* Look at the store now, and not only at the next poll: somebody has changed it, or says so. Many at the same time are
 * one.
 *   Runs on    any thread, does not wait */
void identity_look(struct identity *identity);

/* Be told when the store's generation has moved.
 *   moved      a callback of loop 0; `generation` is the store's
 *   Runs on    loop 0, once */
void identity_listen(struct identity *identity, void (*moved)(void *arg, int64_t generation), void *arg);

/* The store's generation as it was last seen.
 *   Runs on    loop 0 */
int64_t identity_store_generation(const struct identity *identity);

/* Sleep until the store has moved, for IDENTITY_POLL_MS at most.
 *   seen       identity_generation as the caller knows it: when it has moved already there is no sleep
 *   Errors     ERR_CANCELED, ERR_TIMEOUT
 *   Runs on    a fiber of loop 0; it has ended before identity_stop */
NODISCARD enum err identity_await(struct identity *identity, int64_t seen) AWAITS;

/* What is kept of a caller for what stays open longer than a request. */
struct caller_mark {
	enum credential credential;
	char grant_id[ID_LEN + 1], tenant_id[ID_LEN + 1], user_id[ID_LEN + 1];
	int64_t expires_ms;
};
void caller_mark_of(const struct caller *caller, struct caller_mark *ret_mark);

/* Whether it may go on: to be asked again whenever identity_generation has moved.
 *   Errors     ERR_KEY_INVALID (its credential has expired or was revoked, its user or tenant is disabled), ERR_DB ...
 */
NODISCARD enum err identity_check(struct identity *identity, const struct caller_mark *mark) AWAITS;

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
