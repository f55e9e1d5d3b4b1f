/* Indexing a schema document before it is compiled: which values are subschemas, under which
 * base URI and dialect each stands, and what names it has. Only the places where a known keyword
 * has a schema are entered, so an "$id" inside an enum or an example names nothing. */
#include "schema/schema_compile.h"

#define INDEX_DEPTH_MAX 256 /* more than json_read lets a document nest */

enum child_shape {
	CHILD_SCHEMA = 1 << 0, /* the value is a schema */
	CHILD_ARRAY = 1 << 1,  /* an array of schemas */
	CHILD_MEMBERS = 1 << 2 /* an object of schemas */
};

/* Where the dialects have schemas; a keyword foreign to a dialect is still indexed, since a
 * JSON pointer may lead through it. */
static const struct child_keyword {
	const char *name;
	unsigned shapes;
} child_keywords[] = {
	{"$defs", CHILD_MEMBERS},
	{"definitions", CHILD_MEMBERS},
	{"properties", CHILD_MEMBERS},
	{"patternProperties", CHILD_MEMBERS},
	{"additionalProperties", CHILD_SCHEMA},
	{"propertyNames", CHILD_SCHEMA},
	{"items", CHILD_SCHEMA | CHILD_ARRAY},
	{"prefixItems", CHILD_ARRAY},
	{"additionalItems", CHILD_SCHEMA},
	{"contains", CHILD_SCHEMA},
	{"allOf", CHILD_ARRAY},
	{"anyOf", CHILD_ARRAY},
	{"oneOf", CHILD_ARRAY},
	{"not", CHILD_SCHEMA},
	{"if", CHILD_SCHEMA},
	{"then", CHILD_SCHEMA},
	{"else", CHILD_SCHEMA},
	{"dependentSchemas", CHILD_MEMBERS},
	{"dependencies", CHILD_MEMBERS},
	{"unevaluatedItems", CHILD_SCHEMA},
	{"unevaluatedProperties", CHILD_SCHEMA},
	{"contentSchema", CHILD_SCHEMA},
};

static const struct dialect_uri {
	const char *uri;
	unsigned dialect;
} dialect_uris[] = {
	{"https://json-schema.org/draft/2020-12/schema", DIALECT_2020_12},
	{"http://json-schema.org/draft/2020-12/schema", DIALECT_2020_12},
	{"https://json-schema.org/draft/2019-09/schema", DIALECT_2019_09},
	{"http://json-schema.org/draft/2019-09/schema", DIALECT_2019_09},
	{"http://json-schema.org/draft-07/schema", DIALECT_DRAFT7},
	{"https://json-schema.org/draft-07/schema", DIALECT_DRAFT7},
	{"http://json-schema.org/draft-06/schema", DIALECT_DRAFT7},
	{"https://json-schema.org/draft-06/schema", DIALECT_DRAFT7},
	{"http://json-schema.org/schema", DIALECT_2020_12},
};

static struct str without_fragment(struct str uri)
{
	struct str head, tail;

	str_cut(uri, '#', &head, &tail);
	return head;
}

/* A custom metaschema among the documents says in $vocabulary whether values are validated. */
static enum err dialect_of_document(struct compiler *compiler, yyjson_val *where, struct str uri, unsigned *ret_dialect)
{
	const struct schema_options *options = compiler->options;
	yyjson_val *vocabulary;

	for (size_t i = 0; i < options->document_count; i++) {
		if (!str_eq(options->documents[i].uri, uri))
			continue;
		vocabulary = json_get(options->documents[i].root, "$vocabulary");
		*ret_dialect = DIALECT_2020_12;
		if (vocabulary != NULL &&
		    !json_get(vocabulary, "https://json-schema.org/draft/2020-12/vocab/validation"))
			*ret_dialect &= ~(unsigned)DIALECT_VALIDATION;
		return OK;
	}
	return compile_refuse(compiler, where, "the dialect \"%.*s\" is not supported; 2020-12 and draft-07 are",
			      STR_ARG(uri));
}

static enum err dialect_of(struct compiler *compiler, yyjson_val *where, struct str schema_uri, unsigned *ret_dialect)
{
	struct str uri = without_fragment(schema_uri);

	for (size_t i = 0; i < ARRAY_LEN(dialect_uris); i++) {
		if (str_eq(uri, str_of(dialect_uris[i].uri))) {
			*ret_dialect = dialect_uris[i].dialect;
			return OK;
		}
	}
	return dialect_of_document(compiler, where, uri, ret_dialect);
}

static struct resource *resource_new(struct compiler *compiler, yyjson_val *root, struct str uri, unsigned dialect)
{
	struct resource *resource = ARENA_NEW(compiler->arena, struct resource);

	*resource = (struct resource){uri, root, dialect, compiler->resource_count++};
	/* of two with one name the first is meant */
	if (map_get(&compiler->resources, uri) == NULL)
		map_put(&compiler->resources, uri, resource);
	return resource;
}

struct place *index_place(struct compiler *compiler, yyjson_val *schema)
{
	return map_get(&compiler->places, (struct str){(const char *)&schema, sizeof(schema)});
}

static struct place *place_new(struct compiler *compiler, yyjson_val *schema, struct resource *resource)
{
	struct place *place = ARENA_NEW(compiler->arena, struct place);

	*place = (struct place){.schema = schema, .resource = resource, .node = SCHEMA_NONE};
	map_put(&compiler->places, (struct str){(const char *)&place->schema, sizeof(place->schema)}, place);
	return place;
}

struct str index_anchor_key(struct compiler *compiler, struct str uri, struct str name)
{
	return arena_fmt(compiler->arena, "%.*s#%.*s", STR_ARG(uri), STR_ARG(name));
}

static void anchor_add(struct compiler *compiler, struct place *place, struct str name)
{
	struct str key = index_anchor_key(compiler, place->resource->uri, name);

	if (map_get(&compiler->anchors, key) == NULL)
		map_put(&compiler->anchors, key, place);
}

/* What $id makes of the schema: a resource of its own, a named place, or nothing. */
static enum err enter_id(struct compiler *compiler, yyjson_val *schema, struct resource **resource,
			 struct str *ret_anchor)
{
	struct str id = json_str(json_get(schema, "$id")), uri, fragment;
	yyjson_val *dialect_uri = json_get(schema, "$schema");
	unsigned dialect = (*resource)->dialect;

	*ret_anchor = STR_NONE;
	if (id.n == 0 || ((dialect & DIALECT_REF_ALONE) && json_get(schema, "$ref") != NULL))
		return OK;
	str_cut(id, '#', &uri, &fragment);
	if (id.n > SCHEMA_URI_BYTES_MAX)
		return compile_refuse(compiler, json_get(schema, "$id"), "is too long");
	if (uri.n > 0) {
		uri = uri_resolve(compiler->arena, (*resource)->uri, uri);
		if (uri.n > SCHEMA_URI_BYTES_MAX)
			return compile_refuse(compiler, json_get(schema, "$id"), "is too long");
		if (yyjson_is_str(dialect_uri))
			TRY(dialect_of(compiler, dialect_uri, json_str(dialect_uri), &dialect));
		*resource = resource_new(compiler, schema, uri, dialect);
	}
	if (dialect & DIALECT_ID_ANCHOR)
		*ret_anchor = fragment;
	return OK;
}

static enum err index_schema(struct compiler *compiler, yyjson_val *schema, struct resource *resource, unsigned depth);

static enum err index_members(struct compiler *compiler, yyjson_val *container, struct resource *resource,
			      unsigned depth)
{
	size_t i, max;
	yyjson_val *key, *item;

	if (yyjson_is_arr(container)) {
		yyjson_arr_foreach(container, i, max, item) TRY(index_schema(compiler, item, resource, depth));
	} else {
		yyjson_obj_foreach(container, i, max, key, item) TRY(index_schema(compiler, item, resource, depth));
	}
	return OK;
}

static enum err index_children(struct compiler *compiler, yyjson_val *schema, struct resource *resource, unsigned depth)
{
	for (size_t i = 0; i < ARRAY_LEN(child_keywords); i++) {
		yyjson_val *child = json_get(schema, child_keywords[i].name);
		unsigned shapes = child_keywords[i].shapes;

		if (child == NULL)
			continue;
		if (((shapes & CHILD_ARRAY) && yyjson_is_arr(child)) ||
		    ((shapes & CHILD_MEMBERS) && yyjson_is_obj(child)))
			TRY(index_members(compiler, child, resource, depth));
		else if ((shapes & CHILD_SCHEMA) && (yyjson_is_obj(child) || yyjson_is_bool(child)))
			TRY(index_schema(compiler, child, resource, depth));
	}
	return OK;
}

static enum err index_anchors(struct compiler *compiler, struct place *place)
{
	unsigned dialect = place->resource->dialect;
	struct str anchor = json_str(json_get(place->schema, "$anchor"));
	struct str dynamic = json_str(json_get(place->schema, "$dynamicAnchor"));

	if (anchor.n > SCHEMA_URI_BYTES_MAX || dynamic.n > SCHEMA_URI_BYTES_MAX)
		return compile_refuse(compiler, place->schema, "its anchor is too long");
	if ((dialect & DIALECT_2019) && anchor.n > 0)
		anchor_add(compiler, place, anchor);
	if ((dialect & DIALECT_DYNAMIC) && dynamic.n > 0) {
		struct dynamic_place row = {place, dynamic};

		anchor_add(compiler, place, dynamic);
		EMIT(compiler->dynamic_places, row);
	}
	return OK;
}

static enum err index_schema(struct compiler *compiler, yyjson_val *schema, struct resource *resource, unsigned depth)
{
	struct str id_anchor;
	struct place *place;

	if (index_place(compiler, schema) != NULL)
		return OK;
	if (depth > INDEX_DEPTH_MAX)
		return compile_refuse(compiler, NULL, "schemas are nested too deeply");
	if (++compiler->place_count > SCHEMA_PLACES_MAX)
		return ERR_LIMIT;
	if (!yyjson_is_obj(schema)) {
		place_new(compiler, schema, resource);
		return OK;
	}
	TRY(enter_id(compiler, schema, &resource, &id_anchor));
	place = place_new(compiler, schema, resource);
	if (id_anchor.n > 0)
		anchor_add(compiler, place, id_anchor);
	TRY(index_anchors(compiler, place));
	return index_children(compiler, schema, resource, depth + 1);
}

enum err index_subschema(struct compiler *compiler, yyjson_val *schema, struct resource *resource)
{
	return index_schema(compiler, schema, resource, 0);
}

enum err index_document(struct compiler *compiler, yyjson_val *root, struct str uri)
{
	yyjson_val *named = json_get(root, "$schema");
	struct str dialect_uri = compiler->options->dialect;
	unsigned dialect = DIALECT_2020_12;

	if (yyjson_is_str(named))
		dialect_uri = json_str(named);
	if (dialect_uri.n > 0)
		TRY(dialect_of(compiler, named, dialect_uri, &dialect));
	return index_schema(compiler, root, resource_new(compiler, root, uri, dialect), 0);
}
