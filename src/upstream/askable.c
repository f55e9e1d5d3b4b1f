/* A call whose client can be asked, and the requests that the server has open with it. While there are
 * such, the call has UPSTREAM_INPUT_MS without a sign of life instead of its own time; that is decided
 * when its time is over (askable_more_ms), so nothing has to be told when a request comes or goes.
 *
 * A request comes to the call on its own fiber (it lay in the call's stream, or in its mailbox) or on
 * another one of its loop (it came on a GET stream). The call does not end under such a callback. */
#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "upstream/server_request.h"

void askable_begin(struct askable *askable, struct upstream *upstream, struct lane *lane,
		   const struct upstream_call *call, uint64_t facts_serial)
{
	*askable = (struct askable){
		.upstream = upstream,
		.lane = lane,
		.call = call,
		.facts_serial = facts_serial,
		.begun_ns = clock_ns(),
		.timeout_ms = upstream->spec.timeout_ms,
	};
	list_init(&askable->requests);
	list_add_tail(&lane->askables, &askable->link);
}

static void callback_done(struct askable *askable)
{
	struct wait *end = askable->end;

	if (--askable->callbacks > 0 || end == NULL)
		return;
	askable->end = NULL;
	wait_done(end, OK);
}

AWAITS static void tell_gone(struct askable *askable, struct server_request *request)
{
	if (askable->call->on_request_gone == NULL)
		return;
	askable->callbacks++;
	askable->call->on_request_gone(askable->call->arg, request);
	callback_done(askable);
}

/* The first request that somebody still holds, with a reference; NULL none. */
static struct server_request *first_held(struct askable *askable)
{
	for (struct list *l = askable->requests.next; l != &askable->requests; l = l->next) {
		struct server_request *request = LIST_OBJ(l, struct server_request, link);

		if (!atomic_load(&request->settled) && server_request_hold(request) != NULL)
			return request;
	}
	return NULL;
}

AWAITS void askable_end(struct askable *askable)
{
	struct server_request *request;
	struct list *link;

	list_remove(&askable->link); /* no more of them come */
	while (askable->callbacks > 0) {
		struct wait end = WAIT_INIT;

		askable->end = &end;
		(void)!wait_for(&end, NULL, NULL); /* canceled or not: they hold pointers to us */
	}
	while ((request = first_held(askable)) != NULL) {
		server_request_refuse(request, STR("{\"code\":-32603,\"message\":\"the call has ended\"}"));
		tell_gone(askable, request);
		server_request_unref(request);
	}
	while ((link = list_pop(&askable->requests)) != NULL)
		LIST_OBJ(link, struct server_request, link)->askable = NULL;
}

AWAITS void askable_take(struct askable *askable, struct server_request *request)
{
	if (askable->open >= SERVER_REQUESTS_MAX) {
		server_request_drop(request, -32603, "too many requests are open");
		return;
	}
	request->loop = askable->lane->loop;
	request->askable = askable;
	list_add_tail(&askable->requests, &request->link);
	askable->open++;
	askable->asked_ms = loop_now(askable->lane->loop);
	askable->callbacks++;
	askable->call->on_request(askable->call->arg, request);
	callback_done(askable);
}

AWAITS bool askable_take_back(struct askable *askable, struct str request_id)
{
	for (struct list *l = askable->requests.next; l != &askable->requests; l = l->next) {
		struct server_request *request = LIST_OBJ(l, struct server_request, link);

		if (!str_eq(request->message.id, request_id) || server_request_hold(request) == NULL)
			continue;
		if (server_request_claim(request))
			tell_gone(askable, request);
		server_request_unref(request);
		return true;
	}
	return false;
}

int64_t askable_more_ms(void *arg)
{
	const struct askable *askable = arg;
	int64_t until_ms = 0, left_ms;

	if (askable->open > 0)
		until_ms = askable->asked_ms + UPSTREAM_INPUT_MS;
	else if (askable->settled_ms != 0)
		until_ms = askable->settled_ms + askable->timeout_ms;
	left_ms = until_ms - loop_now(askable->lane->loop);
	/* Asked again after at most the usual time, since the answer may come meanwhile. */
	return left_ms <= 0 ? 0 : left_ms < askable->timeout_ms ? left_ms : askable->timeout_ms;
}

struct str cancelled_id(const struct mcp_message *message)
{
	const struct json_member *id =
		message->params == NULL ? NULL : json_member(&message->index, message->params, STR("requestId"));

	return id == NULL ? STR_NONE : id->value;
}
