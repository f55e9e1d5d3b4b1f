/* LISTEN_PID, LISTEN_FDS and LISTEN_FDNAMES: a library for three variables would be larger than this
 * file. The variables are believed only when they name this process: a child of a child may have got
 * them by accident. What the descriptors are for is the caller's business. */
#include "net/listen_inherited.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static size_t count_passed(void)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	uint64_t for_pid, count;

	if (pid == NULL || fds == NULL || str_to_u64(str_of(pid), &for_pid) != OK || for_pid != (uint64_t)getpid() ||
	    str_to_u64(str_of(fds), &count) != OK)
		return 0;
	return (size_t)count;
}

size_t inherited_take(struct inherited *out, size_t cap, struct buf *names)
{
	const char *all = getenv("LISTEN_FDNAMES");
	size_t count = count_passed();
	struct str left;

	if (count > cap)
		count = cap;
	buf_put(names, str_of(all == NULL ? "" : all));
	left = buf_str(names);
	for (size_t i = 0; i < count; i++) {
		out[i] = (struct inherited){.fd = ACTIVATION_FIRST_FD + (int)i};
		(void)fcntl(out[i].fd, F_SETFD, FD_CLOEXEC);
		if (left.n > 0)
			(void)str_cut(left, ':', &out[i].name, &left);
	}
	unsetenv("LISTEN_PID");
	unsetenv("LISTEN_FDS");
	unsetenv("LISTEN_FDNAMES");
	return count;
}
