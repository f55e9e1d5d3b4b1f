/* streams: hold N idle event streams open. Each opens a session and asks for
 * its stream with GET; prints {"open":N} and stays until stdin ends.
 *
 *   streams PORT N TLS(0|1) [HEADER...]
 *
 * Connections come from 127.0.0.2 and on, 2,500 from each address, so that neither ports
 * nor a limit per address end the run. Over TLS the certificate is not looked at. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/check.h"
#include "base/str.h"

#define PER_ADDRESS 2500

struct stream {
	int fd;
	SSL *tls; /* NULL: plain */
};

static int stream_connect(int port, unsigned i)
{
	struct sockaddr_in from = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0x7f000002u + i / PER_ADDRESS)};
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0) {
		perror("streams: connect");
		exit(1);
	}
	/* A TLS client writes its last handshake record and the request apart: 40 ms each otherwise. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void stream_open(struct stream *stream, SSL_CTX *tls, int port, unsigned i)
{
	stream->fd = stream_connect(port, i);
	if (tls == NULL)
		return;
	stream->tls = SSL_new(tls);
	CHECK(stream->tls != NULL);
	SSL_set_mode(stream->tls, SSL_MODE_RELEASE_BUFFERS);
	SSL_set_fd(stream->tls, stream->fd);
	if (SSL_connect(stream->tls) != 1) {
		fprintf(stderr, "streams: TLS handshake failed at stream %u\n", i);
		exit(1);
	}
}

static void stream_write(struct stream *stream, struct str bytes)
{
	if (stream->tls != NULL)
		SSL_write(stream->tls, bytes.p, (int)bytes.n);
	else if (write(stream->fd, bytes.p, bytes.n) != (ssize_t)bytes.n)
		perror("streams: write");
}

/* Read until the head is whole and, if it announces one, the body; it must say 200. */
static struct str stream_read(struct stream *stream, char *answer, size_t cap, unsigned i)
{
	size_t have = 0, wanted = SIZE_MAX;

	while (have < wanted && have < cap) {
		int n = stream->tls != NULL ? SSL_read(stream->tls, answer + have, (int)(cap - have))
					    : (int)read(stream->fd, answer + have, cap - have);
		char *end, *length;

		if (n <= 0)
			break;
		have += (size_t)n;
		end = memmem(answer, have, "\r\n\r\n", 4);
		if (end == NULL || wanted != SIZE_MAX)
			continue;
		length = strcasestr(answer, "content-length:");
		wanted = (size_t)(end - answer) + 4 +
			 (length != NULL && length < end ? strtoul(length + 15, NULL, 10) : 0);
	}
	if (have < 12 || memcmp(answer, "HTTP/1.1 200", 12) != 0) {
		fprintf(stderr, "streams: stream %u was refused: %.*s\n", i, (int)have, answer);
		exit(1);
	}
	return (struct str){answer, have};
}

/* A session of its own, since a session may have one stream only; then the stream. */
static void stream_ask(struct stream *stream, struct str headers, unsigned i)
{
	static const char initialize[] = "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"initialize\",\"params\":{"
					 "\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},"
					 "\"clientInfo\":{\"name\":\"bench\",\"version\":\"1\"}}}";
	static char answer[16384]; /* one stream at a time; too large for the frame */
	char *id;
	AUTO_BUF request = {0};

	buf_put_fmt(&request,
		    "POST /mcp HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
		    "Accept: application/json, text/event-stream\r\n%.*sContent-Length: %zu\r\n\r\n%s",
		    STR_ARG(headers), sizeof(initialize) - 1, initialize);
	stream_write(stream, buf_str(&request));
	stream_read(stream, answer, sizeof(answer) - 1, i);
	request.n = 0;
	buf_put_fmt(&request, "GET /mcp HTTP/1.1\r\nHost: localhost\r\nAccept: text/event-stream\r\n%.*s",
		    STR_ARG(headers));
	id = strcasestr(answer, "mcp-session-id:");
	if (id != NULL)
		buf_put_fmt(&request, "%.*s\r\n", (int)strcspn(id, "\r"), id);
	buf_put(&request, STR("\r\n"));
	stream_write(stream, buf_str(&request));
	stream_read(stream, answer, sizeof(answer) - 1, i);
}

static void raise_fd_limit(void)
{
	struct rlimit limit;

	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

int main(int argc, char **argv)
{
	unsigned count = argc < 4 ? 0 : (unsigned)strtoul(argv[2], NULL, 10);
	struct stream *streams = calloc(count + 1, sizeof(*streams));
	AUTO_BUF headers = {0};
	SSL_CTX *tls = NULL;
	char byte;

	CHECK(streams != NULL);
	if (count == 0) {
		fprintf(stderr, "streams PORT N TLS(0|1) [HEADER...]\n");
		return 2;
	}
	raise_fd_limit();
	if (argv[3][0] == '1') {
		tls = SSL_CTX_new(TLS_client_method());
		CHECK(tls != NULL);
		SSL_CTX_set_session_cache_mode(tls, SSL_SESS_CACHE_OFF);
	}
	for (int i = 4; i < argc; i++)
		buf_put_fmt(&headers, "%s\r\n", argv[i]);
	for (unsigned i = 0; i < count; i++) {
		stream_open(&streams[i], tls, (int)strtol(argv[1], NULL, 10), i);
		stream_ask(&streams[i], buf_str(&headers), i);
	}
	printf("{\"open\":%u}\n", count);
	fflush(stdout);
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return 0;
}
