/* Schemas of a document, written out whole: references are resolved where they stand, and what would not end or would
 * be too much for a tool's definition is cut to "an object".
 *
 * What OpenAPI 3.0 writes in its own way (nullable, exclusiveMinimum: true) becomes what 2020-12 has for it; what only
 * documents (example, xml, title) is left out. Patterns that are none are too. */
#include "openapi/private.h"

#include "schema/pattern.h"

#define CUT_DEPTH_MAX 6	       /* objects inside one another: models fill in no deeper ones */
#define CUT_NODES_MAX 200      /* schemas of one argument */
#define CUT_TEXT_BYTES_MAX 400 /* of a description */

struct cutting {
	struct buf *out;
	yyjson_val *root;
	unsigned depth, nodes;
	bool any; /* a member of the object at hand was written */
};

static const char *const copied[] = {"enum",	 "const",	  "minLength",	  "maxLength",
				     "minItems", "maxItems",	  "multipleOf",	  "uniqueItems",
				     "format",	 "minProperties", "maxProperties"};
static const char *const types[] = {"string", "number", "integer", "boolean", "array", "object", "null"};

static void put_schema(struct cutting *cutting, yyjson_val *schema, struct str about);

static void put_key(struct cutting *cutting, const char *key)
{
	buf_put_fmt(cutting->out, "%s\"%s\":", cutting->any ? "," : "", key);
	cutting->any = true;
}

/* A schema as a member's value: its own members begin anew. */
static void put_inner(struct cutting *cutting, yyjson_val *schema)
{
	put_schema(cutting, schema, STR_NONE);
	cutting->any = true;
}

static bool is_type(struct str name)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (str_eq(name, str_of(types[i])))
			return true;
	return false;
}

static void put_type(struct cutting *cutting, yyjson_val *schema)
{
	yyjson_val *type = json_get(schema, "type");

	if (yyjson_is_arr(type)) {
		put_key(cutting, "type");
		json_write(cutting->out, type);
	} else if (is_type(json_str(type))) {
		bool nullable = yyjson_is_true(json_get(schema, "nullable"));

		put_key(cutting, "type");
		buf_put_fmt(cutting->out, nullable ? "[\"%.*s\",\"null\"]" : "\"%.*s\"", STR_ARG(json_str(type)));
	}
}

/* 3.0: a flag beside minimum; 3.1: the bound itself. */
static void put_bound(struct cutting *cutting, yyjson_val *schema, const char *plain, const char *exclusive)
{
	yyjson_val *bound = json_get(schema, plain), *other = json_get(schema, exclusive);

	if (bound != NULL && !yyjson_is_true(other)) {
		put_key(cutting, plain);
		json_write(cutting->out, bound);
	}
	if (yyjson_is_true(other) ? bound != NULL : yyjson_is_num(other) || yyjson_is_raw(other)) {
		put_key(cutting, exclusive);
		json_write(cutting->out, yyjson_is_true(other) ? bound : other);
	}
}

static void put_pattern(struct cutting *cutting, yyjson_val *schema)
{
	yyjson_val *text = json_get(schema, "pattern");
	struct pattern *pattern;
	AUTO_BUF problem = {0};

	if (!yyjson_is_str(text) || pattern_compile(json_str(text), &problem, &pattern) != OK)
		return;
	pattern_free(pattern);
	put_key(cutting, "pattern");
	json_write(cutting->out, text);
}

static bool is_hidden(struct cutting *cutting, yyjson_val *property)
{
	return yyjson_is_true(json_get(openapi_follow(cutting->root, property), "readOnly"));
}

static void put_required(struct cutting *cutting, yyjson_val *schema, yyjson_val *properties)
{
	yyjson_arr_iter each = yyjson_arr_iter_with(json_get(schema, "required"));
	yyjson_val *name;
	bool first = true;

	put_key(cutting, "required");
	buf_put_byte(cutting->out, '[');
	while ((name = yyjson_arr_iter_next(&each)) != NULL) {
		yyjson_val *property = yyjson_obj_getn(properties, yyjson_get_str(name), yyjson_get_len(name));

		if (property == NULL || is_hidden(cutting, property))
			continue;
		if (!first)
			buf_put_byte(cutting->out, ',');
		json_write(cutting->out, name);
		first = false;
	}
	buf_put_byte(cutting->out, ']');
}

static void put_properties(struct cutting *cutting, yyjson_val *schema)
{
	yyjson_val *properties = json_get(schema, "properties"), *more = json_get(schema, "additionalProperties");
	yyjson_val *key, *value;
	size_t i, max;

	if (yyjson_is_obj(properties)) {
		bool first = true;

		put_key(cutting, "properties");
		buf_put_byte(cutting->out, '{');
		yyjson_obj_foreach(json_members(properties), i, max, key, value)
		{
			if (is_hidden(cutting, value))
				continue;
			if (!first)
				buf_put_byte(cutting->out, ',');
			buf_put_json(cutting->out, json_str(key));
			buf_put_byte(cutting->out, ':');
			put_inner(cutting, value);
			first = false;
		}
		buf_put_byte(cutting->out, '}');
		if (yyjson_is_arr(json_get(schema, "required")))
			put_required(cutting, schema, properties);
	}
	if (yyjson_is_bool(more)) {
		put_key(cutting, "additionalProperties");
		json_write(cutting->out, more);
	} else if (yyjson_is_obj(more)) {
		put_key(cutting, "additionalProperties");
		put_inner(cutting, more);
	}
}

static void put_alternatives(struct cutting *cutting, yyjson_val *schema, const char *word)
{
	yyjson_val *list = json_get(schema, word), *item;
	yyjson_arr_iter each = yyjson_arr_iter_with(list);

	if (yyjson_arr_size(list) == 0)
		return;
	put_key(cutting, word);
	buf_put_byte(cutting->out, '[');
	for (size_t i = 0; (item = yyjson_arr_iter_next(&each)) != NULL; i++) {
		if (i > 0)
			buf_put_byte(cutting->out, ',');
		put_inner(cutting, item);
	}
	buf_put_byte(cutting->out, ']');
}

static void put_members(struct cutting *cutting, yyjson_val *schema)
{
	put_type(cutting, schema);
	for (size_t i = 0; i < ARRAY_LEN(copied); i++) {
		yyjson_val *value = json_get(schema, copied[i]);

		if (value == NULL)
			continue;
		put_key(cutting, copied[i]);
		json_write(cutting->out, value);
	}
	put_bound(cutting, schema, "minimum", "exclusiveMinimum");
	put_bound(cutting, schema, "maximum", "exclusiveMaximum");
	put_pattern(cutting, schema);
	put_properties(cutting, schema);
	if (yyjson_is_obj(json_get(schema, "items"))) {
		put_key(cutting, "items");
		put_inner(cutting, json_get(schema, "items"));
	}
	put_alternatives(cutting, schema, "oneOf");
	put_alternatives(cutting, schema, "anyOf");
	put_alternatives(cutting, schema, "allOf");
}

static void put_schema(struct cutting *cutting, yyjson_val *schema, struct str about)
{
	yyjson_val *whole = openapi_follow(cutting->root, schema);

	if (about.p == NULL)
		about = json_str(json_get(json_get(schema, "description") != NULL ? schema : whole, "description"));
	buf_put_byte(cutting->out, '{');
	cutting->any = false;
	if (about.n > 0) {
		put_key(cutting, "description");
		buf_put_json(cutting->out, str_shorten(str_trim(about), CUT_TEXT_BYTES_MAX));
	}
	if (cutting->depth == CUT_DEPTH_MAX || cutting->nodes >= CUT_NODES_MAX) {
		put_type(cutting, whole);
	} else if (yyjson_is_obj(whole)) {
		cutting->depth++;
		cutting->nodes++;
		put_members(cutting, whole);
		cutting->depth--;
	}
	buf_put_byte(cutting->out, '}');
}

void openapi_put_schema(struct buf *out, yyjson_val *root, yyjson_val *schema, struct str about)
{
	struct cutting cutting = {.out = out, .root = root};

	put_schema(&cutting, schema, about);
}

bool openapi_is_binary(yyjson_val *root, yyjson_val *schema)
{
	yyjson_val *whole = openapi_follow(root, schema);

	return str_eq(json_str(json_get(whole, "format")), STR("binary")) ||
	       json_get(whole, "contentMediaType") != NULL;
}
