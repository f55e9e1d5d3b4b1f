/* The header that says that another replica sent a request: a stranger's never passes; one of ours comes back as it
 * was, and is good for nothing else when any byte of it differs. */
#include "base/check.h"
#include "gateway/forward_statement.h"

#define NOW 1000000

static const struct secret *key_of_all(void)
{
	static struct secret *key;
	uint8_t bytes[CRYPTO_KEY_BYTES] = {9};

	if (key == NULL)
		key = secret_new(bytes);
	return key;
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	struct str text = {(const char *)bytes, n};
	uint8_t digest[FORWARD_DIGEST_BYTES] = {1};
	struct forward_statement statement = {.to = 5, .from = 6, .made_ms = NOW, .host = text}, back;
	AUTO_BUF sealed = {0};

	statement.peer.un.sun_family = AF_UNIX;
	CHECK(forward_statement_open(key_of_all(), text, digest, 5, NOW, arena, &back) == ERR_FORWARDED);
	forward_statement_seal(key_of_all(), &statement, digest, &sealed);
	CHECK(sealed.n <= FORWARD_STATEMENT_BYTES_MAX);
	CHECK(forward_statement_open(key_of_all(), buf_str(&sealed), digest, 5, NOW, arena, &back) == OK);
	CHECK(back.from == 6 && (n > FORWARD_HOST_BYTES_MAX ? back.host.n == 0 : str_eq(back.host, text)));
	sealed.p[n % sealed.n] ^= 1;
	CHECK(forward_statement_open(key_of_all(), buf_str(&sealed), digest, 5, NOW, arena, &back) == ERR_FORWARDED);
	return 0;
}
