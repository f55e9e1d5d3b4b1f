/* Reading what an upstream offers: all pages of all lists it declares, into one immutable
 * offer. A server that pages for ever, repeats a cursor or lists too much is cut off. Items
 * that would break clients (no name, a name twice, a tool without an object as its schema)
 * are left out with a log line; one bad tool must not hide the good ones. */
#include "upstream/lists.h"

#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/map.h"
#include "upstream/peer.h"

static const struct list_kind {
	const char *method, *member, *name;
} kinds[OFFER_KINDS] = {
	[OFFER_TOOLS] = {"tools/list", "tools", "name"},
	[OFFER_PROMPTS] = {"prompts/list", "prompts", "name"},
	[OFFER_RESOURCES] = {"resources/list", "resources", "uri"},
	[OFFER_TEMPLATES] = {"resources/templates/list", "resourceTemplates", "uriTemplate"},
};

/* One list while it is read. */
struct reading {
	struct instance *instance;
	struct offer *offer;
	enum offer_kind kind;
	struct map names; /* name -> its item's json.p, to find doubles */
	size_t cap;
	int64_t ttl_ms; /* the shortest of its pages; 0 none */
};

static void quarantine(const struct reading *reading, struct str item, const char *why)
{
	if (item.n > 200)
		item.n = 200;
	log_warn("upstream.item_left_out", LOG_STR("upstream", reading->instance->upstream->spec.name),
		 LOG_CSTR("list", kinds[reading->kind].member), LOG_CSTR("why", why), LOG_STR("item", item));
}

static enum err item_slot(struct reading *reading, struct offer_item **ret_slot)
{
	size_t count = reading->offer->list[reading->kind].count;
	struct offer_item *items = reading->offer->list[reading->kind].items;

	if (count >= UPSTREAM_ITEMS_MAX)
		return ERR_UPSTREAM_TOO_LARGE;
	if (count == reading->cap) {
		size_t cap = reading->cap == 0 ? 32 : reading->cap * 2;

		items = items == NULL ? arena_try_alloc(reading->offer->arena, cap * sizeof(*items))
				      : arena_try_grow(reading->offer->arena, items, reading->cap * sizeof(*items),
						       cap * sizeof(*items));
		if (items == NULL)
			return ERR_UPSTREAM_TOO_LARGE;
		reading->offer->list[reading->kind].items = items;
		reading->cap = cap;
	}
	*ret_slot = &items[count];
	return OK;
}

/* Why this item may not be offered; NULL when it may. */
static const char *item_problem(const struct reading *reading, const struct json_index *index, struct str name)
{
	const struct json_member *schema;

	if (name.n == 0)
		return "no name";
	if (map_get(&reading->names, name) != NULL)
		return "the name came before";
	if (reading->kind != OFFER_TOOLS)
		return NULL;
	schema = json_member(index, NULL, STR("inputSchema"));
	return schema != NULL && schema->kind == JSON_OBJECT ? NULL : "inputSchema is no object";
}

static enum err take_item(struct reading *reading, struct str item)
{
	struct offer *offer = reading->offer;
	AUTO(arena) *scratch = arena_new(item.n * 24 + 64 * 1024);
	struct offer_item *slot;
	struct json_index index;
	const char *problem;
	char *copy, *name_copy;
	struct str name;

	if (json_scan(scratch, item, &index) != OK || index.kind != JSON_OBJECT) {
		quarantine(reading, item, "no object");
		return OK;
	}
	name = json_member_str(scratch, json_member(&index, NULL, str_of(kinds[reading->kind].name)));
	problem = item_problem(reading, &index, name);
	if (problem != NULL) {
		quarantine(reading, item, problem);
		return OK;
	}
	TRY(item_slot(reading, &slot));
	copy = arena_try_alloc(offer->arena, item.n);
	name_copy = arena_try_alloc(offer->arena, name.n);
	if (copy == NULL || name_copy == NULL)
		return ERR_UPSTREAM_TOO_LARGE;
	memcpy(copy, item.p, item.n);
	memcpy(name_copy, name.p, name.n);
	*slot = (struct offer_item){.name = {name_copy, name.n}, .json = {copy, item.n}};
	(void)map_put(&reading->names, slot->name, copy);
	offer->list[reading->kind].count++;
	return OK;
}

static void note_ttl(struct reading *reading, const struct json_member *ttl)
{
	uint64_t ms;

	if (ttl == NULL || ttl->kind != JSON_NUMBER || str_to_u64(ttl->value, &ms) != OK || ms == 0 || ms > INT64_MAX)
		return;
	if (reading->ttl_ms == 0 || (int64_t)ms < reading->ttl_ms)
		reading->ttl_ms = (int64_t)ms;
}

/* One page.
 *   ret_cursor  in `arena`; p NULL: it was the last */
AWAITS static enum err take_page(struct reading *reading, struct arena *arena, struct str cursor, bool *ret_absent,
				 struct str *ret_cursor)
{
	struct instance *instance = reading->instance;
	struct question question = {
		.outgoing = {.method = str_of(kinds[reading->kind].method), .cursor = cursor},
		.revision = instance->hello.revision,
		.facts = instance->facts,
		.timeout_ms = instance->upstream->spec.timeout_ms,
	};
	const struct json_member *list, *next;
	struct ask ask = {.arena = arena};
	struct json_index index;
	struct str item;
	size_t at = 0;

	if (instance->facts == NULL)
		return ERR_UPSTREAM_DOWN;
	TRY(peer_ask(instance, &question, &ask));
	*ret_absent = ask.answer.error != NULL;
	if (*ret_absent) {
		log_info("upstream.list_refused", LOG_STR("upstream", instance->upstream->spec.name),
			 LOG_CSTR("list", kinds[reading->kind].member), LOG_STR("answer", peer_error_text(&ask)));
		return OK;
	}
	list = json_member(&ask.answer.index, ask.answer.result, str_of(kinds[reading->kind].member));
	if (list == NULL || list->kind != JSON_ARRAY)
		return ERR_UPSTREAM_GARBAGE;
	TRY(json_scan(arena, list->value, &index));
	while (json_element(&index, &at, &item))
		TRY(take_item(reading, item));
	note_ttl(reading, json_member(&ask.answer.index, ask.answer.result, STR("ttlMs")));
	next = json_member(&ask.answer.index, ask.answer.result, STR("nextCursor"));
	*ret_cursor = json_member_str(arena, next);
	return OK;
}

/* All pages of one list. A method the server does not have is an empty list. */
AWAITS static enum err take_list(struct reading *reading)
{
	struct upstream *upstream = reading->instance->upstream;
	AUTO_BUF last = {0};
	struct str cursor = STR_NONE;
	bool absent;

	for (unsigned pages = 0; pages < UPSTREAM_PAGES_MAX; pages++) {
		AUTO(arena) *arena = arena_new(upstream->spec.answer_bytes_max * 2 + 1024 * 1024);
		struct str next;

		TRY(take_page(reading, arena, cursor, &absent, &next));
		if (absent || next.p == NULL)
			return OK;
		/* spec: an empty string is a cursor like any other */
		if (cursor.p != NULL && str_eq(next, cursor)) {
			log_warn("upstream.cursor_repeats", LOG_STR("upstream", upstream->spec.name),
				 LOG_CSTR("list", kinds[reading->kind].member));
			return OK;
		}
		last.n = 0;
		buf_put(&last, next);
		buf_put_byte(&last, '\0');
		cursor = (struct str){last.p, next.n};
	}
	log_warn("upstream.too_many_pages", LOG_STR("upstream", upstream->spec.name),
		 LOG_CSTR("list", kinds[reading->kind].member));
	return OK;
}

static bool is_declared(const struct hello *hello, enum offer_kind kind)
{
	switch (kind) {
	case OFFER_TOOLS:
		return hello->tools;
	case OFFER_PROMPTS:
		return hello->prompts;
	default:
		return hello->resources;
	}
}

AWAITS enum err lists_read(struct instance *instance, struct offer **ret_offer, int64_t *ret_ttl_ms)
{
	struct offer *offer = offer_new(&instance->hello);
	int64_t ttl_ms = 0;
	enum err err = OK;

	for (enum offer_kind kind = 0; kind < OFFER_KINDS && err == OK; kind++) {
		struct reading reading = {.instance = instance, .offer = offer, .kind = kind};

		if (!is_declared(&instance->hello, kind))
			continue;
		err = take_list(&reading);
		map_free(&reading.names);
		if (reading.ttl_ms > 0 && (ttl_ms == 0 || reading.ttl_ms < ttl_ms))
			ttl_ms = reading.ttl_ms;
		if (err == ERR_UPSTREAM_TOO_LARGE && offer->list[kind].count >= UPSTREAM_ITEMS_MAX) {
			log_warn("upstream.too_many_items", LOG_STR("upstream", instance->upstream->spec.name),
				 LOG_CSTR("list", kinds[kind].member));
			err = OK;
		}
	}
	if (err != OK) {
		offer_unref(offer);
		return err;
	}
	*ret_offer = offer;
	*ret_ttl_ms = ttl_ms;
	return OK;
}
