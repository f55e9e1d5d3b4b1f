/* The doors of the room: each checks the name, goes to the provider's own loop and words what went wrong, so that every
 * sentence begins with the secret's name. Which provider it is only this file's table knows. */
#include "secrets/secrets.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/random.h"
#include "secrets/provider.h"

#define SECRETS_MAGIC 0x53435254u /* "SCRT" */

static const struct secrets_provider *const providers[] = {
	[SECRETS_FILE] = &secrets_file_provider,
	[SECRETS_SYSTEMD] = &secrets_systemd_provider,
	[SECRETS_VAULT] = &secrets_vault_provider,
	[SECRETS_AZURE] = &secrets_azure_provider,
};

/* One question on its way to the provider's loop. */
struct question {
	struct secrets *secrets;
	struct str name, value, bound;
	bool fresh;
	struct buf problem;
	struct secret_text *text;
	struct buf *out;
	struct arena *arena;
	struct secret_fact *facts;
	size_t count;
};

AWAITS enum err secrets_open(const struct secrets_settings *settings, struct buf *problem, struct secrets **ret_secrets)
{
	const struct secrets_provider *provider = providers[settings->kind];
	struct secrets *secrets;
	void *own;

	TRY(provider->open(settings, problem, &own));
	secrets = calloc(1, sizeof(*secrets));
	CHECK(secrets != NULL);
	secrets->watches = calloc(SECRETS_WATCHED_MAX, sizeof(*secrets->watches));
	CHECK(secrets->watches != NULL);
	secrets->magic = SECRETS_MAGIC;
	secrets->settings = settings;
	secrets->provider = provider;
	secrets->own = own;
	secrets->home = loop_self();
	group_init(&secrets->follower, secrets->home);
	*ret_secrets = secrets;
	return OK;
}

AWAITS void secrets_close(struct secrets *secrets)
{
	if (secrets == NULL)
		return;
	CHECK_OBJ(secrets, SECRETS_MAGIC);
	CHECK(loop_self() == secrets->home);
	secrets_unfollow(secrets);
	secrets->provider->close(secrets->own);
	secrets->magic = 0;
	free(secrets->watches);
	free(secrets);
}

/* Have it answered on the provider's loop.
 *   problem    gets the name in front of what is wrong */
AWAITS static enum err ask(struct question *question, const char *what, enum err (*answer)(void *question),
			   struct buf *problem)
{
	enum err err;

	CHECK_OBJ(question->secrets, SECRETS_MAGIC);
	err = loop_call(question->secrets->home, what, answer, question);
	if (err != OK)
		buf_put_fmt(problem, "secret %.*s: %.*s",
			    STR_ARG(question->name.n > 0 ? question->name : str_of(question->secrets->provider->name)),
			    STR_ARG(question->problem.n > 0 ? buf_str(&question->problem) : str_of(err_text(err))));
	buf_free(&question->problem);
	return err;
}

static enum err check_name(struct str name, struct buf *problem)
{
	if (secrets_name_ok(name))
		return OK;
	buf_put_fmt(problem, "secret \"%.*s\": a name has 1 to %d of a-z 0-9 -, and begins with a letter or digit",
		    STR_ARG(name), SECRETS_NAME_MAX);
	return ERR_CONFIG;
}

/* ---- read ------------------------------------------------------------------------ */

AWAITS static enum err answer_get(void *arg)
{
	struct question *question = arg;
	struct secrets *secrets = question->secrets;

	return secrets->provider->get(secrets->own, question->name, &question->problem, &question->text);
}

AWAITS static enum err get_bytes(struct secrets *secrets, struct str name, struct buf *problem,
				 struct secret_text **ret_text)
{
	struct question question = {.secrets = secrets, .name = name};

	TRY(check_name(name, problem));
	TRY(ask(&question, "secret get", answer_get, problem));
	*ret_text = question.text;
	return OK;
}

AWAITS enum err secrets_get(struct secrets *secrets, struct str name, struct buf *problem,
			    struct secret_text **ret_text)
{
	struct secret_text *text;

	TRY(get_bytes(secrets, name, problem, &text));
	text = secret_without_line_end(text);
	if (secret_text_str(text).n == 0) {
		secret_text_unref(text);
		buf_put_fmt(problem, "secret %.*s: is empty", STR_ARG(name));
		return ERR_CONFIG;
	}
	*ret_text = text;
	return OK;
}

/* Another process may be making it too: whose is there in the end is everybody's. */
AWAITS static enum err make_key(struct secrets *secrets, struct str name, struct buf *problem)
{
	AUTO(secret) *key = secret_random();
	AUTO(secret_text) *value = secret_text_new((struct str){(const char *)secret_bytes(key), CRYPTO_KEY_BYTES});
	AUTO_BUF words = {0};
	enum err err = secrets_put(secrets, name, value, true, &words);

	if (err == OK || err == ERR_EXISTS)
		return OK;
	buf_put(problem, buf_str(&words));
	return err;
}

AWAITS enum err secrets_get_key(struct secrets *secrets, struct str name, bool make, struct buf *problem,
				struct secret **ret_key)
{
	AUTO(secret_text) *text = NULL;
	AUTO_BUF words = {0};
	enum err err = get_bytes(secrets, name, &words, &text);

	if (err == ERR_NOT_FOUND && make && secrets->provider->makes && !secrets->settings->production) {
		words.n = 0;
		TRY(make_key(secrets, name, problem));
		err = get_bytes(secrets, name, &words, &text);
	}
	if (err == OK && secret_from_text(secret_text_str(text), ret_key) != OK) {
		buf_put_fmt(
			&words,
			"secret %.*s: is not a key: 32 bytes, 64 hexadecimal digits, or base64 of 32 bytes; restore it "
			"from a backup",
			STR_ARG(name));
		err = ERR_CONFIG;
	}
	buf_put(problem, buf_str(&words));
	return err;
}

/* ---- write and list -------------------------------------------------------------- */

AWAITS static enum err answer_put(void *arg)
{
	struct question *question = arg;
	struct secrets *secrets = question->secrets;

	return secrets->provider->put(secrets->own, question->name, question->value, question->fresh,
				      &question->problem);
}

AWAITS enum err secrets_put(struct secrets *secrets, struct str name, const struct secret_text *value, bool fresh,
			    struct buf *problem)
{
	struct question question = {.secrets = secrets, .name = name, .value = secret_text_str(value), .fresh = fresh};

	TRY(check_name(name, problem));
	if (question.value.n == 0) {
		buf_put_fmt(problem, "secret %.*s: a value must not be empty", STR_ARG(name));
		return ERR_CONFIG;
	}
	return ask(&question, "secret put", answer_put, problem);
}

AWAITS static enum err answer_list(void *arg)
{
	struct question *question = arg;
	struct secrets *secrets = question->secrets;

	return secrets->provider->list(secrets->own, question->arena, &question->problem, &question->facts,
				       &question->count);
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct secret_fact *)a)->name, ((const struct secret_fact *)b)->name);
}

AWAITS enum err secrets_list(struct secrets *secrets, struct arena *arena, struct buf *problem,
			     struct secret_fact **ret_facts, size_t *ret_count)
{
	struct question question = {.secrets = secrets, .arena = arena};

	TRY(ask(&question, "secret list", answer_list, problem));
	if (question.count > 1)
		qsort(question.facts, question.count, sizeof(*question.facts), by_name);
	*ret_facts = question.facts;
	*ret_count = question.count;
	return OK;
}

/* ---- wrap ------------------------------------------------------------------------ */

bool secrets_can_wrap(const struct secrets *secrets)
{
	CHECK_OBJ(secrets, SECRETS_MAGIC);
	return secrets->provider->can_wrap != NULL && secrets->provider->can_wrap(secrets->own);
}

AWAITS static enum err answer_wrap(void *arg)
{
	struct question *question = arg;
	struct secrets *secrets = question->secrets;

	return secrets->provider->wrap(secrets->own, question->value, question->bound, &question->problem,
				       question->out);
}

AWAITS enum err secrets_wrap(struct secrets *secrets, struct str plain, struct str bound, struct buf *problem,
			     struct buf *out)
{
	struct question question = {.secrets = secrets, .value = plain, .bound = bound, .out = out};

	CHECK(secrets_can_wrap(secrets));
	return ask(&question, "secret wrap", answer_wrap, problem);
}

AWAITS static enum err answer_unwrap(void *arg)
{
	struct question *question = arg;
	struct secrets *secrets = question->secrets;

	return secrets->provider->unwrap(secrets->own, question->value, question->bound, &question->problem,
					 &question->text);
}

AWAITS enum err secrets_unwrap(struct secrets *secrets, struct str wrapped, struct str bound, struct buf *problem,
			       struct secret_text **ret_plain)
{
	struct question question = {.secrets = secrets, .value = wrapped, .bound = bound};

	CHECK(secrets_can_wrap(secrets));
	TRY(ask(&question, "secret unwrap", answer_unwrap, problem));
	*ret_plain = question.text;
	return OK;
}
