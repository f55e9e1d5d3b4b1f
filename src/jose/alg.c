/* The algorithms that are accepted, each with the only kind of key it works with: what a token says can then never
 * make a public key serve as the secret of an HMAC, or one curve's key check another's signature.
 *   Source     RFC 7518 section 3.1 */
#include "jose/jose_private.h"

static const struct {
	struct str name;
	unsigned bit;
	struct str kty, crv;
} algorithms[] = {
	{{"ES256", 5}, JOSE_ES256, {"EC", 2}, {"P-256", 5}}, {{"ES384", 5}, JOSE_ES384, {"EC", 2}, {"P-384", 5}},
	{{"RS256", 5}, JOSE_RS256, {"RSA", 3}, {"", 0}},     {{"RS384", 5}, JOSE_RS384, {"RSA", 3}, {"", 0}},
	{{"RS512", 5}, JOSE_RS512, {"RSA", 3}, {"", 0}},     {{"PS256", 5}, JOSE_PS256, {"RSA", 3}, {"", 0}},
};

unsigned jose_alg_of(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
		if (str_eq(algorithms[i].name, name))
			return algorithms[i].bit;
	return 0;
}

unsigned jose_algs_of_kind(struct str kty, struct str crv)
{
	unsigned algs = 0;

	for (size_t i = 0; i < ARRAY_LEN(algorithms); i++)
		if (str_eq(algorithms[i].kty, kty) && str_eq(algorithms[i].crv, crv))
			algs |= algorithms[i].bit;
	return algs;
}
