/* `gatehouse secret set|list|rotate`: the installation's own secrets, wherever they are kept. Values come from standard
 * input or a file, never from the command line, where other users of the machine could read them, and are never shown.
 *
 * Needs no database: a new installation's first secrets are made before there is one. */
#include <fcntl.h>
#include <stdio.h>
#include <termios.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/random.h"
#include "base/secret_file.h"
#include "cli/installation.h"
#include "rt/loop.h"

#define TYPED_BYTES_MAX 2048 /* a terminal gives no longer lines than twice that */
#define SERVER_KEY STR("server-key")
#define KEK STR("credential-kek")
#define KEK_PREVIOUS STR("credential-kek-previous")

const struct option secret_set_options[] = {
	{"file", "FILE", "take the value from a file, byte for byte; else from standard input"},
	{"random", NULL, "make a random key of 32 bytes"},
	{"replace", NULL, "in the place of one that is there"},
	{NULL, NULL, NULL},
};

const struct option secret_rotate_options[] = {
	{"file", "FILE", "take the new value from a file, byte for byte; else from standard input"},
	{"random", NULL, "make a random key of 32 bytes"},
	{"again", NULL, "of credential-kek: forget the one before, which nothing needs any more"},
	{NULL, NULL, NULL},
};

/* One run of a command, on a loop of its own. */
struct secret_run {
	const struct invocation *invocation;
	struct config *config;
	struct secrets *secrets;
	struct str name;
	struct buf problem;
	enum err (*work)(struct secret_run *run); /* AWAITS */
	enum err err;
};

static enum err fail(struct secret_run *run, enum err err, const char *text)
{
	buf_put_fmt(&run->problem, "secret %.*s: %s", STR_ARG(run->name), text);
	return err;
}

AWAITS_ENTRY static void run_main(void *arg)
{
	struct secret_run *run = arg;

	run->err = secrets_open(&run->config->secrets, &run->problem, &run->secrets);
	if (run->err == OK)
		run->err = run->work(run);
	secrets_close(run->secrets);
	rt_stop(1000);
}

/* With the settings of the configuration alone: what else it says may need the very secret that is to be made. */
static int run_on_loop(const struct invocation *invocation, enum err (*work)(struct secret_run *run) /* AWAITS */)
{
	struct secret_run run = {.invocation = invocation, .work = work};
	int status = STATUS_DONE;

	if (invocation->options.operand_count > 0)
		run.name = invocation->options.operands[0];
	log_setup(LOG_WARN, LOG_AUTO);
	run.err = config_load_settings(invocation->config_file, &run.problem, &run.config);
	if (run.err == OK && rt_run(1, run_main, &run) != OK)
		run.err = fail(&run, ERR_SYSTEM, "the event loop cannot be started");
	if (run.err == ERR_USAGE)
		status = command_misused(invocation, "%.*s", STR_ARG(buf_str(&run.problem)));
	else if (run.err != OK)
		status = command_failed("%.*s",
					STR_ARG(run.problem.n > 0 ? buf_str(&run.problem) : str_of(err_text(run.err))));
	config_unref(run.config);
	buf_free(&run.problem);
	return status;
}

/* ---- values ---------------------------------------------------------------------- */

static enum err read_all(struct secret_run *run, struct secret_text **ret_value)
{
	char *room;
	AUTO(secret_text) *whole = secret_text_room(SECRET_TEXT_BYTES_MAX, &room);
	size_t n = 0;
	ssize_t got = 1;
	char more;

	while (n < SECRET_TEXT_BYTES_MAX && (got = read(STDIN_FILENO, room + n, SECRET_TEXT_BYTES_MAX - n)) > 0)
		n += (size_t)got;
	if (got < 0)
		return fail(run, ERR_SYSTEM, "the value cannot be read");
	if (n == SECRET_TEXT_BYTES_MAX && read(STDIN_FILENO, &more, 1) == 1)
		return fail(run, ERR_USAGE, "the value is longer than 64 KB");
	if (n == 0)
		return fail(run, ERR_USAGE, "no value came on standard input");
	*ret_value = secret_text_new((struct str){secret_text_str(whole).p, n});
	return OK;
}

/* On a terminal it is typed without echo, and ends with the line. */
static enum err read_typed(struct secret_run *run, struct secret_text **ret_value)
{
	struct termios before, quiet;
	char line[TYPED_BYTES_MAX];
	bool read;

	if (tcgetattr(STDIN_FILENO, &before) != 0)
		return fail(run, ERR_SYSTEM, "the terminal cannot be read");
	quiet = before;
	quiet.c_lflag &= ~(tcflag_t)ECHO;
	fprintf(stderr, "New value of %.*s: ", STR_ARG(run->name));
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &quiet);
	read = fgets(line, sizeof(line), stdin) != NULL;
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &before);
	fputc('\n', stderr);
	if (read && strcspn(line, "\r\n") > 0)
		*ret_value = secret_text_new((struct str){line, strcspn(line, "\r\n")});
	else
		read = false;
	crypto_wipe(line, sizeof(line));
	return read ? OK : fail(run, ERR_USAGE, "no value came");
}

/* As text: every place keeps texts, and secret_from_text reads it. */
static struct secret_text *random_value(void)
{
	struct secret_text *value;
	struct buf text = {0};

	random_text_put(&text, CRYPTO_KEY_BYTES);
	value = secret_text_new(buf_str(&text));
	crypto_wipe(text.p, text.n);
	buf_free(&text);
	return value;
}

AWAITS static enum err take_value(struct secret_run *run, struct secret_text **ret_value)
{
	const struct options *options = &run->invocation->options;
	struct str file = options_get(options, "file");

	if (options_has(options, "random")) {
		*ret_value = random_value();
		return OK;
	}
	if (file.p != NULL)
		return secret_file_bytes(AT_FDCWD, file.p, SECRET_FILE_ANY, &run->problem, ret_value);
	return isatty(STDIN_FILENO) == 1 ? read_typed(run, ret_value) : read_all(run, ret_value);
}

/* ---- set ------------------------------------------------------------------------- */

AWAITS static enum err set(struct secret_run *run)
{
	bool replace = options_has(&run->invocation->options, "replace");
	AUTO(secret_text) *value = NULL;
	enum err err;

	TRY(take_value(run, &value));
	err = secrets_put(run->secrets, run->name, value, !replace, &run->problem);
	if (err == ERR_EXISTS)
		buf_put(&run->problem, STR("; --replace or `gatehouse secret rotate` puts another in its place"));
	return err;
}

int secret_set_run(const struct invocation *invocation)
{
	return run_on_loop(invocation, set);
}

/* ---- rotate ---------------------------------------------------------------------- */

/* The key that wraps tenants' keys: the old one stays beside the new one until nothing is wrapped with it any more. In
 * this order a crash in between leaves two that are the same, and this may be done again. */
AWAITS static enum err rotate_kek(struct secret_run *run)
{
	AUTO(secret_text) *current = NULL, *previous = NULL, *next = NULL;
	AUTO_BUF words = {0};
	enum err err;

	TRY(secrets_get(run->secrets, KEK, &run->problem, &current));
	err = secrets_get(run->secrets, KEK_PREVIOUS, &words, &previous);
	if (err == OK && !str_eq_secret(secret_text_str(previous), secret_text_str(current)) &&
	    !options_has(&run->invocation->options, "again"))
		return fail(
			run, ERR_CONFIG,
			"the one before it is still kept: run `gatehouse vault rotate`, so that nothing needs it any "
			"more, then this with --again");
	if (err != OK && err != ERR_NOT_FOUND) {
		buf_put(&run->problem, buf_str(&words));
		return err;
	}
	next = random_value();
	TRY(secrets_put(run->secrets, KEK_PREVIOUS, current, false, &run->problem));
	return secrets_put(run->secrets, KEK, next, false, &run->problem);
}

AWAITS static enum err rotate(struct secret_run *run)
{
	AUTO(secret_text) *old = NULL, *value = NULL;

	if (str_eq(run->name, SERVER_KEY))
		return fail(run, ERR_CONFIG,
			    "API keys, sessions and everything that is sealed hang on it; it cannot be rotated");
	if (str_eq(run->name, KEK))
		return rotate_kek(run);
	TRY(secrets_get(run->secrets, run->name, &run->problem, &old));
	TRY(take_value(run, &value));
	return secrets_put(run->secrets, run->name, value, false, &run->problem);
}

int secret_rotate_run(const struct invocation *invocation)
{
	return run_on_loop(invocation, rotate);
}

/* ---- list ------------------------------------------------------------------------ */

static void put_fact(struct buf *out, const struct secret_fact *fact, bool json)
{
	char at[CLOCK_ISO_LEN + 1] = "";

	if (fact->changed_ms > 0)
		clock_iso(fact->changed_ms, at);
	if (!json) {
		buf_put_fmt(out, "%-32.*s  %-10.*s  %s\n", STR_ARG(fact->name),
			    STR_ARG(fact->version.n > 0 ? fact->version : STR("-")), at[0] == '\0' ? "-" : at);
		return;
	}
	buf_put(out, STR("{\"name\":"));
	buf_put_json(out, fact->name);
	buf_put(out, STR(",\"version\":"));
	buf_put_json(out, fact->version);
	buf_put_fmt(out, at[0] == '\0' ? ",\"changed\":null}" : ",\"changed\":\"%s\"}", at);
}

AWAITS static enum err list_all(struct secret_run *run)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	bool json = run->invocation->json;
	struct secret_fact *facts;
	AUTO_BUF out = {0};
	size_t count;

	TRY(secrets_list(run->secrets, arena, &run->problem, &facts, &count));
	if (json)
		buf_put_byte(&out, '[');
	else
		buf_put_fmt(&out, "%-32s  %-10s  %s\n", "NAME", "VERSION", "CHANGED");
	for (size_t i = 0; i < count; i++) {
		buf_put(&out, json && i > 0 ? STR(",") : STR(""));
		put_fact(&out, &facts[i], json);
	}
	buf_put(&out, json ? STR("]\n") : STR(""));
	command_print(&out);
	return OK;
}

int secret_list_run(const struct invocation *invocation)
{
	return run_on_loop(invocation, list_all);
}
