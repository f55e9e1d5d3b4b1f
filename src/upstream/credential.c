/* Credentials of callers at servers. What they are and where they are kept is for whoever gave the upstream its
 * `credentials`; here they are put into a request last, wiped when it has gone out, and got anew when the server
 * refuses them: a 401, or a 403, says that nothing was done, so sending once more is safe whatever was asked.
 *
 *     carried_put --> exchange --401, 403--> refused? --another one is there--> carried_put, once
 *                        |                      +--no--> why, for the caller
 *                        +--anything else--> done
 *
 * The gateway's own requests, which read lists, carry the configured headers alone; but where an account or a signature
 * is wanted, whoever gives credentials may have one for them. A configured header that has the credential's name stands
 * in when there is none (upstream->own_lines), and is left out of what callers send. */
#include "upstream/credential.h"

#include "base/check.h"

/* The gateway itself has no account: it may borrow one, where callers' do not stand in the configuration. */
static bool may_be_lent(const struct upstream_auth *auth)
{
	return auth->kind == UPSTREAM_AUTH_OAUTH || auth->kind == UPSTREAM_AUTH_HMAC;
}

static struct upstream_asking asking_of(const struct upstream *upstream, const struct carried *carried)
{
	return (struct upstream_asking){
		.tenant_id = carried->behalf.tenant_id,
		.principal = upstream->spec.auth.each == UPSTREAM_EACH_USER ? carried->behalf.principal : STR(""),
		.method = carried->method,
		.url = upstream->spec.url,
		.body = carried->body,
	};
}

AWAITS static enum err take(struct upstream *upstream, struct carried *carried)
{
	const struct upstream_credentials *source = &upstream->events.credentials;
	const struct upstream_asking asking = asking_of(upstream, carried);
	bool own = asking.tenant_id.n == 0;
	enum err err;

	if (own && !may_be_lent(&upstream->spec.auth))
		return OK;
	if (source->get == NULL)
		return own ? OK : ERR_CREDENTIAL_MISSING;
	err = source->get(source->arg, &upstream->spec, &asking, &carried->text, NULL);
	return own && err_is_unasked(err) ? OK : err;
}

AWAITS enum err carried_put(struct upstream *upstream, struct carried *carried, struct buf *head, struct str *ret_path)
{
	struct str path = upstream->url.path, text;

	*ret_path = path;
	if (upstream->spec.auth.kind == UPSTREAM_AUTH_NONE)
		return OK;
	TRY(take(upstream, carried));
	carried->head = head;
	carried->head_from = head->n;
	if (carried->text == NULL) {
		buf_put(head, upstream->own_lines);
		return OK;
	}
	text = secret_text_str(carried->text);
	if (upstream->spec.auth.kind == UPSTREAM_AUTH_QUERY) {
		buf_reserve(&carried->path, path.n + 1 + text.n);
		buf_put(&carried->path, path);
		buf_put_byte(&carried->path, memchr(path.p, '?', path.n) == NULL ? '?' : '&');
		buf_put(&carried->path, text);
		*ret_path = buf_str(&carried->path);
	} else {
		buf_reserve(head, text.n); /* what it leaves behind when it moves has no credential yet */
		buf_put(head, text);
	}
	return OK;
}

void carried_done(struct carried *carried)
{
	if (carried->head != NULL && carried->head->n > carried->head_from) {
		crypto_wipe(carried->head->p + carried->head_from, carried->head->n - carried->head_from);
		carried->head->n = carried->head_from;
	}
	carried->head = NULL;
	if (carried->path.n > 0)
		crypto_wipe(carried->path.p, carried->path.n);
	buf_free(&carried->path);
	carried->path = (struct buf){0};
	secret_text_unref(carried->text);
	carried->text = NULL;
}

AWAITS enum err carried_settle(struct upstream *upstream, struct carried *carried, enum err err, int status,
			       const struct http_fields *fields, bool *ret_again)
{
	const struct upstream_credentials *source = &upstream->events.credentials;
	const struct upstream_asking asking = asking_of(upstream, carried);
	const struct upstream_refusal refusal = {.status = status, .fields = fields, .sent = carried->text};

	*ret_again = false;
	if (unlikely(err == ERR_UPSTREAM_AUTH && carried->text != NULL)) {
		err = ERR_CREDENTIAL_REFUSED;
		if (source->refused != NULL && fields != NULL)
			err = source->refused(source->arg, &upstream->spec, &asking, &refusal, ret_again);
		*ret_again = *ret_again && !carried->repeated;
		carried->repeated = true;
		if (!*ret_again && err == OK)
			err = ERR_CREDENTIAL_REFUSED;
		if (asking.tenant_id.n == 0)
			err = ERR_UPSTREAM_AUTH; /* of lists: nobody's own matter */
	}
	carried_done(carried);
	return err;
}

AWAITS enum err carried_call(struct upstream *upstream, struct http_pool *pool, struct arena *arena,
			     const struct behalf *behalf, struct buf *head, struct str body, struct http_call *call,
			     struct http_answer **ret_answer)
{
	struct carried carried = {.behalf = *behalf, .method = call->method, .body = body};
	const struct piece piece = {.str = body};
	struct http_answer *answer = NULL;
	bool again = true;

	call->body = body.n > 0 ? &piece : NULL;
	call->body_count = body.n > 0 ? 1 : 0;
	while (again) {
		enum err err;
		int status;

		TRY(carried_put(upstream, &carried, head, &call->path));
		call->headers = buf_str(head);
		err = http_call(pool, arena, call, &answer);
		if (err != OK) {
			carried_done(&carried);
			return err;
		}
		status = answer->status;
		err = carried_settle(upstream, &carried, status == 401 || status == 403 ? ERR_UPSTREAM_AUTH : OK,
				     status, &answer->fields, &again);
		if (again)
			http_answer_end(answer);
		(void)err; /* the answer says it too */
	}
	*ret_answer = answer;
	return OK;
}
