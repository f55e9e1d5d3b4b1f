/* Writing an item as a client of one era gets it: only the name changes, and what the other
 * era would choke on is left out. Everything else is copied as the upstream wrote it. */
#include "base/json_scan.h"
#include "base/limits.h"
#include "catalog/app.h"
#include "catalog/output_schema.h"

struct str item_name_key(enum offer_kind kind)
{
	static const struct str key[OFFER_KINDS] = {
		[OFFER_TOOLS] = {"name", 4},
		[OFFER_PROMPTS] = {"name", 4},
		[OFFER_RESOURCES] = {"uri", 3},
		[OFFER_TEMPLATES] = {"uriTemplate", 11},
	};

	return key[kind];
}

/* A place where the item's JSON changes. */
struct edit {
	const struct json_member *member;
	struct str with; /* p NULL: the member is left out */
};
#define EDITS_MAX 4

static void add_edit(struct edit *edits, size_t *count, const struct json_member *member, struct str with)
{
	size_t at = *count;

	/* In document order, as splices want them. */
	for (; at > 0 && edits[at - 1].member > member; at--)
		edits[at] = edits[at - 1];
	edits[at] = (struct edit){member, with};
	(*count)++;
}

/* What changes in a tool beside its name. */
static void edit_tool(const struct catalog_item *item, const struct json_index *index, enum catalog_era era,
		      struct str app_uri, struct str wrapped, struct edit *edits, size_t *count)
{
	const struct json_member *execution = json_member(index, NULL, STR("execution"));
	const struct json_member *app[2];
	size_t apps = item->app_uri.p == NULL ? 0 : app_members(index, app);

	/* The modern era has no such member. */
	if (era == CATALOG_MODERN && execution != NULL)
		add_edit(edits, count, execution, STR_NONE);
	if (wrapped.p != NULL)
		add_edit(edits, count, json_member(index, NULL, STR("outputSchema")), wrapped);
	for (size_t i = 0; i < apps; i++)
		if (!str_eq(app[i]->value, app_uri))
			add_edit(edits, count, app[i], app_uri);
}

static void write_edited(const struct json_index *index, const struct edit *edits, size_t count, struct buf *out)
{
	struct json_splice splice = {.text = index->text};

	for (size_t i = 0; i < count; i++) {
		if (edits[i].with.p == NULL)
			json_splice_remove(&splice, index, edits[i].member);
		else
			json_splice_value(&splice, edits[i].member, edits[i].with);
	}
	json_splice_write(&splice, out);
}

/* Clients of the sessions era refuse a whole list for one output schema that is not an object's. */
static void wrap_output(struct arena *arena, const struct json_index *index, struct buf *out)
{
	const struct json_member *member = json_member(index, NULL, STR("outputSchema"));
	yyjson_val *schema;

	if (member != NULL && json_read(arena, member->value, &schema) == OK)
		output_schema_wrap(schema, out);
}

void item_write(const struct catalog_item *item, enum offer_kind kind, struct str name, enum catalog_era era,
		struct buf *out)
{
	AUTO(arena) *arena = arena_new(UPSTREAM_ANSWER_BYTES_MAX);
	const struct json_member *name_member;
	AUTO_BUF quoted = {0}, app_uri = {0}, wrapped = {0};
	struct edit edits[EDITS_MAX];
	struct json_index index;
	size_t count = 0;

	/* The offer was checked when it was read; a failure here can only be the arena's cap. */
	if (json_scan(arena, item->json, &index) != OK) {
		buf_put(out, item->json);
		return;
	}
	name_member = json_member(&index, NULL, item_name_key(kind));
	buf_put_json(&quoted, name);
	buf_put_json(&app_uri, item->app_uri);
	if (name_member != NULL && !str_eq(name, item->original))
		add_edit(edits, &count, name_member, buf_str(&quoted));
	if (item->wraps_output && era == CATALOG_LEGACY)
		wrap_output(arena, &index, &wrapped);
	if (kind == OFFER_TOOLS)
		edit_tool(item, &index, era, buf_str(&app_uri), buf_str(&wrapped), edits, &count);
	write_edited(&index, edits, count, out);
}
