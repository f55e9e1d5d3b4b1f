/* What lies sealed in a row, as another version or a broken one could have written it: a grant whose tokens can stand
 * in a header's line and that reads the same when it is written again, or nothing. */
#include "authclient/words.h"
#include "base/check.h"
#include "connect/grant.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	AUTO(arena) *arena = arena_new(4 << 20);
	AUTO_BUF once = {0}, twice = {0};
	struct grant grant, again;

	if (grant_read(arena, (struct str){(const char *)bytes, n}, &grant) != OK)
		return 0;
	CHECK(grant.access_token.n == 0 || words_are_token(grant.access_token, TOKEN_BYTES_MAX));
	CHECK(grant.expires_ms >= 0 && grant.refresh_expires_ms >= 0);
	grant_put(&grant, &once);
	CHECK(grant_read(arena, buf_str(&once), &again) == OK);
	grant_put(&again, &twice);
	CHECK(str_eq(buf_str(&once), buf_str(&twice)));
	return 0;
}
