/* Telling Inngest what is here. Anybody may ask for that: it is told to the configured address, of the configured
 * origin, and not more often than REGISTRATIONS. Who has proved to be Inngest can have the same in the answer
 * (in-band); a URL that a request names is not even read. */
#include "inngest/private.h"

#include "base/check.h"
#include "http/form.h"

#define REGISTRATION_ANSWER_BYTES_MAX (64 * 1024)
#define DEPLOY_ID_BYTES_MAX 128

static const struct rate registrations = {.limit = 10, .window_ms = 60000}; /* of the fleet; the server polls rarely */

static void put_text(struct buf *out, const char *name, struct str text)
{
	buf_put_fmt(out, "\"%s\":", name);
	buf_put_json(out, text);
}

void endpoint_put(struct buf *out, const struct inngest_spec *spec)
{
	buf_put(out, spec->origin);
	buf_put(out, STR(INNGEST_PATH));
}

static void put_trigger(struct buf *out, const struct inngest_function *function)
{
	buf_put(out, STR(",\"triggers\":[{"));
	if (function->cron != NULL)
		put_text(out, "cron", str_of(function->cron));
	else
		put_text(out, "event", str_of(function->event));
	buf_put(out, STR("}]"));
	if (function->concurrency > 0) {
		buf_put_fmt(out, ",\"concurrency\":[{\"limit\":%u,", function->concurrency);
		put_text(out, "key", str_of(function->concurrency_key));
		buf_put(out, STR(",\"scope\":\"fn\"}]"));
	}
}

/* Inngest knows of one step only: "step", the address to call. */
static void put_function(struct buf *out, const struct inngest_spec *spec, const struct inngest_function *function)
{
	AUTO_BUF id = {0};
	AUTO_BUF url = {0};

	buf_put(&id, spec->app_id);
	buf_put_byte(&id, '-');
	buf_put(&id, str_of(function->id));
	endpoint_put(&url, spec);
	buf_put_byte(&url, '?');
	form_put(&url, STR("fnId"), buf_str(&id));
	form_put(&url, STR("stepId"), STR("step"));
	buf_put_byte(out, '{');
	put_text(out, "id", buf_str(&id));
	buf_put_byte(out, ',');
	put_text(out, "name", str_of(function->id));
	put_trigger(out, function);
	buf_put(out, STR(",\"steps\":{\"step\":{\"id\":\"step\",\"name\":\"step\",\"runtime\":{\"type\":\"http\","));
	put_text(out, "url", buf_str(&url));
	buf_put_fmt(out, "},\"retries\":{\"attempts\":%u}}}}", function->retries);
}

static void put_functions(struct buf *out, const struct inngest_spec *spec)
{
	buf_put(out, STR("\"functions\":["));
	for (size_t i = 0; i < spec->function_count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		put_function(out, spec, &spec->functions[i]);
	}
	buf_put_byte(out, ']');
}

static void put_registration(struct buf *out, const struct inngest_spec *spec)
{
	AUTO_BUF url = {0};

	endpoint_put(&url, spec);
	buf_put_byte(out, '{');
	put_text(out, "url", buf_str(&url));
	buf_put(out, STR(",\"deployType\":\"ping\","));
	put_text(out, "appName", spec->app_id);
	buf_put(out, STR(",\"sdk\":\"" INNGEST_SDK
			 "\",\"v\":\"0.1\",\"framework\":\"gatehouse\",\"capabilities\":{\"trust_probe\":\"v1\"},"));
	put_functions(out, spec);
	buf_put_byte(out, '}');
}

static void put_in_band(struct buf *out, const struct inngest_spec *spec, enum inngest_proof proof)
{
	AUTO_BUF url = {0};

	endpoint_put(&url, spec);
	buf_put_byte(out, '{');
	put_text(out, "app_id", spec->app_id);
	buf_put(out, STR(",\"env\":null,\"framework\":\"gatehouse\","));
	put_functions(out, spec);
	buf_put(out, STR(",\"inspection\":"));
	introspection_put(out, spec, proof);
	buf_put(out, STR(",\"platform\":null,\"sdk_author\":\"gatehouse\",\"sdk_language\":\"c\",\"sdk_version\":"
			 "\"" GATEHOUSE_VERSION "\",\"sdk\":\"" INNGEST_SDK "\","));
	put_text(out, "url", buf_str(&url));
	buf_put(out, STR(",\"capabilities\":{\"trust_probe\":\"v1\",\"in_band_sync\":\"v1\"}}"));
}

static void answer_message(struct inngest_visit *visit, int status, struct str message, bool modified)
{
	visit->status = status;
	buf_put_byte(visit->body, '{');
	put_text(visit->body, "message", message);
	buf_put(visit->body, modified ? STR(",\"modified\":true}") : STR(",\"modified\":false}"));
}

/* What Inngest's answer to a registration means. */
static void tell_outcome(struct inngest_visit *visit, int status, struct str text)
{
	yyjson_val *answer = NULL;
	AUTO_BUF message = {0};
	enum err err = json_read(visit->arena, text, &answer);
	struct str words = json_str(json_get(answer, "error"));

	if (status == 200 && err == OK) {
		answer_message(visit, 200, STR("Successfully registered"),
			       yyjson_is_true(json_get(answer, "modified")));
		return;
	}
	buf_put_fmt(&message, "Inngest answered %d", status);
	if (words.n > 0) {
		buf_put(&message, STR(": "));
		buf_put(&message, str_shorten(words, INNGEST_PROBLEM_BYTES_MAX));
	}
	answer_message(visit, 500, buf_str(&message), false);
}

static struct str deploy_id_of(struct inngest_visit *visit)
{
	struct form *query = ARENA_NEW(visit->arena, struct form);
	struct str id;

	if (form_read(visit->arena, visit->request->query, query) != OK)
		return STR_NONE;
	id = form_get(query, STR("deployId"));
	return id.n <= DEPLOY_ID_BYTES_MAX && !str_has_control(id) ? id : STR_NONE;
}

AWAITS static enum err register_here(struct inngest_visit *visit)
{
	struct rate_verdict verdict;
	AUTO_BUF path = {0};
	AUTO_BUF body = {0};
	struct str answer, deploy_id = deploy_id_of(visit);
	enum err err;
	int status;

	TRY(state_take(visit->spec->state, STR("inngest-register"), &registrations, &verdict));
	if (!verdict.allowed) {
		buf_put_fmt(visit->headers, "Retry-After: %lld\r\n", (long long)(verdict.retry_ms / 1000 + 1));
		answer_message(visit, 429, STR("registered too often; wait as Retry-After says"), false);
		return OK;
	}
	buf_put(&path, STR("/fn/register"));
	if (deploy_id.n > 0) {
		buf_put_byte(&path, '?');
		form_put(&path, STR("deployId"), deploy_id);
	}
	put_registration(&body, visit->spec);
	err = inngest_ask(visit->spec, visit->arena, buf_str(&path), buf_str(&body), REGISTRATION_ANSWER_BYTES_MAX,
			  &status, &answer);
	if (err == ERR_CANCELED || err == ERR_TIMEOUT)
		return err;
	if (err != OK)
		answer_message(visit, 500, str_of(err_text(err)), false);
	else
		tell_outcome(visit, status, answer);
	return OK;
}

AWAITS enum err registration_serve(struct inngest_visit *visit)
{
	struct str kind = single_header(visit->request->fields, STR("x-inngest-sync-kind"));
	bool in_band = str_eq(kind, STR("in_band")) || str_eq(kind, STR("in-band"));

	CHECK(visit->proof != INNGEST_FALSE);
	if (!in_band) {
		TRY(register_here(visit));
		buf_put(visit->headers, STR("X-Inngest-Sync-Kind: out_of_band\r\n"));
		return OK;
	}
	if (visit->proof == INNGEST_UNSIGNED) {
		visit->status = 401;
		return OK;
	}
	visit->status = 200;
	put_in_band(visit->body, visit->spec, visit->proof);
	buf_put(visit->headers, STR("X-Inngest-Sync-Kind: in_band\r\n"));
	return OK;
}
