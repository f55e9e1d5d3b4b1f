/* Composing a request, in this order: where it goes, which decides whether the secret may be seen by the rest; headers;
 * body; the credential's own lines, which may sign all of it. */
#include "connector/request.h"

#include "base/check.h"

/* Written here, or by the client. */
static bool is_ours(struct str name)
{
	static const char *const names[] = {"host", "content-length", "transfer-encoding", "connection", "expect"};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(name, str_of(names[i])))
			return true;
	return false;
}

/* Whether header lines have one of this name. */
static bool lines_have(struct str lines, struct str name)
{
	while (lines.n > 0) {
		struct str line, found;

		str_cut(lines, '\n', &line, &lines);
		if (str_cut(line, ':', &found, &line) && str_eq_nocase(found, name))
			return true;
	}
	return false;
}

/* What the templates make of it now: empty when something is missing. */
static void put_url(struct run *run, const struct http_step *http, struct request *request)
{
	crypto_wipe(request->url.p, request->url.n);
	request->url.n = 0;
	if (template_text(http->url, &run->scope, &request->url))
		put_pairs(run, &http->query, true, &request->url);
}

/* The URL has become another one. */
static enum err look_again(struct run *run, struct request *request)
{
	bool own;

	TRY(target_check(run, buf_str(&request->url), &request->to, &own));
	CHECK(own || !request->own);
	return OK;
}

/* The URL, and what it says of the rest. Where it leads elsewhere it is made once more without the secret, of which
 * nothing is then left, however it would have been written. */
AWAITS static enum err compose_url(struct run *run, const struct http_step *http, struct request *request)
{
	enum err err = run_credential_take(run);
	struct str host;

	/* A request without the credential goes out where there is none. */
	if (err != OK && !(http->without_auth && (err == ERR_CREDENTIAL_MISSING || err == ERR_CREDENTIAL_REAUTH)))
		return err;
	run_credential_show(run, true);
	put_url(run, http, request);
	if (request->url.n == 0)
		return run_fail(run, CLASS_INVALID, "something that its address needs is missing");
	TRY(target_check(run, buf_str(&request->url), &request->to, &request->own));
	if (request->own)
		return OK;
	run_credential_show(run, false);
	host = arena_str(request->arena, request->to.host);
	put_url(run, http, request);
	if (request->url.n == 0)
		return run_fail(run, CLASS_INVALID, "the account's secret may not go to %.*s", STR_ARG(host));
	return look_again(run, request);
}

static enum err put_line(struct run *run, struct request *request, struct str name, struct str value)
{
	if (str_has_control(value))
		return run_fail(run, CLASS_INVALID, "the header %.*s would have a control character in it",
				STR_ARG(name));
	buf_put(&request->head, name);
	buf_put(&request->head, STR(": "));
	buf_put(&request->head, value);
	buf_put(&request->head, STR("\r\n"));
	return OK;
}

/* Headers of the step, or those of the file that the step does not have; never one that the credential brings. */
static enum err put_headers(struct run *run, const struct named_templates *headers, struct str credential,
			    struct request *request)
{
	AUTO_BUF value = {0};
	enum err err = OK;
	size_t before = request->head.n;

	for (size_t i = 0; i < headers->count && err == OK; i++) {
		struct str name = headers->items[i].name;

		value.n = 0;
		if (is_ours(name) || lines_have(credential, name) ||
		    lines_have((struct str){request->head.p, before}, name) ||
		    !template_text(headers->items[i].value, &run->scope, &value))
			continue;
		err = put_line(run, request, name, buf_str(&value));
	}
	crypto_wipe(value.p, value.n);
	return err;
}

/* The credential's lines, when they go along; signatures cover what is composed by now. */
AWAITS static enum err take_lines(struct run *run, struct request *request, struct secret_text **ret_lines)
{
	const struct connector_credentials *source = &run->call->credentials;
	const struct connector_request about = {
		.method = request->step->http.method,
		.url = buf_str(&request->url),
		.body = request->body.streamed ? STR("") : buf_str(&request->body.text),
	};
	struct secret_text *secret = NULL;
	enum err err;

	*ret_lines = NULL;
	if (!request->own || request->step->http.without_auth || source->get == NULL)
		return OK;
	if (!source->signs) {
		*ret_lines = run->credential.lines == NULL ? NULL : secret_text_ref(run->credential.lines);
		return OK;
	}
	err = source->get(source->arg, &about, ret_lines, &run->credential.in_query, &secret);
	secret_text_unref(secret);
	return err;
}

static enum err put_credential(struct run *run, struct request *request, const struct secret_text *lines)
{
	struct str text = secret_text_str(lines);

	if (run->credential.in_query) {
		buf_put_byte(&request->url, memchr(request->url.p, '?', request->url.n) == NULL ? '?' : '&');
		buf_put(&request->url, text);
		return look_again(run, request);
	}
	buf_put(&request->head, text);
	if (text.n > 0 && !str_ends(text, STR("\n")))
		buf_put(&request->head, STR("\r\n"));
	return OK;
}

static enum err put_head(struct run *run, struct request *request, struct str credential)
{
	const struct http_step *http = &request->step->http;

	TRY(put_headers(run, &http->headers, credential, request));
	TRY(put_headers(run, &run->connector->headers, credential, request));
	if (request->content_type.n > 0 && !lines_have(buf_str(&request->head), STR("content-type")))
		TRY(put_line(run, request, STR("Content-Type"), request->content_type));
	if (!lines_have(buf_str(&request->head), STR("accept")))
		TRY(put_line(run, request, STR("Accept"), STR("*/*")));
	if (!lines_have(buf_str(&request->head), STR("user-agent")))
		TRY(put_line(run, request, STR("User-Agent"), STR("gatehouse")));
	return OK;
}

AWAITS enum err request_compose(struct run *run, const struct step *step, struct request *request)
{
	AUTO(secret_text) *lines = NULL;

	*request = (struct request){
		.step = step,
		.arena = arena_new(RUN_ANSWER_ARENA_BYTES),
		.url = spares_take(run->runner->spares),
		.head = spares_take(run->runner->spares),
	};
	run->scope.arena = request->arena;
	TRY(compose_url(run, &step->http, request));
	TRY(body_compose(run, &step->http, request));
	TRY(take_lines(run, request, &lines));
	TRY(put_head(run, request, lines == NULL || run->credential.in_query ? STR("") : secret_text_str(lines)));
	if (lines != NULL)
		TRY(put_credential(run, request, lines));
	TRY(run_budget(run));
	if (request->head.n > REQUEST_HEAD_BYTES_MAX)
		return run_fail(run, CLASS_TOO_LARGE, "the request's headers would be larger than %d KB",
				REQUEST_HEAD_BYTES_MAX / 1024);
	return OK;
}

void request_done(struct run *run, struct request *request)
{
	spares_give(run->runner->spares, &request->url);
	spares_give(run->runner->spares, &request->head);
	spares_give(run->runner->spares, &request->body.text);
	arena_free_wiped(request->arena);
	request->arena = NULL;
}
