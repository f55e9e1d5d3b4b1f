/* The way to Graph: sign in by client credentials, ask, and wait where waiting helps.
 *
 *     no answer, 429, 5xx    again, Retry-After or a growing pause later
 *     404 of what was made   again: replicas of the directory learn of it a moment later
 *     401                    sign in anew, once
 *     all else               is the answer
 *
 * Everything asked here may be asked twice: an application is made under a name of its own, its principal is there
 * once, and of secrets those that nobody knows are removed. */
#include "bridge/graph.h"

#include <stdlib.h>

#include "authclient/ask.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "http/fetch.h"
#include "rt/fiber.h"

#define TIMEOUT_MS 10000
#define TRIES_MAX 6
#define PAUSE_MS 200		      /* before the second try; doubling */
#define PAUSE_MS_MAX 10000	      /* whatever Retry-After says */
#define ANSWER_BYTES_MAX (128 * 1024) /* a page of 100 applications with what we select: 30 KB */
#define REPEATS_MAX 24
#define ARENA_BYTES_MAX (32u << 20) /* no answer, however often, fills it */
#define LABEL "gatehouse"	    /* of our secrets there */
#define SELECT "id,appId,uniqueName,createdDateTime"

struct question {
	struct str method; /* p NULL: GET */
	struct str path;   /* behind /v1.0, or a whole URL */
	struct str body;
	bool create; /* make it if it is missing */
	bool fresh;  /* it was just made: 404 may pass */
};

void graph_begin(struct graph *graph, const struct bridge_settings *settings)
{
	*graph = (struct graph){.settings = settings,
				.arena = arena_new(ARENA_BYTES_MAX),
				.token = STR_NONE,
				.until_ms = clock_ms() + GRAPH_PATIENCE_MS};
}

void graph_end(struct graph *graph)
{
	arena_free_wiped(graph->arena);
	buf_free(&graph->problem);
	*graph = (struct graph){0};
}

/* ---- signing in ---------------------------------------------------------------------- */

static const char *ca_file_of(const struct bridge_settings *settings)
{
	return settings->ca_file.n > 0 ? settings->ca_file.p : NULL;
}

AWAITS static enum err sign_in(struct graph *graph)
{
	const struct bridge_settings *settings = graph->settings;
	const struct auth_dialect standard = {0};
	const struct client_identity client = {
		.id = settings->client_id, .secret = settings->client_secret, .auth = CLIENT_AUTH_POST};
	const struct token_endpoint endpoint = {
		.url = arena_fmt(graph->arena, "%.*s/%.*s/oauth2/v2.0/token", STR_ARG(settings->authority),
				 STR_ARG(settings->tenant)),
		.dialect = &standard,
		.client = &client,
		.ca_file = ca_file_of(settings),
		.allow_private = settings->allow_private,
	};
	const struct token_request request = {
		.grant = GRANT_CLIENT,
		.scope = arena_fmt(graph->arena, "%.*s/.default", STR_ARG(settings->graph)),
	};
	enum token_refusal refusal;
	struct token_answer answer;
	AUTO_BUF words = {0};
	enum err err = token_ask(graph->arena, &endpoint, &request, &words, &answer, &refusal);

	if (err == OK) {
		graph->token = answer.access_token;
		return OK;
	}
	graph->problem.n = 0;
	buf_put_fmt(&graph->problem, "sign-in at %.*s: %.*s", STR_ARG(endpoint.url),
		    STR_ARG(words.n > 0 ? buf_str(&words) : str_of(err_text(err))));
	if (err == ERR_CANCELED || err == ERR_TIMEOUT)
		return err;
	return err == ERR_UPSTREAM_AUTH || err == ERR_CONFIG || err == ERR_REFUSED_ADDRESS ? ERR_BRIDGE_REFUSED
											   : ERR_BRIDGE_DOWN;
}

/* ---- asking -------------------------------------------------------------------------- */

AWAITS static enum err transmit(struct graph *graph, const struct question *question, struct fetched *ret)
{
	const struct bridge_settings *settings = graph->settings;
	AUTO_BUF headers = {0};
	struct fetch fetch = {.url = question->path,
			      .method = question->method,
			      .body = question->body,
			      .timeout_ms = TIMEOUT_MS,
			      .bytes_max = ANSWER_BYTES_MAX,
			      .allow_private = settings->allow_private,
			      .ca_file = ca_file_of(settings)};
	enum err err;

	if (question->path.p[0] == '/')
		fetch.url = arena_fmt(graph->arena, "%.*s/v1.0%.*s", STR_ARG(settings->graph), STR_ARG(question->path));
	if (graph->token.p == NULL)
		TRY(sign_in(graph));
	buf_put_fmt(&headers, "Authorization: Bearer %.*s\r\nAccept: application/json\r\n", STR_ARG(graph->token));
	if (question->body.n > 0)
		buf_put(&headers, STR("Content-Type: application/json\r\n"));
	if (question->create)
		buf_put(&headers, STR("Prefer: create-if-missing\r\n"));
	fetch.headers = buf_str(&headers);
	err = http_fetch(graph->arena, &fetch, ret);
	crypto_wipe(headers.p, headers.n);
	return err;
}

static void describe(struct graph *graph, const struct question *question, enum err err, int status,
		     const struct graph_error *error)
{
	graph->problem.n = 0;
	buf_put_fmt(&graph->problem, "%.*s %.*s: ", STR_ARG(question->method.p == NULL ? STR("GET") : question->method),
		    STR_ARG(question->path));
	if (err != OK)
		buf_put(&graph->problem, str_of(err_text(err)));
	else
		buf_put_fmt(&graph->problem, "it answers %d", status);
	if (error->code.n > 0)
		buf_put_fmt(&graph->problem, " (%.*s: %.*s)", STR_ARG(error->code), STR_ARG(error->message));
}

/* A pause before the next try; spread, so that replicas that were refused together do not come together.
 *   Errors     ERR_BRIDGE_DOWN: its patience is over */
AWAITS static enum err pause_before(struct graph *graph, int attempt, int64_t asked_ms)
{
	int64_t pause_ms = (int64_t)PAUSE_MS << attempt;
	uint16_t random;

	random_bytes(&random, sizeof(random));
	pause_ms = asked_ms > pause_ms ? asked_ms : pause_ms;
	pause_ms = pause_ms > PAUSE_MS_MAX ? PAUSE_MS_MAX : pause_ms;
	pause_ms += pause_ms * random / UINT16_MAX / 5;
	if (attempt + 1 >= TRIES_MAX || graph->repeats >= REPEATS_MAX || clock_ms() + pause_ms > graph->until_ms)
		return ERR_BRIDGE_DOWN;
	return fiber_sleep(pause_ms);
}

static bool is_final(enum err err)
{
	return err == ERR_CANCELED || err == ERR_TIMEOUT || err == ERR_BRIDGE_REFUSED || err == ERR_REFUSED_ADDRESS ||
	       err == ERR_CONFIG || err == ERR_LIMIT;
}

static enum err meaning_of(enum graph_refusal refusal)
{
	switch (refusal) {
	case GRAPH_LAG:
		return ERR_NOT_FOUND;
	case GRAPH_EXISTS:
		return ERR_EXISTS;
	case GRAPH_POLICY:
		return ERR_BRIDGE_POLICY;
	case GRAPH_BAD:
		return ERR_OAUTH_METADATA;
	case GRAPH_DENIED:
		return ERR_BRIDGE_REFUSED;
	default:
		return ERR_BRIDGE_DOWN;
	}
}

/* Ask until there is an answer.
 *   ret        of a status of 2xx
 *   Errors     as meaning_of, ERR_CANCELED, ERR_TIMEOUT */
AWAITS static enum err ask(struct graph *graph, const struct question *question, struct fetched *ret)
{
	bool renewed = false;

	for (int attempt = 0;; attempt++) {
		struct graph_error error = {STR(""), STR("")};
		struct fetched fetched = {0};
		enum graph_refusal refusal = GRAPH_LATER;
		enum err err = transmit(graph, question, &fetched);

		if (err == OK && fetched.status / 100 == 2) {
			*ret = fetched;
			return OK;
		}
		if (err == OK) {
			error = graph_error_read(graph->arena, fetched.body);
			refusal = graph_refusal_of(fetched.status, &error);
		}
		if (err != ERR_BRIDGE_DOWN && err != ERR_BRIDGE_REFUSED) /* of the sign-in, which has said why */
			describe(graph, question, err, fetched.status, &error);
		if (is_final(err))
			return err == ERR_REFUSED_ADDRESS || err == ERR_CONFIG ? ERR_BRIDGE_REFUSED : err;
		if (fetched.status == 401 && !renewed) {
			renewed = true;
			graph->token = STR_NONE;
			continue;
		}
		if (refusal != GRAPH_LATER && !(refusal == GRAPH_LAG && question->fresh))
			return meaning_of(refusal);
		TRY(pause_before(graph, attempt, fetched.retry_after_ms));
		graph->repeats++;
	}
}

/* An answer that cannot be read is as good as none. */
static enum err unreadable(struct graph *graph, const char *what)
{
	graph->problem.n = 0;
	buf_put_fmt(&graph->problem, "%s: the answer cannot be read", what);
	return ERR_BRIDGE_DOWN;
}

/* ---- applications -------------------------------------------------------------------- */

AWAITS static enum err find(struct graph *graph, struct str path, bool fresh, struct graph_application *ret)
{
	const struct question question = {.path = arena_fmt(graph->arena, "%.*s?$select=" SELECT, STR_ARG(path)),
					  .fresh = fresh};
	struct fetched fetched;

	TRY(ask(graph, &question, &fetched));
	return graph_application_read(graph->arena, fetched.body, ret) == OK ? OK : unreadable(graph, "an application");
}

static struct str path_of(struct graph *graph, struct str object_id, struct str unique)
{
	if (object_id.n > 0)
		return arena_fmt(graph->arena, "/applications/%.*s", STR_ARG(object_id));
	return arena_fmt(graph->arena, "/applications(uniqueName='%.*s')", STR_ARG(unique));
}

AWAITS enum err graph_make(struct graph *graph, struct str unique, struct str body, struct graph_application *ret)
{
	const struct question question = {
		.method = STR("PATCH"), .path = path_of(graph, STR(""), unique), .body = body, .create = true};
	struct fetched fetched;

	TRY(ask(graph, &question, &fetched));
	if (fetched.status == 201 && graph_application_read(graph->arena, fetched.body, ret) == OK)
		return OK;
	/* It was there: an answer of before was lost. */
	return find(graph, question.path, true, ret);
}

AWAITS enum err graph_change(struct graph *graph, struct str object_id, struct str body)
{
	const struct question question = {
		.method = STR("PATCH"), .path = path_of(graph, object_id, STR("")), .body = body};
	struct fetched fetched;

	return ask(graph, &question, &fetched);
}

AWAITS enum err graph_find(struct graph *graph, struct str object_id, struct str unique, struct graph_application *ret)
{
	return find(graph, path_of(graph, object_id, unique), false, ret);
}

AWAITS static enum err drop(struct graph *graph, struct str path)
{
	const struct question question = {.method = STR("DELETE"), .path = path};
	struct fetched fetched;
	enum err err = ask(graph, &question, &fetched);

	return err == ERR_NOT_FOUND ? OK : err;
}

AWAITS enum err graph_drop(struct graph *graph, const struct graph_application *application)
{
	TRY(drop(graph, arena_fmt(graph->arena, "/servicePrincipals(appId='%.*s')", STR_ARG(application->client_id))));
	return drop(graph, path_of(graph, application->object_id, STR("")));
}

AWAITS enum err graph_make_principal(struct graph *graph, struct str client_id)
{
	const struct question question = {
		.method = STR("POST"),
		.path = STR("/servicePrincipals"),
		.body = arena_fmt(graph->arena, "{\"appId\":\"%.*s\"}", STR_ARG(client_id)),
		.fresh = true,
	};
	struct fetched fetched;
	enum err err = ask(graph, &question, &fetched);

	return err == ERR_EXISTS ? OK : err;
}

/* ---- secrets -------------------------------------------------------------------------- */

AWAITS enum err graph_make_password(struct graph *graph, struct str object_id, int64_t ends_ms,
				    struct graph_password *ret)
{
	char ends[CLOCK_ISO_LEN + 1];
	struct question question = {
		.method = STR("POST"),
		.path = arena_fmt(graph->arena, "/applications/%.*s/addPassword", STR_ARG(object_id)),
		.fresh = true,
	};
	struct fetched fetched;

	clock_iso(ends_ms, ends);
	question.body = arena_fmt(
		graph->arena, "{\"passwordCredential\":{\"displayName\":\"" LABEL "\",\"endDateTime\":\"%s\"}}", ends);
	TRY(ask(graph, &question, &fetched));
	if (graph_password_read(graph->arena, fetched.body, ret) != OK)
		return unreadable(graph, "a new secret");
	if (ret->ends_ms == 0)
		ret->ends_ms = ends_ms;
	return OK;
}

AWAITS enum err graph_keep_passwords(struct graph *graph, struct str object_id, struct str key_id,
				     struct str old_key_id)
{
	const struct question question = {.path = arena_fmt(graph->arena,
							    "/applications/%.*s?$select=id,passwordCredentials",
							    STR_ARG(object_id))};
	struct fetched fetched;
	struct str *ids;
	size_t count;

	TRY(ask(graph, &question, &fetched));
	if (graph_passwords_read(graph->arena, fetched.body, STR(LABEL), &ids, &count) != OK)
		return unreadable(graph, "an application's secrets");
	for (size_t i = 0; i < count; i++) {
		const struct question removal = {
			.method = STR("POST"),
			.path = arena_fmt(graph->arena, "/applications/%.*s/removePassword", STR_ARG(object_id)),
			.body = arena_fmt(graph->arena, "{\"keyId\":\"%.*s\"}", STR_ARG(ids[i])),
		};

		if (!str_eq(ids[i], key_id) && !str_eq(ids[i], old_key_id))
			TRY(ask(graph, &removal, &fetched));
	}
	return OK;
}

/* ---- lists ---------------------------------------------------------------------------- */

AWAITS enum err graph_list(struct graph *graph, struct str tag, struct str *next, struct graph_application **ret_items,
			   size_t *ret_count)
{
	struct question question = {.path = *next};
	struct fetched fetched;

	if (next->p == NULL)
		question.path = arena_fmt(
			graph->arena, "/applications?$filter=tags/any(t:t%%20eq%%20'%.*s')&$select=" SELECT "&$top=%d",
			STR_ARG(tag), GRAPH_PAGE_ITEMS);
	TRY(ask(graph, &question, &fetched));
	return graph_page_read(graph->arena, fetched.body, graph->settings->graph, ret_items, ret_count, next) == OK
		       ? OK
		       : unreadable(graph, "a list of applications");
}
