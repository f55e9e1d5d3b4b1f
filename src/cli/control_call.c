/* The other end of gateway/control.c. One blocking exchange that ends with the connection: a
 * command has nothing else to do meanwhile, so no loop is started for it. */
#include "cli/control_call.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "gateway/control.h"

#define ANSWER_BYTES_MAX (16u * 1024 * 1024)
#define ANSWER_SECONDS_MAX 60

static enum err refuse(struct buf *problem, int code, struct str data)
{
	if (code == ENOENT || code == ECONNREFUSED) {
		buf_put_fmt(problem, "no server runs on the data in %.*s; start it with `gatehouse serve`",
			    STR_ARG(data));
		return ERR_NOT_FOUND;
	}
	if (code == EACCES || code == EPERM) {
		buf_put_fmt(problem, "the server in %.*s belongs to another user; run this as that user (sudo -u ...)",
			    STR_ARG(data));
		return ERR_FORBIDDEN;
	}
	buf_put_fmt(problem, "the server in %.*s cannot be asked: %s", STR_ARG(data), strerror(code));
	return ERR_IO;
}

static enum err reach(struct str data, struct buf *problem, int *ret_fd)
{
	const struct timeval patience = {.tv_sec = ANSWER_SECONDS_MAX};
	AUTO_BUF path = {0}, text = {0};
	struct address address;
	int fd;

	control_path(data, &path);
	buf_put_fmt(&text, "unix:%s", path.p);
	if (address_parse(buf_str(&text), &address) != OK) {
		buf_put_fmt(problem, "%s is too long for a socket; set a shorter `data` directory", path.p);
		return ERR_IO;
	}
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return refuse(problem, errno, data);
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
	if (connect(fd, &address.sa, sizeof(address.un)) != 0) {
		int code = errno;

		close(fd);
		return refuse(problem, code, data);
	}
	*ret_fd = fd;
	return OK;
}

static enum err exchange(int fd, struct str request, struct buf *answer)
{
	while (request.n > 0) {
		ssize_t n = send(fd, request.p, request.n, MSG_NOSIGNAL);

		if (n <= 0)
			return ERR_IO;
		request = str_skip(request, (size_t)n);
	}
	for (;;) {
		ssize_t n = recv(fd, buf_reserve(answer, 16384), 16384, 0);

		if (n < 0 || answer->n > ANSWER_BYTES_MAX)
			return ERR_IO;
		if (n == 0)
			return OK;
		answer->n += (size_t)n;
	}
}

/* "HTTP/1.1 200 ..." and the body after the empty line. The server was told to close, so the
 * answer is as long as what came. */
static enum err split(struct str answer, int *ret_status, struct buf *ret_body)
{
	const char *body = memmem(answer.p, answer.n, "\r\n\r\n", 4);
	uint64_t status;

	if (body == NULL || answer.n < 12 || !str_starts(answer, STR("HTTP/1.1 ")) ||
	    str_to_u64((struct str){answer.p + 9, 3}, &status) != OK)
		return ERR_UPSTREAM_GARBAGE;
	*ret_status = (int)status;
	buf_put(ret_body, str_skip(answer, (size_t)(body + 4 - answer.p)));
	return OK;
}

enum err control_call(struct str data_directory, const char *method, const char *path, struct str content,
		      struct buf *problem, int *ret_status, struct buf *ret_body)
{
	AUTO_BUF request = {0}, answer = {0};
	enum err err;
	int fd;

	TRY(reach(data_directory, problem, &fd));
	buf_put_fmt(&request,
		    "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: %zu\r\n"
		    "Connection: close\r\n\r\n%.*s",
		    method, path, content.n, STR_ARG(content));
	err = exchange(fd, buf_str(&request), &answer);
	close(fd);
	if (err == OK)
		err = split(buf_str(&answer), ret_status, ret_body);
	if (err != OK)
		buf_put_fmt(problem, "the server in %.*s gave no proper answer; its log may say why",
			    STR_ARG(data_directory));
	return err;
}
