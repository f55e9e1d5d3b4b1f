/* Making listening sockets: TCP with SO_REUSEPORT (libuv 1.44 has no flag for it, hence the
 * plain system calls), Unix sockets with their file, sockets inherited from systemd or from an
 * earlier process of ours.
 *
 * SO_REUSEPORT would let a second gateway bind the same port without an error and take half
 * of the connections. So a probe socket without it is bound first: it fails when anybody else
 * listens there. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "net/listen_socket.h"

static socklen_t address_length(const struct address *address)
{
	switch (address->sa.sa_family) {
	case AF_INET:
		return sizeof address->in4;
	case AF_INET6:
		return sizeof address->in6;
	default:
		return sizeof address->un;
	}
}

static int tcp_socket(const struct address *address, bool shared)
{
	static const int on = 1, off = 0;
	int fd = socket(address->sa.sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int reason;

	if (fd < 0)
		return -1;
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
	if (address->sa.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
	/* Accepted sockets inherit this on Linux: one system call less for each connection. */
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	if ((!shared || setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) == 0) &&
	    bind(fd, &address->sa, address_length(address)) == 0)
		return fd;
	reason = errno;
	close(fd);
	errno = reason;
	return -1;
}

static NODISCARD bool open_tcp(const struct address *wanted, unsigned count, int *out)
{
	struct address address = *wanted;
	unsigned made = 0;
	int probe = tcp_socket(&address, false);

	if (probe < 0)
		return false;
	if (count == 1) {
		out[0] = probe;
		return true;
	}
	close(probe);
	for (; made < count; made++) {
		socklen_t n = sizeof address;

		out[made] = tcp_socket(&address, true);
		if (out[made] < 0)
			break;
		if (made == 0 && getsockname(out[0], &address.sa, &n) != 0) /* the port the others must take */
			CHECK(false);
	}
	if (made == count)
		return true;
	while (made-- > 0)
		close(out[made]);
	return false;
}

/* A file left by a gateway that was killed is in the way; one that answers is in use. */
static bool unix_is_stale(const struct address *address)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool stale = fd >= 0 && connect(fd, &address->sa, sizeof address->un) != 0 && errno == ECONNREFUSED;

	if (fd >= 0)
		close(fd);
	return stale;
}

static int unix_socket(const struct listener_spec *spec)
{
	const struct address *address = &spec->address;
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int bound, reason;

	if (fd < 0)
		return -1;
	bound = bind(fd, &address->sa, sizeof address->un);
	if (bound != 0 && errno == EADDRINUSE && unix_is_stale(address) && unlink(address->un.sun_path) == 0)
		bound = bind(fd, &address->sa, sizeof address->un);
	/* Nobody can connect before listen(), so changing the mode now leaves no gap. */
	if (bound == 0 && (spec->unix_mode == 0 || chmod(address->un.sun_path, spec->unix_mode) == 0))
		return fd;
	reason = errno;
	close(fd);
	errno = reason;
	return -1;
}

/* The sockets themselves come first, then copies of them, in turn. All are closed on failure. */
static NODISCARD bool copy_sockets(const int *fd, unsigned fd_count, unsigned count, int *out)
{
	for (unsigned made = 0; made < count; made++) {
		out[made] = made < fd_count ? fd[made] : fcntl(out[made - fd_count], F_DUPFD_CLOEXEC, 0);
		if (out[made] >= 0)
			continue;
		while (made-- > 0)
			close(out[made]);
		return false;
	}
	return true;
}

/* Now rather than by libuv later: that the address can be had is known at once. */
static NODISCARD bool listen_all(const int *fd, unsigned count, int backlog)
{
	unsigned i = 0;

	while (i < count && listen(fd[i], backlog > 0 ? backlog : SOMAXCONN) == 0)
		i++;
	if (i == count)
		return true;
	for (i = 0; i < count; i++)
		close(fd[i]);
	return false;
}

enum err listen_sockets_open(const struct listener_spec *spec, unsigned count, int *out, struct address *ret_bound)
{
	char text[ADDRESS_TEXT_MAX];
	struct address bound = {0};
	socklen_t n = sizeof bound;
	bool ok;

	if (spec->inherited_count > 0) {
		ok = copy_sockets(spec->inherited, (unsigned)spec->inherited_count, count, out);
	} else if (spec->address.sa.sa_family == AF_UNIX) {
		int fd = unix_socket(spec);

		ok = fd >= 0 && copy_sockets(&fd, 1, count, out);
	} else {
		ok = open_tcp(&spec->address, count, out);
	}
	if (ok && spec->inherited_count == 0)
		ok = listen_all(out, count, spec->backlog);
	if (!ok) {
		log_error("listen.failed", LOG_STR("address", address_text(&spec->address, true, text)),
			  LOG_CSTR("reason", strerror(errno)));
		return ERR_SYSTEM;
	}
	CHECK(getsockname(out[0], &bound.sa, &n) == 0 || spec->inherited_count > 0);
	*ret_bound = bound;
	return OK;
}

void listen_socket_unlink(const struct listener_spec *spec)
{
	if (!spec->foreign_file && spec->address.sa.sa_family == AF_UNIX)
		(void)unlink(spec->address.un.sun_path);
}
