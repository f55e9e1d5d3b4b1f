/* Cursors: where a page ended, sealed, so that nobody reads or makes one, and bound to what was asked and by whom: with
 * another tenant, list or filter it is not valid. They keep no state here and do not expire: the next page begins
 * after a row's id, whatever has come and gone meanwhile. */
#include "portal/work.h"

#include "http/form.h"

#define CURSOR_BYTES_MAX 512 /* sealed: an id or a name, and the overhead */

/* Everything that a cursor must not be carried away from. */
static void put_bound(const struct work *work, struct buf *out)
{
	struct str rest = work->call->query, pair;

	buf_put_fmt(out, "cursor 1\n%s\n%.*s\n%s\n%.*s\n", work->resource->path, STR_ARG(work->tenant.id),
		    work->call->caller->principal, work->export ? 6 : 0, "export");
	while (rest.n > 0) {
		str_cut(rest, '&', &pair, &rest);
		if (pair.n == 0 || str_starts(pair, STR("cursor=")) || str_starts(pair, STR("limit=")))
			continue;
		buf_put(out, pair);
		buf_put_byte(out, '\n');
	}
}

struct str cursor_make(const struct work *work, struct str after)
{
	AUTO_BUF bound = {0}, sealed = {0}, text = {0};

	put_bound(work, &bound);
	crypto_seal(work->portal->spec.key, after, buf_str(&bound), &sealed);
	base64url_put(&text, sealed.p, sealed.n);
	return arena_str(work->arena, buf_str(&text));
}

enum err cursor_open(const struct work *work, struct str text, struct str *ret_after)
{
	uint8_t sealed[CURSOR_BYTES_MAX], after[CURSOR_BYTES_MAX];
	AUTO_BUF bound = {0};
	size_t n;

	put_bound(work, &bound);
	if (base64url_get(text, sealed, sizeof(sealed), &n) != OK ||
	    crypto_open(work->portal->spec.key, (struct str){(const char *)sealed, n}, buf_str(&bound), after, &n) !=
		    OK)
		return ERR_API_CURSOR;
	*ret_after = arena_str(work->arena, (struct str){(const char *)after, n});
	return OK;
}
