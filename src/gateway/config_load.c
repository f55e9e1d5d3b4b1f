/* From a file to a configuration, by way of the secrets that it names:
 *
 *     text --> which provider, which names? --none--> the configuration
 *                      |                                     ^
 *                      +--> provider asked for each name ----+
 *
 * The text is read twice when it names secrets: first for nothing but who is to be asked and for what. A process that
 * serves asks the provider that it has; everybody else opens one for as long as it takes. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "gateway/config_private.h"
#include "gateway/config_secrets.h"
#include "gateway/config_tables.h"
#include "rt/loop.h"

#define CONFIG_FILE_BYTES_MAX (4u * 1024 * 1024)
#define CONFIG_DEFAULT_FILE "gatehouse.yaml"

struct loading {
	struct buf path, text;
	struct conf_problems problems;
	struct config *first; /* `data`, `production` and `secrets` of the file, nothing else */
	struct config_secret *secrets;
	size_t secret_count;
	enum err err;
};

static void loading_end(struct loading *loading)
{
	for (size_t i = 0; i < loading->secret_count; i++)
		secret_text_unref(loading->secrets[i].text);
	free(loading->secrets);
	config_unref(loading->first);
	buf_free(&loading->path);
	buf_free(&loading->text);
}

static enum err read_file(const char *path, struct buf *problem, struct buf *out)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	ssize_t n = -1;

	if (fd < 0) {
		buf_put_fmt(problem, "%s: %s; name another file with --config", path, strerror(errno));
		return errno == ENOENT ? ERR_NOT_FOUND : ERR_CONFIG;
	}
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size <= CONFIG_FILE_BYTES_MAX)
		n = read(fd, buf_reserve(out, (size_t)st.st_size + 1), (size_t)st.st_size);
	close(fd);
	if (n < 0) {
		buf_put_fmt(problem, "%s: not a regular file of at most 4 MB", path);
		return ERR_CONFIG;
	}
	out->n += (size_t)n;
	return OK;
}

/* ---- what it takes to ask -------------------------------------------------------- */

/* Of a whole document what is needed first; the rest of it may need what is asked for. */
static struct conf_node *preamble(struct arena *arena, const struct conf_node *root)
{
	static const char *const keys[] = {"data", "production", "secrets"};
	struct conf_node *some = ARENA_NEW(arena, struct conf_node);

	some->kind = CONF_MAP;
	some->entries = arena_alloc(arena, ARRAY_LEN(keys) * sizeof(*some->entries));
	for (size_t i = 0; root != NULL && root->kind == CONF_MAP && i < root->count; i++)
		for (size_t k = 0; k < ARRAY_LEN(keys); k++)
			if (str_eq(root->entries[i].key->text, str_of(keys[k])))
				some->entries[some->count++] = root->entries[i];
	return some;
}

/* Which secrets the file names, and whom to ask for them. */
static enum err look_ahead(struct loading *loading, struct buf *problem)
{
	struct config *first = loading->first = config_new();
	struct conf_node *root;
	enum err err;

	loading->problems = (struct conf_problems){.file = {loading->path.p, loading->path.n - 1}, .out = problem};
	TRY(conf_parse(first->arena, buf_str(&loading->text), &loading->problems, &root));
	loading->secrets = calloc(CONFIG_SECRETS_MAX, sizeof(*loading->secrets));
	CHECK(loading->secrets != NULL);
	err = config_secrets_find(&loading->problems, root, loading->secrets, &loading->secret_count);
	if (err == OK)
		err = config_read_some(first, preamble(first->arena, root), &loading->problems);
	return err;
}

/* ---- asking ---------------------------------------------------------------------- */

/* All that are missing are told at once. */
AWAITS static enum err gather(struct loading *loading, struct secrets *secrets)
{
	enum err err = OK;

	for (size_t i = 0; i < loading->secret_count; i++) {
		struct config_secret *secret = &loading->secrets[i];
		AUTO_BUF words = {0};
		enum err got = secrets_get(secrets, secret->name, &words, &secret->text);

		if (got == OK)
			continue;
		conf_problem(&loading->problems, secret->at, "%.*s", STR_ARG(buf_str(&words)));
		err = got;
	}
	return err;
}

AWAITS_ENTRY static void gather_main(void *arg)
{
	struct loading *loading = arg;
	struct secrets *secrets = NULL;
	AUTO_BUF words = {0};

	loading->err = secrets_open(&loading->first->secrets, &words, &secrets);
	if (loading->err == OK)
		loading->err = gather(loading, secrets);
	else
		conf_problem(&loading->problems, loading->secrets[0].at, "%.*s", STR_ARG(buf_str(&words)));
	secrets_close(secrets);
	rt_stop(0);
}

/* ---- the doors ------------------------------------------------------------------- */

static enum err begin(struct loading *loading, struct str file, struct buf *problem)
{
	buf_put(&loading->path, file.n == 0 ? STR(CONFIG_DEFAULT_FILE) : file);
	buf_put_byte(&loading->path, '\0');
	TRY(read_file(loading->path.p, problem, &loading->text));
	return look_ahead(loading, problem);
}

static enum err finish(struct loading *loading, struct buf *problem, struct config **ret_config)
{
	return config_parse_with(buf_str(&loading->text), loading->problems.file, loading->secrets,
				 loading->secret_count, problem, ret_config);
}

static bool is_default(struct str file)
{
	return file.n == 0 && access(CONFIG_DEFAULT_FILE, F_OK) != 0;
}

enum err config_load(struct str file, struct buf *problem, struct config **ret_config)
{
	struct loading loading = {0};
	enum err err;

	CHECK(loop_self() == NULL);
	if (is_default(file))
		return config_parse(STR(""), STR_NONE, problem, ret_config);
	err = begin(&loading, file, problem);
	if (err == OK && loading.secret_count > 0) {
		err = rt_run(1, gather_main, &loading);
		err = err == OK ? loading.err : err;
	}
	if (err == OK)
		err = finish(&loading, problem, ret_config);
	loading_end(&loading);
	return err;
}

AWAITS enum err config_load_here(struct str file, struct secrets *secrets, struct buf *problem,
				 struct config **ret_config)
{
	struct loading loading = {0};
	enum err err;

	if (is_default(file))
		return config_parse(STR(""), STR_NONE, problem, ret_config);
	err = begin(&loading, file, problem);
	if (err == OK)
		err = gather(&loading, secrets);
	if (err == OK)
		err = finish(&loading, problem, ret_config);
	loading_end(&loading);
	return err;
}

enum err config_load_settings(struct str file, struct buf *problem, struct config **ret_config)
{
	struct loading loading = {0};
	enum err err;

	if (is_default(file))
		return config_parse(STR(""), STR_NONE, problem, ret_config);
	err = begin(&loading, file, problem);
	if (err == OK)
		*ret_config = config_ref(loading.first);
	loading_end(&loading);
	return err;
}
