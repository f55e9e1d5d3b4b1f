/* Driving the connections. Each holds its own copy of the request, in which only the
 * digits of the id change; its answer is gathered whole, checked, and the next request
 * goes out. Answers may be framed by Content-Length or in chunks. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "load.h"

#define READ_BYTES ((size_t)256 << 10)
#define EVENTS_MAX 256
#define ERRORS_MAX 1000

struct load_conn {
	int fd;
	char *request, *digits; /* digits: in request; NULL when it has no id */
	struct buf partial;	/* what has come of an answer that did not come at once */
	struct str answer;	/* what has come so far: in `partial` or in the driver's buffer */
	size_t body_at;		/* 0: head not complete yet */
	bool chunked;
	size_t body_length; /* by Content-Length */
	int64_t sent_ns;
};

struct driver {
	const struct load_options *options;
	struct load_result *result;
	struct load_conn *conns;
	char *shared; /* READ_BYTES: most answers come whole and never leave it */
	int epoll;
	uint64_t sent, done;
	uint64_t next_id;
	int64_t count_from_ns, stop_ns;
};

void histogram_add(struct histogram *h, int64_t ns)
{
	uint64_t v = ns < HISTOGRAM_STEPS ? HISTOGRAM_STEPS : (uint64_t)ns;
	unsigned power = 63 - (unsigned)__builtin_clzll(v) - 6; /* v >> power is 64..127 */
	size_t at = (size_t)power * HISTOGRAM_STEPS + (size_t)((v >> power) - HISTOGRAM_STEPS);

	h->counts[at < HISTOGRAM_BUCKETS ? at : HISTOGRAM_BUCKETS - 1]++;
	h->total++;
	if (ns > h->max_ns)
		h->max_ns = ns;
}

int64_t histogram_at(const struct histogram *h, double share)
{
	uint64_t wanted = (uint64_t)((double)h->total * share), seen = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		seen += h->counts[i];
		if (seen > wanted)
			return (int64_t)(HISTOGRAM_STEPS + i % HISTOGRAM_STEPS) << (i / HISTOGRAM_STEPS);
	}
	return h->max_ns;
}

static void note_error(struct driver *d, const char *what, struct load_conn *conn)
{
	struct load_result *result = d->result;

	if (result->errors++ == 0)
		snprintf(result->first_error, sizeof(result->first_error), "%s: %.*s", what,
			 conn->answer.n > 300 ? 300 : (int)conn->answer.n, conn->answer.n > 0 ? conn->answer.p : "");
	if (result->errors > ERRORS_MAX)
		d->stop_ns = 0;
}

static void conn_send(struct driver *d, struct load_conn *conn)
{
	const char *p = conn->request;
	size_t left = d->options->request.n;

	conn->partial.n = 0;
	conn->answer = STR_NONE;
	conn->body_at = 0;
	if (conn->digits != NULL) {
		uint64_t id = d->next_id++;

		for (int i = ID_DIGITS - 1; i >= 0; i--, id /= 10)
			conn->digits[i] = (char)('0' + id % 10);
	}
	d->sent++;
	conn->sent_ns = clock_ns();
	while (left > 0) {
		ssize_t n = write(conn->fd, p, left);

		if (n > 0) {
			p += n;
			left -= (size_t)n;
		} else if (n < 0 && errno == EAGAIN) {
			struct pollfd ready = {.fd = conn->fd, .events = POLLOUT};

			poll(&ready, 1, 1000);
		} else {
			return; /* the read side reports it */
		}
	}
}

static void conn_open(struct driver *d, struct load_conn *conn)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)d->options->port)};
	struct epoll_event event = {.events = EPOLLIN, .data.ptr = conn};
	int one = 1;

	conn->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (conn->fd < 0 || inet_pton(AF_INET, d->options->host, &address.sin_addr) != 1 ||
	    connect(conn->fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		fprintf(stderr, "load: cannot connect to %s:%d: %s\n", d->options->host, d->options->port,
			strerror(errno));
		exit(1);
	}
	setsockopt(conn->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	fcntl(conn->fd, F_SETFL, O_NONBLOCK);
	CHECK(epoll_ctl(d->epoll, EPOLL_CTL_ADD, conn->fd, &event) == 0);
}

static bool may_send(struct driver *d)
{
	return d->stop_ns > 0 && (d->options->requests == 0 || d->sent < d->options->requests);
}

static void conn_reopen(struct driver *d, struct load_conn *conn)
{
	close(conn->fd);
	conn_open(d, conn);
	if (may_send(d))
		conn_send(d, conn);
}

/* The value of a header in the head just read, STR_NONE when absent. */
static struct str head_field(struct load_conn *conn, struct str name)
{
	struct str head = {conn->answer.p, conn->body_at}, line;

	while (str_cut(head, '\n', &line, &head)) {
		struct str key, value;

		if (str_cut(line, ':', &key, &value) && str_eq_nocase(str_trim(key), name))
			return str_trim(value);
	}
	return STR_NONE;
}

static void read_head(struct load_conn *conn)
{
	const char *end = memmem(conn->answer.p, conn->answer.n, "\r\n\r\n", 4);
	uint64_t length = 0;

	if (end == NULL)
		return;
	conn->body_at = (size_t)(end - conn->answer.p) + 4;
	conn->chunked = str_eq_nocase(head_field(conn, STR("transfer-encoding")), STR("chunked"));
	if (!conn->chunked && str_to_u64(head_field(conn, STR("content-length")), &length) != OK)
		length = 0;
	conn->body_length = length;
}

/* Walk the chunks in place, closing the gaps. False: more must come. */
static bool chunks_complete(struct load_conn *conn, struct str *ret_body)
{
	char *start = (char *)conn->answer.p + conn->body_at, *end = (char *)conn->answer.p + conn->answer.n,
	     *p = start;
	size_t total = 0;

	if (conn->answer.n < conn->body_at + 5 || memcmp(end - 5, "0\r\n\r\n", 5) != 0)
		return false;
	for (;;) {
		char *line_end = memchr(p, '\n', (size_t)(end - p));
		size_t size;

		if (line_end == NULL)
			return false;
		size = strtoul(p, NULL, 16);
		p = line_end + 1;
		if (size == 0)
			break;
		if (size + 2 > (size_t)(end - p))
			return false;
		memmove(start + total, p, size);
		total += size;
		p += size + 2;
	}
	*ret_body = (struct str){start, total};
	return true;
}

static bool answer_complete(struct load_conn *conn, struct str *ret_body)
{
	if (conn->body_at == 0)
		read_head(conn);
	if (conn->body_at == 0)
		return false;
	if (conn->chunked)
		return chunks_complete(conn, ret_body);
	if (conn->answer.n < conn->body_at + conn->body_length)
		return false;
	*ret_body = (struct str){conn->answer.p + conn->body_at, conn->body_length};
	return true;
}

/* Its status, its id and the text that must be there. */
static const char *answer_problem(struct driver *d, struct load_conn *conn, struct str body)
{
	char id[5 + ID_DIGITS];

	if (conn->answer.n < 12 || memcmp(conn->answer.p, "HTTP/1.1 200", 12) != 0)
		return "status is not 200";
	if (d->options->check_id) {
		memcpy(id, "\"id\":", 5);
		memcpy(id + 5, conn->digits, ID_DIGITS);
		if (memmem(body.p, body.n, id, sizeof(id)) == NULL)
			return "another id, or none";
	}
	if (d->options->expect.n > 0 && memmem(body.p, body.n, d->options->expect.p, d->options->expect.n) == NULL)
		return "the expected text is missing";
	return NULL;
}

static void conn_answered(struct driver *d, struct load_conn *conn, struct str body)
{
	struct load_result *result = d->result;
	int64_t now = clock_ns();
	const char *problem = answer_problem(d, conn, body);

	d->done++;
	if (problem != NULL) {
		note_error(d, problem, conn);
	} else if (now >= d->count_from_ns && d->stop_ns > 0) {
		result->answers++;
		result->body_bytes += body.n;
		if (result->body_min == 0 || body.n < result->body_min)
			result->body_min = body.n;
		if (body.n > result->body_max)
			result->body_max = body.n;
		histogram_add(&result->latency, now - conn->sent_ns);
	}
	if (may_send(d))
		conn_send(d, conn);
}

static void conn_readable(struct driver *d, struct load_conn *conn)
{
	bool first = conn->partial.n == 0;
	ssize_t n = read(conn->fd, first ? d->shared : buf_reserve(&conn->partial, READ_BYTES), READ_BYTES);
	struct str body;

	if (n <= 0) {
		if (n < 0 && errno == EAGAIN)
			return;
		note_error(d, "connection closed", conn);
		d->done++;
		conn_reopen(d, conn);
		return;
	}
	if (!first)
		conn->partial.n += (size_t)n;
	conn->answer = first ? (struct str){d->shared, (size_t)n} : buf_str(&conn->partial);
	if (answer_complete(conn, &body))
		conn_answered(d, conn, body);
	else if (first)
		buf_put(&conn->partial, conn->answer);
}

static void prepare(struct driver *d)
{
	struct str request = d->options->request;

	for (unsigned i = 0; i < d->options->connections; i++) {
		struct load_conn *conn = &d->conns[i];
		char *mark;

		conn->request = malloc(request.n);
		CHECK(conn->request != NULL);
		memcpy(conn->request, request.p, request.n);
		mark = memmem(conn->request, request.n, "@ID@", 4);
		/* The mark was widened to ten characters by the caller: "@ID@" and six spare. */
		conn->digits = mark;
		conn_open(d, conn);
	}
}

static bool finished(struct driver *d)
{
	if (d->options->requests > 0)
		return d->done >= d->options->requests || d->stop_ns == 0;
	return clock_ns() >= d->stop_ns;
}

void load_run(const struct load_options *options, struct load_result *result)
{
	struct driver d = {.options = options, .result = result, .next_id = ID_FIRST};
	struct epoll_event events[EVENTS_MAX];
	int64_t start;

	d.epoll = epoll_create1(EPOLL_CLOEXEC);
	d.conns = calloc(options->connections, sizeof(*d.conns));
	d.shared = malloc(READ_BYTES);
	CHECK(d.epoll >= 0 && d.conns != NULL && d.shared != NULL);
	prepare(&d);
	start = clock_ns();
	d.count_from_ns = start + options->warmup_ms * 1000000;
	d.stop_ns = options->requests > 0 ? INT64_MAX : d.count_from_ns + options->run_ms * 1000000;
	for (unsigned i = 0; i < options->connections && may_send(&d); i++)
		conn_send(&d, &d.conns[i]);
	while (!finished(&d)) {
		int n = epoll_wait(d.epoll, events, EVENTS_MAX, 100);

		for (int i = 0; i < n; i++)
			conn_readable(&d, events[i].data.ptr);
	}
	result->run_ns = clock_ns() - d.count_from_ns;
	for (unsigned i = 0; i < options->connections; i++) {
		close(d.conns[i].fd);
		buf_free(&d.conns[i].partial);
		free(d.conns[i].request);
	}
	free(d.conns);
	free(d.shared);
	close(d.epoll);
}
