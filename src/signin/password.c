/* Argon2id through the reference library: the only file that knows it. A hash is kept in its encoded form, which
 * names its parameters, so that they can be raised later without making anybody's password useless. */
#include "signin/password.h"

#include <argon2.h>
#include <stdio.h>

#include "base/crypto.h"
#include "base/random.h"

#define SALT_BYTES 16
#define HASH_BYTES 32
#define ENCODED_BYTES_MAX 160

/* Costs what a real one costs, and no password is behind it: its hash is not an output of Argon2. */
static const char nobody[] = "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA"
			     "$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

static size_t characters(struct str text)
{
	size_t count = 0;

	for (size_t i = 0; i < text.n; i++)
		count += ((uint8_t)text.p[i] & 0xc0) != 0x80;
	return count;
}

const char *password_problem(struct str password)
{
	if (!str_is_utf8(password) || memchr(password.p == NULL ? "" : password.p, '\0', password.n) != NULL)
		return "Use characters that a keyboard can type.";
	if (characters(password) < PASSWORD_CHARACTERS_MIN)
		return "Use at least 12 characters; a few words are easy to remember.";
	if (password.n > PASSWORD_BYTES_MAX)
		return "This is longer than 256 bytes.";
	return NULL;
}

enum err password_hash(struct str password, struct buf *out)
{
	char encoded[ENCODED_BYTES_MAX];
	uint8_t salt[SALT_BYTES];

	random_bytes(salt, sizeof(salt));
	if (argon2id_hash_encoded(PASSWORD_PASSES, PASSWORD_KIB, 1, password.p, password.n, salt, sizeof(salt),
				  HASH_BYTES, encoded, sizeof(encoded)) != ARGON2_OK)
		return ERR_SYSTEM;
	buf_put(out, str_of(encoded));
	return OK;
}

enum err password_matches(struct str encoded, struct str password, bool *ret_matches)
{
	char text[ENCODED_BYTES_MAX];
	int code;

	/* A hash that does not fit was not written by us. */
	snprintf(text, sizeof(text), "%.*s", STR_ARG(encoded));
	code = argon2id_verify(encoded.n == 0 || encoded.n >= sizeof(text) ? nobody : text, password.p, password.n);
	if (code == ARGON2_MEMORY_ALLOCATION_ERROR)
		return ERR_SYSTEM;
	*ret_matches = code == ARGON2_OK;
	return OK;
}
