/* Azure Key Vault: one secret there is one here, under the same name. Its interface knows no "only if it is new", so
 * that is looked at before; what two make at the same moment are two versions of one secret, and the later counts.
 *   Source     Key Vault REST API, secrets */
#include "secrets/azure.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/random.h"

#define CALLS_MAX 4 /* requests at once: a start asks for a few names */
#define WAITING_MAX 256
#define PAGES_MAX (SECRETS_LISTED_MAX / 25 + 1) /* of 25, the most that the service gives */

static struct str secret_url(const struct azure_server *server, struct arena *arena, struct str name)
{
	const struct secrets_azure *azure = &server->settings->azure;

	return arena_fmt(arena, "%.*s/secrets/%.*s?api-version=%.*s", STR_ARG(azure->url), STR_ARG(name),
			 STR_ARG(azure->api_version));
}

static enum err say(const struct azure_server *server, struct buf *problem, struct str name, enum err err,
		    const char *what, struct str words)
{
	buf_put_fmt(problem, "%.*s/secrets/%.*s: %s", STR_ARG(server->settings->azure.url), STR_ARG(name), what);
	if (words.n > 0)
		buf_put_fmt(problem, " (%.*s)", STR_ARG(words));
	return err;
}

/* ---- values ---------------------------------------------------------------------- */

AWAITS static enum err get_in(struct azure_server *server, struct arena *arena, struct str name, struct buf *problem,
			      struct secret_text **ret_text)
{
	struct azure_ask ask = {.url = secret_url(server, arena, name)};
	struct fetched fetched;
	struct str value;

	TRY(azure_ask(server, arena, &ask, problem, &fetched));
	if (fetched.status == 404)
		return say(server, problem, name, ERR_NOT_FOUND, "there is none; `gatehouse secret set` makes it",
			   STR(""));
	if (fetched.status != 200 || azure_value_read(arena, fetched.body, &value) != OK)
		return say(server, problem, name, ERR_UPSTREAM_GARBAGE, "the answer is no secret of a Key Vault",
			   azure_words(arena, fetched.body));
	if (value.n == 0)
		return say(server, problem, name, ERR_CONFIG, "it is empty", STR(""));
	*ret_text = secret_text_new(value);
	return OK;
}

AWAITS static enum err get(void *own, struct str name, struct buf *problem, struct secret_text **ret_text)
{
	struct arena *arena = arena_new(AZURE_ARENA_BYTES);
	enum err err = get_in(own, arena, name, problem, ret_text);

	arena_free_wiped(arena);
	return err;
}

AWAITS static enum err check_fresh(struct azure_server *server, struct str name, struct buf *problem)
{
	AUTO(secret_text) *present = NULL;
	AUTO_BUF words = {0};
	enum err err = get(server, name, &words, &present);

	if (err == OK)
		return say(server, problem, name, ERR_EXISTS, "is there already", STR(""));
	if (err == ERR_NOT_FOUND)
		return OK;
	buf_put(problem, buf_str(&words));
	return err;
}

AWAITS static enum err put_in(struct azure_server *server, struct arena *arena, struct str name, const struct buf *body,
			      struct buf *problem)
{
	struct azure_ask ask = {.method = STR("PUT"), .url = secret_url(server, arena, name), .body = buf_str(body)};
	struct fetched fetched;

	TRY(azure_ask(server, arena, &ask, problem, &fetched));
	if (fetched.status == 200)
		return OK;
	return say(server, problem, name, fetched.status == 409 ? ERR_EXISTS : ERR_UPSTREAM_GARBAGE,
		   fetched.status == 409 ? "a deleted one of that name is kept; recover or purge it first"
					 : "the value was not taken",
		   azure_words(arena, fetched.body));
}

AWAITS static enum err put(void *own, struct str name, struct str value, bool fresh, struct buf *problem)
{
	struct arena *arena;
	AUTO_BUF body = {0};
	enum err err;

	if (!str_is_utf8(value)) {
		buf_put(problem, STR("Key Vault keeps texts: write a key in hexadecimal or base64"));
		return ERR_CONFIG;
	}
	if (fresh)
		TRY(check_fresh(own, name, problem));
	arena = arena_new(AZURE_ARENA_BYTES);
	buf_put(&body, STR("{\"value\":"));
	buf_put_json(&body, value);
	buf_put(&body, STR(",\"contentType\":\"text/plain\"}"));
	err = put_in(own, arena, name, &body, problem);
	crypto_wipe(body.p, body.n);
	arena_free_wiped(arena);
	return err;
}

/* ---- list ------------------------------------------------------------------------ */

AWAITS static enum err list(void *own, struct arena *arena, struct buf *problem, struct secret_fact **ret_facts,
			    size_t *ret_count)
{
	struct azure_server *server = own;
	const struct secrets_azure *azure = &server->settings->azure;
	struct secret_fact *facts = arena_alloc(arena, SECRETS_LISTED_MAX * sizeof(*facts));
	struct azure_ask ask = {.url = arena_fmt(arena, "%.*s/secrets?maxresults=25&api-version=%.*s",
						 STR_ARG(azure->url), STR_ARG(azure->api_version))};
	struct fetched fetched;

	*ret_count = 0;
	for (int page = 0; ask.url.p != NULL && page < PAGES_MAX; page++) {
		TRY(azure_ask(server, arena, &ask, problem, &fetched));
		if (fetched.status != 200)
			return say(server, problem, STR(""), ERR_UPSTREAM_GARBAGE, "the list was refused",
				   azure_words(arena, fetched.body));
		TRY(azure_page_read(arena, fetched.body, &server->url, facts, ret_count, &ask.url));
	}
	*ret_facts = facts;
	return OK;
}

/* ---- the provider ---------------------------------------------------------------- */

AWAITS static void close_server(void *own)
{
	struct azure_server *server = own;

	secret_text_unref(server->token);
	buf_free(&server->authority);
	free(server);
}

AWAITS static enum err open_server(const struct secrets_settings *settings, struct buf *problem, void **ret_own)
{
	const struct secrets_azure *azure = &settings->azure;
	struct azure_server *server = calloc(1, sizeof(*server));
	enum err err;

	CHECK(server != NULL);
	server->settings = settings;
	server->renew_ms = INT64_MAX;
	buf_put_fmt(&server->authority, "%.*s/%.*s", STR_ARG(azure->authority), STR_ARG(azure->tenant));
	gate_init(&server->calls, CALLS_MAX, WAITING_MAX);
	gate_init(&server->login, 1, WAITING_MAX);
	err = url_parse(azure->url, &server->url);
	if (err != OK)
		buf_put_fmt(problem, "azure.url %.*s: is no URL", STR_ARG(azure->url));
	else
		err = azure_login(server, 0, problem);
	if (err == OK)
		*ret_own = server;
	else
		close_server(server);
	return err;
}

const struct secrets_provider secrets_azure_provider = {.name = "azure",
							.open = open_server,
							.close = close_server,
							.get = get,
							.put = put,
							.list = list,
							.tend = azure_tend};
