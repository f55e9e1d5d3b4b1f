/* Issuers of the configuration, whose tokens are believed as they are, and their public keys. One set for all loops:
 * keys are fetched on loop 0, in the background and before they are needed, and handed out by reference.
 *
 *            start, 90 % of their age                 a kid nobody has seen: at most once in ISSUER_MISS_MS
 *     keeper ────────────────────────▶ fetch ◀──────────────────────── issuers_prove
 *                                        │ fails: the old keys are good for ISSUER_STALE_MS
 *                                        ▼
 *                                      keys */
#ifndef GATEHOUSE_IDENTITY_ISSUERS_H
#define GATEHOUSE_IDENTITY_ISSUERS_H

#include "identity/settings.h"
#include "jose/jose.h"

#define ISSUER_MISS_MS 10000		     /* between fetches that strangers' tokens cause, per issuer */
#define ISSUER_STALE_MS (24 * 3600 * 1000LL) /* keys of an issuer that is down are good so long */
#define ISSUER_FRESH_MS (15 * 60 * 1000LL)   /* when it does not say how long its keys may be kept */
#define ISSUER_FRESH_MS_MIN (60 * 1000LL)    /* whatever it says */
#define ISSUER_FRESH_MS_MAX (12 * 3600 * 1000LL)

struct issuers; /* reference-counted */

/* What a set is made of. */
struct issuers_spec {
	const struct identity_settings *settings;
	void (*release)(void *owner); /* of whoever keeps the settings alive; may be NULL */
	void *owner;
	void (*changed)(void *arg); /* on loop 0: an issuer shows other keys now */
	void *arg;
};

/* Make a set and begin to fetch; issuers that `before` (NULL: none) has too keep the keys they have there.
 *   Runs on    a fiber of loop 0 */
struct issuers *issuers_new(const struct issuers_spec *spec, struct issuers *before) AWAITS;

/* Fetch no more. Those who hold a reference can still prove tokens with the keys that are there.
 *   Runs on    a fiber of loop 0 */
void issuers_stop(struct issuers *issuers) AWAITS;

/* A reference more (returns its argument), one less: the last one frees. On any thread. */
struct issuers *issuers_ref(struct issuers *issuers);
void issuers_unref(struct issuers *issuers); /* NULL is fine */
DEFINE_AUTO(issuers, issuers_unref);

/* Check the signature of a token by the keys of the issuer it names: its claims but for `iss` are still to be judged.
 *   ret_issuer lives as long as the set
 *   Errors     ERR_TOKEN_INVALID (no such issuer, key or signature), ERR_ISSUER_DOWN, ERR_CANCELED, ERR_TIMEOUT
 *   Runs on    a fiber, any loop; may wait for a fetch */
NODISCARD enum err issuers_prove(struct issuers *issuers, const struct jose_token *token, yyjson_val **ret_claims,
				 const struct issuer_settings **ret_issuer) AWAITS;

/* The set that is in force: one reference; NULL: there is none.
 *   Runs on    any thread */
struct identity;
struct issuers *identity_issuers(struct identity *identity);

/* The JWKS of an issuer, by its discovery document, which must name this very issuer.
 *   ret_url    in `arena`
 *   Errors     ERR_CONFIG: no document, or somebody else's; as http_fetch
 *   Source     RFC 8414 section 3, OpenID Connect Discovery 1.0 section 4 */
NODISCARD enum err issuer_discover(struct arena *arena, const struct issuer_settings *issuer, struct str *ret_url)
	AWAITS;

#endif
