/* Parked calls, the server's side: see parked.h. Here are the fiber that runs the upstream's part, the
 * questions that are open, and the end of it all. */
#include "gateway/parked.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

#define PARKED_MAGIC 0x5041524bu /* "PARK" */
#define PARKED_STOP_MS 5000
#define PARKED_POLL_MS 5
#define ROUND_BYTES_MAX (64 * 1024 * 1024) /* of scratch for a round's message */

struct question {
	struct list link;
	struct server_request *request;
	char key[16]; /* of inputRequests: "e1" */
};

struct parked {
	uint32_t magic;
	struct gateway *gateway;
	struct gateway_loop *here;
	uint64_t serial; /* its bytes are the key in gateway_loop.parked */
	uint32_t round;
	uint16_t can;
	uint8_t bond[MCP_BOND_BYTES];
	struct arena *arena; /* the request's copy */
	size_t bytes;	     /* counted in gateway_loop.parked_bytes while parked */
	struct str principal;
	struct upstream *upstream; /* one reference */
	struct mcp_message message;
	struct upstream_call call;
	struct fiber *fiber;	/* NULL when the server's part is over */
	struct mailbox *reader; /* one reference; NULL while parked */
	bool waits;		/* parked: for its client */
	bool ended;		/* nobody will ever read it */
	struct list questions;
	unsigned question_count, last_key;
	struct letter *outcome; /* came while nobody read; owned */
	struct timer gather, expiry;
};

static struct str key_of(const uint64_t *serial)
{
	return (struct str){(const char *)serial, sizeof(*serial)};
}

/* ---- questions ------------------------------------------------------------------- */

static void refuse(struct server_request *request, enum err err)
{
	AUTO_BUF error = {0};

	buf_put_fmt(&error, "{\"code\":%d,\"message\":", err_row(err)->rpc_code);
	buf_put_json(&error, str_of(err_text(err)));
	buf_put_byte(&error, '}');
	server_request_refuse(request, buf_str(&error));
	server_request_unref(request);
}

/* While a question is open the call's clock stands still. */
static void question_add(struct parked *parked, struct server_request *request)
{
	struct question *question = calloc(1, sizeof(*question));

	CHECK(question != NULL);
	question->request = request;
	snprintf(question->key, sizeof(question->key), "e%u", ++parked->last_key);
	list_add_tail(&parked->questions, &question->link);
	if (parked->question_count++ == 0)
		fiber_clock_stop(parked->fiber);
}

/* The question is closed; its request is the caller's now. */
static struct server_request *question_take(struct parked *parked, struct question *question)
{
	struct server_request *request = question->request;

	list_remove(&question->link);
	if (--parked->question_count == 0) {
		timer_stop(&parked->gather);
		if (parked->fiber != NULL)
			fiber_clock_go(parked->fiber);
	}
	free(question);
	return request;
}

static void refuse_questions(struct parked *parked, enum err err)
{
	while (!list_empty(&parked->questions))
		refuse(question_take(parked, LIST_OBJ(parked->questions.next, struct question, link)), err);
}

/* ---- its end --------------------------------------------------------------------- */

/* It waits for its client from now on, or no more: what it holds counts meanwhile. */
static void parked_set_waits(struct parked *parked, bool waits)
{
	if (parked->waits == waits)
		return;
	parked->waits = waits;
	atomic_fetch_add(&parked->gateway->calls_parked, waits ? 1u : -1u);
	parked->here->parked_bytes -= parked->bytes;
	parked->bytes = waits ? arena_used(parked->arena) : 0;
	parked->here->parked_bytes += parked->bytes;
}

static void parked_free(struct parked *parked)
{
	CHECK_OBJ(parked, PARKED_MAGIC);
	CHECK(parked->fiber == NULL && parked->question_count == 0);
	map_remove(&parked->here->parked, key_of(&parked->serial));
	parked_set_waits(parked, false);
	timer_stop(&parked->gather);
	timer_stop(&parked->expiry);
	if (parked->reader != NULL)
		mailbox_unref(parked->reader);
	if (parked->outcome != NULL)
		letter_free(parked->outcome);
	upstream_unref(parked->upstream);
	arena_free(parked->arena);
	parked->magic = 0;
	free(parked);
}

/* Nobody will read it. The server is told by the fiber, which unwinds. */
static void parked_end(struct parked *parked, enum err err)
{
	refuse_questions(parked, err);
	parked->ended = true;
	if (parked->reader != NULL)
		mailbox_put(parked->reader, letter_error(err));
	if (parked->fiber != NULL)
		fiber_cancel(parked->fiber);
	else
		parked_free(parked);
}

/* Give its reader the last letter of this request. */
static void reader_leave(struct parked *parked, struct letter *last)
{
	mailbox_put(parked->reader, last);
	mailbox_unref(parked->reader);
	parked->reader = NULL;
}

/* ---- parking --------------------------------------------------------------------- */

static void on_expiry(struct timer *timer)
{
	struct parked *parked = CONTAINER_OF(timer, struct parked, expiry);

	log_info("call.expired", LOG_STR("upstream", upstream_name(parked->upstream)),
		 LOG_STR("principal", parked->principal));
	parked_end(parked, ERR_TIMEOUT);
}

/* Whether one more may wait: see the limits in parked.h. */
static bool may_park(const struct parked *parked)
{
	const struct parked *other;
	unsigned count = 0, mine = 0;
	size_t cursor = 0;

	while ((other = map_next(&parked->here->parked, &cursor)) != NULL) {
		if (!other->waits || other->ended)
			continue;
		count++;
		if (str_eq(other->principal, parked->principal))
			mine++;
	}
	return count < PARKED_MAX && mine < PARKED_PER_PRINCIPAL_MAX &&
	       parked->here->parked_bytes + arena_used(parked->arena) <= PARKED_BYTES_MAX;
}

static void put_round(struct parked *parked, int64_t expires_ms, struct buf *out)
{
	AUTO(arena) *scratch = arena_new(ROUND_BYTES_MAX);
	const struct mcp_request_state state = {
		.node = parked->gateway->node,
		.serial = parked->serial,
		.loop = loop_index(parked->here->loop),
		.round = parked->round,
		.expires_ms = expires_ms,
	};

	buf_put(out,
		STR("{\"jsonrpc\":\"2.0\",\"id\":0,\"result\":{\"resultType\":\"input_required\",\"inputRequests\":{"));
	for (struct list *l = parked->questions.next; l != &parked->questions; l = l->next) {
		const struct question *question = LIST_OBJ(l, struct question, link);

		buf_put_fmt(out, "%s\"%s\":", l == parked->questions.next ? "" : ",", question->key);
		mcp_compose_input(scratch, server_request_method(question->request),
				  server_request_params(question->request), out);
	}
	buf_put(out, STR("},\"requestState\":\""));
	mcp_state_seal(parked->gateway->request_state_key, &state, parked->bond, out);
	buf_put(out, STR("\"}}"));
}

/* All open questions as the answer of the request that reads now; from here on the call is parked. */
static struct letter *round_letter(struct parked *parked, int64_t expires_ms)
{
	struct arena *arena = arena_new(ROUND_BYTES_MAX);
	struct mcp_message message;
	AUTO_BUF text = {0};
	struct str copy;

	put_round(parked, expires_ms, &text);
	copy = arena_try_str(arena, buf_str(&text));
	if (copy.p != NULL && mcp_message_read(arena, copy, &message) == OK)
		return letter_new(arena, &message, true);
	arena_free(arena);
	return letter_error(ERR_LIMIT);
}

static void on_gathered(struct timer *timer)
{
	struct parked *parked = CONTAINER_OF(timer, struct parked, gather);
	int64_t wait_ms = parked->here->config->limits.input_timeout_ms;

	CHECK_OBJ(parked, PARKED_MAGIC);
	CHECK(parked->reader != NULL && parked->question_count > 0);
	if (!may_park(parked)) {
		parked_end(parked, ERR_BUSY);
		return;
	}
	parked->round++;
	parked_set_waits(parked, true);
	reader_leave(parked, round_letter(parked, clock_wall_ms() + wait_ms));
	timer_set(parked->here->loop, &parked->expiry, wait_ms, on_expiry);
}

static void gather(struct parked *parked)
{
	if (parked->reader != NULL && parked->question_count > 0 && parked->gather.at_ms == 0)
		timer_set(parked->here->loop, &parked->gather, PARKED_GATHER_MS, on_gathered);
}

/* ---- the server's part ----------------------------------------------------------- */

AWAITS static void parked_asks(void *arg, struct server_request *request)
{
	AUTO(arena) *scratch = arena_new(ROUND_BYTES_MAX);
	struct parked *parked = arg;
	uint16_t needs;
	enum err err = mcp_input_needs(scratch, server_request_method(request), server_request_params(request), &needs);

	CHECK_OBJ(parked, PARKED_MAGIC);
	if (err == OK && (needs & ~parked->can) != 0)
		err = ERR_RPC_METHOD;
	if (err == OK && atomic_load_explicit(&parked->gateway->draining, memory_order_relaxed))
		err = ERR_SHUTDOWN;
	if (err == OK && (parked->question_count >= MCP_INPUTS_MAX || parked->ended))
		err = ERR_BUSY;
	if (err != OK) {
		refuse(request, err);
		return;
	}
	question_add(parked, request);
	gather(parked);
}

AWAITS static void parked_asks_no_more(void *arg, struct server_request *request)
{
	struct parked *parked = arg;

	for (struct list *l = parked->questions.next; l != &parked->questions; l = l->next) {
		struct question *question = LIST_OBJ(l, struct question, link);

		if (question->request != request)
			continue;
		server_request_unref(question_take(parked, question));
		return;
	}
}

/* What the server says on the way goes to whoever reads; while nobody does, to nobody. */
AWAITS static enum err parked_tells(void *arg, const struct mcp_message *message)
{
	struct parked *parked = arg;
	struct str text = message->index.text;
	struct mcp_message copy;
	struct arena *arena;
	char *bytes;

	if (parked->reader == NULL)
		return OK;
	arena = arena_new(UPSTREAM_ANSWER_BYTES_MAX);
	bytes = arena_try_alloc(arena, text.n);
	if (bytes != NULL)
		memcpy(bytes, text.p, text.n);
	if (bytes == NULL || mcp_message_read(arena, (struct str){bytes, text.n}, &copy) != OK)
		arena_free(arena);
	else
		mailbox_put(parked->reader, letter_new(arena, &copy, false));
	return OK;
}

/* The server's part is over. An answer that nobody waits for is kept for the retry, if it is small. */
static void parked_settle(struct parked *parked, struct letter *last)
{
	size_t bytes = last->arena == NULL ? 0 : arena_used(last->arena);

	refuse_questions(parked, ERR_CANCELED);
	parked->fiber = NULL;
	if (parked->ended) {
		letter_free(last);
		parked_free(parked);
	} else if (parked->reader != NULL) {
		reader_leave(parked, last);
		parked_free(parked);
	} else if (bytes > PARKED_OUTCOME_BYTES_MAX || parked->here->parked_bytes + bytes > PARKED_BYTES_MAX) {
		letter_free(last);
		parked->outcome = letter_error(ERR_UPSTREAM_TOO_LARGE);
	} else {
		parked->outcome = last;
		parked->bytes += bytes;
		parked->here->parked_bytes += bytes;
	}
}

AWAITS static void parked_main(void *arg)
{
	struct parked *parked = arg;
	enum err err;

	CHECK_OBJ(parked, PARKED_MAGIC);
	fiber_label(parked->call.request_id);
	parked->call.arena = arena_new(REQUEST_ARENA_BYTES_MAX);
	err = upstream_call(parked->upstream, &parked->call);
	if (err != OK) {
		arena_free(parked->call.arena);
		parked_settle(parked, letter_error(err));
		return;
	}
	parked_settle(parked, letter_new(parked->call.arena, &parked->call.answer, true));
}

/* ---- from the client's side ------------------------------------------------------ */

static struct str keep(struct arena *arena, struct str s)
{
	return s.p == NULL ? STR_NONE : arena_str(arena, s);
}

/* The call and all it points to, in the parked call's own memory. */
static enum err copy_call(struct parked *parked, const struct upstream_call *call, struct str body)
{
	struct arena *arena = parked->arena;
	const struct mcp_outgoing *out = &call->outgoing;

	TRY(mcp_message_read(arena, keep(arena, body), &parked->message));
	parked->call = (struct upstream_call){
		.outgoing =
			{
				.method = parked->message.method,
				.from = &parked->message,
				.name = keep(arena, out->name),
				.ref_name = keep(arena, out->ref_name),
				.arguments = keep(arena, out->arguments),
				.no_answers = true,
				.no_task = out->no_task,
				.wants_progress = out->wants_progress,
				.traceparent = keep(arena, out->traceparent),
				.tracestate = keep(arena, out->tracestate),
			},
		.mcp_name = keep(arena, call->mcp_name),
		.param_headers = keep(arena, call->param_headers),
		.tenant_id = keep(arena, call->tenant_id),
		.principal = keep(arena, call->principal),
		.request_id = keep(arena, call->request_id),
		.on_notification = parked_tells,
		.on_request = parked_asks,
		.on_request_gone = parked_asks_no_more,
		.arg = parked,
	};
	parked->principal = arena_fmt(arena, "%.*s/%.*s", STR_ARG(call->tenant_id), STR_ARG(call->principal));
	return OK;
}

enum err parked_start(struct request *req, const struct upstream_call *call, struct upstream *upstream,
		      const uint8_t bond[MCP_BOND_BYTES], struct parked_reader *reader)
{
	struct gateway_loop *here = req->here;
	struct parked *parked = calloc(1, sizeof(*parked));
	enum err err;

	CHECK(parked != NULL);
	parked->magic = PARKED_MAGIC;
	parked->gateway = req->gateway;
	parked->here = here;
	parked->can = reader->can;
	memcpy(parked->bond, bond, MCP_BOND_BYTES);
	parked->upstream = upstream_ref(upstream);
	parked->serial = ++here->parked_serial;
	list_init(&parked->questions);
	/* Room for the body, for pieces of it that are copied apart, and for its index. */
	parked->arena = arena_new(REQUEST_ARENA_BYTES_MAX + 3 * req->message.index.text.n);
	map_put(&here->parked, key_of(&parked->serial), parked);
	err = copy_call(parked, call, req->message.index.text);
	if (err == OK)
		err = fiber_spawn(here->loop, "parked call", parked_main, parked,
				  loop_now(here->loop) + req->config->limits.request_timeout_ms, &parked->fiber);
	if (err != OK) {
		parked_free(parked);
		return err;
	}
	parked->reader = mailbox_ref(reader->mailbox);
	reader->at = (struct mcp_request_state){
		.node = req->gateway->node, .serial = parked->serial, .loop = loop_index(here->loop)};
	return OK;
}

static struct parked *parked_find(const struct parked_reader *reader)
{
	return map_get(&gateway_here(reader->gateway)->parked, key_of(&reader->at.serial));
}

/* Answers of a round to the questions that they fit. */
static void deliver(struct parked *parked, struct str responses)
{
	AUTO(arena) *scratch = arena_new(REQUEST_ARENA_BYTES_MAX + 2 * responses.n);
	struct list *l, *next;
	struct json_index index;

	if (responses.p == NULL || json_scan(scratch, responses, &index) != OK || index.kind != JSON_OBJECT)
		return;
	for (l = parked->questions.next; l != &parked->questions; l = next) {
		struct question *question = LIST_OBJ(l, struct question, link);
		const struct json_member *answer = json_member(&index, NULL, str_of(question->key));
		struct server_request *request = question->request;

		next = l->next;
		if (answer == NULL || !mcp_input_fits(scratch, server_request_method(request), answer->value))
			continue;
		(void)question_take(parked, question);
		server_request_answer(request, answer->value);
		server_request_unref(request);
	}
}

enum err parked_take_up(const struct parked_reader *reader, struct str responses)
{
	struct parked *parked = parked_find(reader);

	if (parked == NULL || parked->ended || parked->reader != NULL || parked->round != reader->at.round)
		return ERR_MCP_STATE;
	timer_stop(&parked->expiry);
	parked_set_waits(parked, false);
	parked->can = reader->can;
	parked->reader = mailbox_ref(reader->mailbox);
	if (parked->outcome != NULL) {
		struct letter *outcome = parked->outcome;

		parked->outcome = NULL;
		reader_leave(parked, outcome);
		parked_free(parked);
		return OK;
	}
	deliver(parked, responses);
	gather(parked);
	return OK;
}

void parked_abandon(const struct parked_reader *reader)
{
	struct parked *parked = parked_find(reader);

	if (parked != NULL && parked->reader == reader->mailbox && !parked->ended)
		parked_end(parked, ERR_CANCELED);
}

/* ---- the gateway stops ----------------------------------------------------------- */

struct stopping {
	struct gateway *gateway;
	bool all;
	unsigned left;
};

AWAITS static enum err stop_here(void *arg)
{
	struct stopping *stopping = arg;
	struct gateway_loop *here = gateway_here(stopping->gateway);
	struct parked *parked;
	size_t cursor = 0;

	while ((parked = map_next(&here->parked, &cursor)) != NULL)
		if (!parked->ended && (stopping->all || parked->reader == NULL || parked->question_count > 0))
			parked_end(parked, ERR_SHUTDOWN);
	stopping->left += (unsigned)here->parked.used;
	return OK;
}

AWAITS static unsigned stop_some(struct gateway *gateway, bool all)
{
	struct stopping stopping = {gateway, all, 0};

	for (unsigned i = 0; i < loop_count(); i++)
		(void)!loop_call(loop_at(i), "end parked calls", stop_here, &stopping);
	return stopping.left;
}

AWAITS void parked_drain(struct gateway *gateway)
{
	(void)stop_some(gateway, false);
}

AWAITS void parked_stop(struct gateway *gateway)
{
	for (int tries = PARKED_STOP_MS / PARKED_POLL_MS; tries > 0 && stop_some(gateway, true) > 0; tries--)
		if (fiber_sleep(PARKED_POLL_MS) != OK)
			break;
}
