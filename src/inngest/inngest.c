/* The door: what may be asked by whom, and what every answer has. A wrong signature is answered 401 with the same bytes
 * whatever is wrong with it; a call whose signature was seen before is such a one. Answers to who has proved to be
 * Inngest are signed with the key that it used. */
#include "inngest/private.h"

#include "base/check.h"

static const struct str unauthorized = {"{\"message\":\"Unauthorized\"}", sizeof("{\"message\":\"Unauthorized\"}") - 1};

/* Whether a call's signature comes a second time. */
AWAITS static enum err is_replay(struct inngest_visit *visit, bool *ret_replay)
{
	const struct inngest_spec *spec = visit->spec;
	struct str header = single_header(visit->request->fields, STR("x-inngest-signature")), mac;
	struct str key = visit->proof == INNGEST_PROVEN ? spec->signing_key : spec->signing_key_fallback;
	AUTO_BUF name = {0};
	uint32_t count;

	CHECK(signature_proves(header, visit->request->body, key, visit->request->now_ms / 1000, &mac));
	buf_put(&name, STR("inngest:"));
	for (size_t i = 0; i < mac.n; i++) /* both cases are one signature */
		buf_put_byte(&name, (char)(mac.p[i] >= 'A' && mac.p[i] <= 'F' ? mac.p[i] | 0x20 : mac.p[i]));
	TRY(state_count(spec->state, buf_str(&name), INNGEST_REPLAY_MS, &count));
	*ret_replay = count > 1;
	return OK;
}

AWAITS static enum err serve_post(struct inngest_visit *visit)
{
	bool replay;

	visit->status = 401;
	if (visit->proof < INNGEST_PROVEN)
		return OK;
	/* The state is asked even for a probe: nothing that was signed once is answered twice. */
	TRY(is_replay(visit, &replay));
	return replay ? OK : call_serve(visit);
}

AWAITS static enum err serve(struct inngest_visit *visit)
{
	switch (visit->request->method) {
	case INNGEST_GET:
		visit->status = 200;
		introspection_put(visit->body, visit->spec, visit->proof);
		return OK;
	case INNGEST_PUT:
		visit->status = 401;
		return visit->proof == INNGEST_FALSE ? OK : registration_serve(visit);
	case INNGEST_POST:
		return serve_post(visit);
	default:
		return ERR_HTTP_METHOD;
	}
}

static void finish(struct inngest_visit *visit)
{
	const struct inngest_spec *spec = visit->spec;

	buf_put(visit->headers, STR("X-Inngest-Sdk-Handled: true\r\n"));
	if (visit->status == 401) {
		visit->headers->n = 0;
		visit->body->n = 0;
		buf_put(visit->headers, STR("X-Inngest-Sdk-Handled: true\r\n"));
		buf_put(visit->body, unauthorized);
		return;
	}
	buf_put(visit->headers, STR("X-Inngest-Sdk: " INNGEST_SDK "\r\nX-Inngest-Req-Version: 2\r\n"));
	if (visit->proof < INNGEST_PROVEN)
		return;
	buf_put(visit->headers, STR("X-Inngest-Signature: "));
	signature_put(visit->headers, visit->proof == INNGEST_PROVEN ? spec->signing_key : spec->signing_key_fallback,
		      buf_str(visit->body), visit->request->now_ms / 1000);
	buf_put(visit->headers, STR("\r\n"));
}

AWAITS enum err inngest_serve(const struct inngest_spec *spec, const struct inngest_request *request,
			      enum inngest_proof proof, struct arena *arena, struct inngest_answer *ret_answer)
{
	AUTO_BUF headers = {0};
	AUTO_BUF body = {0};
	struct inngest_visit visit = {
		.spec = spec,
		.request = request,
		.proof = proof,
		.arena = arena,
		.headers = &headers,
		.body = &body,
	};
	struct str kept;

	if (request->body.n > INNGEST_BODY_BYTES_MAX)
		return ERR_HTTP_BODY_TOO_LARGE;
	TRY(serve(&visit));
	finish(&visit);
	kept = arena_try_str(arena, buf_str(&body));
	if (kept.p == NULL)
		return ERR_LIMIT;
	*ret_answer = (struct inngest_answer){
		.status = visit.status, .headers = arena_str(arena, buf_str(&headers)), .body = kept};
	return OK;
}
