/* Signatures. Only keys that fit the token's algorithm are tried, by kid where the token names one; without a kid a
 * few, since a set holds two while its owner rotates. */
#include <stdlib.h>

#include "base/check.h"
#include "jose/jose_private.h"

#define TRIES_MAX 4 /* keys for one token: what a forged one may cost */

static bool signature_holds(const struct jose_token *token, const cjose_jwk_t *jwk)
{
	cjose_jws_t *jws = cjose_jws_import(token->text.p, token->text.n, NULL);
	bool holds = jws != NULL && cjose_jws_verify(jws, jwk, NULL);

	if (jws != NULL)
		cjose_jws_release(jws);
	return holds;
}

static bool key_fits(const struct jose_key *key, const struct jose_token *token)
{
	if ((key->algs & token->alg) == 0)
		return false;
	return token->kid.p == NULL || (key->kid.p != NULL && str_eq(key->kid, token->kid));
}

enum err jose_verify(const struct jose_token *token, const struct jose_keys *keys, unsigned algs,
		     yyjson_val **ret_claims)
{
	unsigned tries = 0;

	CHECK_OBJ(keys, JOSE_KEYS_MAGIC);
	if ((token->alg & algs) == 0)
		return ERR_TOKEN_INVALID;
	for (size_t i = 0; i < keys->count && tries < TRIES_MAX; i++) {
		if (!key_fits(&keys->key[i], token))
			continue;
		tries++;
		if (signature_holds(token, keys->key[i].jwk)) {
			*ret_claims = token->unproved;
			return OK;
		}
	}
	return tries == 0 ? ERR_NOT_FOUND : ERR_TOKEN_INVALID;
}
