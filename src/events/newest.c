/* Events as callers read them, and the newest of them without being asked for any in particular. They are counted from
 * the end, so that a crowd of large ones leaves out the oldest. */
#include "base/clock.h"
#include "events/events.h"

void event_put(const struct platform_event *event, struct buf *out)
{
	const struct {
		const char *name;
		struct str value;
	} texts[] = {{"kind", event->kind}, {"route", event->route}, {"subject", event->subject}};
	char at[CLOCK_ISO_LEN + 1];

	buf_put(out, STR("{\"id\":"));
	buf_put_json(out, event->id);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (texts[i].value.n == 0)
			continue;
		buf_put_fmt(out, ",\"%s\":", texts[i].name);
		buf_put_json(out, texts[i].value);
	}
	clock_iso(event->at_ms, at);
	buf_put_fmt(out, ",\"at\":\"%s\",\"body\":", at);
	buf_put(out, event->body);
	buf_put_byte(out, '}');
}

/* The first of them that still fits, with all that come after it. */
static size_t first_within(const struct platform_event *events, size_t count)
{
	size_t first = count, bytes = 0;

	while (first > 0 && count - first < EVENTS_NEWEST_MAX) {
		bytes += events[first - 1].body.n;
		if (bytes > EVENTS_NEWEST_BYTES_MAX && first < count)
			break;
		first--;
	}
	return first;
}

AWAITS enum err events_newest(struct events *events, struct arena *arena, struct str tenant_id, struct str upstream,
			      struct str *ret_json)
{
	const struct event_query query = {
		.tenant_id = tenant_id,
		.upstream = upstream,
		.newest = true,
		.limit = EVENTS_NEWEST_MAX + 1, /* one more tells whether there are older ones */
	};
	struct platform_event *found;
	AUTO_BUF out = {0};
	size_t count, first;

	TRY(events_list(events, arena, &query, &found, &count));
	first = first_within(found, count);
	buf_put(&out, STR("{\"events\":["));
	for (size_t i = first; i < count; i++) {
		if (i > first)
			buf_put_byte(&out, ',');
		event_put(&found[i], &out);
	}
	buf_put_fmt(&out, "],\"older\":%s}", first > 0 ? "true" : "false");
	*ret_json = arena_str(arena, buf_str(&out));
	return OK;
}
