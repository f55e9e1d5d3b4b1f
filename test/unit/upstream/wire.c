/* What servers do that the fixture does not: a scripted server on plain sockets, one thread a
 * connection. Modern unless a test says otherwise; pinned, so that no probe is asked. */
#include "bench.h"

#include <arpa/inet.h>
#include <pthread.h>

struct wire {
	struct bench bench;
	int fd;
	char url[64];
	/* The answer to a tools/call, as a whole HTTP message; `id` is the request's. */
	void (*answer)(struct wire *wire, const char *request, const char *id, struct buf *out);
	atomic_uint calls, initializes, pongs, refusals, resumes;
};

static void put_answer(struct buf *out, const char *status, const char *type, const char *text)
{
	buf_put_fmt(out, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n%s", status, type, strlen(text),
		    text);
}

static void put_result(struct buf *out, const char *id, const char *result)
{
	char text[1024];

	snprintf(text, sizeof(text), "{\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":%s}", id, result);
	put_answer(out, "200 OK", "application/json", text);
}

#define INITIALIZED                                                                                                    \
	"{\"protocolVersion\":\"2025-11-25\",\"capabilities\":{},\"serverInfo\":{\"name\":\"wire\",\"version\":\"1\"}" \
	"}"

static void respond(struct wire *wire, const char *request, struct buf *out)
{
	const char *id = strstr(request, "\"id\":");
	char digits[24] = "0";

	if (id != NULL)
		snprintf(digits, sizeof(digits), "%.*s", (int)strspn(id + 5, "0123456789"), id + 5);
	if (strncmp(request, "GET ", 4) == 0 && strstr(request, "Last-Event-ID: ") != NULL) {
		atomic_fetch_add(&wire->resumes, 1);
		wire->answer(wire, request, digits, out);
	} else if (strncmp(request, "POST ", 5) != 0) {
		put_answer(out, "405 Method Not Allowed", "text/plain", "");
	} else if (strstr(request, "\"method\":\"tools/call\"") != NULL) {
		atomic_fetch_add(&wire->calls, 1);
		wire->answer(wire, request, digits, out);
	} else if (strstr(request, "\"method\":\"initialize\"") != NULL) {
		atomic_fetch_add(&wire->initializes, 1);
		put_result(out, digits, INITIALIZED);
	} else if (strstr(request, "server/discover") != NULL) {
		put_result(out, digits, "{\"supportedVersions\":[\"2026-07-28\"],\"capabilities\":{}}");
	} else {
		wire->pongs += strstr(request, "\"result\":{}") != NULL;
		wire->refusals += strstr(request, "-32601") != NULL;
		put_answer(out, "202 Accepted", "text/plain", "");
	}
}

struct connection {
	struct wire *wire;
	int fd;
};

static void *connection_main(void *arg)
{
	struct connection connection = *(struct connection *)arg;
	char request[3072];
	size_t n = 0;

	free(arg);
	for (;;) {
		AUTO_BUF out = {0};
		const char *length, *end = NULL;
		ssize_t got = recv(connection.fd, request + n, sizeof(request) - 1 - n, 0);

		if (got <= 0)
			break;
		n += (size_t)got;
		request[n] = '\0';
		end = strstr(request, "\r\n\r\n");
		length = strstr(request, "Content-Length: ");
		if (end == NULL || (length != NULL && n < (size_t)(end + 4 - request) + strtoul(length + 16, NULL, 10)))
			continue;
		n = 0;
		respond(connection.wire, request, &out);
		buf_put_byte(&out, '\0');
		if (send(connection.fd, out.p, out.n - 1, MSG_NOSIGNAL) < 0 || strstr(out.p, "Content-Length") == NULL)
			break;
	}
	close(connection.fd);
	return NULL;
}

static void *server_main(void *arg)
{
	struct wire *wire = arg;
	pthread_t thread;
	int fd;

	while ((fd = accept(wire->fd, NULL, NULL)) >= 0) {
		struct connection *connection = malloc(sizeof(*connection));

		*connection = (struct connection){wire, fd};
		pthread_create(&thread, NULL, connection_main, connection);
		pthread_detach(thread);
	}
	return NULL;
}

static void wire_run(struct wire *wire, enum mcp_revision revision, void (*script)(struct bench *bench))
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(address);
	struct fixture nobody = {0};
	pthread_t server;

	wire->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	ck_assert_int_eq(bind(wire->fd, (struct sockaddr *)&address, n), 0);
	ck_assert_int_eq(listen(wire->fd, 16), 0);
	ck_assert_int_eq(getsockname(wire->fd, (struct sockaddr *)&address, &n), 0);
	snprintf(wire->url, sizeof(wire->url), "http://127.0.0.1:%u/mcp", ntohs(address.sin_port));
	ck_assert_int_eq(pthread_create(&server, NULL, server_main, wire), 0);
	wire->bench.spec = bench_http(&nobody);
	wire->bench.spec.url = str_of(wire->url);
	wire->bench.spec.revision = revision;
	wire->bench.spec.timeout_ms = 1000;
	wire->bench.script = script;
	bench_run(&wire->bench, 1);
	shutdown(wire->fd, SHUT_RDWR);
	pthread_join(server, NULL);
	close(wire->fd);
}

static struct wire *wire_of(struct bench *bench)
{
	return CONTAINER_OF(bench, struct wire, bench);
}

/* ---- statuses -------------------------------------------------------------------- */

static const struct status {
	const char *status, *type, *body;
	enum err want;
} statuses[] = {
	{"401 Unauthorized", "text/plain", "no", ERR_UPSTREAM_AUTH},
	{"403 Forbidden", "application/json", "{}", ERR_UPSTREAM_AUTH},
	{"404 Not Found", "text/html", "<html>", ERR_UPSTREAM_GARBAGE},
	{"429 Too Many Requests", "text/plain", "", ERR_UPSTREAM_BUSY},
	{"503 Service Unavailable", "text/plain", "", ERR_UPSTREAM_BUSY},
	{"502 Bad Gateway", "text/plain", "", ERR_UPSTREAM_DOWN},
	{"500 Internal Server Error", "text/plain", "", ERR_UPSTREAM_GARBAGE},
	{"302 Found\r\nLocation: http://169.254.169.254/", "text/plain", "", ERR_UPSTREAM_GARBAGE},
	{"202 Accepted", "text/plain", "", ERR_UPSTREAM_GARBAGE},
	{"200 OK", "text/plain", "{}", ERR_UPSTREAM_GARBAGE},
	{"200 OK", "application/json", "", ERR_UPSTREAM_GARBAGE},
	{"200 OK", "application/json", "[]", ERR_UPSTREAM_GARBAGE},
	{"200 OK", "application/json", "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"result\":{}}", ERR_UPSTREAM_GARBAGE},
	{"200 OK\r\nContent-Encoding: gzip", "application/json", "x", ERR_UPSTREAM_GARBAGE},
	{"400 Bad Request", "application/json",
	 "{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32602,\"message\":\"m\"}}", OK},
	{"400 Bad Request", "application/json", "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32021,\"message\":\"m\"}}",
	 OK},
};

static void answer_status(struct wire *wire, const char *request, const char *id, struct buf *out)
{
	const struct status *status = &statuses[(wire->calls - 1) % ARRAY_LEN(statuses)];

	put_answer(out, status->status, status->type, status->body);
}

AWAITS static void statuses_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (size_t i = 0; i < ARRAY_LEN(statuses); i++) {
		struct try try = try_of("t", "{}");
		enum err err = try_make(bench, &try);

		ck_assert_msg(err == statuses[i].want, "%s gave %s", statuses[i].status, err_name(err));
		try_end(&try);
	}
	ck_assert_uint_eq(wire_of(bench)->calls, ARRAY_LEN(statuses)); /* nothing was sent twice */
}

START_TEST(test_statuses)
{
	struct wire wire = {.answer = answer_status};

	wire_run(&wire, MCP_2026_07_28, statuses_script);
}
END_TEST

/* ---- refused for reasons of ours: once more, never passed on ----------------------- */

static void answer_mismatch(struct wire *wire, const char *request, const char *id, struct buf *out)
{
	if (wire->calls % 2 == 1 || wire->calls > 4)
		put_answer(out, "400 Bad Request", "application/json",
			   "{\"jsonrpc\":\"2.0\",\"error\":{\"code\":-32020,\"message\":\"Header mismatch\"}}");
	else
		put_result(out, id, "{\"content\":[]}");
}

AWAITS static void mismatch_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_answer(bench, "t", "{}", "content");
	expect_answer(bench, "t", "{}", "content");
	expect_err(bench, "t", "{}", ERR_UPSTREAM_GARBAGE);
	ck_assert_uint_eq(wire_of(bench)->calls, 6);
}

START_TEST(test_mismatch)
{
	struct wire wire = {.answer = answer_mismatch};

	wire_run(&wire, MCP_2026_07_28, mismatch_script);
}
END_TEST

/* ---- event streams ----------------------------------------------------------------- */

#define STREAM "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream; charset=utf-8\r\nConnection: close\r\n\r\n"

/* Requests of the server's, foreign progress, comments, other types, then the answer. */
static void answer_chatter(struct wire *wire, const char *request, const char *id, struct buf *out)
{
	buf_put(out, STR(STREAM ": hello\n\nevent: other\ndata: not for us\n\n"
				"data: {\"jsonrpc\":\"2.0\",\"id\":\"p\",\"method\":\"ping\"}\n\n"
				"data: {\"jsonrpc\":\"2.0\",\"id\":9,\"method\":\"roots/list\"}\n\n"
				"data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
				"{\"progressToken\":\"x\",\"progress\":1}}\n\n"));
	buf_put_fmt(out,
		    "data: {\"jsonrpc\":\"2.0\",\"method\":\"notifications/progress\",\"params\":"
		    "{\"progressToken\":%s,\"progress\":2}}\r\n\r\n"
		    "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\ndata: \"result\":{\"content\":[]}}\n\n",
		    id, id);
}

AWAITS static enum err count(void *arg, const struct mcp_message *message)
{
	(*(unsigned *)arg)++;
	return OK;
}

AWAITS static void chatter_script(struct bench *bench)
{
	struct try try = try_of("t", "{}");
	unsigned relayed = 0;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	try.call.outgoing.wants_progress = true;
	try.call.on_notification = count;
	try.call.arg = &relayed;
	ck_ok(try_make(bench, &try));
	ck_assert_uint_eq(relayed, 1);
	try_end(&try);
	bench_until(wire_of(bench)->pongs == 1 && wire_of(bench)->refusals == 1);
}

START_TEST(test_chatter)
{
	struct wire wire = {.answer = answer_chatter};

	wire_run(&wire, MCP_2025_11_25, chatter_script);
}
END_TEST

/* The stream is cut after it had an id, and taken up again (SEP-1699). */
static void answer_cut(struct wire *wire, const char *request, const char *id, struct buf *out)
{
	static char asked[24];

	if (strncmp(request, "POST ", 5) == 0) {
		snprintf(asked, sizeof(asked), "%s", id);
		buf_put(out, STR(STREAM "retry: 10\nid: s-1\ndata: \n\n"));
		return;
	}
	ck_assert(strstr(request, "Last-Event-ID: s-") != NULL);
	if (wire->resumes == 1)
		buf_put(out, STR(STREAM "id: s-2\ndata: \n\n"));
	else
		buf_put_fmt(out, STREAM "data: {\"jsonrpc\":\"2.0\",\"id\":%s,\"result\":{\"content\":[]}}\n\n", asked);
}

AWAITS static void cut_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_answer(bench, "t", "{}", "content");
	ck_assert_uint_eq(wire_of(bench)->resumes, 2);
	ck_assert_uint_eq(wire_of(bench)->calls, 1);
}

START_TEST(test_cut)
{
	struct wire wire = {.answer = answer_cut};

	wire_run(&wire, MCP_2025_11_25, cut_script);
}
END_TEST

/* Modern streams have no ids to resume by: a cut is a cut. */
AWAITS static void modern_cut_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_err(bench, "t", "{}", ERR_UPSTREAM_DOWN);
	ck_assert_uint_eq(wire_of(bench)->resumes, 0);
}

START_TEST(test_modern_cut)
{
	struct wire wire = {.answer = answer_cut};

	wire_run(&wire, MCP_2026_07_28, modern_cut_script);
}
END_TEST

/* ---- headers ----------------------------------------------------------------------- */

static void answer_headers(struct wire *wire, const char *request, const char *id, struct buf *out)
{
	bool right = strstr(request, "\r\nMcp-Method: tools/call\r\n") != NULL &&
		     strstr(request, "\r\nMcp-Name: =?base64?w6k=?=\r\n") != NULL &&
		     strstr(request, "\r\nMCP-Protocol-Version: 2026-07-28\r\n") != NULL &&
		     strstr(request, "\r\nX-Request-Id: req-1\r\n") != NULL &&
		     strstr(request, "\r\nMcp-Param-Region: eu\r\n") != NULL && strstr(request, "\r\nEvil") == NULL;

	put_result(out, id, right ? "{\"content\":[]}" : "{\"wrong\":1}");
}

AWAITS static void headers_script(struct bench *bench)
{
	struct try try = try_of("\xc3\xa9", "{}");

	bench_until(bench_state(bench) == UPSTREAM_UP);
	try.call.param_headers = STR("Mcp-Param-Region: eu\r\n");
	try.call.outgoing.traceparent = STR("00-1\r\nEvil: yes");
	ck_ok(try_make(bench, &try));
	ck_assert(str_has(try_result(&try), "content"));
	try_end(&try);
}

START_TEST(test_headers)
{
	struct wire wire = {.answer = answer_headers};

	wire_run(&wire, MCP_2026_07_28, headers_script);
}
END_TEST

UNIT_MAIN("upstream/wire", test_statuses, test_mismatch, test_chatter, test_cut, test_modern_cut, test_headers)
