/* Reading and replacing files of the user. New content is synced under another name before it takes
 * the old one's place; a crash leaves the one or the other, never a mixture. */
#include "cli/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"

static enum err refuse(struct buf *problem, const char *path, const char *what)
{
	buf_put_fmt(problem, "%s %s: %s", path, what, strerror(errno));
	return ERR_SYSTEM;
}

enum err file_read(const char *path, struct buf *out, bool *ret_exists, struct buf *problem)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;

	*ret_exists = fd >= 0;
	if (fd < 0)
		return errno == ENOENT ? OK : refuse(problem, path, "cannot be read");
	do {
		n = read(fd, buf_reserve(out, 65536), 65536);
		if (n > 0)
			out->n += (size_t)n;
	} while (n > 0 && out->n <= FILE_BYTES_MAX);
	close(fd);
	if (n < 0)
		return refuse(problem, path, "cannot be read");
	if (n == 0)
		return OK;
	buf_put_fmt(problem, "%s is larger than 64 MB", path);
	return ERR_LIMIT;
}

static enum err write_all(int fd, struct str text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return ERR_SYSTEM;
		text = str_skip(text, (size_t)n);
	}
	return fsync(fd) == 0 ? OK : ERR_SYSTEM;
}

static enum err create(const char *path, struct str text, mode_t mode, struct buf *problem)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	enum err err;

	if (fd < 0)
		return errno == EEXIST ? ERR_EXISTS : refuse(problem, path, "cannot be written");
	err = write_all(fd, text);
	if (err == OK && fchmod(fd, mode) != 0)
		err = ERR_SYSTEM;
	if (err != OK) {
		(void)refuse(problem, path, "cannot be written");
		unlink(path);
	}
	close(fd);
	return err;
}

enum err file_create(const char *path, struct str text, struct buf *problem)
{
	enum err err = create(path, text, 0600, problem);

	if (err == ERR_EXISTS)
		buf_put_fmt(problem, "%s is there already", path);
	return err;
}

static void make_directories(const char *path)
{
	AUTO_BUF part = {0};

	for (const char *p = path; *p != '\0'; p++) {
		if (*p == '/' && p > path) {
			part.n = 0;
			buf_put(&part, (struct str){path, (size_t)(p - path)});
			buf_put_byte(&part, '\0');
			(void)mkdir(part.p, 0700); /* what fails here fails at the file, with its reason */
		}
	}
}

static enum err keep_backup(const char *path, struct str before, mode_t mode, struct buf *ret_backup,
			    struct buf *problem)
{
	char at[CLOCK_ISO_LEN + 1];
	enum err err;

	clock_iso(clock_wall_ms(), at);
	/* 2026-11-21T01:02:03.456Z without what does not belong into a file name */
	buf_put_fmt(ret_backup, "%s.bak-%.4s%.2s%.2sT%.2s%.2s%.2s.%.3sZ%c", path, at, at + 5, at + 8, at + 11, at + 14,
		    at + 17, at + 20, '\0');
	err = create(ret_backup->p, before, mode, problem);
	if (err == ERR_EXISTS)
		buf_put_fmt(problem, "%s is there already; try again", ret_backup->p);
	return err;
}

enum err file_replace(const char *path, struct str before, bool exists, struct str text, struct buf *ret_backup,
		      struct buf *problem)
{
	char *real = exists ? realpath(path, NULL) : NULL;
	const char *target = real == NULL ? path : real;
	AUTO_BUF fresh = {0};
	struct stat st = {.st_mode = 0600};
	enum err err = OK;

	make_directories(target);
	if (exists && stat(target, &st) == 0)
		err = keep_backup(target, before, st.st_mode & 0777, ret_backup, problem);
	buf_put_fmt(&fresh, "%s.new-%d%c", target, (int)getpid(), '\0');
	if (err == OK)
		err = create(fresh.p, text, st.st_mode & 0700, problem);
	if (err == OK && rename(fresh.p, target) != 0) {
		err = refuse(problem, target, "cannot be replaced");
		unlink(fresh.p);
	}
	free(real);
	return err;
}
