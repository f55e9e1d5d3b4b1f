/* PKCE: the client shows the hash first and what was hashed later, so that a stolen code is of no use alone. `plain`,
 * which protects from nobody who saw the first request, does not exist here; keeping the challenge with the code is
 * the caller's business. */
#include "base/pkce.h"

#include "base/crypto.h"
#include "base/random.h"

#define CHALLENGE_BYTES 43
#define VERIFIER_BYTES_MIN 43
#define VERIFIER_BYTES_MAX 128

void pkce_verifier(char out[PKCE_VERIFIER_TEXT])
{
	AUTO_BUF text = {0};

	random_text_put(&text, 32);
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	crypto_wipe(text.p, text.n);
}

void pkce_challenge(struct str verifier, bool hex, char out[PKCE_CHALLENGE_MAX])
{
	uint8_t hash[32];
	AUTO_BUF text = {0};

	crypto_sha256(verifier, hash);
	if (hex)
		buf_put_hex(&text, hash, sizeof(hash));
	else
		base64url_put(&text, hash, sizeof(hash));
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
}

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
	char text[PKCE_CHALLENGE_MAX];

	if (verifier.n < VERIFIER_BYTES_MIN || verifier.n > VERIFIER_BYTES_MAX)
		return false;
	for (size_t i = 0; i < verifier.n; i++)
		if (!is_unreserved(verifier.p[i]))
			return false;
	pkce_challenge(verifier, false, text);
	return str_eq_secret(str_of(text), challenge);
}
