/* The sign-in at Key Vault.
 *
 *     ask without a token ──401, challenge──▶ is it this vault's, of our authority? ──▶ token by client credentials
 *                                                                                             │
 *                            a minute or more before it ends: another one  ◀──────────────────┘
 *
 * The client's secret is read from its file at each sign-in, so a new one needs no restart. Redirects are not followed.
 */
#include "authclient/ask.h"
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "secrets/azure.h"
#include "secrets/patient.h"

#define TIMEOUT_MS 5000
#define EARLY_MS (5 * 60 * 1000LL) /* before a token ends the next is asked for */
#define LEAST_MS 60000		   /* of a token's use, however short its life */
#define FAILED_MS 5000
#define DAY_MS (24LL * 3600 * 1000)

static void begin_words(const struct azure_server *server, struct buf *problem)
{
	buf_put_fmt(problem, "%.*s: ", STR_ARG(server->settings->azure.url));
}

AWAITS static enum err transmit(struct azure_server *server, struct arena *arena, const struct azure_ask *ask,
				bool with_token, struct fetched *ret)
{
	const struct secrets_azure *settings = &server->settings->azure;
	struct fetch fetch = {.url = ask->url,
			      .method = ask->method,
			      .body = ask->body,
			      .timeout_ms = TIMEOUT_MS,
			      .allow_private = true,
			      .ca_file = settings->ca_file.n > 0 ? settings->ca_file.p : NULL};
	AUTO_BUF headers = {0};
	enum err err;

	buf_put(&headers, STR("Accept: application/json\r\nContent-Type: application/json\r\n"));
	if (with_token && server->token != NULL)
		buf_put_fmt(&headers, "Authorization: Bearer %.*s\r\n", STR_ARG(secret_text_str(server->token)));
	fetch.headers = buf_str(&headers);
	err = patient_fetch(arena, &fetch, ret);
	crypto_wipe(headers.p, headers.n);
	return err;
}

/* ---- signing in ------------------------------------------------------------------ */

/* What the vault wants to see: asked without a token, and without what the request is about. */
AWAITS static enum err ask_challenge(struct azure_server *server, struct arena *arena, struct buf *problem,
				     struct azure_challenge *ret_challenge)
{
	const struct secrets_azure *settings = &server->settings->azure;
	struct azure_ask ask = {.url = arena_fmt(arena, "%.*s/secrets?maxresults=1&api-version=%.*s",
						 STR_ARG(settings->url), STR_ARG(settings->api_version))};
	struct fetched fetched;
	enum err err = transmit(server, arena, &ask, false, &fetched);

	if (err == OK && fetched.status == 401)
		err = azure_challenge_read(arena, fetched.challenge, &server->url, buf_str(&server->authority), problem,
					   ret_challenge);
	else if (err == OK)
		err = ERR_UPSTREAM_GARBAGE;
	if (err == ERR_UPSTREAM_GARBAGE)
		buf_put(problem, STR("it does not answer as a Key Vault does (401 with a Bearer challenge)"));
	return err;
}

static void take_token(struct azure_server *server, const struct token_answer *answer)
{
	int64_t life_ms = answer->expires_ms == 0 ? EARLY_MS : answer->expires_ms - clock_wall_ms();
	struct secret_text *old = server->token;

	server->token = secret_text_new(answer->access_token);
	server->generation++;
	server->renew_ms = clock_ms() + (life_ms > EARLY_MS + LEAST_MS ? life_ms - EARLY_MS : LEAST_MS);
	secret_text_unref(old);
}

AWAITS static enum err ask_token(struct azure_server *server, struct arena *arena,
				 const struct azure_challenge *challenge, const struct secret_text *secret,
				 struct buf *problem)
{
	const struct secrets_azure *settings = &server->settings->azure;
	const struct auth_dialect standard = {0};
	const struct client_identity client = {
		.id = settings->client_id, .secret = secret_text_str(secret), .auth = CLIENT_AUTH_POST};
	const struct token_endpoint endpoint = {
		.url = arena_fmt(arena, "%.*s/oauth2/v2.0/token", STR_ARG(challenge->authority)),
		.dialect = &standard,
		.client = &client,
		.ca_file = settings->ca_file.n > 0 ? settings->ca_file.p : NULL,
		.allow_private = true,
	};
	const struct token_request request = {.grant = GRANT_CLIENT, .scope = challenge->scope};
	enum token_refusal refusal;
	struct token_answer answer;
	AUTO_BUF words = {0};
	enum err err = token_ask(arena, &endpoint, &request, &words, &answer, &refusal);

	if (err == OK) {
		take_token(server, &answer);
		return OK;
	}
	buf_put_fmt(problem, "sign-in at %.*s: %.*s", STR_ARG(challenge->authority),
		    STR_ARG(words.n > 0 ? buf_str(&words) : str_of(err_text(err))));
	return err == ERR_UPSTREAM_AUTH ? ERR_CONFIG : err;
}

AWAITS static enum err login(struct azure_server *server, struct arena *arena, struct buf *problem)
{
	AUTO(secret_text) *secret = NULL;
	struct azure_challenge challenge;
	size_t begun;
	enum err err;

	TRY(secrets_read_file(server->settings->azure.client_secret_file, problem, &secret));
	begin_words(server, problem);
	begun = problem->n;
	err = ask_challenge(server, arena, problem, &challenge);
	if (err == OK)
		err = ask_token(server, arena, &challenge, secret, problem);
	if (err != OK && problem->n == begun)
		buf_put(problem, str_of(err_text(err)));
	return err;
}

AWAITS enum err azure_login(struct azure_server *server, uint64_t generation, struct buf *problem)
{
	struct arena *arena;
	AUTO_BUF words = {0};
	enum err err;

	TRY(gate_enter(&server->login));
	if (server->generation != generation) {
		gate_leave(&server->login);
		return OK;
	}
	arena = arena_new(AZURE_ARENA_BYTES);
	err = login(server, arena, &words);
	arena_free_wiped(arena);
	gate_leave(&server->login);
	if (err != OK)
		buf_put(problem, buf_str(&words));
	return err;
}

/* ---- asking ---------------------------------------------------------------------- */

static enum err say(struct azure_server *server, struct arena *arena, enum err err, const struct fetched *fetched,
		    struct buf *problem)
{
	struct str words = err == OK ? azure_words(arena, fetched->body) : STR("");

	begin_words(server, problem);
	if (err != OK)
		buf_put(problem, str_of(err_text(err)));
	else if (fetched->status / 100 == 3)
		buf_put(problem, STR("it redirects, which is not followed; name the vault itself in `azure.url`"));
	else
		buf_put_fmt(problem, "it answers %d", fetched->status);
	if (words.n > 0)
		buf_put_fmt(problem, " (%.*s)", STR_ARG(words));
	if (err != OK)
		return err;
	return fetched->status == 401 || fetched->status == 403 ? ERR_FORBIDDEN : ERR_UPSTREAM_DOWN;
}

static bool is_bad(int status)
{
	return status == 401 || status == 403 || status == 429 || status / 100 == 3 || status >= 500;
}

AWAITS static enum err ask_again(struct azure_server *server, struct arena *arena, const struct azure_ask *ask,
				 struct buf *problem, struct fetched *ret)
{
	uint64_t generation = server->generation;
	enum err err = transmit(server, arena, ask, true, ret);

	if (err == OK && ret->status == 401) {
		TRY(azure_login(server, generation, problem));
		err = transmit(server, arena, ask, true, ret);
	}
	return err != OK || is_bad(ret->status) ? say(server, arena, err, ret, problem) : OK;
}

AWAITS enum err azure_ask(struct azure_server *server, struct arena *arena, const struct azure_ask *ask,
			  struct buf *problem, struct fetched *ret)
{
	enum err err;

	TRY(gate_enter(&server->calls));
	err = ask_again(server, arena, ask, problem, ret);
	gate_leave(&server->calls);
	return err;
}

AWAITS int64_t azure_tend(void *own)
{
	struct azure_server *server = own;
	int64_t left_ms = server->renew_ms - clock_ms();
	AUTO_BUF problem = {0};
	enum err err;

	if (left_ms > 0)
		return left_ms < DAY_MS ? left_ms : DAY_MS;
	err = azure_login(server, server->generation, &problem);
	if (err != OK && err != ERR_CANCELED && !server->failing)
		log_warn("secrets.sign_in_failed", LOG_ERR(err), LOG_STR("problem", buf_str(&problem)),
			 LOG_CSTR("effect", "values known so far stay in use"));
	server->failing = err != OK;
	left_ms = err != OK ? patient_spread(FAILED_MS) : server->renew_ms - clock_ms();
	return left_ms > 1 ? (left_ms < DAY_MS ? left_ms : DAY_MS) : 1;
}
