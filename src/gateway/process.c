/* The process itself: what it may do, and that it is alone with its data.
 *
 * A lock belongs to the open file, so the process that hands over and the one that takes over hold the same one: while
 * the first drains they share it, and nobody else gets it. */
#include "gateway/process.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

void process_harden(void)
{
	struct rlimit files;

	prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (getrlimit(RLIMIT_NOFILE, &files) == 0 && files.rlim_cur < files.rlim_max) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
}

/* Whether an open file is still what the path names: the configuration may name another directory now. */
static bool is_file(int fd, const char *path)
{
	struct stat of_fd, of_path;

	return fstat(fd, &of_fd) == 0 && stat(path, &of_path) == 0 && of_fd.st_dev == of_path.st_dev &&
	       of_fd.st_ino == of_path.st_ino;
}

enum err process_lock_data(struct str data, struct handover *handover, int *lock_fd, struct buf *problem)
{
	AUTO_BUF path = {0};

	buf_put(&path, data);
	buf_put(&path, STR("/gatehouse.lock"));
	buf_put_byte(&path, '\0');
	*lock_fd = handover_take(handover, HANDOVER_LOCK);
	if (*lock_fd >= 0 && !is_file(*lock_fd, path.p)) {
		close(*lock_fd);
		*lock_fd = -1;
	}
	if (*lock_fd < 0)
		*lock_fd = open(path.p, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*lock_fd < 0) {
		buf_put_fmt(problem, "%s: %s; is the data directory writable?", path.p, strerror(errno));
		return ERR_SYSTEM;
	}
	if (flock(*lock_fd, LOCK_EX | LOCK_NB) == 0)
		return OK;
	buf_put_fmt(problem, "%s: another gatehouse serves this data directory; stop it or set another `data`", path.p);
	return ERR_EXISTS;
}
