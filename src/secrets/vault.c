/* Vault and OpenBao: one entry of a KV version 2 engine a secret, its text under `value`; and their transit engine,
 * which wraps keys with one that never leaves it. Source     OpenBao's HTTP API: secret/kv v2, auth/approle,
 * secret/transit */
#include "secrets/vault.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/random.h"

#define CALLS_MAX 4 /* requests at once: a start asks for a few names */
#define WAITING_MAX 256

/* "MOUNT/data/PATH/NAME" */
static struct str entry_path(const struct vault_server *server, struct arena *arena, const char *part, struct str name)
{
	const struct secrets_vault *vault = &server->settings->vault;

	return arena_fmt(arena, "%.*s/%s/%.*s%s%.*s", STR_ARG(vault->mount), part, STR_ARG(vault->path),
			 name.n > 0 ? "/" : "", STR_ARG(name));
}

static enum err say(const struct vault_server *server, struct buf *problem, struct str path, enum err err,
		    const char *what)
{
	buf_put_fmt(problem, "%.*s %.*s: %s", STR_ARG(server->settings->vault.url), STR_ARG(path), what);
	return err;
}

/* ---- values ---------------------------------------------------------------------- */

AWAITS static enum err get_in(struct vault_server *server, struct arena *arena, struct str name, struct buf *problem,
			      struct secret_text **ret_text)
{
	struct vault_ask ask = {.path = entry_path(server, arena, "data", name)};
	struct str value = STR_NONE;
	struct fetched fetched;

	TRY(vault_ask(server, arena, &ask, problem, &fetched));
	if (fetched.status == 404)
		return say(server, problem, ask.path, ERR_NOT_FOUND,
			   "there is no such entry, or its last version is deleted, or we may not see it; `gatehouse "
			   "secret "
			   "set` makes it");
	if (fetched.status != 200 || vault_value_read(arena, fetched.body, &value) != OK)
		return say(server, problem, ask.path, ERR_UPSTREAM_GARBAGE,
			   "the answer is none of a KV version 2 engine");
	if (value.n == 0)
		return say(server, problem, ask.path, ERR_CONFIG, "the entry has no text called `value`");
	*ret_text = secret_text_new(value);
	return OK;
}

AWAITS static enum err get(void *own, struct str name, struct buf *problem, struct secret_text **ret_text)
{
	struct arena *arena = arena_new(VAULT_ARENA_BYTES);
	enum err err = get_in(own, arena, name, problem, ret_text);

	arena_free_wiped(arena);
	return err;
}

AWAITS static enum err put_in(struct vault_server *server, struct arena *arena, struct str name, const struct buf *body,
			      struct buf *problem)
{
	struct vault_ask ask = {
		.method = STR("POST"), .path = entry_path(server, arena, "data", name), .body = buf_str(body)};
	struct fetched fetched;
	struct str words;

	TRY(vault_ask(server, arena, &ask, problem, &fetched));
	if (fetched.status == 200 || fetched.status == 204)
		return OK;
	words = vault_words(arena, fetched.body);
	if (fetched.status == 400 && memmem(words.p, words.n, "check-and-set", 13) != NULL)
		return say(server, problem, ask.path, ERR_EXISTS, "is there already");
	return say(server, problem, ask.path, ERR_UPSTREAM_GARBAGE, "the value was not taken");
}

AWAITS static enum err put(void *own, struct str name, struct str value, bool fresh, struct buf *problem)
{
	struct arena *arena;
	AUTO_BUF body = {0};
	enum err err;

	if (!str_is_utf8(value)) {
		buf_put(problem, STR("Vault keeps texts: write a key in hexadecimal or base64"));
		return ERR_CONFIG;
	}
	arena = arena_new(VAULT_ARENA_BYTES);
	buf_put_fmt(&body, "{%s\"data\":{\"value\":", fresh ? "\"options\":{\"cas\":0}," : "");
	buf_put_json(&body, value);
	buf_put(&body, STR("}}"));
	err = put_in(own, arena, name, &body, problem);
	crypto_wipe(body.p, body.n);
	arena_free_wiped(arena);
	return err;
}

/* ---- list ------------------------------------------------------------------------ */

AWAITS static enum err list_names(struct vault_server *server, struct arena *arena, struct buf *problem,
				  struct str **ret_names, size_t *ret_count)
{
	struct vault_ask ask = {0};
	struct fetched fetched;

	ask.path = arena_fmt(arena, "%.*s?list=true", STR_ARG(entry_path(server, arena, "metadata", STR(""))));
	TRY(vault_ask(server, arena, &ask, problem, &fetched));
	*ret_count = 0;
	if (fetched.status == 404)
		return OK;
	if (fetched.status != 200)
		return say(server, problem, ask.path, ERR_UPSTREAM_GARBAGE, "the list was refused");
	return vault_names_read(arena, fetched.body, ret_names, ret_count);
}

/* What is gone since it was listed has no version. */
AWAITS static enum err read_fact(struct vault_server *server, struct arena *arena, struct str name, struct buf *problem,
				 struct secret_fact *ret_fact)
{
	struct arena *passing = arena_new(VAULT_ARENA_BYTES);
	struct vault_ask ask = {.path = entry_path(server, passing, "metadata", name)};
	struct fetched fetched;
	int64_t version = 0;
	enum err err;

	*ret_fact = (struct secret_fact){.name = arena_str(arena, name)};
	err = vault_ask(server, passing, &ask, problem, &fetched);
	if (err == OK && fetched.status == 200)
		err = vault_facts_read(passing, fetched.body, &version, &ret_fact->changed_ms);
	if (version > 0)
		ret_fact->version = arena_fmt(arena, "%lld", (long long)version);
	arena_free_wiped(passing);
	return err;
}

AWAITS static enum err list(void *own, struct arena *arena, struct buf *problem, struct secret_fact **ret_facts,
			    size_t *ret_count)
{
	struct secret_fact *facts = arena_alloc(arena, SECRETS_LISTED_MAX * sizeof(*facts));
	struct arena *passing = arena_new(VAULT_ARENA_BYTES);
	struct str *names = NULL;
	size_t count;
	enum err err = list_names(own, passing, problem, &names, &count);

	for (size_t i = 0; err == OK && i < count; i++)
		err = read_fact(own, arena, names[i], problem, &facts[i]);
	arena_free_wiped(passing);
	if (err != OK)
		return err;
	*ret_facts = facts;
	*ret_count = count;
	return OK;
}

/* ---- transit --------------------------------------------------------------------- */

static bool can_wrap(const void *own)
{
	return ((const struct vault_server *)own)->settings->vault.transit_key.n > 0;
}

static void put_member(struct buf *body, const char *name, struct str text)
{
	AUTO_BUF encoded = {0};

	base64_put(&encoded, text.p, text.n);
	buf_put_fmt(body, "%s\"%s\":\"%.*s\"", body->n == 0 ? "{" : ",", name, STR_ARG(buf_str(&encoded)));
	crypto_wipe(encoded.p, encoded.n);
}

/*   ret_text   in `arena` */
AWAITS static enum err transit(struct vault_server *server, struct arena *arena, const char *verb, const char *wanted,
			       const struct buf *body, struct buf *problem, struct str *ret_text)
{
	const struct secrets_vault *vault = &server->settings->vault;
	struct vault_ask ask = {.method = STR("POST"), .body = buf_str(body)};
	struct fetched fetched;

	ask.path = arena_fmt(arena, "%.*s/%s/%.*s", STR_ARG(vault->transit_mount), verb, STR_ARG(vault->transit_key));
	TRY(vault_ask(server, arena, &ask, problem, &fetched));
	if (fetched.status == 400)
		return say(server, problem, ask.path, ERR_CRYPTO, "it was altered, or wrapped for something else");
	if (fetched.status != 200 || vault_text_read(arena, fetched.body, wanted, ret_text) != OK)
		return say(server, problem, ask.path, ERR_UPSTREAM_GARBAGE, "the answer is none of a transit engine");
	return OK;
}

AWAITS static enum err wrap(void *own, struct str plain, struct str bound, struct buf *problem, struct buf *out)
{
	struct arena *arena = arena_new(VAULT_ARENA_BYTES);
	AUTO_BUF body = {0};
	struct str text;
	enum err err;

	put_member(&body, "plaintext", plain);
	put_member(&body, "associated_data", bound);
	buf_put_byte(&body, '}');
	err = transit(own, arena, "encrypt", "ciphertext", &body, problem, &text);
	if (err == OK)
		buf_put(out, text);
	crypto_wipe(body.p, body.n);
	arena_free_wiped(arena);
	return err;
}

static enum err decode(struct str text, struct secret_text **ret_plain)
{
	char *room;
	AUTO(secret_text) *plain = secret_text_room(text.n, &room);
	size_t n;

	if (base64_get(text, room, text.n, &n) != OK)
		return ERR_UPSTREAM_GARBAGE;
	*ret_plain = secret_text_new((struct str){secret_text_str(plain).p, n});
	return OK;
}

AWAITS static enum err unwrap(void *own, struct str wrapped, struct str bound, struct buf *problem,
			      struct secret_text **ret_plain)
{
	struct arena *arena = arena_new(VAULT_ARENA_BYTES);
	AUTO_BUF body = {0};
	struct str text;
	enum err err;

	buf_put(&body, STR("{\"ciphertext\":"));
	buf_put_json(&body, wrapped);
	put_member(&body, "associated_data", bound);
	buf_put_byte(&body, '}');
	err = transit(own, arena, "decrypt", "plaintext", &body, problem, &text);
	if (err == OK)
		err = decode(text, ret_plain);
	arena_free_wiped(arena);
	return err;
}

/* ---- the provider ---------------------------------------------------------------- */

AWAITS static enum err open_server(const struct secrets_settings *settings, struct buf *problem, void **ret_own)
{
	struct vault_server *server = calloc(1, sizeof(*server));
	enum err err;

	CHECK(server != NULL);
	server->settings = settings;
	server->renew_ms = INT64_MAX;
	gate_init(&server->calls, CALLS_MAX, WAITING_MAX);
	gate_init(&server->login, 1, WAITING_MAX);
	err = vault_login(server, 0, problem);
	if (err != OK) {
		free(server);
		return err;
	}
	*ret_own = server;
	return OK;
}

AWAITS static void close_server(void *own)
{
	vault_logout(own);
	free(own);
}

const struct secrets_provider secrets_vault_provider = {.name = "vault",
							.open = open_server,
							.close = close_server,
							.get = get,
							.put = put,
							.list = list,
							.can_wrap = can_wrap,
							.wrap = wrap,
							.unwrap = unwrap,
							.tend = vault_tend};
