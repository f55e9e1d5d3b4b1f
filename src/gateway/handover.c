/* The receiving side of an upgrade, and of systemd's socket activation; upgrade.c is the giving side.
 *
 * Every descriptor is taken at most once, by who needs it; what nobody took (a listener that the new
 * configuration does not have) is closed at the end, and with it the port when the old process goes. */
#include "gateway/handover.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"

#define HANDOVER_MAGIC 0x484e4456u /* "HNDV" */
#define SAID_BYTES_MAX 4000	   /* less than PIPE_BUF: one write, which does not wait */

struct handover {
	uint32_t magic;
	bool upgrade;
	int ready_fd;
	struct buf names;
	size_t count;
	struct inherited *fds; /* fd -1: taken */
};

struct handover *handover_receive(void)
{
	struct handover *handover = calloc(1, sizeof(*handover));
	struct inherited *fds = calloc(ACTIVATION_FDS_MAX, sizeof(*fds));

	CHECK(handover != NULL && fds != NULL);
	handover->magic = HANDOVER_MAGIC;
	handover->fds = fds;
	handover->count = inherited_take(fds, ACTIVATION_FDS_MAX, &handover->names);
	handover->ready_fd = handover_take(handover, HANDOVER_READY);
	handover->upgrade = handover->ready_fd >= 0;
	if (handover->count > 0)
		return handover;
	handover_free(handover);
	return NULL;
}

void handover_free(struct handover *handover)
{
	if (handover == NULL)
		return;
	CHECK_OBJ(handover, HANDOVER_MAGIC);
	handover->magic = 0;
	for (size_t i = 0; i < handover->count; i++)
		if (handover->fds[i].fd >= 0)
			close(handover->fds[i].fd);
	if (handover->ready_fd >= 0)
		close(handover->ready_fd);
	buf_free(&handover->names);
	free(handover->fds);
	free(handover);
}

bool handover_is_upgrade(const struct handover *handover)
{
	return handover != NULL && handover->upgrade;
}

static int take(struct inherited *from)
{
	int fd = from->fd;

	from->fd = -1;
	return fd;
}

int handover_take(struct handover *handover, struct str name)
{
	for (size_t i = 0; handover != NULL && i < handover->count; i++)
		if (handover->fds[i].fd >= 0 && str_eq(handover->fds[i].name, name))
			return take(&handover->fds[i]);
	return -1;
}

void handover_socket_name(const struct config_listen *listen, bool foreign, struct buf *out)
{
	buf_put(out, foreign ? STR("handover.passed.") : STR("handover.listen."));
	for (size_t i = 0; i < listen->text.n; i++)
		buf_put_byte(out, listen->text.p[i] == ':' ? '_' : listen->text.p[i]); /* ':' ends a name */
}

static size_t take_named(struct handover *handover, const struct config_listen *listen, bool foreign, int out[])
{
	AUTO_BUF name = {0};
	size_t n = 0;

	handover_socket_name(listen, foreign, &name);
	while (n < LOOPS_MAX && (out[n] = handover_take(handover, buf_str(&name))) >= 0)
		n++;
	return n;
}

size_t handover_sockets(struct handover *handover, const struct config_listen *listen, size_t index, int out[],
			bool *ret_foreign)
{
	size_t n;

	*ret_foreign = false;
	if (handover == NULL)
		return 0;
	if (!handover->upgrade) {
		*ret_foreign = true;
		if (index >= handover->count)
			return 0;
		out[0] = take(&handover->fds[index]);
		return 1;
	}
	n = take_named(handover, listen, false, out);
	if (n > 0)
		return n;
	*ret_foreign = true;
	return take_named(handover, listen, true, out);
}

void handover_say(struct handover *handover, struct str problem)
{
	AUTO_BUF said = {0};

	if (handover == NULL || handover->ready_fd < 0)
		return;
	if (problem.n > SAID_BYTES_MAX)
		problem.n = SAID_BYTES_MAX;
	if (problem.n == 0) {
		buf_put(&said, STR("READY=1\n"));
	} else {
		buf_put(&said, STR("STATUS="));
		buf_put(&said, problem);
	}
	/* Who does not listen any more does not want to know. */
	(void)!write(handover->ready_fd, said.p, said.n);
	close(handover->ready_fd);
	handover->ready_fd = -1;
}
