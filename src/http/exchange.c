/* From a parsed request to an exchange on its own fiber, and to its end. The request, its
 * exchange and all they point to live in one arena, which the end frees. */
#include "base/check.h"
#include "base/limits.h"
#include "http/forwarded.h"
#include "http/negotiate.h"
#include "http/server_private.h"
#include "http/target.h"

struct http_request *request_new(struct http_conn *conn)
{
	const struct http_server_spec *spec = &conn->home->spec;
	struct request_limits limits = {.head_bytes_max = spec->head_bytes_max, .body_bytes_max = spec->body_bytes_max};
	struct arena *arena = arena_new(REQUEST_ARENA_BYTES_MAX);
	struct http_request *request = ARENA_NEW(arena, struct http_request);

	request->exchange.magic = HTTP_EXCHANGE_MAGIC;
	request->exchange.arena = arena;
	request->exchange.conn = conn;
	request->home = conn->home;
	list_init(&request->link);
	request->parser = request_parser_new(arena, &limits);
	return request;
}

void request_free(struct http_request *request)
{
	CHECK_OBJ(&request->exchange, HTTP_EXCHANGE_MAGIC);
	request->home->bodies_bytes -= request->held;
	list_remove(&request->link);
	arena_free(request->exchange.arena);
}

static enum http_method method_of(struct str method)
{
	static const struct {
		struct str name;
		enum http_method method;
	} known[] = {
		{{"POST", 4}, HTTP_POST},	{{"GET", 3}, HTTP_GET},	  {{"DELETE", 6}, HTTP_DELETE},
		{{"OPTIONS", 7}, HTTP_OPTIONS}, {{"HEAD", 4}, HTTP_HEAD}, {{"PUT", 3}, HTTP_PUT},
		{{"PATCH", 5}, HTTP_PATCH},
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (str_eq(method, known[i].name))
			return known[i].method;
	return HTTP_METHOD_OTHER;
}

/* The authority of an absolute target takes the place of Host.
 *   Source     RFC 9112 s3.2.2 */
static void set_host(struct http_exchange *exchange, struct str authority)
{
	int16_t at = exchange->fields.first[HTTP_HOST];

	if (authority.p != NULL && at >= 0)
		exchange->fields.field[at].value = authority;
}

/* A trusted proxy's certificate is the proxy's own: it speaks for nobody behind it. */
static void set_client_cert(struct http_exchange *exchange, const struct http_conn *conn)
{
	const struct http_server_spec *spec = &conn->home->spec;
	const struct tls_client_cert *cert = stream_client_cert(conn->stream);

	if (cert != NULL &&
	    !http_proxy_is_trusted(spec->trusted_proxies, spec->trusted_count, stream_peer(conn->stream)))
		exchange->client_cert = *cert;
}

static NODISCARD enum err fill_exchange(struct http_conn *conn)
{
	struct http_request *request = conn->request;
	struct http_exchange *exchange = &request->exchange;
	const struct http_server_spec *spec = &conn->home->spec;
	struct request_head *head = request_parser_head(request->parser);
	struct http_target target;

	exchange->method = method_of(head->method);
	TRY(http_target_parse(exchange->arena, head->target, exchange->method == HTTP_OPTIONS, &target));
	exchange->path = target.path;
	exchange->query = target.query;
	exchange->fields = head->fields;
	set_host(exchange, target.authority);
	exchange->body = head->body;
	exchange->peer = *stream_peer(conn->stream);
	exchange->secure = stream_is_tls(conn->stream);
	set_client_cert(exchange, conn);
	http_forwarded(spec->trusted_proxies, spec->trusted_count, &exchange->fields, &exchange->peer,
		       &exchange->secure);
	exchange->cancel_on_close = true;
	exchange->memo = conn->memo;
	request->old = head->minor == 0;
	request->keep_alive = head->keep_alive;
	request->asterisk = target.path.p[0] == '*';
	return OK;
}

AWAITS static void answer_asterisk(struct http_exchange *exchange)
{
	(void)!http_answer(exchange, 204, STR("Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n"), NULL);
}

/* A handler that returns without an answer has a bug, or lost its client on the way. */
AWAITS static void answer_missing(struct http_exchange *exchange)
{
	static const struct piece text = {.str = STR("{\"jsonrpc\":\"2.0\",\"id\":null,\"error\":{\"code\":-32603,"
						     "\"message\":\"internal error\"}}")};
	struct http_body body = {.content_type = STR("application/json"), .pieces = &text, .count = 1};

	(void)!http_answer(exchange, 500, STR_NONE, &body);
}

AWAITS static void exchange_main(void *arg)
{
	struct http_conn *conn = arg;
	struct http_request *request = conn->request;
	struct http_exchange *exchange = &request->exchange;
	struct http_home *home = conn->home;

	CHECK_OBJ(conn, HTTP_CONN_MAGIC);
	if (request->asterisk)
		answer_asterisk(exchange);
	else
		home->spec.handle(exchange, home->spec.arg);
	if (!exchange->answered)
		answer_missing(exchange);
	if (exchange->conn != NULL) {
		conn_request_done(conn);
		return;
	}
	request_free(request);
	home_check_empty(home);
}

void http_exchange_release(struct http_exchange *exchange)
{
	struct http_conn *conn = exchange->conn;
	struct http_request *request = request_of(exchange);

	CHECK_OBJ(exchange, HTTP_EXCHANGE_MAGIC);
	CHECK(exchange->answered && !request->sse && conn->request == request);
	list_add_tail(&request->home->released, &request->link);
	exchange->conn = NULL;
	conn_request_release(conn);
	exchange->memo = NULL;
}

void http_exchange_trust(struct http_exchange *exchange)
{
	struct http_conn *conn = exchange->conn;

	CHECK_OBJ(exchange, HTTP_EXCHANGE_MAGIC);
	conn_caps_trust(conn->home->server->caps, conn->peer);
	conn->peer = NULL;
}

enum err request_dispatch(struct http_conn *conn)
{
	TRY(fill_exchange(conn));
	TRY(fiber_spawn(conn->home->loop, "http", exchange_main, conn, 0, &conn->request->fiber));
	counter_add(&conn->home->counters.requests, 1);
	return OK;
}
