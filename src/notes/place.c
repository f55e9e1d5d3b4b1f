/* The disk under a folder of notes. The kernel keeps paths inside it (openat2 with RESOLVE_BENEATH and no links); where
 * it has no such call, or a container forbids it, the path is walked part by part with O_NOFOLLOW, which comes to the
 * same: parts are names, never "..", and a link ends the walk.
 *
 * A write makes a temporary file beside its target, and renames it after both are sure: its bytes are on the disk, and
 * the target is still what the writer has read. Between that look and the rename lies a moment in which a program that
 * knows nothing of us could change the note; nothing that is portable closes it. */
#include "notes/place.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "notes/path.h"

static enum err translate(int code)
{
	switch (code) {
	case ENOENT:
	case ENOTDIR:
	case ELOOP:
	case EXDEV:
	case ENAMETOOLONG:
	case ENXIO:
		return ERR_NOT_FOUND;
	case EEXIST:
		return ERR_EXISTS;
	default:
		log_warn("notes.disk", LOG_INT("errno", code));
		return ERR_IO;
	}
}

static enum err walk(int root, struct str path, int flags, int *ret_fd)
{
	int at = root;
	bool more = true;

	while (more) {
		char name[NOTE_PART_BYTES_MAX + 1];
		struct str part, rest;
		int fd;

		more = str_cut(path, '/', &part, &rest);
		if (part.n > NOTE_PART_BYTES_MAX || str_eq(part, STR(".."))) {
			if (at != root)
				(void)close(at);
			return ERR_NOT_FOUND;
		}
		memcpy(name, part.n == 0 ? "." : part.p, part.n == 0 ? 1 : part.n);
		name[part.n == 0 ? 1 : part.n] = '\0';
		fd = openat(at, name, (more ? O_PATH | O_DIRECTORY : flags) | O_NOFOLLOW | O_CLOEXEC);
		if (at != root)
			(void)close(at);
		if (fd < 0)
			return translate(errno);
		at = fd;
		path = rest;
	}
	*ret_fd = at;
	return OK;
}

enum err place_open(int root, struct str path, int flags, int *ret_fd)
{
	struct open_how how = {
		.flags = (uint64_t)(flags | O_CLOEXEC | O_NOFOLLOW),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS,
	};
	char name[NOTE_PATH_BYTES_MAX + 1];
	long fd;

	if (path.n > NOTE_PATH_BYTES_MAX)
		return ERR_NOT_FOUND;
	memcpy(name, path.n == 0 ? "." : path.p, path.n == 0 ? 1 : path.n);
	name[path.n == 0 ? 1 : path.n] = '\0';
	fd = syscall(SYS_openat2, root, name, &how, sizeof(how));
	if (fd < 0 && (errno == ENOSYS || errno == EPERM))
		return walk(root, path, flags, ret_fd);
	if (fd < 0)
		return translate(errno);
	*ret_fd = (int)fd;
	return OK;
}

static int64_t time_ns(struct timespec time)
{
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

static struct place_stamp stamp_of(const struct stat *stat)
{
	return (struct place_stamp){
		.inode = stat->st_ino,
		.bytes = stat->st_size,
		.mtime_ns = time_ns(stat->st_mtim),
		.ctime_ns = time_ns(stat->st_ctim),
	};
}

bool place_stamp_eq(const struct place_stamp *a, const struct place_stamp *b)
{
	return a->inode == b->inode && a->bytes == b->bytes && a->mtime_ns == b->mtime_ns && a->ctime_ns == b->ctime_ns;
}

enum err place_stat(int root, struct str path, struct place_stamp *ret_stamp)
{
	struct stat stat;
	int fd, failed;

	TRY(place_open(root, path, O_PATH, &fd));
	failed = fstat(fd, &stat);
	(void)close(fd);
	if (failed != 0)
		return ERR_IO;
	if (!S_ISREG(stat.st_mode))
		return ERR_NOT_FOUND;
	*ret_stamp = stamp_of(&stat);
	return OK;
}

static enum err read_fd(int fd, struct buf *out, struct place_stamp *ret_stamp)
{
	size_t before = out->n;
	struct stat stat;
	ssize_t n;

	if (fstat(fd, &stat) != 0)
		return ERR_IO;
	if (!S_ISREG(stat.st_mode))
		return ERR_NOT_FOUND;
	if (stat.st_size > NOTE_BYTES_MAX)
		return ERR_LIMIT;
	do { /* it may grow while it is read */
		char *to = buf_reserve(out, 16384);

		n = read(fd, to, 16384);
		if (n > 0)
			out->n += (size_t)n;
	} while ((n > 0 && out->n - before <= NOTE_BYTES_MAX) || (n < 0 && errno == EINTR));
	if (n < 0)
		return translate(errno);
	if (out->n - before > NOTE_BYTES_MAX)
		return ERR_LIMIT;
	*ret_stamp = stamp_of(&stat);
	return OK;
}

enum err place_read(int root, struct str path, struct buf *out, struct place_stamp *ret_stamp)
{
	enum err err;
	int fd;

	TRY(place_open(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY, &fd));
	err = read_fd(fd, out, ret_stamp);
	(void)close(fd);
	return err;
}

static enum err write_all(int fd, struct str bytes)
{
	while (bytes.n > 0) {
		ssize_t n = write(fd, bytes.p, bytes.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return translate(errno);
		bytes = str_skip(bytes, (size_t)n);
	}
	return fsync(fd) == 0 ? OK : translate(errno);
}

/* Rename, if the target still is what was seen. */
static enum err swap_in(int folder, const char *temporary, const char *name, const struct place_stamp *seen)
{
	struct place_stamp now;
	struct stat stat;

	if (seen == NULL)
		return renameat2(folder, temporary, folder, name, RENAME_NOREPLACE) == 0 ? OK : translate(errno);
	if (fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? ERR_EXISTS : translate(errno);
	now = stamp_of(&stat);
	if (!S_ISREG(stat.st_mode) || !place_stamp_eq(&now, seen))
		return ERR_EXISTS;
	return renameat(folder, temporary, folder, name) == 0 ? OK : translate(errno);
}

/* The new file has the old one's owner and mode, as far as we may give them. */
static void keep_owner(int folder, const char *name, int fd)
{
	struct stat stat;

	if (fstatat(folder, name, &stat, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(stat.st_mode))
		return;
	(void)!fchown(fd, stat.st_uid, stat.st_gid);
	(void)fchmod(fd, stat.st_mode & 0777);
}

static enum err write_beside(int folder, const char *name, struct str bytes, const struct place_stamp *seen,
			     struct place_stamp *ret_stamp)
{
	char temporary[sizeof(PLACE_TEMPORARY) + ID_LEN] = PLACE_TEMPORARY;
	struct stat stat;
	enum err err;
	int fd;

	random_id(temporary + sizeof(PLACE_TEMPORARY) - 1);
	fd = openat(folder, temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0666);
	if (fd < 0)
		return translate(errno);
	if (seen != NULL)
		keep_owner(folder, name, fd);
	err = write_all(fd, bytes);
	if (err == OK)
		err = swap_in(folder, temporary, name, seen);
	if (err != OK)
		(void)unlinkat(folder, temporary, 0);
	else if (fsync(folder) != 0 || fstat(fd, &stat) != 0)
		err = ERR_IO;
	else
		*ret_stamp = stamp_of(&stat);
	(void)close(fd);
	return err;
}

enum err place_write(int root, struct str path, struct str bytes, const struct place_stamp *seen,
		     struct place_stamp *ret_stamp)
{
	struct str part = note_path_name(path);
	char name[NOTE_PART_BYTES_MAX + 4];
	enum err err;
	int folder;

	CHECK(part.n > 0 && part.n < sizeof(name));
	memcpy(name, part.p, part.n);
	name[part.n] = '\0';
	TRY(place_open(root, note_path_folder(path), O_RDONLY | O_DIRECTORY, &folder));
	err = write_beside(folder, name, bytes, seen, ret_stamp);
	(void)close(folder);
	return err;
}

static enum err make_one(int root, struct str folder)
{
	struct str part = note_path_name(folder);
	char name[NOTE_PART_BYTES_MAX + 1];
	enum err err = OK;
	int above;

	if (part.n == 0 || part.n > NOTE_PART_BYTES_MAX)
		return ERR_NOT_FOUND;
	memcpy(name, part.p, part.n);
	name[part.n] = '\0';
	TRY(place_open(root, note_path_folder(folder), O_RDONLY | O_DIRECTORY, &above));
	if (mkdirat(above, name, 0777) != 0 && errno != EEXIST)
		err = translate(errno);
	else if (fsync(above) != 0)
		err = translate(errno);
	(void)close(above);
	return err;
}

enum err place_make_folder(int root, struct str folder)
{
	for (size_t n = 1; n <= folder.n; n++) {
		int fd;

		if (n < folder.n && folder.p[n] != '/')
			continue;
		if (place_open(root, (struct str){folder.p, n}, O_PATH | O_DIRECTORY, &fd) == OK)
			(void)close(fd);
		else
			TRY(make_one(root, (struct str){folder.p, n}));
	}
	return OK;
}
