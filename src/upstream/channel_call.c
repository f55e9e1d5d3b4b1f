/* Calls through a channel, from any loop.
 *
 *   caller's loop          home loop                        child or server
 *   channel_call --loop_call--> order: place, instance,
 *                             compose, pending --write-->
 *                             (order ends)
 *   mailbox_take             <--------------------- line, line, ...
 *      relay, relay <-------- letters
 *   answer <----------------- last letter, pending settled
 *
 * A caller that gives up posts a farewell: the pending call is taken out and the server told.
 * Until then nothing on the home loop points to the caller's memory, only to the mailbox. */
#include <stdlib.h>

#include "base/check.h"
#include "upstream/channel.h"
#include "upstream/server_request.h"

/* What the home loop does for a call; lies on the caller's stack while it waits. */
struct order {
	struct upstream *upstream;
	const struct upstream_call *call;
	struct mailbox *mailbox;
	/* out */
	uint64_t id;
	uint64_t bytes;
	enum mcp_revision revision;
	bool pending;
};

static void note_caller(struct instance *instance, const struct upstream_call *call)
{
	uint64_t caller = str_hash(call->tenant_id) * 31 + str_hash(call->principal);

	if (instance->first_caller == 0)
		instance->first_caller = caller;
	else if (instance->first_caller != caller)
		instance->many_callers = true;
}

/* Nobody waits for this call any more: take it out, and tell the server. */
static void farewell_say(struct upstream *upstream, uint64_t id)
{
	struct pending *pending = pending_find(upstream, id);
	struct instance *instance;
	AUTO_BUF message = {0};

	if (pending == NULL)
		return;
	instance = pending->instance;
	pending_settle(pending, NULL);
	put_cancelled(id, instance->hello.revision, &message);
	if (instance->channel != NULL)
		channel_send(instance->channel, buf_str(&message));
}

AWAITS static enum err order_write(struct order *order, struct instance *instance)
{
	AUTO_BUF message = {0};
	struct pending *pending;
	enum err err;

	order->revision = instance->hello.revision;
	order->id = lane_next_id(order->upstream, lane_here(order->upstream));
	mcp_compose_request(&order->call->outgoing, order->revision, order->id, &message);
	note_caller(instance, order->call);
	(void)pending_add(instance, order->id, order->mailbox, order->call, false);
	order->pending = true;
	order->bytes = message.n;
	err = channel_write(instance->channel, &message);
	if (err == OK)
		return OK;
	pending = pending_find(order->upstream, order->id);
	if (pending == NULL)
		return OK; /* settled meanwhile: its last letter says how */
	order->pending = false;
	if (err == ERR_UPSTREAM_DOWN || err == ERR_UPSTREAM_SESSION)
		pending_settle(pending, NULL);
	else
		farewell_say(order->upstream, order->id); /* some of it may have arrived */
	return err;
}

AWAITS static enum err order_main(void *arg)
{
	struct order *order = arg;
	struct upstream *upstream = order->upstream;
	struct instance_owner owner = instance_owner_of(upstream, order->call);
	const struct fair_caller caller = {order->call->tenant_id, order->call->terms};
	struct instance *instance;
	enum err err;

	TRY(fair_enter(&upstream->fair, &caller));
	err = instance_get(upstream, &owner, &instance);
	if (err != OK) {
		fair_leave(&upstream->fair);
		return err;
	}
	if (instance->channel == NULL) {
		fair_leave(&upstream->fair);
		atomic_store(&upstream->channeled, instance->channeled);
		err = instance->channeled ? ERR_UPSTREAM_DOWN : ERR_UPSTREAM_SESSION;
	} else {
		err = order_write(order, instance);
	}
	instance_unpin(instance);
	return err;
}

/* The caller has gone: nobody may wait for it any more. */
struct farewell {
	struct task task;
	struct upstream *upstream; /* one reference */
	uint64_t id;
};

static void on_farewell(struct task *task)
{
	struct farewell *farewell = CONTAINER_OF(task, struct farewell, task);

	farewell_say(farewell->upstream, farewell->id);
	upstream_unref(farewell->upstream);
	free(farewell);
}

static void give_up(struct upstream *upstream, uint64_t id)
{
	struct farewell *farewell;

	if (loop_self() == upstream->home) {
		farewell_say(upstream, id);
		return;
	}
	farewell = calloc(1, sizeof(*farewell));
	CHECK(farewell != NULL);
	farewell->task.run = on_farewell;
	farewell->upstream = upstream_ref(upstream);
	farewell->id = id;
	loop_post(upstream->home, &farewell->task);
}

static void free_arena(void *arena)
{
	arena_free(arena);
}

/* The next letter. People who are being asked something take their time. */
AWAITS static enum err take_letter(struct mailbox *mailbox, const struct ask *ask, struct letter **ret_letter)
{
	int64_t ms = ask->timeout_ms;
	enum err err;

	do
		err = mailbox_take(mailbox, ms, ret_letter);
	while (err == ERR_UPSTREAM_TIMEOUT && ask->askable != NULL && (ms = askable_more_ms(ask->askable)) > 0);
	return err;
}

/* The letters of a call up to the last one. */
AWAITS static enum err receive(struct upstream *upstream, struct mailbox *mailbox, struct ask *ask)
{
	for (;;) {
		AUTO(letter) *letter = NULL;

		TRY(take_letter(mailbox, ask, &letter));
		if (letter->request != NULL) {
			struct server_request *request = letter->request;

			letter->request = NULL;
			askable_take(ask->askable, request);
			continue;
		}
		if (!letter->last) {
			if (ask->askable != NULL && mcp_method_of(letter->message.method) == MCP_M_N_CANCELLED)
				(void)askable_take_back(ask->askable, cancelled_id(&letter->message));
			TRY(ask_notify(upstream, ask, &letter->message));
			continue;
		}
		TRY(letter->err);
		ask->answer = letter->message;
		ask->answered = true;
		ask->bytes_in = letter->message.index.text.n;
		/* What the answer's slices point to becomes part of the call's memory. */
		arena_defer(ask->arena, free_arena, letter->arena);
		letter->arena = NULL;
		return OK;
	}
}

/* The same, when the server may ask the client something. */
AWAITS static enum err receive_for_client(struct upstream *upstream, struct lane *lane, struct mailbox *mailbox,
					  struct ask *ask)
{
	struct askable askable;
	enum err err;

	if (ask->call->on_request == NULL)
		return receive(upstream, mailbox, ask);
	askable_begin(&askable, upstream, lane, ask->call, ASKABLE_NO_STREAM);
	ask->askable = &askable;
	err = receive(upstream, mailbox, ask);
	askable_end(&askable);
	ask->askable = NULL;
	return err;
}

AWAITS enum err channel_ask(struct instance *instance, struct ask *ask, bool endless)
{
	struct upstream *upstream = instance->upstream;
	AUTO(mailbox) *mailbox = mailbox_new();
	struct pending *pending;
	AUTO_BUF message = {0};
	enum err err;

	if (instance->channel == NULL)
		return ERR_UPSTREAM_DOWN;
	buf_put(&message, ask->body);
	if (ask->id == 0)
		return channel_write(instance->channel, &message);
	(void)pending_add(instance, ask->id, mailbox, NULL, endless);
	err = channel_write(instance->channel, &message);
	if (err == OK)
		err = receive(upstream, mailbox, ask);
	pending = pending_find(upstream, ask->id);
	if (pending != NULL && err == ERR_UPSTREAM_DOWN)
		pending_settle(pending, NULL);
	else if (pending != NULL)
		farewell_say(upstream, ask->id);
	return err;
}

AWAITS enum err channel_call(struct upstream *upstream, struct lane *lane, struct upstream_call *call)
{
	AUTO(mailbox) *mailbox = mailbox_new();
	struct order order = {.upstream = upstream, .call = call, .mailbox = mailbox};
	struct ask ask = {.arena = call->arena, .call = call, .timeout_ms = upstream->spec.timeout_ms};
	enum err err = loop_call(upstream->home, "upstream order", order_main, &order);

	if (err == ERR_UPSTREAM_SESSION) /* forgotten, so this was not done: a new one is begun */
		err = loop_call(upstream->home, "upstream order", order_main, &order);
	if (err == OK) {
		ask.id = order.id;
		ask.revision = order.revision;
		err = receive_for_client(upstream, lane, mailbox, &ask);
	}
	if (err != OK) {
		if (order.pending)
			give_up(upstream, order.id);
		return err;
	}
	call->answer = ask.answer;
	call->revision = order.revision;
	call->bytes_out = order.bytes;
	call->bytes_in = ask.bytes_in;
	return OK;
}
