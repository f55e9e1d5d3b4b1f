/* Cursors: what a platform calls its next page, sealed, and bound to the tenant, the caller, the tool, the account and
 * all other arguments. So a caller cannot make one, which would be a way to choose the address or the account of a
 * request; and a cursor of one search is of no use in another. */
#include "base/check.h"
#include "connector/run.h"

#define CURSOR_BYTES_MAX 8192

static void put_bound(const struct run *run, struct buf *out)
{
	const struct connector_call *call = run->call;
	const struct str parts[] = {call->tenant_id, call->principal, call->upstream,
				    call->account,   run->tool->name, run->arguments};

	buf_put(out, STR("cursor 1"));
	for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
		buf_put_fmt(out, "\n%zu ", parts[i].n); /* nothing of one part is read as another's */
		buf_put(out, parts[i]);
	}
}

void page_seal(const struct run *run, struct value value, struct buf *out)
{
	AUTO_BUF plain = {0}, bound = {0}, sealed = {0};

	value_put_json(&plain, value);
	put_bound(run, &bound);
	crypto_seal(run->runner->cursor_key, buf_str(&plain), buf_str(&bound), &sealed);
	base64url_put(out, sealed.p, sealed.n);
	crypto_wipe(plain.p, plain.n);
}

enum err page_open(struct run *run, struct str text, struct value *ret_value)
{
	char *sealed, *plain;
	AUTO_BUF bound = {0};
	yyjson_val *root;
	size_t n;

	if (text.n > CURSOR_BYTES_MAX * 2)
		return run_fail(run, CLASS_INVALID, "this cursor is none that was given out");
	sealed = arena_try_alloc(run->arena, text.n + 1);
	plain = arena_try_alloc(run->arena, text.n + 1);
	if (sealed == NULL || plain == NULL)
		return ERR_LIMIT;
	put_bound(run, &bound);
	if (base64url_get(text, sealed, text.n, &n) != OK ||
	    crypto_open(run->runner->cursor_key, (struct str){sealed, n}, buf_str(&bound), plain, &n) != OK ||
	    json_read(run->arena, (struct str){plain, n}, &root) != OK)
		return run_fail(run, CLASS_INVALID,
				"this cursor is of another tool, account or other arguments; begin without one");
	*ret_value = value_of_json(root);
	return OK;
}
