/* Wrapping an output schema. The schema moves from the document's root to /properties/result, so
 * pointers that begin at the root are lengthened. That is decided by position: data (`const`,
 * `enum`, ...) is left alone though it may look like a schema, a property that is called `default`
 * is a schema though it looks like data. Below an `$id` that sets another base, pointers do not
 * begin at our root. */
#include "catalog/output_schema.h"

#define MOVED "#/properties/result"

/* What the members of a value are. */
enum position { AT_SCHEMA, AT_NAMES };

static bool is_one_of(struct str key, const char *const *names)
{
	for (; *names != NULL; names++)
		if (str_eq(key, str_of(*names)))
			return true;
	return false;
}

static bool is_data(struct str key)
{
	static const char *const names[] = {"const", "enum", "default", "examples", NULL};

	return is_one_of(key, names);
}

static bool holds_names(struct str key)
{
	static const char *const names[] = {"properties",	"patternProperties", "$defs", "definitions",
					    "dependentSchemas", "dependencies",	     NULL};

	return is_one_of(key, names);
}

/* A fragment alone is a name within the same base. */
static bool sets_base(yyjson_val *schema)
{
	yyjson_val *id = json_get(schema, "$id");
	struct str text = json_str(id);

	return id != NULL && !(text.n > 0 && text.p[0] == '#');
}

/* Append a pointer into the schema from its new place. */
static void put_pointer(struct str pointer, struct buf *out)
{
	AUTO_BUF moved = {0};

	if (!str_eq(pointer, STR("#")) && !str_starts(pointer, STR("#/"))) {
		buf_put_json(out, pointer);
		return;
	}
	buf_put(&moved, STR(MOVED));
	buf_put(&moved, str_skip(pointer, 1));
	buf_put_json(out, buf_str(&moved));
}

static void put_value(yyjson_val *value, enum position position, struct buf *out);

static void put_member(struct str key, yyjson_val *value, enum position position, struct buf *out)
{
	if (position == AT_NAMES)
		put_value(value, AT_SCHEMA, out);
	else if (yyjson_is_str(value) && (str_eq(key, STR("$ref")) || str_eq(key, STR("$dynamicRef"))))
		put_pointer(json_str(value), out);
	else if (is_data(key))
		json_write(out, value);
	else
		put_value(value, holds_names(key) ? AT_NAMES : AT_SCHEMA, out);
}

static void put_object(yyjson_val *object, enum position position, struct buf *out)
{
	yyjson_val *key, *value;
	size_t i, n;

	buf_put_byte(out, '{');
	yyjson_obj_foreach(object, i, n, key, value)
	{
		if (i > 0)
			buf_put_byte(out, ',');
		buf_put_json(out, json_str(key));
		buf_put_byte(out, ':');
		put_member(json_str(key), value, position, out);
	}
	buf_put_byte(out, '}');
}

/* As deep as documents are allowed to be: JSON_DEPTH_MAX. */
static void put_value(yyjson_val *value, enum position position, struct buf *out)
{
	yyjson_val *element;
	size_t i, n;

	if (yyjson_is_obj(value) && (position == AT_NAMES || !sets_base(value))) {
		put_object(value, position, out);
		return;
	}
	if (!yyjson_is_arr(value)) {
		json_write(out, value);
		return;
	}
	buf_put_byte(out, '[');
	yyjson_arr_foreach(value, i, n, element)
	{
		if (i > 0)
			buf_put_byte(out, ',');
		put_value(element, AT_SCHEMA, out);
	}
	buf_put_byte(out, ']');
}

bool output_schema_is_foreign(yyjson_val *tool)
{
	yyjson_val *schema = json_get(tool, "outputSchema");

	return schema != NULL && !str_eq(json_str(json_get(schema, "type")), STR("object"));
}

void output_schema_wrap(yyjson_val *schema, struct buf *out)
{
	yyjson_val *dialect = json_get(schema, "$schema");

	buf_put_byte(out, '{');
	if (yyjson_is_str(dialect)) {
		buf_put(out, STR("\"$schema\":"));
		buf_put_json(out, json_str(dialect));
		buf_put_byte(out, ',');
	}
	buf_put(out, STR("\"type\":\"object\",\"properties\":{\"result\":"));
	put_value(schema, AT_SCHEMA, out);
	buf_put(out, STR("},\"required\":[\"result\"]}"));
}
