/* One upstream's offer, prepared once: tool schemas compiled, annotations read, names made.
 * Catalogs that are built later share it, so a change of one upstream costs only that one. */
#include "catalog/shelf.h"

#include "base/check.h"
#include "base/crypto.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "catalog/app.h"
#include "catalog/definition.h"
#include "catalog/metric_slot.h"
#include "catalog/output_schema.h"
#include "catalog/suspicion.h"

#define SHELF_MAGIC 0x53484c46u /* "SHLF" */
#define SHELF_ARENA_BYTES_MAX (256u * 1024 * 1024)

static bool annotation(yyjson_val *tool, const char *name)
{
	return yyjson_is_true(json_get(json_get(tool, "annotations"), name));
}

/* A schema that does not compile must not hide the tool: it goes unchecked, and says so once. */
static struct schema *compile_input(const struct catalog_item *item, yyjson_val *tool)
{
	yyjson_val *root = json_get(tool, "inputSchema");
	struct schema *schema = NULL;
	AUTO_BUF problem = {0};

	if (root == NULL)
		return NULL;
	if (schema_compile(root, &problem, &schema) != OK) {
		log_warn("catalog.schema_unusable", LOG_STR("tool", item->label), LOG_STR("problem", buf_str(&problem)),
			 LOG_CSTR("effect", "its arguments are not checked here"));
		return NULL;
	}
	return schema;
}

/* spec: 2026-07-28 server/tools#x-mcp-header: whoever calls over HTTP leaves out tools whose annotations are
 * at fault. To other servers no such header is ever sent. */
static void read_param_headers(struct shelf *shelf, struct catalog_item *item, yyjson_val *tool)
{
	const char *problem = param_headers_read(shelf->arena, json_get(tool, "inputSchema"), &item->param_headers);

	if (problem == NULL || !mcp_is_modern(item->offer->revision) || upstream_kind(item->upstream) != UPSTREAM_HTTP)
		return;
	item->unfit = true;
	log_warn("catalog.tool_left_out", LOG_STR("tool", item->label), LOG_CSTR("why", problem));
}

static void item_prepare_tool(struct shelf *shelf, struct catalog_item *item)
{
	AUTO(arena) *scratch = arena_new(SHELF_ARENA_BYTES_MAX);
	AUTO_BUF text = {0};
	struct str app_uri;
	yyjson_val *tool;

	if (json_read(scratch, item->json, &tool) != OK) { /* too large to be understood; its changes are seen */
		crypto_sha256(item->json, item->mark.digest);
		return;
	}
	item->input = compile_input(item, tool);
	read_param_headers(shelf, item, tool);
	definition_digest(tool, &text, item->mark.digest);
	item->mark.suspicions = suspicion_of_tool(tool);
	app_uri = app_uri_of(tool);
	item->app_uri = app_uri.p == NULL ? STR_NONE : arena_str(shelf->arena, app_uri);
	item->wraps_output = output_schema_is_foreign(tool);
	item->read_only = annotation(tool, "readOnlyHint");
	item->idempotent = item->read_only || annotation(tool, "idempotentHint");
}

static void item_prepare(struct shelf *shelf, enum offer_kind kind, const struct offer_item *from,
			 struct catalog_item *item)
{
	struct str upstream = upstream_name(shelf->upstream);
	char name[TOOL_NAME_BYTES_MAX + 1];

	*item = (struct catalog_item){
		.original = from->name,
		.json = from->json,
		.label = arena_fmt(shelf->arena, "%.*s.%.*s", STR_ARG(upstream), STR_ARG(from->name)),
		.upstream = shelf->upstream,
		.offer = shelf->offer,
		.idempotent = kind != OFFER_TOOLS,
	};
	item->name = kind == OFFER_TOOLS || kind == OFFER_PROMPTS
			     ? arena_str(shelf->arena, catalog_name(upstream, shelf->separator, from->name, name))
			     : from->name;
	item->metric = catalog_metric_slot(kind == OFFER_TOOLS ? item->label : upstream);
	if (kind == OFFER_TOOLS)
		item_prepare_tool(shelf, item);
}

struct shelf *shelf_new(struct upstream *upstream, struct offer *offer, struct str separator)
{
	struct arena *arena = arena_new(SHELF_ARENA_BYTES_MAX);
	struct shelf *shelf = ARENA_NEW(arena, struct shelf);

	shelf->magic = SHELF_MAGIC;
	atomic_init(&shelf->refs, 1);
	shelf->arena = arena;
	shelf->upstream = upstream_ref(upstream);
	shelf->offer = offer_ref(offer);
	shelf->separator = arena_str(arena, separator);
	for (int kind = 0; kind < OFFER_KINDS; kind++) {
		size_t count = offer->list[kind].count;

		shelf->items[kind] = arena_zalloc(arena, (count + 1) * sizeof(struct catalog_item));
		for (size_t i = 0; i < count; i++)
			item_prepare(shelf, kind, &offer->list[kind].items[i], &shelf->items[kind][i]);
	}
	return shelf;
}

struct catalog_item *shelf_tools(struct shelf *shelf, size_t *ret_count)
{
	CHECK_OBJ(shelf, SHELF_MAGIC);
	*ret_count = shelf->offer->list[OFFER_TOOLS].count;
	return shelf->items[OFFER_TOOLS];
}

struct shelf *shelf_ref(struct shelf *shelf)
{
	CHECK_OBJ(shelf, SHELF_MAGIC);
	atomic_fetch_add_explicit(&shelf->refs, 1, memory_order_relaxed);
	return shelf;
}

void shelf_unref(struct shelf *shelf)
{
	if (shelf == NULL)
		return;
	CHECK_OBJ(shelf, SHELF_MAGIC);
	if (atomic_fetch_sub_explicit(&shelf->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < shelf->offer->list[OFFER_TOOLS].count; i++)
		if (shelf->items[OFFER_TOOLS][i].input != NULL)
			schema_unref(shelf->items[OFFER_TOOLS][i].input);
	offer_unref(shelf->offer);
	upstream_unref(shelf->upstream);
	shelf->magic = 0;
	arena_free(shelf->arena);
}
