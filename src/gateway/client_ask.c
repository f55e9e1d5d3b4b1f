/* Questions to clients of legacy sessions.
 *
 *   client_ask --> OPEN --+--> the client's answer --> on_answer
 *                         +--> time-out, unreachable, session ended, call ended, drain --> on_answer
 *                         |    with an error
 *                         +--> client_withdraw: nobody hears
 *
 * Ids are "gh-NODE-LOOP-SERIAL": NODE is the process's number (fleet.h), so an answer that was meant
 * for an earlier process is nobody's, and one for another replica is taken there. The loop's table finds the question
 * by its serial, and the session's number must be that of the one who was asked. */
#include "gateway/client_ask.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"

#define CLIENT_ASK_MAGIC 0x41534b51u /* "ASKQ" */
#define SAY_LAST_MS 1000	     /* for taking questions back when the call has ended */

struct client_ask {
	uint32_t magic;
	struct list link; /* in asker->open */
	struct asker *asker;
	uint64_t serial; /* its bytes are the key in gateway_loop.asked */
	client_on_answer *on_answer;
	void *arg;
	struct timer timer;
};

/* One message to be sent. */
struct saying {
	struct list link;
	uint64_t serial; /* of the question; 0 for a notification */
	struct buf text;
};

static struct str key_of(const uint64_t *serial)
{
	return (struct str){(const char *)serial, sizeof(*serial)};
}

static void put_id(const struct client_ask *ask, struct buf *out)
{
	const struct request *req = ask->asker->req;

	buf_put_fmt(out, "gh-%016llx-%u-%llu", (unsigned long long)req->gateway->node, loop_index(req->here->loop),
		    (unsigned long long)ask->serial);
}

/* ---- an ask and its end ---------------------------------------------------------- */

/* Out of the loop's table: from here on no answer finds it. */
static void ask_close(struct client_ask *ask)
{
	struct asker *asker = ask->asker;

	CHECK_OBJ(ask, CLIENT_ASK_MAGIC);
	map_remove(&asker->req->here->asked, key_of(&ask->serial));
	atomic_fetch_sub(&asker->req->gateway->questions_open, 1);
	list_remove(&ask->link);
	timer_stop(&ask->timer);
	if (--asker->open_count == 0)
		fiber_clock_go(asker->fiber);
}

static void ask_free(struct client_ask *ask)
{
	ask->magic = 0;
	free(ask);
}

static void ask_finish(struct client_ask *ask, const struct client_answer *answer)
{
	ask_close(ask);
	ask->on_answer(ask->arg, answer);
	ask_free(ask);
}

/* ---- what goes out on the stream ------------------------------------------------- */

static void saying_free(struct saying *saying)
{
	buf_free(&saying->text);
	free(saying);
}

/* A question that cannot be sent has no answer. */
static void not_said(struct asker *asker, uint64_t serial, enum err err)
{
	struct client_ask *ask = map_get(&asker->req->here->asked, key_of(&serial));

	if (ask != NULL)
		ask_finish(ask, &(struct client_answer){.err = err});
}

AWAITS static void speak_main(void *arg)
{
	struct asker *asker = arg;
	struct list *link;

	/* Its deadline is that of the fiber that spawned it, whose clock may have stood still for long. It
	 * ends with its group instead. */
	fiber_clock_stop(fiber_self());
	while ((link = list_pop(&asker->unsaid)) != NULL) {
		struct saying *saying = LIST_OBJ(link, struct saying, link);
		enum err err = answer_event(asker->req, buf_str(&saying->text));

		if (err != OK && saying->serial != 0)
			not_said(asker, saying->serial, err);
		saying_free(saying);
	}
	asker->speaks = false;
}

static struct saying *saying_new(uint64_t serial)
{
	struct saying *saying = calloc(1, sizeof(*saying));

	CHECK(saying != NULL);
	saying->serial = serial;
	return saying;
}

/* Queue it; the fiber that sends is started when there is none. */
static enum err say(struct asker *asker, struct saying *saying)
{
	enum err err = OK;

	if (!asker->speaks)
		err = group_spawn(&asker->speaker, "ask", speak_main, asker);
	if (err != OK) {
		saying_free(saying);
		return err;
	}
	asker->speaks = true;
	list_add_tail(&asker->unsaid, &saying->link);
	return OK;
}

/* Tell the client that a question is no longer one.
 *   Source     MCP 2025-11-25 basic/utilities/cancellation */
static void say_cancelled(const struct client_ask *ask, struct str reason)
{
	struct saying *saying = saying_new(0);
	AUTO_BUF params = {0};

	buf_put(&params, STR("{\"requestId\":\""));
	put_id(ask, &params);
	buf_put(&params, STR("\",\"reason\":"));
	buf_put_json(&params, reason);
	buf_put_byte(&params, '}');
	mcp_compose_notification(STR("notifications/cancelled"), buf_str(&params), &saying->text);
	(void)!say(ask->asker, saying);
}

/* ---- asking ---------------------------------------------------------------------- */

static void on_timeout(struct timer *timer)
{
	struct client_ask *ask = CONTAINER_OF(timer, struct client_ask, timer);

	say_cancelled(ask, STR("the time for an answer ran out"));
	ask_finish(ask, &(struct client_answer){.err = ERR_TIMEOUT});
}

static struct client_ask *ask_open(struct asker *asker, client_on_answer *on_answer, void *arg)
{
	struct gateway_loop *here = asker->req->here;
	struct client_ask *ask = calloc(1, sizeof(*ask));

	CHECK(ask != NULL);
	ask->magic = CLIENT_ASK_MAGIC;
	ask->asker = asker;
	ask->serial = ++here->ask_serial;
	ask->on_answer = on_answer;
	ask->arg = arg;
	list_add_tail(&asker->open, &ask->link);
	map_put(&here->asked, key_of(&ask->serial), ask);
	atomic_fetch_add(&here->gateway->questions_open, 1);
	timer_set(here->loop, &ask->timer, asker->req->config->limits.input_timeout_ms, on_timeout);
	if (asker->open_count++ == 0)
		fiber_clock_stop(asker->fiber);
	return ask;
}

enum err client_ask(struct asker *asker, enum mcp_method method, struct str params, client_on_answer *on_answer,
		    void *arg)
{
	struct client_ask *ask;
	struct saying *saying;
	AUTO_BUF id = {0};
	enum err err;

	if (atomic_load_explicit(&asker->req->gateway->draining, memory_order_relaxed))
		return ERR_SHUTDOWN;
	if (asker->open_count >= CLIENT_ASKS_MAX || asker->req->here->asked.used >= CLIENT_ASKS_LOOP_MAX)
		return ERR_LIMIT;
	ask = ask_open(asker, on_answer, arg);
	saying = saying_new(ask->serial);
	put_id(ask, &id);
	mcp_compose_question(buf_str(&id), method, params, &saying->text);
	err = say(asker, saying);
	if (err != OK) {
		ask_close(ask);
		ask_free(ask);
	}
	return err;
}

bool client_withdraw(struct asker *asker, void *arg)
{
	for (struct list *l = asker->open.next; l != &asker->open; l = l->next) {
		struct client_ask *ask = LIST_OBJ(l, struct client_ask, link);

		if (ask->arg != arg)
			continue;
		say_cancelled(ask, STR("the server took its question back"));
		ask_close(ask);
		ask_free(ask);
		return true;
	}
	return false;
}

void asker_begin(struct asker *asker, struct request *req)
{
	*asker = (struct asker){.req = req, .fiber = fiber_self()};
	list_init(&asker->open);
	list_init(&asker->unsaid);
	group_init(&asker->speaker, req->here->loop);
}

AWAITS void asker_end(struct asker *asker)
{
	struct fiber_shield shield;
	struct list *link;

	if (list_empty(&asker->open) && asker->speaker.count == 0)
		return;
	/* The fiber may be canceled; the client is told all the same. */
	shield = fiber_shield_begin(SAY_LAST_MS);
	while (!list_empty(&asker->open)) {
		struct client_ask *ask = LIST_OBJ(asker->open.next, struct client_ask, link);

		say_cancelled(ask, STR("the call has ended"));
		ask_finish(ask, &(struct client_answer){.err = ERR_CANCELED});
	}
	(void)!group_join(&asker->speaker);
	fiber_shield_end(shield);
	/* Left when there was no fiber to send them. */
	while ((link = list_pop(&asker->unsaid)) != NULL)
		saying_free(LIST_OBJ(link, struct saying, link));
}

uint16_t client_can_answer(const struct request *req)
{
	struct str declared;

	if (req->modern) {
		declared = req->verdict.capabilities->value;
		return str_eq(declared, STR("{}")) ? 0 : mcp_capabilities_read(declared);
	}
	if (!req->has_session || !answer_can_stream(req))
		return 0;
	return mcp_capabilities_in(req->session.capabilities, req->session.revision);
}

/* ---- answers --------------------------------------------------------------------- */

struct delivery {
	struct gateway *gateway;
	uint64_t serial;
	const char *session;
	struct client_answer answer;
};

AWAITS static enum err deliver_here(void *arg)
{
	const struct delivery *delivery = arg;
	struct client_ask *ask = map_get(&gateway_here(delivery->gateway)->asked, key_of(&delivery->serial));

	if (ask != NULL && strcmp(ask->asker->req->session.number, delivery->session) == 0)
		ask_finish(ask, &delivery->answer);
	return OK;
}

#define ID_HEAD_LEN 21 /* "gh-NODE- with its quote */

uint64_t client_ask_node(struct str lexeme)
{
	uint64_t node;

	if (lexeme.n <= ID_HEAD_LEN || !str_starts(lexeme, STR("\"gh-")) || lexeme.p[ID_HEAD_LEN - 1] != '-' ||
	    str_hex_to_u64((struct str){lexeme.p + 4, 16}, &node) != OK)
		return 0;
	return node;
}

/* Read "gh-NODE-LOOP-SERIAL" back, quotes included; false when it is none of this process.
 *   ret_loop, ret_serial  where the question is */
static bool id_read(const struct gateway *gateway, struct str lexeme, unsigned *ret_loop, uint64_t *ret_serial)
{
	struct str loop_text, serial_text;
	uint64_t loop;

	if (client_ask_node(lexeme) != gateway->node)
		return false;
	lexeme = str_skip(lexeme, ID_HEAD_LEN);
	lexeme.n--; /* the quote */
	if (!str_cut(lexeme, '-', &loop_text, &serial_text) || str_to_u64(loop_text, &loop) != OK ||
	    loop >= loop_count() || str_to_u64(serial_text, ret_serial) != OK)
		return false;
	*ret_loop = (unsigned)loop;
	return true;
}

AWAITS enum err client_take_answer(struct request *req)
{
	const struct mcp_message *message = &req->message;
	struct delivery delivery = {.gateway = req->gateway, .session = req->session.number};
	unsigned loop;

	if (message->error != NULL)
		delivery.answer.error = message->error->value;
	else if (message->result->kind == JSON_OBJECT)
		delivery.answer.result = message->result->value;
	else
		delivery.answer.err = ERR_RPC_INVALID;
	if (message->id.p != NULL && id_read(req->gateway, message->id, &loop, &delivery.serial))
		(void)!loop_call(loop_at(loop), "client answer", deliver_here, &delivery);
	return answer_accepted(req);
}

struct ending {
	struct gateway *gateway;
	struct str session;
	enum err why;
};

AWAITS static enum err end_here(void *arg)
{
	const struct ending *ending = arg;
	struct gateway_loop *here = gateway_here(ending->gateway);
	struct client_ask *ask;
	size_t cursor = 0;

	while ((ask = map_next(&here->asked, &cursor)) != NULL)
		if (ending->session.p == NULL || str_eq(ending->session, str_of(ask->asker->req->session.number)))
			ask_finish(ask, &(struct client_answer){.err = ending->why});
	return OK;
}

AWAITS void client_asks_end(struct gateway *gateway, struct str session, enum err why)
{
	struct ending ending = {gateway, session, why};

	for (unsigned i = 0; i < loop_count(); i++)
		(void)!loop_call(loop_at(i), "end questions", end_here, &ending);
}
