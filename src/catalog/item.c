/* Writing an item as a client of one era gets it: only the name changes, and what the other
 * era would choke on is left out. Everything else is copied as the upstream wrote it. */
#include "base/json_scan.h"
#include "base/limits.h"
#include "catalog/shelf.h"

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

/* Clients of the sessions era refuse a whole list for one output schema that is not an
 * object's; the modern era has no `execution`. */
static const struct json_member *foreign_member(const struct json_index *index, enum catalog_era era)
{
	const struct json_member *schema, *type;

	if (era == CATALOG_MODERN)
		return json_member(index, NULL, STR("execution"));
	schema = json_member(index, NULL, STR("outputSchema"));
	if (schema == NULL)
		return NULL;
	type = schema->kind == JSON_OBJECT ? json_member(index, schema, STR("type")) : NULL;
	return type != NULL && str_eq(type->value, STR("\"object\"")) ? NULL : schema;
}

void item_write(const struct catalog_item *item, enum offer_kind kind, struct str name, enum catalog_era era,
		struct buf *out)
{
	AUTO(arena) *arena = arena_new(UPSTREAM_ANSWER_BYTES_MAX);
	struct json_splice splice = {.text = item->json};
	const struct json_member *name_member, *foreign = NULL;
	AUTO_BUF quoted = {0};
	struct json_index index;

	/* The offer was checked when it was read; a failure here can only be the arena's cap. */
	if (json_scan(arena, item->json, &index) != OK) {
		buf_put(out, item->json);
		return;
	}
	name_member = json_member(&index, NULL, item_name_key(kind));
	if (kind == OFFER_TOOLS)
		foreign = foreign_member(&index, era);
	buf_put_json(&quoted, name);
	if (foreign != NULL && foreign < name_member)
		json_splice_remove(&splice, &index, foreign);
	if (name_member != NULL && !str_eq(name, item->original))
		json_splice_value(&splice, name_member, buf_str(&quoted));
	if (foreign != NULL && foreign > name_member)
		json_splice_remove(&splice, &index, foreign);
	json_splice_write(&splice, out);
}
