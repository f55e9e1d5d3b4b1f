/* systemd's credentials: files that the service manager decrypts into a directory of this service alone, on memory that
 * is never swapped. They are written outside, with systemd-creds, so this provider only reads.
 *   Source     systemd's CREDENTIALS.md; systemd.exec(5), LoadCredential= */
#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/secret_file.h"
#include "secrets/provider.h"

#define DIRECTORY_VARIABLE "CREDENTIALS_DIRECTORY"

struct credentials {
	int fd;
};

/* The arguments of a call, for the worker thread that makes it. */
struct asked {
	struct credentials *credentials;
	struct str name;
	struct buf *problem;
	struct secret_text *text;
	struct arena *arena;
	struct secret_fact *facts;
	size_t count;
};

AWAITS static enum err open_directory(const struct secrets_settings *settings, struct buf *problem, void **ret_own)
{
	const char *directory = getenv(DIRECTORY_VARIABLE);
	struct credentials *credentials;
	int fd;

	if (directory == NULL || directory[0] != '/') {
		buf_put(problem, STR("secrets: systemd, but " DIRECTORY_VARIABLE " is not set: the unit needs "
				     "LoadCredentialEncrypted= or LoadCredential= lines"));
		return ERR_CONFIG;
	}
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		buf_put_fmt(problem, "secrets: systemd, but the directory %s cannot be opened", directory);
		return ERR_CONFIG;
	}
	credentials = calloc(1, sizeof(*credentials));
	CHECK(credentials != NULL);
	credentials->fd = fd;
	*ret_own = credentials;
	return OK;
}

AWAITS static void close_directory(void *own)
{
	struct credentials *credentials = own;

	close(credentials->fd);
	free(credentials);
}

static enum err read_work(void *arg)
{
	struct asked *asked = arg;
	char path[SECRETS_NAME_MAX + 1];
	AUTO_BUF problem = {0};
	enum err err;

	memcpy(path, asked->name.p, asked->name.n);
	path[asked->name.n] = '\0';
	err = secret_file_bytes(asked->credentials->fd, path, SECRET_FILE_HERE, &problem, &asked->text);
	if (err == ERR_NOT_FOUND)
		buf_put_fmt(asked->problem,
			    "there is no credential %s in %s; encrypt it with `systemd-creds encrypt --name=%s` and "
			    "name it in "
			    "the unit with LoadCredentialEncrypted=%s:FILE",
			    path, getenv(DIRECTORY_VARIABLE), path, path);
	else if (err != OK)
		buf_put_fmt(asked->problem, "in %s: %.*s", getenv(DIRECTORY_VARIABLE), STR_ARG(buf_str(&problem)));
	return err;
}

AWAITS static enum err get(void *own, struct str name, struct buf *problem, struct secret_text **ret_text)
{
	struct asked asked = {.credentials = own, .name = name, .problem = problem};

	TRY(work_run(read_work, &asked));
	*ret_text = asked.text;
	return OK;
}

AWAITS static enum err put(void *own, struct str name, struct str value, bool fresh, struct buf *problem)
{
	buf_put_fmt(
		problem,
		"systemd's credentials are written by systemd: run `systemd-creds encrypt --name=%.*s - FILE`, name "
		"FILE in the unit with LoadCredentialEncrypted=%.*s:FILE, and restart it",
		STR_ARG(name), STR_ARG(name));
	return ERR_CONFIG;
}

static enum err list_work(void *arg)
{
	struct asked *asked = arg;
	int fd = openat(asked->credentials->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	if (directory == NULL) {
		if (fd >= 0)
			close(fd);
		return ERR_SYSTEM;
	}
	while ((entry = readdir(directory)) != NULL && asked->count < SECRETS_LISTED_MAX) {
		struct str name = str_of(entry->d_name);
		struct stat file;

		if (!secrets_name_ok(name) || fstatat(fd, entry->d_name, &file, AT_SYMLINK_NOFOLLOW) != 0 ||
		    !S_ISREG(file.st_mode))
			continue;
		asked->facts[asked->count++] = (struct secret_fact){.name = arena_str(asked->arena, name),
								    .changed_ms = (int64_t)file.st_mtime * 1000};
	}
	closedir(directory);
	return OK;
}

AWAITS static enum err list(void *own, struct arena *arena, struct buf *problem, struct secret_fact **ret_facts,
			    size_t *ret_count)
{
	struct asked asked = {.credentials = own,
			      .arena = arena,
			      .facts = arena_alloc(arena, SECRETS_LISTED_MAX * sizeof(struct secret_fact))};

	TRY(work_run(list_work, &asked));
	*ret_facts = asked.facts;
	*ret_count = asked.count;
	return OK;
}

const struct secrets_provider secrets_systemd_provider = {
	.name = "systemd", .open = open_directory, .close = close_directory, .get = get, .put = put, .list = list};
