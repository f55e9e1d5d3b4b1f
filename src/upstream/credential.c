/* Credentials of callers at servers. What they are and where they are kept is for whoever gave the upstream its
 * `credentials`; here they are put into a request last and wiped when it has gone out.
 *
 * The gateway's own requests, which read lists, carry the configured headers alone. One of them that has the
 * credential's name stands in for it there (upstream->own_lines) and is left out of what callers send. */
#include "upstream/credential.h"

#include "base/check.h"

AWAITS enum err carried_take(struct upstream *upstream, struct str tenant_id, struct str principal,
			     struct carried *carried)
{
	const struct upstream_credentials *source = &upstream->events.credentials;
	const struct upstream_auth *auth = &upstream->spec.auth;
	const struct upstream_asking asking = {
		.tenant_id = tenant_id,
		.principal = auth->each == UPSTREAM_EACH_USER ? principal : STR(""),
	};

	if (likely(auth->kind == UPSTREAM_AUTH_NONE) || tenant_id.n == 0)
		return OK;
	if (source->get == NULL)
		return ERR_CREDENTIAL_MISSING;
	return source->get(source->arg, &upstream->spec, &asking, &carried->text);
}

struct str carried_put(struct upstream *upstream, struct carried *carried, struct buf *head)
{
	struct str path = upstream->url.path, text;

	if (upstream->spec.auth.kind == UPSTREAM_AUTH_NONE)
		return path;
	if (carried->text == NULL) {
		buf_put(head, upstream->own_lines);
		return path;
	}
	text = secret_text_str(carried->text);
	if (upstream->spec.auth.kind == UPSTREAM_AUTH_QUERY) {
		buf_reserve(&carried->path, path.n + 1 + text.n);
		buf_put(&carried->path, path);
		buf_put_byte(&carried->path, memchr(path.p, '?', path.n) == NULL ? '?' : '&');
		buf_put(&carried->path, text);
		return buf_str(&carried->path);
	}
	carried->head = head;
	carried->head_from = head->n;
	buf_put(head, text);
	return path;
}

void carried_done(struct carried *carried)
{
	if (likely(carried->text == NULL))
		return;
	if (carried->head != NULL) {
		crypto_wipe(carried->head->p + carried->head_from, carried->head->n - carried->head_from);
		carried->head->n = carried->head_from;
		carried->head = NULL;
	}
	if (carried->path.n > 0)
		crypto_wipe(carried->path.p, carried->path.n);
	buf_free(&carried->path);
	secret_text_unref(carried->text);
	carried->text = NULL;
}
