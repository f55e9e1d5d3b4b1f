/* What replicas send each other: a request with its headers and the statement, and its answer on the way back, byte by
 * byte. What belongs to one connection only, and what a proxy in front of this replica said of the client, stays here:
 * the statement says it.
 *
 * A relayed event stream has no keepalive comments of ours, the home's pass through. When not even those come its home
 * is taken for dead. */
#include "gateway/forward_wire.h"

#include "base/clock.h"
#include "base/log.h"
#include "gateway/forward.h"
#include "gateway/forward_statement.h"
#include "gateway/running.h"

#define LAST_WORD_MS 1000 /* for the end of a stream whose fiber was canceled */

/* ---- the request as it is sent ----------------------------------------------------------- */

/* Of one connection only, or said by the statement. */
static bool stays_here(const struct http_field *field)
{
	static const struct str names[] = {
		{"keep-alive", 10},	  {"proxy-authorization", 19},
		{"proxy-connection", 16}, {"te", 2},
		{"trailer", 7},		  {"via", 3},
		{"x-real-ip", 9},	  {"x-forwarded-host", 16},
		{"x-forwarded-port", 16},
	};

	switch (field->id) {
	case HTTP_CONNECTION:
	case HTTP_CONTENT_LENGTH:
	case HTTP_EXPECT:
	case HTTP_FORWARDED:
	case HTTP_GATEHOUSE_FORWARDED:
	case HTTP_HOST:
	case HTTP_TRANSFER_ENCODING:
	case HTTP_UPGRADE:
	case HTTP_X_FORWARDED_FOR:
	case HTTP_X_FORWARDED_PROTO:
	case HTTP_X_REQUEST_ID:
		return true;
	case HTTP_OTHER:
		break;
	default:
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (str_eq_nocase(field->name, names[i]))
			return true;
	return false;
}

/* Whether Connection names the field.
 *   Source     RFC 9110 s7.6.1 */
static bool is_of_connection(const struct http_fields *fields, struct str name)
{
	struct str list = http_field_get(fields, HTTP_CONNECTION);

	while (list.n > 0) {
		struct str one;

		str_cut(list, ',', &one, &list);
		if (str_eq_nocase(str_trim(one), name))
			return true;
	}
	return false;
}

static void put_field(struct buf *out, struct str name, struct str value)
{
	buf_put(out, name);
	buf_put(out, STR(": "));
	buf_put(out, value);
	buf_put(out, STR("\r\n"));
}

static void put_statement(struct request *req, uint64_t to, struct buf *out)
{
	const struct http_exchange *exchange = req->exchange;
	const struct forward_statement statement = {
		.to = to,
		.from = req->gateway->node,
		.made_ms = clock_wall_ms(),
		.counted = true,
		.secure = exchange->secure,
		.peer = exchange->peer,
		.client_cert = exchange->client_cert,
		.host = http_field_get(&exchange->fields, HTTP_HOST),
	};
	uint8_t digest[FORWARD_DIGEST_BYTES];

	forward_digest(exchange, digest);
	buf_put(out, STR("Gatehouse-Forwarded: "));
	forward_statement_seal(req->gateway->forward_key, &statement, digest, out);
	buf_put(out, STR("\r\n"));
}

void forward_put_headers(struct request *req, uint64_t to, struct buf *out)
{
	const struct http_fields *fields = &req->exchange->fields;

	for (size_t i = 0; i < fields->count; i++)
		if (!stays_here(&fields->field[i]) && !is_of_connection(fields, fields->field[i].name))
			put_field(out, fields->field[i].name, fields->field[i].value);
	put_field(out, STR("X-Request-Id"), req->id);
	put_statement(req, to, out);
}

/* The path was decoded when it came; the digest is over what the home will decode. */
void forward_put_target(const struct http_exchange *exchange, struct buf *out)
{
	for (size_t i = 0; i < exchange->path.n; i++) {
		char c = exchange->path.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
			     (c != '\0' && strchr("/-._~", c) != NULL);

		if (plain)
			buf_put_byte(out, c);
		else
			buf_put_fmt(out, "%%%02X", (unsigned char)c);
	}
	if (exchange->query.n == 0)
		return;
	buf_put_byte(out, '?');
	buf_put(out, exchange->query);
}

/* ---- the answer as it comes -------------------------------------------------------------- */

static bool is_event_stream(const struct http_answer *answer)
{
	return str_starts(http_field_get(&answer->fields, HTTP_CONTENT_TYPE), STR("text/event-stream"));
}

static int64_t length_of(const struct http_answer *answer)
{
	struct str text = http_field_get(&answer->fields, HTTP_CONTENT_LENGTH);
	int64_t length;

	return text.p != NULL && str_to_i64(text, &length) == OK && length >= 0 ? length : -1;
}

/* The home has put everything into its head that we would have. */
AWAITS static enum err relay_head(struct request *req, const struct http_answer *answer)
{
	AUTO_BUF headers = {0};

	for (size_t i = 0; i < answer->fields.count; i++) {
		const struct http_field *field = &answer->fields.field[i];

		if (!stays_here(field) && !str_eq_nocase(field->name, STR("date")) &&
		    !is_of_connection(&answer->fields, field->name))
			put_field(&headers, field->name, field->value);
	}
	put_field(&headers, STR("X-Request-Id"), req->id);
	req->exchange->extra_headers = STR("");
	running_end(req); /* it stays there */
	return http_relay_begin(req->exchange, answer->status, buf_str(&headers), length_of(answer));
}

/* One that is under way, on its fiber's stack: in gateway_loop.relays. */
struct relay_under_way {
	struct list link;
	struct fiber *fiber;
	struct request *req;
	bool stream; /* of events */
	bool whole;  /* what has been written ends with an event's end */
};

static void note_end(struct relay_under_way *under_way, struct str bytes)
{
	static const char end[2] = "\n\n";

	under_way->whole = bytes.n >= sizeof(end) && memcmp(bytes.p + bytes.n - sizeof(end), end, sizeof(end)) == 0;
}

/*   ret_broken     the home broke off; else what is returned is between us and our client */
AWAITS static enum err relay_bytes(struct relay_under_way *under_way, struct http_answer *answer, int64_t silence_ms,
				   bool *ret_broken)
{
	struct http_exchange *exchange = under_way->req->exchange;
	struct str bytes;
	enum err err;

	for (;;) {
		http_answer_timeout(answer, silence_ms);
		err = http_answer_read(answer, &bytes);
		*ret_broken = err != OK && err != ERR_CANCELED && err != ERR_TIMEOUT;
		TRY(err);
		if (bytes.n == 0)
			return http_relay_end(exchange);
		TRY(http_relay_write(exchange, bytes));
		note_end(under_way, bytes);
	}
}

/* A client that cannot come back for the rest is told in its place. */
AWAITS static enum err say_lost(struct request *req)
{
	AUTO_BUF message = {0}, event = {0};

	mcp_compose_error(req->message.id, ERR_REPLICA_LOST, STR_NONE, STR_NONE, &message);
	buf_put(&event, STR("data: "));
	buf_put(&event, buf_str(&message));
	buf_put(&event, STR("\n\n"));
	TRY(http_relay_write(req->exchange, buf_str(&event)));
	return http_relay_end(req->exchange);
}

/* The last word on an event stream that ends before its time. One that ended between two events is a whole one: its
 * client comes again, and a session's goes on where it was. Any other is cut off. */
AWAITS static void end_early(const struct relay_under_way *under_way, bool broken)
{
	struct request *req = under_way->req;
	struct fiber_shield shield = fiber_shield_begin(LAST_WORD_MS);
	enum err err = OK;

	if (broken && !req->has_session && req->message.id.n > 0)
		err = say_lost(req);
	else if (!broken && atomic_load(&req->gateway->draining))
		err = http_relay_end(req->exchange);
	fiber_shield_end(shield);
	if (err != OK)
		log_debug("forward.unended", LOG_ERR(err), LOG_STR("request_id", req->id));
}

/* An event stream lasts as long as both sides like; it is the home that watches over the time of its request. */
AWAITS enum err forward_relay(struct request *req, struct http_answer *answer, bool *ret_broken)
{
	struct relay_under_way under_way = {
		.fiber = fiber_self(), .req = req, .stream = is_event_stream(answer), .whole = true};
	int64_t silence_ms = FORWARD_SILENCE_KEEPALIVES * req->config->limits.keepalive_ms;
	enum err err;

	*ret_broken = false;
	TRY(relay_head(req, answer));
	if (!under_way.stream)
		return relay_bytes(&under_way, answer, 0, ret_broken);
	list_add_tail(&req->here->relays, &under_way.link);
	fiber_clock_stop(fiber_self());
	err = relay_bytes(&under_way, answer, silence_ms, ret_broken);
	if (err != OK && under_way.whole)
		end_early(&under_way, *ret_broken);
	fiber_clock_go(fiber_self());
	list_remove(&under_way.link);
	return err;
}

/* ---- the end of the process ---------------------------------------------------------------- */

/* A stream without an end: nobody waits for an answer on it. */
static enum err drain_here(void *arg)
{
	struct gateway_loop *here = gateway_here(arg);

	for (struct list *l = here->relays.next; l != &here->relays; l = l->next) {
		struct relay_under_way *under_way = LIST_OBJ(l, struct relay_under_way, link);

		if (under_way->req->exchange->method == HTTP_GET)
			fiber_cancel(under_way->fiber);
	}
	return OK;
}

AWAITS void forward_drain(struct gateway *gateway)
{
	for (unsigned i = 0; i < loop_count(); i++)
		(void)!loop_call(loop_at(i), "end forwarded streams", drain_here, gateway);
}
