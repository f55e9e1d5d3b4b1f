/* One request of a step until it is answered well, or refused for good.
 *
 *    COMPOSE ─▶ SEND ─▶ the answer is good ──────────────────────────▶ done
 *       ▲         ├─ token_expired, the first time: another token ─┐
 *       │         ├─ transient, once, unless it commits: a moment ─┤
 *       │         ├─ what `retry` knows, as often as it says ──────┤
 *       │         └─ anything else ─────────────────────────────▶ refused
 *       └──────────────────────────────────────────────────────────┘
 *
 * A step that commits goes out on a connection of its own, so that it is known whether it did, and its answer is waited
 * for even when the client has gone. */
#include "connector/request.h"

#include "base/check.h"

#define MOMENT_MS 400	     /* before what failed for a moment is tried again */
#define DEADLINE_REST_MS 500 /* what making the result takes at most */
#define JOURNAL_REST_MS 2000 /* from an answer to the row that says so */

struct tries {
	bool moment;	/* one of them was for a transient failure */
	unsigned known; /* for what `retry` knows */
	int64_t wait_ms;
};

/* Read the answer. A good status with what no API says, a page of some proxy or JSON that is none, is no answer.
 *   Errors     ERR_UPSTREAM_GARBAGE */
static enum err take_answer(struct run *run, struct request *request, struct http_answer *answer, struct str text)
{
	struct str type = http_field_get(&answer->fields, HTTP_CONTENT_TYPE), trimmed = str_trim(text);
	struct answer *to = &run->answer;
	yyjson_val *root = NULL, *status = ARENA_NEW(request->arena, yyjson_val);
	bool typed = type.n > 0 && memmem(type.p, type.n, "json", 4) != NULL, read = false;

	arena_free_wiped(to->arena);
	*to = (struct answer){
		.arena = request->arena, .status = answer->status, .fields = &answer->fields, .bytes = text.n};
	request->arena = NULL;
	yyjson_set_uint(status, (uint64_t)answer->status);
	run->scope.root[ROOT_STATUS] = value_of_json(status);
	if (trimmed.n > 0 && (typed || str_starts(trimmed, STR("{")) || str_starts(trimmed, STR("["))))
		read = json_read(to->arena, trimmed, &root) == OK;
	to->body = read ? value_of_json(root) : value_of_text(text.n == 0 ? STR_NONE : text);
	run->scope.root[ROOT_BODY] = to->body;
	if (read || trimmed.n == 0 || answer->status / 100 != 2)
		return OK;
	return typed || str_starts(trimmed, STR("<")) ? ERR_UPSTREAM_GARBAGE : OK;
}

/* Over the wire and back: run->answer, whatever its status is.
 *   ret_sent   it has gone out, or may have; set on errors too */
AWAITS static enum err exchange(struct run *run, struct request *request, int64_t timeout_ms, bool *ret_sent)
{
	const struct http_step *http = &request->step->http;
	struct piece body = {.str = buf_str(&request->body.text)};
	bool bodied = http->body_kind != BODY_NONE ||
		      (!str_eq(http->method, STR("GET")) && !str_eq(http->method, STR("HEAD")) &&
		       !str_eq(http->method, STR("DELETE")));
	const struct http_call call = {
		.method = http->method,
		.path = request->to.path,
		.headers = buf_str(&request->head),
		.body = request->body.streamed ? NULL : &body,
		.body_count = bodied && !request->body.streamed,
		.body_next = request->body.streamed ? body_next : NULL,
		.body_arg = &request->body,
		.body_bytes = request->body.bytes,
		.idempotent = str_eq(http->method, STR("GET")) || str_eq(http->method, STR("HEAD")),
		.fresh = request->step->commit,
		.sent = ret_sent,
		.timeout_ms = timeout_ms,
	};
	struct outlet *outlet;
	struct http_answer *answer = NULL;
	struct str text = STR("");
	enum err err;

	*ret_sent = false;
	body_rewind(&request->body);
	TRY(outlet_take(run->runner->outlets, &request->to, &run->call->terms, &outlet));
	err = http_call(outlet_pool(outlet), request->arena, &call, &answer);
	if (err == OK)
		err = http_answer_body(answer,
				       run->connector->internal ? CONNECTOR_ANSWER_INTERNAL_BYTES_MAX
								: CONNECTOR_ANSWER_BYTES_MAX,
				       &text);
	run->call->bytes_out += request->body.bytes;
	if (err == OK) {
		run->call->bytes_in += text.n;
		err = take_answer(run, request, answer, text);
	}
	http_answer_end(answer);
	outlet_back(outlet);
	return err;
}

/* How long the request may take: as the upstream's terms say, or what is left of the call. */
static int64_t time_for(const struct run *run)
{
	int64_t left_ms = run_left_ms(run), timeout_ms = run->call->terms.timeout_ms;

	if (left_ms == INT64_MAX)
		return timeout_ms;
	left_ms -= DEADLINE_REST_MS;
	return left_ms < 1 ? 1 : left_ms < timeout_ms ? left_ms : timeout_ms;
}

/* What publishes: written down first, and waited for whoever has gone. */
AWAITS static enum err exchange_once(struct run *run, struct request *request, bool *ret_sent)
{
	int64_t timeout_ms = time_for(run);
	struct fiber_shield shield;
	enum err err;

	*ret_sent = false;
	if (!request->step->commit)
		return exchange(run, request, timeout_ms, ret_sent);
	TRY(fiber_status());
	TRY(journal_sending(run, timeout_ms + OUTLET_CONNECT_MS + JOURNAL_REST_MS));
	shield = fiber_shield_begin(timeout_ms + OUTLET_CONNECT_MS + JOURNAL_REST_MS);
	err = exchange(run, request, timeout_ms, ret_sent);
	fiber_shield_end(shield);
	return err;
}

/* Send what is composed.
 *   returns    OK: it is answered well; ERR_TOOL_FAILED: run->failure */
AWAITS static enum err attempt(struct run *run, const struct step *step, struct request *request)
{
	bool sent = false;
	enum err err;

	if (run->requests >= CONNECTOR_REQUESTS_MAX)
		return run_fail(run, CLASS_TOO_LARGE, "it takes more than %d requests", CONNECTOR_REQUESTS_MAX);
	run->requests++;
	err = exchange_once(run, request, &sent);
	if (err == ERR_TOOL_FAILED)
		return err; /* the journal */
	if (err != OK)
		return failure_of_way(run, step, err, sent);
	return failure_of_answer(run, step) ? OK : ERR_TOOL_FAILED;
}

/* Whether a refused request is sent once more; waits until then.
 *   returns    OK: it is; ERR_TOOL_FAILED: it is not; or why the call ends */
AWAITS static enum err again(struct run *run, const struct step *step, bool own, struct tries *tries)
{
	const struct retry *retry = &step->retry;
	enum failure_class class = run->failure.class;
	int64_t wait_ms = MOMENT_MS;

	if ((class == CLASS_TOKEN_EXPIRED || class == CLASS_TOKEN_REVOKED) && !own) {
		run->failure.class = CLASS_PERMISSION; /* it was not shown the account's */
	} else if (class == CLASS_TOKEN_EXPIRED || class == CLASS_TOKEN_REVOKED) {
		enum err err = run_credential_renew(run);

		return err == OK && class == CLASS_TOKEN_REVOKED ? ERR_CREDENTIAL_REFUSED : err;
	}
	if (retry->when != NULL && run->failure.status != 0 && tries->known < retry->max &&
	    template_holds(retry->when, &run->scope)) {
		wait_ms = tries->known++ == 0 ? retry->every_ms : (int64_t)((double)tries->wait_ms * retry->factor);
		tries->wait_ms = wait_ms;
	} else if (class == CLASS_TRANSIENT && !step->commit && !tries->moment) {
		tries->moment = true;
	} else {
		return ERR_TOOL_FAILED;
	}
	if (wait_ms + DEADLINE_REST_MS >= run_left_ms(run))
		return ERR_TOOL_FAILED;
	return fiber_sleep(wait_ms);
}

/* What a memo is kept under: everything that the request depended on. */
static void memo_key(const struct run *run, const struct request *request, uint8_t out[MEMO_KEY_BYTES])
{
	struct str secret = run->credential.secret == NULL ? STR("") : secret_text_str(run->credential.secret);
	AUTO_BUF account = {0};

	run_put_account(run, &account);
	const struct str parts[] = {
		buf_str(&account),
		STR("\n"),
		run->connector->name,
		STR("\n"),
		request->step->http.method,
		STR("\n"),
		run->tool->name,
		STR("\n"),
		request->step->id,
		STR("\n"),
		buf_str(&request->url),
		STR("\n"),
		buf_str(&request->body.text),
		STR("\n"),
		secret,
	};

	crypto_mac(run->runner->digest_key, parts, ARRAY_LEN(parts), out);
}

/* Captures as one object, and back. */
static enum err recall(struct run *run, const uint8_t key[MEMO_KEY_BYTES], bool *ret_known)
{
	size_t at, count;
	yyjson_val *root, *name, *value;
	AUTO_BUF text = {0};

	*ret_known = memos_get(run->runner->memos, key, &text);
	if (!*ret_known)
		return OK;
	TRY(json_read(run->arena, buf_str(&text), &root));
	crypto_wipe(text.p, text.n);
	yyjson_obj_foreach(root, at, count, name, value) run_capture(run, json_str(name), value_of_json(value));
	return OK;
}

AWAITS static enum err remember(struct run *run, const struct step *step, const uint8_t key[MEMO_KEY_BYTES])
{
	AUTO_BUF text = {0}, account = {0};

	TRY(step_capture(run, step));
	buf_put_byte(&text, '{');
	for (const struct capture *capture = run->captures; capture != NULL; capture = capture->next) {
		for (size_t i = 0; i < step->captures.count; i++) {
			if (!str_eq(step->captures.items[i].name, capture->name) || capture->value.kind == VALUE_ABSENT)
				continue;
			if (text.n > 1)
				buf_put_byte(&text, ',');
			buf_put_json(&text, capture->name);
			buf_put_byte(&text, ':');
			value_put_json(&text, capture->value);
		}
	}
	buf_put_byte(&text, '}');
	run_put_account(run, &account);
	memos_put(run->runner->memos, key, buf_str(&account), buf_str(&text), step->memo_ms);
	crypto_wipe(text.p, text.n);
	return OK;
}

/* One round: compose, look whether its captures are known, send. */
AWAITS static enum err round_once(struct run *run, const struct step *step, struct request *request, bool *ret_known)
{
	uint8_t key[MEMO_KEY_BYTES];

	TRY(request_compose(run, step, request));
	if (step->memo_ms > 0) {
		memo_key(run, request, key);
		TRY(recall(run, key, ret_known));
		if (*ret_known)
			return OK;
	}
	TRY(attempt(run, step, request));
	return step->memo_ms > 0 ? remember(run, step, key) : OK;
}

AWAITS enum err step_http(struct run *run, const struct step *step, bool *ret_known)
{
	struct tries tries = {0};
	struct request *request = arena_try_alloc(run->call->arena, sizeof(*request));
	enum err err;

	*ret_known = false;
	if (request == NULL)
		return ERR_LIMIT;
	do {
		bool own;

		TRY(failure_if_paused(run, step));
		run->failure = (struct failure){0};
		err = round_once(run, step, request, ret_known);
		own = request->own;
		run_credential_show(run, false);
		run->scope.arena = run->arena;
		request_done(run, request);
		if (err == ERR_TOOL_FAILED) {
			enum err next = again(run, step, own, &tries);

			if (next != OK)
				return next;
		}
	} while (err == ERR_TOOL_FAILED);
	return err;
}
