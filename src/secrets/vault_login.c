/* The sign-in at Vault and what keeps it alive.
 *
 *     (none) --AppRole--> token --2/3 of its lease--> renewed --> ...
 *        ^                  |                            |
 *        |                  +--403, not renewable,-------+
 *        +------------------+  or its longest life is near
 *
 * Role and secret ids are read from their files at each sign-in, so a new one needs no restart. Redirects are not
 * followed: a standby's would carry the token to a host that nobody named. */
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "secrets/patient.h"
#include "secrets/vault.h"

#define TIMEOUT_MS 5000
#define FAILED_MS 5000 /* until a failed renewal is tried again */
#define DAY_MS (24LL * 3600 * 1000)

/* ---- one request ----------------------------------------------------------------- */

/* Once, or as often as what fails may pass. */
AWAITS static enum err transmit(struct vault_server *server, struct arena *arena, const struct vault_ask *ask,
				bool once, struct fetched *ret)
{
	const struct secrets_vault *settings = &server->settings->vault;
	struct fetch fetch = {
		.method = ask->method, .body = ask->body, .timeout_ms = TIMEOUT_MS, .allow_private = true};
	AUTO_BUF headers = {0};
	enum err err;

	fetch.url = arena_fmt(arena, "%.*s/v1/%.*s", STR_ARG(settings->url), STR_ARG(ask->path));
	fetch.ca_file = settings->ca_file.n > 0 ? settings->ca_file.p : NULL;
	buf_put(&headers, STR("X-Vault-Request: true\r\nContent-Type: application/json\r\n"));
	if (settings->namespace_name.n > 0)
		buf_put_fmt(&headers, "X-Vault-Namespace: %.*s\r\n", STR_ARG(settings->namespace_name));
	if (server->token != NULL && !ask->anonymous)
		buf_put_fmt(&headers, "X-Vault-Token: %.*s\r\n", STR_ARG(secret_text_str(server->token)));
	fetch.headers = buf_str(&headers);
	err = once ? http_fetch(arena, &fetch, ret) : patient_fetch(arena, &fetch, ret);
	crypto_wipe(headers.p, headers.n);
	return err;
}

static enum err say(struct vault_server *server, struct arena *arena, enum err err, const struct fetched *fetched,
		    struct buf *problem)
{
	struct str words = err == OK ? vault_words(arena, fetched->body) : STR("");

	buf_put_fmt(problem, "%.*s: ", STR_ARG(server->settings->vault.url));
	if (err != OK)
		buf_put_fmt(problem, "%s", err_text(err));
	else if (fetched->status == 503)
		buf_put(problem, STR("it is sealed, or under maintenance"));
	else if (fetched->status / 100 == 3)
		buf_put(problem, STR("it redirects, which is not followed; name the active server in `vault.url`"));
	else
		buf_put_fmt(problem, "it answers %d", fetched->status);
	if (words.n > 0)
		buf_put_fmt(problem, " (%.*s)", STR_ARG(words));
	if (err != OK)
		return err;
	return fetched->status == 403 ? ERR_FORBIDDEN : ERR_UPSTREAM_DOWN;
}

static bool is_bad(int status)
{
	return status == 403 || status == 429 || status / 100 == 3 || status >= 500;
}

AWAITS static enum err ask_again(struct vault_server *server, struct arena *arena, const struct vault_ask *ask,
				 struct buf *problem, struct fetched *ret)
{
	uint64_t generation = server->generation;
	enum err err = transmit(server, arena, ask, false, ret);

	if (err == OK && ret->status == 403) {
		TRY(vault_login(server, generation, problem));
		err = transmit(server, arena, ask, false, ret);
	}
	return err != OK || is_bad(ret->status) ? say(server, arena, err, ret, problem) : OK;
}

AWAITS enum err vault_ask(struct vault_server *server, struct arena *arena, const struct vault_ask *ask,
			  struct buf *problem, struct fetched *ret)
{
	enum err err;

	TRY(gate_enter(&server->calls));
	err = ask_again(server, arena, ask, problem, ret);
	gate_leave(&server->calls);
	return err;
}

/* ---- signing in ------------------------------------------------------------------ */

static void take_auth(struct vault_server *server, const struct vault_auth *auth)
{
	struct secret_text *old = server->token;

	server->token = secret_text_new(auth->token);
	server->generation++;
	server->lease_ms = auth->lease_ms;
	server->renewable = auth->renewable;
	server->renew_ms = auth->lease_ms == 0 ? INT64_MAX : clock_ms() + patient_spread(auth->lease_ms * 2 / 3);
	secret_text_unref(old);
}

AWAITS static enum err put_ids(struct vault_server *server, struct buf *body, struct buf *problem)
{
	AUTO(secret_text) *role = NULL, *secret = NULL;

	TRY(secrets_read_file(server->settings->vault.role_id_file, problem, &role));
	TRY(secrets_read_file(server->settings->vault.secret_id_file, problem, &secret));
	buf_put(body, STR("{\"role_id\":"));
	buf_put_json(body, secret_text_str(role));
	buf_put(body, STR(",\"secret_id\":"));
	buf_put_json(body, secret_text_str(secret));
	buf_put_byte(body, '}');
	return OK;
}

AWAITS static enum err login(struct vault_server *server, struct arena *arena, const struct buf *body,
			     struct buf *problem)
{
	struct vault_ask ask = {.method = STR("POST"), .body = buf_str(body), .anonymous = true};
	struct vault_auth auth;
	struct fetched fetched;
	enum err err;

	ask.path = arena_fmt(arena, "auth/%.*s/login", STR_ARG(server->settings->vault.login_path));
	err = transmit(server, arena, &ask, false, &fetched);
	if (err == OK && fetched.status == 200)
		err = vault_auth_read(arena, fetched.body, &auth);
	if (err == OK && fetched.status == 200) {
		take_auth(server, &auth);
		return OK;
	}
	buf_put(problem, STR("sign-in at "));
	err = say(server, arena, err, &fetched, problem);
	return fetched.status == 400 ? ERR_CONFIG : err;
}

AWAITS enum err vault_login(struct vault_server *server, uint64_t generation, struct buf *problem)
{
	struct arena *arena;
	AUTO_BUF body = {0};
	enum err err;

	TRY(gate_enter(&server->login));
	if (server->generation != generation) {
		gate_leave(&server->login);
		return OK;
	}
	arena = arena_new(VAULT_ARENA_BYTES);
	err = put_ids(server, &body, problem);
	if (err == OK)
		err = login(server, arena, &body, problem);
	crypto_wipe(body.p, body.n);
	arena_free_wiped(arena);
	gate_leave(&server->login);
	return err;
}

/* ---- keeping it ------------------------------------------------------------------ */

/* Nothing is said about the token: sealed, throttled, without a leader. */
static bool says_nothing(int status)
{
	return status == 429 || status >= 500;
}

/* A renewal that gives much less than the sign-in did comes near the token's longest life. */
AWAITS static enum err renew(struct vault_server *server, struct arena *arena)
{
	struct vault_ask ask = {.method = STR("POST"), .path = STR("auth/token/renew-self"), .body = STR("{}")};
	int64_t lease_ms = server->lease_ms;
	struct vault_auth auth;
	struct fetched fetched;

	TRY(transmit(server, arena, &ask, false, &fetched));
	if (says_nothing(fetched.status))
		return ERR_UPSTREAM_DOWN;
	if (fetched.status != 200)
		return ERR_FORBIDDEN;
	TRY(vault_auth_read(arena, fetched.body, &auth));
	if (auth.lease_ms > 0 && auth.lease_ms < lease_ms / 3)
		return ERR_FORBIDDEN;
	take_auth(server, &auth);
	server->lease_ms = lease_ms;
	return OK;
}

AWAITS static enum err renew_or_login(struct vault_server *server, struct buf *problem)
{
	struct arena *arena = arena_new(VAULT_ARENA_BYTES);
	uint64_t generation = server->generation;
	enum err err = server->renewable && server->token != NULL ? renew(server, arena) : ERR_FORBIDDEN;

	arena_free_wiped(arena);
	return err == ERR_FORBIDDEN ? vault_login(server, generation, problem) : err;
}

AWAITS int64_t vault_tend(void *own)
{
	struct vault_server *server = own;
	AUTO_BUF problem = {0};
	int64_t left_ms;
	enum err err;

	if (server->renew_ms == INT64_MAX)
		return DAY_MS;
	left_ms = server->renew_ms - clock_ms();
	if (left_ms > 0)
		return left_ms < DAY_MS ? left_ms : DAY_MS;
	err = renew_or_login(server, &problem);
	if (err != OK && err != ERR_CANCELED && !server->failing)
		log_warn("secrets.sign_in_failed", LOG_ERR(err), LOG_STR("problem", buf_str(&problem)),
			 LOG_CSTR("effect", "values known so far stay in use"));
	server->failing = err != OK;
	if (err != OK)
		return patient_spread(FAILED_MS);
	left_ms = server->renew_ms == INT64_MAX ? DAY_MS : server->renew_ms - clock_ms();
	return left_ms > 1 ? (left_ms < DAY_MS ? left_ms : DAY_MS) : 1;
}

AWAITS void vault_logout(struct vault_server *server)
{
	struct vault_ask ask = {.method = STR("POST"), .path = STR("auth/token/revoke-self"), .body = STR("{}")};
	struct arena *arena = arena_new(VAULT_ARENA_BYTES);
	struct fetched fetched;

	if (server->token != NULL && transmit(server, arena, &ask, true, &fetched) != OK)
		log_debug("secrets.sign_out", LOG_BOOL("heard", false)); /* it ends by itself */
	arena_free_wiped(arena);
	secret_text_unref(server->token);
	server->token = NULL;
}
