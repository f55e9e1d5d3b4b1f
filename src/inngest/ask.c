/* What is sent to Inngest: requests to its API with the hash of a signing key, and events, whose address holds the
 * event key and is said nowhere. Both addresses are the operator's: plain HTTP and private ones are theirs to choose.
 */
#include "inngest/private.h"

#include "base/check.h"
#include "base/crypto.h"
#include "http/fetch.h"
#include "http/form.h"

#define EVENTS_AT_ONCE 1000 /* of the 5000 that Inngest takes: a request of some 200 KB */
#define EVENT_ANSWER_BYTES_MAX (256 * 1024)

AWAITS static enum err ask_with(const struct inngest_spec *spec, struct str key, struct arena *arena, struct str path,
				struct str body, size_t bytes_max, struct fetched *ret_fetched)
{
	AUTO_BUF url = {0};
	AUTO_BUF headers = {0};
	struct fetch fetch = {
		.method = body.n > 0 ? STR("POST") : STR("GET"),
		.body = body,
		.bytes_max = bytes_max,
		.timeout_ms = INNGEST_ASK_MS,
		.allow_private = spec->allow_private,
		.plain = spec->allow_private,
	};
	enum err err;

	buf_put(&url, spec->api_url);
	buf_put(&url, path);
	buf_put(&headers, STR("Authorization: Bearer "));
	key_hash_put(&headers, key);
	buf_put(&headers, STR("\r\nContent-Type: application/json\r\nX-Inngest-Sdk: " INNGEST_SDK
			      "\r\nX-Inngest-Expected-Server-Kind: cloud\r\n"));
	fetch.url = buf_str(&url);
	fetch.headers = buf_str(&headers);
	err = http_fetch(arena, &fetch, ret_fetched);
	crypto_wipe(headers.p, headers.n);
	return err;
}

AWAITS enum err inngest_ask(const struct inngest_spec *spec, struct arena *arena, struct str path, struct str body,
			    size_t bytes_max, int *ret_status, struct str *ret_body)
{
	struct fetched fetched;

	TRY(ask_with(spec, spec->signing_key, arena, path, body, bytes_max, &fetched));
	if ((fetched.status == 401 || fetched.status == 403) && spec->signing_key_fallback.n > 0)
		TRY(ask_with(spec, spec->signing_key_fallback, arena, path, body, bytes_max, &fetched));
	*ret_status = fetched.status;
	*ret_body = fetched.body;
	return OK;
}

/* ---- events ---- */

static void put_event(struct buf *out, const struct inngest_event *event)
{
	buf_put(out, STR("{\"name\":"));
	buf_put_json(out, event->name);
	if (event->id.n > 0) {
		buf_put(out, STR(",\"id\":"));
		buf_put_json(out, event->id);
	}
	buf_put_fmt(out, ",\"ts\":%lld,\"data\":", (long long)event->at_ms);
	buf_put(out, event->data);
	buf_put_byte(out, '}');
}

static enum err judge_events(struct arena *arena, const struct fetched *fetched, struct buf *problem)
{
	yyjson_val *answer;

	if (fetched->status == 200)
		return OK;
	buf_put_fmt(problem, "the event API answered %d", fetched->status);
	if (json_read(arena, fetched->body, &answer) == OK && json_str(json_get(answer, "error")).n > 0) {
		buf_put(problem, STR(": "));
		buf_put(problem, str_shorten(json_str(json_get(answer, "error")), INNGEST_PROBLEM_BYTES_MAX));
	}
	if (fetched->status == 401 || fetched->status == 403)
		return ERR_UPSTREAM_AUTH;
	return fetched->status < 500 ? ERR_UPSTREAM_GARBAGE : ERR_UPSTREAM_DOWN;
}

AWAITS static enum err send_some(const struct inngest_spec *spec, struct arena *arena,
				 const struct inngest_event *events, size_t count, struct buf *problem)
{
	AUTO_BUF url = {0};
	AUTO_BUF body = {0};
	struct fetch fetch = {
		.method = STR("POST"),
		.headers = STR("Content-Type: application/json\r\nX-Inngest-Sdk: " INNGEST_SDK "\r\n"),
		.bytes_max = EVENT_ANSWER_BYTES_MAX,
		.timeout_ms = INNGEST_ASK_MS,
		.allow_private = spec->allow_private,
		.plain = spec->allow_private,
	};
	struct fetched fetched;
	enum err err;

	for (size_t i = 0; i < count; i++) {
		buf_put_byte(&body, i == 0 ? '[' : ',');
		put_event(&body, &events[i]);
	}
	buf_put_byte(&body, ']');
	buf_put(&url, spec->event_url);
	buf_put(&url, STR("/e/"));
	percent_put(&url, spec->event_key);
	fetch.url = buf_str(&url);
	fetch.body = buf_str(&body);
	err = http_fetch(arena, &fetch, &fetched);
	crypto_wipe(url.p, url.n);
	if (err != OK) {
		buf_put_fmt(problem, "the event API did not answer: %s", err_text(err));
		return err;
	}
	return judge_events(arena, &fetched, problem);
}

AWAITS enum err inngest_send(const struct inngest_spec *spec, struct arena *arena, const struct inngest_event *events,
			     size_t count, struct buf *problem)
{
	for (size_t sent = 0; sent < count; sent += EVENTS_AT_ONCE)
		TRY(send_some(spec, arena, events + sent, count - sent < EVENTS_AT_ONCE ? count - sent : EVENTS_AT_ONCE,
			      problem));
	return OK;
}
