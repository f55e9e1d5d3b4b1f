/* Signed tokens: the one place that knows the JOSE library. Compact JWS with asymmetric algorithms only: a token
 * that names `none` or an HMAC is refused before a key is looked at.
 *
 *     struct jose_token: the token's parts, read but not believed --jose_verify--> its claims */
#ifndef GATEHOUSE_JOSE_JOSE_H
#define GATEHOUSE_JOSE_JOSE_H

#include "base/arena.h"
#include "base/json.h"

enum jose_alg {
	JOSE_ES256 = 1 << 0,
	JOSE_ES384 = 1 << 1,
	JOSE_RS256 = 1 << 2,
	JOSE_RS384 = 1 << 3,
	JOSE_RS512 = 1 << 4,
	JOSE_PS256 = 1 << 5,
	JOSE_ALGS = (1 << 6) - 1,
};

#define JOSE_TOKEN_BYTES_MAX 8192
#define JOSE_KEYS_MAX 64 /* of one set */
#define JOSE_RSA_BITS_MIN 2048

/* "ES256" to its bit; 0 for anything that is not accepted. */
unsigned jose_alg_of(struct str name);

/* A token taken apart. Nothing in it is proved yet. */
struct jose_token {
	struct str text;
	unsigned alg;	      /* one bit */
	struct str kid, typ;  /* p NULL absent */
	struct str issuer;    /* the claim iss, unproved: only to find the keys by; p NULL absent */
	yyjson_val *unproved; /* all claims: jose_verify's to hand out */
};

/*   ret_token  in `arena`
 *   Errors     ERR_TOKEN_INVALID: not a compact JWS, an algorithm that is not accepted, `crit`, `jku`-like members are
 *              never followed, too long */
NODISCARD enum err jose_token_read(struct arena *arena, struct str text, struct jose_token *ret_token);

/* A set of public keys: immutable, shared, reference-counted. */
struct jose_keys;

/* From a JWKS document; keys of other kinds, uses and sizes are left out.
 *   Errors     ERR_JSON_*, ERR_CONFIG: not a JWKS; ERR_LIMIT: more than JOSE_KEYS_MAX */
NODISCARD enum err jose_keys_read(struct str json, struct jose_keys **ret_keys);
struct jose_keys *jose_keys_ref(struct jose_keys *keys);
void jose_keys_unref(struct jose_keys *keys);
DEFINE_AUTO(jose_keys, jose_keys_unref);

/* Whether some key has this id (p NULL: whether there is only one). */
bool jose_keys_have(const struct jose_keys *keys, struct str kid);

/* Check the signature with the key that kid and alg name; the claims are still to be judged.
 *   algs        bits that are allowed here
 *   ret_claims  the payload, an object, where the token was read into
 *   Errors      ERR_TOKEN_INVALID; ERR_NOT_FOUND: no such key (a reason to fetch the set again)
 *   Runs on     any thread; some 100 us with a curve, 30 us with RSA */
NODISCARD enum err jose_verify(const struct jose_token *token, const struct jose_keys *keys, unsigned algs,
			       yyjson_val **ret_claims);

/* What is asked of claims besides. */
struct jose_expected {
	struct str issuer;	     /* exactly; p NULL: any */
	const struct str *audiences; /* one of them: exactly, or but for one slash at the end or the host's case */
	size_t audience_count;	     /* 0: any */
	int64_t now_ms, leeway_ms;
	int64_t life_ms_max; /* exp - iat; 0: any */
};

/* Whether two audiences are the same but for one slash at the end and the case of scheme and host. */
bool jose_same_audience(struct str a, struct str b);

/* iss, aud, exp (needed), nbf, iat.
 *   ret_expires_ms  wall time
 *   Errors          ERR_TOKEN_INVALID, ERR_TOKEN_EXPIRED, ERR_TOKEN_AUDIENCE */
NODISCARD enum err jose_check_claims(yyjson_val *claims, const struct jose_expected *expected, int64_t *ret_expires_ms);

/* A private key to sign with: of P-256 (ES256), or RSA (RS256). Wiped when freed. */
struct jose_signer;

/* Make one of P-256; its JWK texts are appended: the private one is a secret and to be sealed and wiped.
 *   kid        empty: it has no id */
NODISCARD enum err jose_signer_make(struct str kid, struct buf *private_jwk, struct buf *public_jwk);

/* From a private JWK; from PEM, without a pass phrase: then it has no id.
 *   Errors     ERR_CRYPTO: no such key, of another kind, or an RSA key under JOSE_RSA_BITS_MIN */
NODISCARD enum err jose_signer_read(struct str private_jwk, struct jose_signer **ret_signer);
NODISCARD enum err jose_signer_read_pem(struct str pem, struct jose_signer **ret_signer);
void jose_signer_free(struct jose_signer *signer);
DEFINE_AUTO(jose_signer, jose_signer_free);

/* Append its public JWK. Errors     ERR_CRYPTO */
NODISCARD enum err jose_signer_public(const struct jose_signer *signer, struct buf *jwk);

/* Append the compact form of claims (JSON text) under this `typ`.
 *   jwk        the public key, to stand in the header (JSON text): what a proof of possession has; p NULL: none
 *   Runs on    any thread, several at a time too; some 30 us with a curve, 1 ms with RSA */
NODISCARD enum err jose_sign(const struct jose_signer *signer, struct str typ, struct str jwk, struct str claims,
			     struct buf *out);

#endif
