/* Reading a secret: the opened file is judged, not its name, so that nobody can exchange it in between, and no more is
 * read than was judged. Opening does not wait for the other end of a pipe; what is no plain file is refused. */
#include "base/secret_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static enum err refuse(struct buf *problem, enum err err, const char *path, const char *what)
{
	if (problem != NULL)
		buf_put_fmt(problem, "%s: %s", path, what);
	return err;
}

static bool is_private(const struct stat *file)
{
	if (file->st_uid == 0 && geteuid() != 0)
		return (file->st_mode & 027) == 0;
	return (file->st_mode & 077) == 0;
}

static enum err open_file(int directory_fd, const char *path, enum secret_file_rule rule, struct buf *problem,
			  int *ret_fd, size_t *ret_bytes)
{
	int follow = rule == SECRET_FILE_HERE ? O_NOFOLLOW : 0;
	int fd = openat(directory_fd, path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | follow);
	struct stat file;
	enum err err = OK;

	if (fd < 0 && errno == ENOENT)
		return refuse(problem, ERR_NOT_FOUND, path, "there is no such file");
	if (fd < 0 && errno == ELOOP)
		return refuse(problem, ERR_CONFIG, path, "is a symbolic link");
	if (fd < 0 || fstat(fd, &file) != 0)
		err = refuse(problem, ERR_SYSTEM, path, "cannot be read; it must belong to the user who runs this");
	else if (!S_ISREG(file.st_mode))
		err = refuse(problem, ERR_CONFIG, path, "is not a plain file");
	else if (rule != SECRET_FILE_ANY && !is_private(&file))
		err = refuse(problem, ERR_CONFIG, path, "others may read it; run `chmod 600` on it");
	else if (file.st_size > SECRET_TEXT_BYTES_MAX)
		err = refuse(problem, ERR_CONFIG, path, "is too long for a secret (64 KB)");
	if (err == OK) {
		*ret_fd = fd;
		*ret_bytes = (size_t)file.st_size;
	} else if (fd >= 0) {
		close(fd);
	}
	return err;
}

/* At most `size` bytes; -1 when that fails. */
static ssize_t read_all(int fd, char *out, size_t size)
{
	size_t n = 0;

	while (n < size) {
		ssize_t more = read(fd, out + n, size - n);

		if (more < 0 && errno == EINTR)
			continue;
		if (more < 0)
			return -1;
		if (more == 0)
			break;
		n += (size_t)more;
	}
	return (ssize_t)n;
}

/* The file as it is. */
static enum err read_file(int directory_fd, const char *path, enum secret_file_rule rule, struct buf *problem,
			  struct secret_text **ret_bytes)
{
	AUTO(secret_text) *bytes = NULL;
	size_t size;
	ssize_t n;
	char *p;
	int fd;

	TRY(open_file(directory_fd, path, rule, problem, &fd, &size));
	bytes = secret_text_room(size, &p);
	n = read_all(fd, p, size);
	close(fd);
	if (n != (ssize_t)size)
		return refuse(problem, ERR_SYSTEM, path, "cannot be read");
	*ret_bytes = bytes;
	bytes = NULL;
	return OK;
}

enum err secret_file_text(int directory_fd, const char *path, enum secret_file_rule rule, struct buf *problem,
			  struct secret_text **ret_text)
{
	AUTO(secret_text) *bytes = NULL;
	struct str text;

	TRY(read_file(directory_fd, path, rule, problem, &bytes));
	text = secret_text_str(bytes);
	while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
		text.n--;
	if (text.n == 0)
		return refuse(problem, ERR_CONFIG, path, "is empty; write the secret into it, on one line");
	if (memchr(text.p, '\0', text.n) != NULL)
		return refuse(problem, ERR_CONFIG, path, "holds a zero byte; write the secret into it, on one line");
	*ret_text = secret_text_new(text);
	return OK;
}

enum err secret_file_bytes(int directory_fd, const char *path, enum secret_file_rule rule, struct buf *problem,
			   struct secret_text **ret_bytes)
{
	AUTO(secret_text) *bytes = NULL;

	TRY(read_file(directory_fd, path, rule, problem, &bytes));
	if (secret_text_str(bytes).n == 0)
		return refuse(problem, ERR_CONFIG, path, "is empty");
	*ret_bytes = bytes;
	bytes = NULL;
	return OK;
}

enum err secret_file_write(int directory_fd, const char *path, struct str bytes)
{
	int fd = openat(directory_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bool good;

	if (fd < 0)
		return ERR_SYSTEM;
	good = write(fd, bytes.p, bytes.n) == (ssize_t)bytes.n && fsync(fd) == 0;
	return close(fd) == 0 && good ? OK : ERR_SYSTEM;
}
