/* The rows are read when somebody asks; a notification says only that it is worth it, so one is enough for a whole
 * message of the platform. Subscriptions are in the table that those to wire servers' resources are in, under the
 * tenant.
 *
 *     webhooks.c ─▶ row ─┬─▶ subscriptions of this process
 *                        └─▶ hint "events NODE TENANT UPSTREAM" ─▶ each replica ─▶ its subscriptions
 */
#include "gateway/local_events.h"

#include <inttypes.h>

#include "base/log.h"
#include "connector/connector.h"
#include "events/events.h"
#include "gateway/fleet.h"
#include "gateway/local.h"
#include "gateway/subscription.h"

static const struct str hint_prefix = STR("events ");

static struct str uri_of(struct arena *arena, struct str upstream)
{
	return arena_fmt(arena, "gatehouse://events/%.*s", STR_ARG(upstream));
}

void local_events_offer(const struct upstream_spec *spec, struct arena *arena, struct local_offer *offer)
{
	struct str title = connector_title(local_connector(spec->local));
	struct offer_item *item = ARENA_NEW(arena, struct offer_item);
	AUTO_BUF json = {0}, text = {0};

	if (local_webhook_secret(spec->local).n == 0)
		return;
	item->name = uri_of(arena, spec->name);
	buf_put_fmt(&json, "{\"uri\":\"%.*s\",\"name\":\"%.*s_events\",\"title\":", STR_ARG(item->name),
		    STR_ARG(spec->name));
	buf_put_fmt(&text, "%.*s: events", STR_ARG(title.n > 0 ? title : spec->name));
	buf_put_json(&json, buf_str(&text));
	buf_put_fmt(
		&json,
		",\"description\":\"What the platform has told of its own accord: the newest events, at most %d, in "
		"the order in which they came. Subscribe to hear of new ones.\",\"mimeType\":\"application/json\"}",
		EVENTS_NEWEST_MAX);
	item->json = arena_str(arena, buf_str(&json));
	offer->resources = item;
	offer->resource_count = 1;
}

AWAITS enum err local_events_read(void *arg, const struct upstream_spec *spec, struct upstream_call *call,
				  struct str uri, struct str *ret_result)
{
	const struct gateway *gateway = arg;
	AUTO_BUF result = {0};
	struct str json;

	if (local_webhook_secret(spec->local).n == 0 || !str_eq(uri, uri_of(call->arena, spec->name)))
		return ERR_NOT_FOUND;
	TRY(events_newest(gateway->events, call->arena, call->tenant_id, spec->name, &json));
	buf_put(&result, STR("{\"contents\":[{\"uri\":"));
	buf_put_json(&result, uri);
	buf_put(&result, STR(",\"mimeType\":\"application/json\",\"text\":"));
	buf_put_json(&result, json);
	buf_put(&result, STR("}]}"));
	*ret_result = arena_str(call->arena, buf_str(&result));
	return OK;
}

/* ---- news ---------------------------------------------------------------------------- */

static void tell_here(struct gateway *gateway, struct str tenant_id, struct str upstream)
{
	const struct catalog *catalog = gateway_here(gateway)->catalog;
	const struct catalog_item *door = catalog == NULL ? NULL : catalog_door(&catalog->views[0], upstream);
	AUTO(arena) *arena = NULL;

	if (door == NULL)
		return;
	arena = arena_new(4096);
	subscriptions_updated(door->upstream, tenant_id, uri_of(arena, upstream));
}

AWAITS void local_events_tell(struct gateway *gateway, struct str tenant_id, struct str upstream)
{
	AUTO_BUF hint = {0};

	tell_here(gateway, tenant_id, upstream);
	if (!state_is_shared(gateway->state))
		return;
	buf_put_fmt(&hint, "%.*s%" PRIu64 " %.*s %.*s", STR_ARG(hint_prefix), fleet_self(), STR_ARG(tenant_id),
		    STR_ARG(upstream));
	if (state_hint(gateway->state, buf_str(&hint)) != OK)
		log_debug("hint.untold", LOG_STR("upstream", upstream));
}

bool local_events_hint(struct gateway *gateway, struct str hint)
{
	struct str node, tenant_id, upstream;
	uint64_t from;

	if (str_eq(hint, STR(STATE_HINT_MISSED))) {
		subscriptions_missed();
		return true;
	}
	if (!str_starts(hint, hint_prefix))
		return false;
	if (str_cut(str_skip(hint, hint_prefix.n), ' ', &node, &tenant_id) &&
	    str_cut(tenant_id, ' ', &tenant_id, &upstream) && str_to_u64(node, &from) == OK && from != fleet_self())
		tell_here(gateway, tenant_id, upstream);
	return true;
}
