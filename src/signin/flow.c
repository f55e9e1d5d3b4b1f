/* The state of a sign-in under way lives in the browser, sealed: a stranger who begins a thousand of them leaves
 * nothing here. The purpose is bound into the seal, so that a state of one step is nothing to another. */
#include "base/clock.h"
#include "signin/signin_private.h"

#define FLOW_BYTES_MAX 6144 /* a return path and a provider's name; browsers keep cookies of 4 KB */

void flow_seal(const struct signin *signin, struct str purpose, struct str fields, int64_t life_ms, struct buf *out)
{
	AUTO_BUF plain = {0}, sealed = {0};

	buf_put_fmt(&plain, "until=%lld&", (long long)(clock_wall_ms() + life_ms));
	buf_put(&plain, fields);
	crypto_seal(signin->spec.key, buf_str(&plain), purpose, &sealed);
	base64url_put(out, sealed.p, sealed.n);
	crypto_wipe(plain.p, plain.n);
}

enum err flow_open(const struct signin *signin, struct arena *arena, struct str purpose, struct str text,
		   struct form *ret_fields)
{
	struct str plain;
	uint64_t until;
	char *sealed;
	size_t n;

	if (text.n == 0 || text.n > FLOW_BYTES_MAX)
		return ERR_CRYPTO;
	sealed = arena_try_alloc(arena, text.n);
	if (sealed == NULL)
		return ERR_LIMIT;
	if (base64url_get(text, sealed, text.n, &n) != OK || n < CRYPTO_SEAL_OVERHEAD)
		return ERR_CRYPTO;
	plain.p = arena_alloc(arena, n);
	TRY(crypto_open(signin->spec.key, (struct str){sealed, n}, purpose, (char *)plain.p, &plain.n));
	TRY(form_read(arena, plain, ret_fields));
	if (str_to_u64(form_get(ret_fields, STR("until")), &until) != OK || (int64_t)until <= clock_wall_ms())
		return ERR_CRYPTO;
	return OK;
}
