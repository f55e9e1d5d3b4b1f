/* Calls of legacy sessions that are running now, so that notifications/cancelled can end
 * them. Each loop has its own table; a cancel is posted to all, since the notification may
 * come in on another connection and so on another loop. */
#include "base/map.h"
#include "gateway/request.h"

void in_flight_begin(struct request *req, struct in_flight *slot)
{
	*slot = (struct in_flight){0};
	if (!req->has_session || req->message.id.p == NULL)
		return;
	slot->key = arena_fmt(req->arena, "%s/%.*s", req->session.number, STR_ARG(req->message.id));
	slot->fiber = fiber_self();
	slot->here = req->here;
	/* An id in use twice is the client's mistake; the first call keeps the name. */
	if (map_get(&req->here->in_flight, slot->key) == NULL)
		map_put(&req->here->in_flight, slot->key, slot);
	else
		slot->here = NULL;
}

void in_flight_end(struct in_flight *slot)
{
	if (slot->here != NULL)
		map_remove(&slot->here->in_flight, slot->key);
}

struct cancel {
	struct gateway *gateway;
	struct str key;
};

static enum err cancel_here(void *arg)
{
	const struct cancel *cancel = arg;
	struct in_flight *slot = map_get(&gateway_here(cancel->gateway)->in_flight, cancel->key);

	if (slot != NULL)
		fiber_cancel(slot->fiber);
	return OK;
}

AWAITS void in_flight_cancel(struct request *req, struct str id_lexeme)
{
	struct cancel cancel = {
		.gateway = req->gateway,
		.key = arena_fmt(req->arena, "%s/%.*s", req->session.number, STR_ARG(id_lexeme)),
	};

	for (unsigned i = 0; i < loop_count(); i++)
		if (loop_call(loop_at(i), "cancel", cancel_here, &cancel) != OK)
			return;
}
