/* Handing requests on, from both sides.
 *
 *     this replica                                       the request's home
 *     forward_home: who has it?                          its ordinary listener
 *       the request, with a sealed statement ──────────▶ forward_accept: the statement is true
 *       head and bytes, as they come         ◀────────── the corridor, as if the client had come here
 *
 * What cannot be connected to is taken for gone, for this request: the next one in order is asked, in the end this
 * replica serves it. Once anything was sent the request is never sent again: when the answer breaks off the client is
 * told so. A request that was handed on is served where it arrives, whatever that replica thinks of who lives; so
 * none goes round in circles.
 *
 * A client that goes away takes the connection to the home with it, where it is then known as gone. What goes over the
 * wire, and how the answer comes back, is forward_wire.c's. */
#include "gateway/forward.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "gateway/admission.h"
#include "gateway/forward_statement.h"
#include "gateway/forward_wire.h"
#include "gateway/home.h"
#include "gateway/metrics.h"
#include "gateway/rates.h"
#include "http/client.h"

#define NODE_POOL_MAGIC 0x4e4f4450u /* "NODP" */

/* ---- connections to the others --------------------------------------------------------- */

struct node_pool {
	uint32_t magic;
	uint64_t id; /* its bytes are the key in gateway_loop.node_pools */
	struct http_pool *pool;
};

static struct str key_of(const uint64_t *id)
{
	return (struct str){(const char *)id, sizeof(*id)};
}

static struct node_pool *node_pool_new(struct gateway_loop *here, const struct fleet_node *node)
{
	struct http_pool_spec spec = {
		.tls = fleet_tls(here->gateway->fleet),
		.guard = {.allow_private = true},
		.connections_max = FORWARD_CONNECTIONS_MAX,
		.idle_ms = FORWARD_IDLE_MS,
		.connect_timeout_ms = FORWARD_CONNECT_MS,
	};
	struct node_pool *made;

	if (url_parse(node->address, &spec.url) != OK)
		return NULL; /* it is a replica of another version */
	spec.url.path = STR("/");
	spec.url.text = STR_NONE; /* of a snapshot, which goes */
	made = calloc(1, sizeof(*made));
	CHECK(made != NULL);
	made->magic = NODE_POOL_MAGIC;
	made->id = node->id;
	made->pool = http_pool_new(here->loop, &spec);
	map_put(&here->node_pools, key_of(&made->id), made);
	return made;
}

static void forget_pools(struct gateway_loop *here, const struct fleet_nodes *living)
{
	struct node_pool *old;
	size_t cursor = 0;

	while ((old = map_next(&here->node_pools, &cursor)) != NULL) {
		CHECK_OBJ(old, NODE_POOL_MAGIC);
		if (living != NULL && fleet_find(living, old->id) != NULL)
			continue;
		map_remove(&here->node_pools, key_of(&old->id));
		http_pool_free(old->pool);
		old->magic = 0;
		free(old);
		cursor = 0;
	}
}

void forward_forget(struct gateway_loop *here)
{
	forget_pools(here, here->nodes);
}

enum err forward_forget_all(void *gateway)
{
	forget_pools(gateway_here(gateway), NULL);
	return OK;
}

/* ---- handing on -------------------------------------------------------------------------- */

/* What becomes of a call whose home broke off nobody can say; that it did has its row. */
AWAITS static enum err note_lost(struct request *req)
{
	const struct audit_record record = {
		.event = STR("mcp.call_lost"),
		.tenant_id = str_of(req->caller.tenant_id),
		.principal = str_of(req->caller.principal),
		.ip = request_audit_ip(req),
		.request_id = req->id,
		.target = req->message.method.n > 0 ? req->message.method : req->exchange->path,
		.outcome = str_of(err_name(ERR_REPLICA_LOST)),
		.duration_us = (clock_ns() - req->started_ns) / 1000,
		.bytes_in = (int64_t)req->body.n,
	};

	metrics_forward(req->here, METRIC_FORWARD_BROKEN);
	TRY(audit_append(req->gateway->audit, &record));
	return ERR_REPLICA_LOST;
}

static bool is_ours(enum err err)
{
	return err == ERR_CANCELED || err == ERR_TIMEOUT || err == ERR_BUSY;
}

static struct str method_text(enum http_method method)
{
	switch (method) {
	case HTTP_POST:
		return STR("POST");
	case HTTP_PUT:
		return STR("PUT");
	case HTTP_DELETE:
		return STR("DELETE");
	default:
		return STR("GET");
	}
}

/* One request to one node.
 *   ret_sent   it, or a part of it, has gone out */
AWAITS static enum err forward_to(struct request *req, struct http_pool *pool, uint64_t to, bool *ret_sent)
{
	const struct piece body = {.str = req->exchange->body};
	AUTO_BUF headers = {0}, target = {0};
	struct http_answer *answer;
	bool broken = false;
	enum err err;

	forward_put_headers(req, to, &headers);
	forward_put_target(req->exchange, &target);
	*ret_sent = false;
	err = http_call(pool, req->arena,
			&(struct http_call){.method = method_text(req->exchange->method),
					    .path = buf_str(&target),
					    .headers = buf_str(&headers),
					    .body = &body,
					    .body_count = req->exchange->method == HTTP_POST ||
							  req->exchange->method == HTTP_PUT,
					    .sent = ret_sent},
			&answer);
	crypto_wipe(headers.p, headers.n); /* the credential is in it */
	if (err == ERR_UPSTREAM_BUSY)
		err = ERR_BUSY;
	if (err != OK)
		return !*ret_sent || is_ours(err) ? err : note_lost(req);
	if (answer->status == err_row(ERR_MISDIRECTED)->http_status) {
		http_answer_close(answer); /* another process is at this address now, and has not touched the request */
		*ret_sent = false;
		return ERR_MISDIRECTED;
	}
	metrics_forward(req->here, METRIC_FORWARD_SENT);
	err = forward_relay(req, answer, &broken);
	http_answer_end(answer);
	return broken ? note_lost(req) : err;
}

AWAITS static enum err try_node(struct request *req, const struct fleet_node *node, bool *ret_sent)
{
	struct node_pool *known = map_get(&req->here->node_pools, key_of(&node->id));

	if (known == NULL)
		known = node_pool_new(req->here, node);
	*ret_sent = false;
	return known == NULL ? ERR_UPSTREAM_DOWN : forward_to(req, known->pool, node->id, ret_sent);
}

/* The nodes that this request may need are known, or they are not there. */
AWAITS static void look_for(struct request *req, const struct fleet_wish *wish)
{
	const uint64_t ids[] = {wish->thing, wish->session};

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		if (ids[i] != 0 && fleet_find(req->here->nodes, ids[i]) == NULL)
			fleet_look(req->gateway->fleet);
}

AWAITS static enum err forward_on(struct request *req, struct fleet_wish *wish)
{
	AUTO(fleet_nodes) *nodes = NULL;
	const struct fleet_node *node;

	look_for(req, wish);
	nodes = fleet_nodes_ref(req->here->nodes);
	while (fleet_home_of(nodes, wish, &node) == FLEET_THERE) {
		bool cancel_on_close = req->exchange->cancel_on_close, sent;
		enum err err;

		req->exchange->cancel_on_close = true;
		err = try_node(req, node, &sent);
		if (err == OK)
			return ERR_ELSEWHERE;
		if (sent || is_ours(err))
			return err;
		req->exchange->cancel_on_close = cancel_on_close;
		metrics_forward(req->here, METRIC_FORWARD_UNREACHED);
		log_info("fleet.unreached", LOG_ERR(err), LOG_STR("node", node->address),
			 LOG_STR("request_id", req->id));
		if (wish->gone_count == FLEET_GONE_MAX)
			break;
		wish->gone[wish->gone_count++] = node->id;
	}
	return OK;
}

AWAITS enum err forward_home(struct request *req)
{
	struct fleet_wish wish;

	if (likely(req->here->nodes == NULL) || req->forwarded || !home_wish(req, &wish))
		return OK;
	return forward_on(req, &wish);
}

AWAITS enum err forward_to_place(struct request *req, struct str place)
{
	const struct fleet_nodes *nodes = req->here->nodes;
	struct fleet_wish wish = {0};

	for (size_t i = 0; nodes != NULL && !req->forwarded && i < nodes->count; i++)
		if (str_eq(nodes->node[i].address, place))
			wish.thing = nodes->node[i].id;
	if (wish.thing != 0)
		TRY(forward_on(req, &wish));
	return ERR_MEDIA_AWAY;
}

/* ---- on the other side ------------------------------------------------------------------- */

AWAITS static enum err refuse(struct request *req, enum err why)
{
	request_name(req);
	if (why != ERR_FORWARDED)
		return why;
	metrics_forward(req->here, METRIC_FORWARD_REFUSED);
	TRY(rates_take_address(req));
	rates_note_claim(req);
	return why;
}

static void set_host(struct http_exchange *exchange, struct str host)
{
	int16_t at = exchange->fields.first[HTTP_HOST];

	if (host.n > 0 && at >= 0)
		exchange->fields.field[at].value = host;
}

static enum err open_statement(const struct request *req, struct str text, struct forward_statement *ret_statement)
{
	const struct http_exchange *exchange = req->exchange;
	uint8_t digest[FORWARD_DIGEST_BYTES];

	if (exchange->fields.repeated[HTTP_GATEHOUSE_FORWARDED])
		return ERR_FORWARDED;
	forward_digest(exchange, digest);
	return forward_statement_open(req->gateway->forward_key, text, digest, req->gateway->node, clock_wall_ms(),
				      req->arena, ret_statement);
}

AWAITS enum err forward_accept(struct request *req)
{
	struct http_exchange *exchange = req->exchange;
	struct str text = http_field_get(&exchange->fields, HTTP_GATEHOUSE_FORWARDED);
	struct forward_statement statement;
	enum err err;

	if (likely(text.p == NULL) || req->here->nodes == NULL)
		return OK;
	err = open_statement(req, text, &statement);
	if (err != OK)
		return refuse(req, err);
	http_exchange_trust(exchange);
	exchange->peer = statement.peer;
	exchange->secure = statement.secure;
	exchange->client_cert = statement.client_cert;
	set_host(exchange, statement.host);
	req->forwarded = true;
	req->counted = statement.counted;
	metrics_forward(req->here, METRIC_FORWARD_TAKEN);
	return OK;
}
