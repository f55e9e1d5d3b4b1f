/* Secrets in files that only their owner reads: DATA/server.key, DATA/operator.key, and all others by their names in
 * one directory. Reading and writing is done on a worker thread.
 *
 * A value takes the old one's place in one step: written under another name, synced, renamed (or linked, where none may
 * be replaced), and the directory synced, so that a key which has been used is never one that a crash takes back. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/secret_file.h"
#include "secrets/provider.h"

#define PATH_BYTES_MAX 1024 /* two of them fit a frame */

struct files {
	const struct secrets_settings *settings;
};

/* Secrets that had files before they had names. */
static const struct {
	struct str name;
	const char *file;
} at_home[] = {{{"server-key", 10}, "server.key"}, {{"operator-key", 12}, "operator.key"}};

/* The arguments of a call, for the worker thread that makes it. */
struct asked {
	const struct secrets_settings *settings;
	struct str name, value;
	bool fresh;
	struct buf *problem;
	struct secret_text *text;
	struct arena *arena;
	struct secret_fact *facts;
	size_t count;
};

static bool directory_of(const struct secrets_settings *settings, char out[PATH_BYTES_MAX])
{
	int n = settings->directory.n > 0 ? snprintf(out, PATH_BYTES_MAX, "%.*s", STR_ARG(settings->directory))
					  : snprintf(out, PATH_BYTES_MAX, "%.*s/secrets", STR_ARG(settings->data));

	return n > 0 && n < PATH_BYTES_MAX - SECRETS_NAME_MAX - 32;
}

/* The directory, and the name in it. */
static enum err place_of(const struct asked *asked, char directory[PATH_BYTES_MAX], char file[SECRETS_NAME_MAX + 1])
{
	const struct secrets_settings *settings = asked->settings;
	bool fits;

	for (size_t i = 0; i < ARRAY_LEN(at_home); i++) {
		if (!str_eq(asked->name, at_home[i].name))
			continue;
		snprintf(file, SECRETS_NAME_MAX + 1, "%s", at_home[i].file);
		return snprintf(directory, PATH_BYTES_MAX, "%.*s", STR_ARG(settings->data)) <
				       PATH_BYTES_MAX - SECRETS_NAME_MAX - 32
			       ? OK
			       : ERR_CONFIG;
	}
	snprintf(file, SECRETS_NAME_MAX + 1, "%.*s", STR_ARG(asked->name));
	fits = directory_of(settings, directory);
	return fits ? OK : ERR_CONFIG;
}

static enum err place_fail(struct buf *problem)
{
	buf_put(problem, STR("the path of its directory is too long"));
	return ERR_CONFIG;
}

static enum err read_work(void *arg)
{
	struct asked *asked = arg;
	char directory[PATH_BYTES_MAX], file[SECRETS_NAME_MAX + 1];
	AUTO_BUF path = {0};
	enum err err;

	if (place_of(asked, directory, file) != OK)
		return place_fail(asked->problem);
	buf_put_fmt(&path, "%s/%s", directory, file);
	buf_put_byte(&path, '\0');
	err = secret_file_bytes(AT_FDCWD, path.p, SECRET_FILE_PRIVATE, asked->problem, &asked->text);
	if (err == ERR_NOT_FOUND)
		buf_put_fmt(asked->problem, "; `gatehouse secret set %.*s` makes it", STR_ARG(asked->name));
	return err;
}

/* Make the directory and, when it lies in the data directory, that one. */
static bool make_directories(const struct secrets_settings *settings, const char *directory)
{
	char data[PATH_BYTES_MAX];

	snprintf(data, sizeof(data), "%.*s", STR_ARG(settings->data));
	if (settings->directory.n == 0 && mkdir(data, 0700) != 0 && errno != EEXIST)
		return false;
	return mkdir(directory, 0700) == 0 || errno == EEXIST;
}

static bool write_synced(int directory_fd, const char *file, struct str value)
{
	int fd = openat(directory_fd, file, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool good;

	if (fd < 0)
		return false;
	good = write(fd, value.p, value.n) == (ssize_t)value.n && fsync(fd) == 0;
	return close(fd) == 0 && good;
}

static enum err replace(const struct asked *asked, int directory_fd, const char *file)
{
	char passing[SECRETS_NAME_MAX + 32]; /* no name of a secret: has a dot */
	enum err err = OK;

	snprintf(passing, sizeof(passing), "%s.new.%d", file, (int)getpid());
	(void)unlinkat(directory_fd, passing, 0); /* of an earlier process that had our number */
	if (!write_synced(directory_fd, passing, asked->value))
		err = ERR_SYSTEM;
	else if (asked->fresh && linkat(directory_fd, passing, directory_fd, file, 0) != 0)
		err = errno == EEXIST ? ERR_EXISTS : ERR_SYSTEM;
	else if (!asked->fresh && renameat(directory_fd, passing, directory_fd, file) != 0)
		err = ERR_SYSTEM;
	(void)unlinkat(directory_fd, passing, 0);
	if (err == OK && fsync(directory_fd) != 0)
		err = ERR_SYSTEM;
	return err;
}

static enum err write_work(void *arg)
{
	struct asked *asked = arg;
	char directory[PATH_BYTES_MAX], file[SECRETS_NAME_MAX + 1];
	enum err err = ERR_SYSTEM;
	int fd = -1;

	if (place_of(asked, directory, file) != OK)
		return place_fail(asked->problem);
	if (make_directories(asked->settings, directory))
		fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0) {
		err = replace(asked, fd, file);
		close(fd);
	}
	if (err == ERR_EXISTS)
		buf_put_fmt(asked->problem, "%s/%s: is there already", directory, file);
	else if (err != OK)
		buf_put_fmt(asked->problem, "%s/%s: cannot be written; may the gateway's user write there?", directory,
			    file);
	return err;
}

static void note(struct asked *asked, struct str name, int directory_fd, const char *file)
{
	struct stat at;

	if (asked->count == SECRETS_LISTED_MAX || fstatat(directory_fd, file, &at, 0) != 0 || !S_ISREG(at.st_mode))
		return;
	asked->facts[asked->count++] =
		(struct secret_fact){.name = arena_str(asked->arena, name), .changed_ms = (int64_t)at.st_mtime * 1000};
}

/* What is where; a directory that is not there has nothing in it. */
static void note_directory(struct asked *asked, const char *path, bool home)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	if (directory == NULL)
		return;
	for (size_t i = 0; home && i < ARRAY_LEN(at_home); i++)
		note(asked, at_home[i].name, dirfd(directory), at_home[i].file);
	while (!home && (entry = readdir(directory)) != NULL)
		if (secrets_name_ok(str_of(entry->d_name)))
			note(asked, str_of(entry->d_name), dirfd(directory), entry->d_name);
	closedir(directory);
}

static enum err list_work(void *arg)
{
	struct asked *asked = arg;
	char path[PATH_BYTES_MAX];

	snprintf(path, sizeof(path), "%.*s", STR_ARG(asked->settings->data));
	note_directory(asked, path, true);
	if (!directory_of(asked->settings, path))
		return place_fail(asked->problem);
	note_directory(asked, path, false);
	return asked->count == SECRETS_LISTED_MAX ? ERR_LIMIT : OK;
}

/* ---- the provider ---------------------------------------------------------------- */

AWAITS static enum err open_files(const struct secrets_settings *settings, struct buf *problem, void **ret_own)
{
	struct files *files = calloc(1, sizeof(*files));

	CHECK(files != NULL);
	files->settings = settings;
	*ret_own = files;
	return OK;
}

AWAITS static void close_files(void *own)
{
	free(own);
}

AWAITS static enum err get(void *own, struct str name, struct buf *problem, struct secret_text **ret_text)
{
	struct asked asked = {.settings = ((struct files *)own)->settings, .name = name, .problem = problem};

	TRY(work_run(read_work, &asked));
	*ret_text = asked.text;
	return OK;
}

AWAITS static enum err put(void *own, struct str name, struct str value, bool fresh, struct buf *problem)
{
	struct asked asked = {.settings = ((struct files *)own)->settings,
			      .name = name,
			      .value = value,
			      .fresh = fresh,
			      .problem = problem};

	return work_run(write_work, &asked);
}

AWAITS static enum err list(void *own, struct arena *arena, struct buf *problem, struct secret_fact **ret_facts,
			    size_t *ret_count)
{
	struct asked asked = {.settings = ((struct files *)own)->settings,
			      .problem = problem,
			      .arena = arena,
			      .facts = arena_alloc(arena, SECRETS_LISTED_MAX * sizeof(struct secret_fact))};

	TRY(work_run(list_work, &asked));
	*ret_facts = asked.facts;
	*ret_count = asked.count;
	return OK;
}

const struct secrets_provider secrets_file_provider = {
	.name = "file", .makes = true, .open = open_files, .close = close_files, .get = get, .put = put, .list = list};
