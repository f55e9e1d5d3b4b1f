/* Listeners: an acceptor on each loop, all for one address. An accepted socket becomes a
 * stream, perhaps says first who is behind it (PROXY protocol), and goes to the owner.
 *
 *   accept --> [wait for the PROXY header] --> [attach TLS] --> on_accept
 *
 * Each acceptor belongs to its loop; loop 0 reaches the others by loop_call and by messages.
 * Sockets themselves are made in listen_socket.c. */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/limits.h"
#include "net/listen_socket.h"
#include "net/proxy_header.h"
#include "net/stream_private.h"

#define LISTENER_MAGIC 0x4c535401u
#define BUSY_RETRY_MS 20       /* when a loop has no fiber to spare */
#define NEWCOMER_GRACE_MS 1000 /* for PROXY headers that are on their way when the listener closes */

struct acceptor {
	struct listener *listener;
	struct loop *loop;
	struct tls *tls;     /* one reference, or NULL */
	struct list waiting; /* struct newcomer */
	struct wait closed;  /* the closing fiber's */
	int fd;		     /* until the loop has it; then -1 */
	bool is_unix;
	union {
		uv_handle_t handle;
		uv_stream_t uv;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	};
};

struct listener {
	uint32_t magic;
	struct listener_spec spec; /* trusted_proxies is our copy */
	struct listener_events events;
	void *owner;
	unsigned count;	       /* as many as loops or as inherited sockets, whichever is more */
	unsigned socket_count; /* the first ones have sockets of their own, the rest copies */
	struct acceptor *acceptor[LOOPS_MAX];
};

/* A connection whose PROXY header is not complete. */
struct newcomer {
	struct list link;
	struct acceptor *acceptor;
	struct stream *stream;
	struct timer timer;
	struct buf seen;
};

static void hand_over(struct acceptor *acceptor, struct stream *stream)
{
	struct listener *listener = acceptor->listener;

	stream->events = NULL;
	if (acceptor->tls != NULL && stream_tls_attach(stream, acceptor->tls, STR_NONE) != OK) {
		stream_drop(stream);
		return;
	}
	if (!listener->events.on_accept(listener->owner, stream))
		stream_drop(stream);
	else
		CHECK(stream->events != NULL);
}

static void newcomer_free(struct newcomer *newcomer)
{
	if (newcomer->timer.at_ms != 0)
		timer_stop(&newcomer->timer);
	list_remove(&newcomer->link);
	buf_free(&newcomer->seen);
	free(newcomer);
}

static void newcomer_refuse(struct newcomer *newcomer)
{
	stream_drop(newcomer->stream);
	newcomer_free(newcomer);
}

static void on_newcomer_timeout(struct timer *timer)
{
	newcomer_refuse(CONTAINER_OF(timer, struct newcomer, timer));
}

static void on_newcomer_close(void *owner, enum err reason)
{
	newcomer_free(owner);
}

/* The header is complete: from here the stream's peer is the one it names. */
static void newcomer_admit(struct newcomer *newcomer, size_t header_n, const struct address *source)
{
	struct acceptor *acceptor = newcomer->acceptor;
	struct stream *stream = newcomer->stream;
	AUTO_BUF seen = newcomer->seen;

	newcomer->seen = (struct buf){0};
	newcomer_free(newcomer);
	if (source->sa.sa_family != AF_UNSPEC) {
		stream->socket_peer = malloc(sizeof *stream->socket_peer);
		CHECK(stream->socket_peer != NULL);
		*stream->socket_peer = stream->peer;
		stream->peer = *source;
	}
	hand_over(acceptor, stream);
	stream_input(stream, str_skip(buf_str(&seen), header_n));
}

static void on_newcomer_read(void *owner, struct str bytes)
{
	struct newcomer *newcomer = owner;
	struct address source;
	size_t n;

	buf_put(&newcomer->seen, bytes);
	if (proxy_header_parse(buf_str(&newcomer->seen), &n, &source) != OK)
		newcomer_refuse(newcomer);
	else if (n > 0)
		newcomer_admit(newcomer, n, &source);
}

static const struct stream_events newcomer_events = {.on_read = on_newcomer_read, .on_close = on_newcomer_close};

/* Whoever may reach a Unix socket was let in by its file mode. */
static bool is_trusted(const struct listener_spec *spec, const struct address *address)
{
	if (address->sa.sa_family == AF_UNIX)
		return true;
	for (size_t i = 0; i < spec->trusted_count; i++)
		if (prefix_covers(&spec->trusted_proxies[i], address))
			return true;
	return false;
}

static void await_header(struct acceptor *acceptor, struct stream *stream)
{
	struct newcomer *newcomer = calloc(1, sizeof *newcomer);

	CHECK(newcomer != NULL);
	newcomer->acceptor = acceptor;
	newcomer->stream = stream;
	list_add_tail(&acceptor->waiting, &newcomer->link);
	timer_set(acceptor->loop, &newcomer->timer, HTTP_HEADER_TIMEOUT_MS, on_newcomer_timeout);
	stream_start(stream, &newcomer_events, newcomer);
}

/* The socket's peer, an IPv4 one as IPv4 also when the listener is ::. */
static bool find_peer(struct stream *stream)
{
	struct address *peer = &stream->peer;
	int n = sizeof *peer;

	if (peer->sa.sa_family == AF_UNIX)
		return true;
	if (uv_tcp_getpeername(&stream->tcp, &peer->sa, &n) != 0)
		return false;
	if (peer->sa.sa_family == AF_INET6 && IN6_IS_ADDR_V4MAPPED(&peer->in6.sin6_addr)) {
		struct address plain = {.in4 = {.sin_family = AF_INET, .sin_port = peer->in6.sin6_port}};

		memcpy(&plain.in4.sin_addr, peer->in6.sin6_addr.s6_addr + 12, 4);
		*peer = plain;
	}
	return true;
}

static void on_uv_connection(uv_stream_t *uv, int status)
{
	struct acceptor *acceptor = uv->data;
	const struct listener_spec *spec = &acceptor->listener->spec;
	struct stream *stream;

	if (status < 0)
		return; /* out of descriptors: libuv turned the caller away */
	stream = stream_new(acceptor->loop, acceptor->is_unix ? AF_UNIX : AF_INET, STREAM_ACCEPTED);
	if (uv_accept(uv, &stream->uv) != 0 || !find_peer(stream))
		stream_drop(stream);
	else if (!spec->proxy_protocol)
		hand_over(acceptor, stream);
	else if (is_trusted(spec, &stream->peer))
		await_header(acceptor, stream);
	else
		stream_drop(stream);
}

/* Runs on the acceptor's loop. */
static enum err acceptor_open(void *arg)
{
	struct acceptor *acceptor = arg;
	uv_loop_t *uv = loop_uv(acceptor->loop);
	int status;

	if (acceptor->is_unix) {
		CHECK(uv_pipe_init(uv, &acceptor->pipe, 0) == 0);
		status = uv_pipe_open(&acceptor->pipe, acceptor->fd);
	} else {
		CHECK(uv_tcp_init(uv, &acceptor->tcp) == 0);
		status = uv_tcp_open(&acceptor->tcp, acceptor->fd);
	}
	acceptor->handle.data = acceptor;
	if (status == 0) {
		acceptor->fd = -1;
		status = uv_listen(&acceptor->uv, acceptor->listener->spec.backlog, on_uv_connection);
	}
	return status == 0 ? OK : ERR_SYSTEM;
}

static void on_uv_close(uv_handle_t *handle)
{
	struct acceptor *acceptor = handle->data;

	wait_done(&acceptor->closed, OK);
}

/* Runs on the acceptor's loop. Who was accepted already and is about to say who is behind it is not
 * turned away for that: the header comes with the first packet, so there is little to wait for. */
AWAITS static enum err acceptor_close(void *arg)
{
	struct acceptor *acceptor = arg;

	if (acceptor->fd >= 0)
		close(acceptor->fd);
	if (acceptor->handle.data != NULL) { /* else its loop never had it */
		uv_close(&acceptor->handle, on_uv_close);
		(void)!wait_for(&acceptor->closed, NULL, NULL);
	}
	for (int waited_ms = 0; !list_empty(&acceptor->waiting) && waited_ms < NEWCOMER_GRACE_MS;
	     waited_ms += BUSY_RETRY_MS)
		if (fiber_sleep(BUSY_RETRY_MS) != OK)
			break;
	for (struct list *link; (link = list_pop(&acceptor->waiting)) != NULL;)
		newcomer_refuse(CONTAINER_OF(link, struct newcomer, link));
	tls_unref(acceptor->tls);
	free(acceptor);
	return OK;
}

static struct listener *listener_new(const struct listener_spec *spec, const struct listener_events *events,
				     void *owner)
{
	struct listener *listener = calloc(1, sizeof *listener);
	struct prefix *trusted = calloc(spec->trusted_count + 1, sizeof *trusted);

	CHECK(listener != NULL && trusted != NULL);
	if (spec->trusted_count > 0)
		memcpy(trusted, spec->trusted_proxies, spec->trusted_count * sizeof *trusted);
	listener->magic = LISTENER_MAGIC;
	listener->spec = *spec;
	listener->spec.tls = NULL; /* each acceptor has its own reference */
	listener->spec.trusted_proxies = trusted;
	listener->spec.inherited = NULL; /* borrowed for listener_open */
	listener->spec.backlog = spec->backlog > 0 ? spec->backlog : SOMAXCONN;
	listener->events = *events;
	listener->owner = owner;
	return listener;
}

static void listener_free(struct listener *listener)
{
	free((void *)listener->spec.trusted_proxies);
	listener->magic = 0;
	free(listener);
}

/* How many of the sockets that were opened are not copies. */
static unsigned own_sockets(const struct listener_spec *spec, const struct address *bound)
{
	if (spec->inherited_count > 0)
		return (unsigned)spec->inherited_count;
	return bound->sa.sa_family == AF_UNIX ? 1 : loop_count();
}

AWAITS enum err listener_open(const struct listener_spec *spec, const struct listener_events *events, void *owner,
			      struct listener **ret_listener, struct address *ret_bound)
{
	struct listener *listener = listener_new(spec, events, owner);
	unsigned count = spec->inherited_count > loop_count() ? (unsigned)spec->inherited_count : loop_count();
	int fds[LOOPS_MAX];
	struct address bound;
	enum err err;

	CHECK(count <= LOOPS_MAX);
	err = listen_sockets_open(spec, count, fds, &bound);
	if (err != OK) {
		listener_free(listener);
		return err;
	}
	listener->socket_count = own_sockets(spec, &bound);
	for (unsigned i = 0; i < count; i++) {
		struct acceptor *acceptor = calloc(1, sizeof *acceptor);

		CHECK(acceptor != NULL);
		*acceptor = (struct acceptor){.listener = listener, .loop = loop_at(i % loop_count()), .fd = fds[i]};
		acceptor->is_unix = bound.sa.sa_family == AF_UNIX;
		acceptor->tls = spec->tls == NULL ? NULL : tls_ref(spec->tls);
		list_init(&acceptor->waiting);
		listener->acceptor[listener->count++] = acceptor;
	}
	*ret_listener = listener;
	if (ret_bound != NULL)
		*ret_bound = bound;
	return OK;
}

AWAITS enum err listener_accept(struct listener *listener)
{
	CHECK_OBJ(listener, LISTENER_MAGIC);
	for (unsigned i = 0; i < listener->count; i++)
		TRY(loop_call(listener->acceptor[i]->loop, "listen", acceptor_open, listener->acceptor[i]));
	return OK;
}

AWAITS void listener_close(struct listener *listener)
{
	struct fiber_shield shield = fiber_shield_begin(HTTP_DRAIN_MS);

	CHECK_OBJ(listener, LISTENER_MAGIC);
	for (unsigned i = 0; i < listener->count; i++)
		while (loop_call(listener->acceptor[i]->loop, "listen-end", acceptor_close, listener->acceptor[i]) ==
		       ERR_BUSY)
			if (fiber_sleep(BUSY_RETRY_MS) != OK)
				break;
	fiber_shield_end(shield);
	listen_socket_unlink(&listener->spec);
	listener_free(listener);
}

size_t listener_sockets(const struct listener *listener, int out[])
{
	size_t n = 0;

	CHECK_OBJ(listener, LISTENER_MAGIC);
	/* A handle's descriptor does not change while the listener is open: any loop may look. */
	for (unsigned i = 0; i < listener->socket_count; i++) {
		uv_os_fd_t fd;

		if (uv_fileno(&listener->acceptor[i]->handle, &fd) == 0 &&
		    (out[n] = fcntl(fd, F_DUPFD_CLOEXEC, 0)) >= 0)
			n++;
		else
			break;
	}
	if (n == listener->socket_count)
		return n;
	while (n > 0)
		close(out[--n]);
	return 0;
}

void listener_leave_file(struct listener *listener)
{
	CHECK_OBJ(listener, LISTENER_MAGIC);
	listener->spec.foreign_file = true;
}

bool listener_has_foreign_file(const struct listener *listener)
{
	CHECK_OBJ(listener, LISTENER_MAGIC);
	return listener->spec.foreign_file;
}

/* A change of TLS settings on its way to one loop. */
struct tls_change {
	struct task task;
	struct listener *listener;
	unsigned index;
	struct tls *tls;
};

static void on_tls_change(struct task *task)
{
	struct tls_change *change = CONTAINER_OF(task, struct tls_change, task);
	struct acceptor *acceptor = change->listener->acceptor[change->index];

	tls_unref(acceptor->tls);
	acceptor->tls = change->tls;
	free(change);
}

void listener_set_tls(struct listener *listener, struct tls *tls)
{
	CHECK_OBJ(listener, LISTENER_MAGIC);
	for (unsigned i = 0; i < listener->count; i++) {
		struct tls_change *change = calloc(1, sizeof *change);

		CHECK(change != NULL);
		*change = (struct tls_change){.task.run = on_tls_change, .listener = listener, .index = i};
		change->tls = tls == NULL ? NULL : tls_ref(tls);
		loop_post(listener->acceptor[i]->loop, &change->task);
	}
}
