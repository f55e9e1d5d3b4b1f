/* PKCE: the client shows the hash first and what was hashed later, so that a stolen code is of no use alone. `plain`,
 * which protects from nobody who saw the first request, does not exist here; keeping the challenge with the code is
 * the caller's business. */
#include "oauth/pkce.h"

#include "base/crypto.h"
#include "base/random.h"

#define CHALLENGE_BYTES 43
#define VERIFIER_BYTES_MIN 43
#define VERIFIER_BYTES_MAX 128

bool pkce_challenge_ok(struct str challenge)
{
	uint8_t hash[32];
	size_t n;

	return challenge.n == CHALLENGE_BYTES && base64url_get(challenge, hash, sizeof(hash), &n) == OK &&
	       n == sizeof(hash);
}

static bool is_unreserved(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("-._~", c) != NULL);
}

bool pkce_verify(struct str verifier, struct str challenge)
{
	AUTO_BUF text = {0};
	uint8_t hash[32];

	if (verifier.n < VERIFIER_BYTES_MIN || verifier.n > VERIFIER_BYTES_MAX)
		return false;
	for (size_t i = 0; i < verifier.n; i++)
		if (!is_unreserved(verifier.p[i]))
			return false;
	crypto_sha256(verifier, hash);
	base64url_put(&text, hash, sizeof(hash));
	return str_eq_secret(buf_str(&text), challenge);
}
