/* `gatehouse import FILE`: turns the servers that a client has into a configuration. The secrets'
 * files are written before the configuration that names them, none of them over an old one unless
 * --force says so; at the end the result is checked as `serve` would. */
#include "cli/import.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cli/command.h"
#include "cli/files.h"
#include "gateway/config.h"

#define ARENA_BYTES_MAX (256u * 1024 * 1024)

const struct option import_options[] = {
	{"out", "FILE", "write the configuration there; without it, to standard output"},
	{"secrets-dir", "DIR", "move secrets into files there (mode 600)"},
	{"force", NULL, "replace files that are there already"},
	{NULL, NULL, NULL},
};

struct importing {
	const struct invocation *invocation;
	struct arena *arena;
	struct import_spec spec;
	struct import import;
	struct str out; /* p NULL: standard output */
	bool force;
};

/* How the configuration names the directory: ${file:...} starts where the configuration lies. */
static enum err name_secrets(struct importing *importing, struct buf *problem)
{
	struct str dir = importing->spec.secrets_dir;
	char *real;

	if (dir.p == NULL)
		return OK;
	if (mkdir(dir.p, 0700) != 0 && errno != EEXIST) {
		buf_put_fmt(problem, "%s cannot be made: %s", dir.p, strerror(errno));
		return ERR_SYSTEM;
	}
	importing->spec.reference = dir;
	if (dir.p[0] == '/' || importing->out.p == NULL || memchr(importing->out.p, '/', importing->out.n) == NULL)
		return OK;
	real = realpath(dir.p, NULL);
	if (real == NULL) {
		buf_put_fmt(problem, "%s cannot be used: %s", dir.p, strerror(errno));
		return ERR_SYSTEM;
	}
	importing->spec.reference = arena_str(importing->arena, str_of(real));
	free(real);
	return OK;
}

static enum err put_file(const struct importing *importing, const char *path, struct str text, struct buf *problem)
{
	if (importing->force)
		(void)unlink(path);
	if (file_create(path, text, problem) == OK)
		return OK;
	if (access(path, F_OK) == 0)
		buf_put(problem, STR("; --force replaces it"));
	return ERR_SYSTEM;
}

static enum err write_files(struct importing *importing, struct buf *problem)
{
	const struct import *import = &importing->import;

	if (importing->out.p != NULL && !importing->force && access(importing->out.p, F_OK) == 0) {
		buf_put_fmt(problem, "%s is there already; --force replaces it", importing->out.p);
		return ERR_EXISTS;
	}
	for (size_t i = 0; i < import->secret_count; i++) {
		struct str path = arena_fmt(importing->arena, "%.*s/%.*s", STR_ARG(importing->spec.secrets_dir),
					    STR_ARG(import->secrets[i].file));

		TRY(put_file(importing, path.p, import->secrets[i].value, problem));
	}
	if (importing->out.p != NULL)
		return put_file(importing, importing->out.p, buf_str(&import->yaml), problem);
	return OK;
}

/* What `gatehouse check` would say of it is worth knowing now. */
static void check_result(struct importing *importing)
{
	AUTO(config) *config = NULL;
	AUTO_BUF problem = {0};

	if (config_parse(buf_str(&importing->import.yaml), importing->out.p != NULL ? importing->out : STR("import"),
			 &problem, &config) != OK) {
		buf_put(&importing->import.warnings, str_trim(buf_str(&problem)));
		buf_put_byte(&importing->import.warnings, '\n');
	}
}

static void answer(const struct importing *importing)
{
	const struct import *import = &importing->import;
	AUTO_BUF out = {0};

	if (importing->invocation->json) {
		buf_put_fmt(&out, "{\"servers\":%zu,\"skipped\":%zu,\"secrets\":%zu,\"out\":", import->servers,
			    import->skipped, import->secret_count);
		if (importing->out.p != NULL)
			buf_put_json(&out, importing->out);
		else
			buf_put(&out, STR("null"));
		buf_put(&out, STR(",\"warnings\":"));
		buf_put_json(&out, str_trim(buf_str(&import->warnings)));
		buf_put(&out, STR(",\"yaml\":"));
		buf_put_json(&out, buf_str(&import->yaml));
		buf_put(&out, STR("}\n"));
	} else if (importing->out.p == NULL) {
		buf_put(&out, buf_str(&import->yaml));
	} else {
		buf_put_fmt(&out, "%s: %zu upstreams, %zu secrets in files; `gatehouse serve --config %s` runs it\n",
			    importing->out.p, import->servers, import->secret_count, importing->out.p);
	}
	command_print(&out);
	fflush(stdout);
	if (!importing->invocation->json)
		fprintf(stderr, "%.*s", STR_ARG(buf_str(&import->warnings)));
}

static enum err import_file(struct importing *importing, const char *file, struct buf *problem)
{
	AUTO_BUF text = {0};
	bool exists;
	enum err err;

	TRY(file_read(file, &text, &exists, problem));
	if (!exists) {
		buf_put_fmt(problem, "%s is not there", file);
		return ERR_NOT_FOUND;
	}
	TRY(name_secrets(importing, problem));
	err = import_servers(importing->arena, buf_str(&text), &importing->spec, &importing->import);
	if (err == ERR_NOT_FOUND)
		buf_put_fmt(problem, "%s has no `mcpServers` (or `servers`)", file);
	else if (err != OK)
		buf_put_fmt(problem, "%s: %s; comments must be removed", file,
			    err == ERR_LIMIT ? "it holds too much" : "it is not plain JSON");
	TRY(err);
	TRY(write_files(importing, problem));
	check_result(importing);
	answer(importing);
	return OK;
}

int import_run(const struct invocation *invocation)
{
	struct importing importing = {
		.invocation = invocation,
		.arena = arena_new(ARENA_BYTES_MAX),
		.spec = {.secrets_dir = options_get(&invocation->options, "secrets-dir")},
		.out = options_get(&invocation->options, "out"),
		.force = options_has(&invocation->options, "force"),
	};
	AUTO_BUF problem = {0};
	enum err err = import_file(&importing, invocation->options.operands[0].p, &problem);

	buf_free(&importing.import.yaml);
	buf_free(&importing.import.warnings);
	arena_free(importing.arena);
	return err == OK ? STATUS_DONE : command_failed("%.*s", STR_ARG(buf_str(&problem)));
}
