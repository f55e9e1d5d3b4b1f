/* Addresses that may not ask. The operator's: one block holds for every tenant. Its id is its prefix, written the one
 * way that prefix_text writes it; making it again says anew why and until when. */
#include "net/address.h"
#include "portal/table.h"
#include "store/blocked.h"

enum { BLOCKED_PREFIX, BLOCKED_REASON, BLOCKED_UNTIL, BLOCKED_CREATED };

static const struct field blocked_fields[] = {
	[BLOCKED_PREFIX] = {"prefix", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_NEEDED | FIELD_COLUMN, 64,
			    .doc = "An address, or a network such as 192.0.2.0/24."},
	[BLOCKED_REASON] = {"reason", FIELD_TEXT, FIELD_COLUMN, NAME_BYTES_MAX, .doc = "For people."},
	[BLOCKED_UNTIL] = {"until", FIELD_TIME, FIELD_COLUMN, .doc = "When it ends; null: when it is deleted."},
	[BLOCKED_CREATED] = {"created_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was made."},
};

static void blocked_object(const struct blocked *blocked, struct object *ret_object)
{
	*ret_object = (struct object){.id = blocked->prefix};
	ret_object->at[BLOCKED_PREFIX] = value_text(blocked->prefix);
	ret_object->at[BLOCKED_REASON] = value_text(blocked->reason);
	ret_object->at[BLOCKED_UNTIL] = value_number(blocked->until_ms);
	ret_object->at[BLOCKED_CREATED] = value_number(blocked->created_ms);
}

AWAITS static enum err blocks_list(struct work *work, struct page *page, struct object **ret_objects, size_t *ret_count)
{
	struct object *objects;
	struct blocked *rows;
	size_t count;

	TRY(blocked_list(work->portal->spec.db, work->arena, page->after, page->limit, &rows, &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		blocked_object(&rows[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

AWAITS static enum err blocks_get(struct work *work, struct str id, struct object *ret_object)
{
	struct blocked blocked;

	TRY(blocked_get(work->portal->spec.db, work->arena, id, &blocked));
	blocked_object(&blocked, ret_object);
	return OK;
}

AWAITS static enum err put(struct work *work, struct str prefix, struct object *object)
{
	const struct blocked blocked = {
		.prefix = prefix,
		.reason = value_text(object->at[BLOCKED_REASON].text).text,
		.created_ms = work->call->now_ms,
		.until_ms = object->at[BLOCKED_UNTIL].number,
	};
	enum err err;

	if (blocked.until_ms != 0 && blocked.until_ms <= work->call->now_ms)
		return work_fail(work, ERR_API_FIELD, "/until", "must be later than now");
	err = blocked_put(work->portal->spec.db, &blocked);
	if (err == ERR_LIMIT)
		return work_fail(work, err, NULL, "%d addresses are blocked: block networks instead", BLOCKED_MAX);
	TRY(err);
	return blocks_get(work, prefix, object);
}

AWAITS static enum err blocks_create(struct work *work, struct object *object)
{
	char *text = arena_alloc(work->arena, PREFIX_TEXT_MAX);
	struct prefix prefix;

	if (prefix_parse(object->at[BLOCKED_PREFIX].text, &prefix) != OK)
		return work_fail(work, ERR_API_FIELD, "/prefix",
				 "must be an address, or a network such as 192.0.2.0/24");
	prefix_cut(&prefix);
	return put(work, prefix_text(&prefix, text), object);
}

AWAITS static enum err blocks_update(struct work *work, const struct object *before, struct object *after)
{
	return put(work, before->id, after);
}

AWAITS static enum err blocks_remove(struct work *work, const struct object *before)
{
	return blocked_delete(work->portal->spec.db, before->id);
}

const struct resource resource_blocked = {
	.path = "blocked",
	.noun = "block",
	.about = "Addresses and networks that may not ask, by an operator's word or after too many failures. The "
		 "operator's.",
	.top = true,
	.slashes = true,
	.read = PERMISSION_OPERATE,
	.write = PERMISSION_OPERATE,
	.event = "blocked_ip",
	.fields = blocked_fields,
	.field_count = ARRAY_LEN(blocked_fields),
	.list = blocks_list,
	.get = blocks_get,
	.create = blocks_create,
	.update = blocks_update,
	.remove = blocks_remove,
};
