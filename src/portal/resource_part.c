/* Upstreams and toolsets made at run time. Each kind is there twice: a tenant's own below the tenant, for its callers
 * alone, and everybody's at the top, which the operator keeps. A document is what stands under a name in the
 * configuration file; the configuration's own reader says whether it may be made here. */
#include "base/random.h"
#include "portal/table.h"
#include "store/part.h"

enum { PART_ID, PART_NAME, PART_DOCUMENT, PART_CREATED, PART_CHANGED, PART_DISABLED };

#define PART_FIELDS                                                                                                    \
	[PART_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Never changes."},                       \
	[PART_NAME] = {"name", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_NEEDED | FIELD_COLUMN, 32,                           \
		       .doc = "Unique in the installation."},                                                          \
	[PART_DOCUMENT] = {"document", FIELD_JSON, FIELD_NEEDED, PART_DOCUMENT_BYTES_MAX,                              \
			   .doc = "As it would stand under its name in the configuration: see doc/config.md."},        \
	[PART_CREATED] = {"created_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was made."},                      \
	[PART_CHANGED] = {"changed_at", FIELD_TIME, FIELD_READ_ONLY | FIELD_COLUMN,                                    \
			  .doc = "When it was last changed."}

static const struct field upstream_fields[] = {
	PART_FIELDS,
	[PART_DISABLED] = {"disabled", FIELD_FLAG, FIELD_COLUMN, .doc = "It is not connected to and offers nothing."},
};
static const struct field toolset_fields[] = {PART_FIELDS};

static enum part_kind kind_of(const struct work *work)
{
	return work->resource->fields == upstream_fields ? PART_UPSTREAM : PART_TOOLSET;
}

static void part_object(const struct part *part, struct object *ret_object)
{
	*ret_object = (struct object){.id = part->id, .tenant_id = part->tenant_id, .changed_ms = part->changed_ms};
	ret_object->at[PART_ID] = value_text(part->id);
	ret_object->at[PART_NAME] = value_text(part->name);
	ret_object->at[PART_DOCUMENT] = value_text(part->document);
	ret_object->at[PART_CREATED] = value_number(part->created_ms);
	ret_object->at[PART_CHANGED] = value_number(part->changed_ms);
	ret_object->at[PART_DISABLED] = value_number(part->disabled);
}

/* Whose parts the path means: at the top nobody's, which is everybody's. */
static struct str owner_of(const struct work *work)
{
	return work->resource->top ? STR("") : work->tenant.id;
}

static struct str reach_of(const struct work *work)
{
	return work->resource->top ? DB_ALL_TENANTS : work->tenant.id;
}

AWAITS static enum err parts_list(struct work *work, struct page *page, struct object **ret_objects, size_t *ret_count)
{
	struct object *objects;
	struct part *parts;
	size_t count;

	TRY(part_list(work->portal->spec.db, work->arena, kind_of(work), owner_of(work), page->after, page->limit,
		      &parts, &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		part_object(&parts[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

AWAITS static enum err parts_get(struct work *work, struct str id, struct object *ret_object)
{
	struct part part;

	TRY(part_get(work->portal->spec.db, reach_of(work), work->arena, kind_of(work), id, &part));
	part_object(&part, ret_object);
	return OK;
}

static enum err check_document(struct work *work, struct str name, struct str document)
{
	const struct portal_spec *spec = &work->portal->spec;
	enum err (*check)(struct str name, struct str document, struct buf * problem) =
		kind_of(work) == PART_UPSTREAM ? spec->check_upstream : spec->check_toolset;
	AUTO_BUF problem = {0};
	enum err err;

	if (check == NULL)
		return work_fail(work, ERR_FORBIDDEN, NULL,
				 "here upstreams and toolsets are made in the configuration");
	err = check(name, document, &problem);
	if (err != ERR_CONFIG)
		return err;
	return work_fail(work, ERR_API_FIELD, "/document", "%.*s", STR_ARG(str_trim(buf_str(&problem))));
}

AWAITS static enum err parts_create(struct work *work, struct object *object)
{
	char *id = arena_alloc(work->arena, ID_LEN + 1);
	struct part part = {
		.tenant_id = owner_of(work),
		.name = object->at[PART_NAME].text,
		.document = object->at[PART_DOCUMENT].text,
		.created_ms = work->call->now_ms,
		.disabled = object->at[PART_DISABLED].number != 0,
	};
	enum err err;

	TRY(check_document(work, part.name, part.document));
	random_id(id);
	part.id = (struct str){id, ID_LEN};
	err = part_insert(work->portal->spec.db, kind_of(work), &part);
	if (err == ERR_EXISTS)
		return work_fail(work, err, "/name", "this name is taken");
	TRY(err);
	return parts_get(work, part.id, object);
}

AWAITS static enum err parts_update(struct work *work, const struct object *before, struct object *after)
{
	const struct part part = {
		.id = before->id,
		.tenant_id = before->tenant_id,
		.name = before->at[PART_NAME].text,
		.document = after->at[PART_DOCUMENT].text,
		.changed_ms = work->call->now_ms,
		.disabled = after->at[PART_DISABLED].number != 0,
	};

	TRY(check_document(work, part.name, part.document));
	return part_update(work->portal->spec.db, reach_of(work), kind_of(work), &part, before->changed_ms);
}

AWAITS static enum err parts_remove(struct work *work, const struct object *before)
{
	return part_delete(work->portal->spec.db, reach_of(work), kind_of(work), before->id);
}

#define PART_FUNCTIONS                                                                                                 \
	.list = parts_list, .get = parts_get, .create = parts_create, .update = parts_update, .remove = parts_remove
#define UPSTREAM_ROW                                                                                                   \
	.path = "upstreams", .noun = "upstream", .event = "upstream", .fields = upstream_fields,                       \
	.field_count = ARRAY_LEN(upstream_fields), PART_FUNCTIONS
#define TOOLSET_ROW                                                                                                    \
	.path = "toolsets", .noun = "toolset", .event = "toolset", .fields = toolset_fields,                           \
	.field_count = ARRAY_LEN(toolset_fields), PART_FUNCTIONS

const struct resource resource_upstreams = {
	.about = "MCP servers of the tenant's own, beside those of the configuration file.",
	.read = PERMISSION_UPSTREAMS_READ,
	.write = PERMISSION_UPSTREAMS_MANAGE,
	UPSTREAM_ROW,
};
const struct resource resource_common_upstreams = {
	.about = "MCP servers for every tenant, beside those of the configuration file. The operator's.",
	.top = true,
	.read = PERMISSION_OPERATE,
	.write = PERMISSION_OPERATE,
	UPSTREAM_ROW,
};
const struct resource resource_toolsets = {
	.about = "Toolsets of the tenant's own: endpoints that show a part of the tools.",
	.read = PERMISSION_UPSTREAMS_READ,
	.write = PERMISSION_UPSTREAMS_MANAGE,
	TOOLSET_ROW,
};
const struct resource resource_common_toolsets = {
	.about = "Toolsets for every tenant, beside those of the configuration file. The operator's.",
	.top = true,
	.read = PERMISSION_OPERATE,
	.write = PERMISSION_OPERATE,
	TOOLSET_ROW,
};
