/* The canonical form of a tool's definition, over which pins are taken. Order of members and spaces
 * do not matter to a model, so they do not here; every character of a text does. Numbers stay as they
 * are written. Icons, _meta and execution are not told to models and are left out. */
#include "catalog/definition.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/crypto.h"

static const char *const told[] = {"annotations", "description", "inputSchema", "name", "outputSchema", "title"};

struct member {
	struct str key;
	yyjson_val *value;
};

static int by_key(const void *a, const void *b)
{
	return str_cmp(((const struct member *)a)->key, ((const struct member *)b)->key);
}

static void put_value(yyjson_val *value, struct buf *out);

static void put_object(yyjson_val *object, struct buf *out)
{
	size_t count = yyjson_obj_size(object), i, max;
	struct member *members = calloc(count + 1, sizeof(*members));
	yyjson_val *key, *value;

	CHECK(members != NULL);
	yyjson_obj_foreach(object, i, max, key, value)
	{
		members[i] = (struct member){json_str(key), value};
	}
	qsort(members, count, sizeof(*members), by_key);
	buf_put_byte(out, '{');
	for (i = 0; i < count; i++) {
		if (i > 0)
			buf_put_byte(out, ',');
		buf_put_json(out, members[i].key);
		buf_put_byte(out, ':');
		put_value(members[i].value, out);
	}
	buf_put_byte(out, '}');
	free(members);
}

static void put_array(yyjson_val *array, struct buf *out)
{
	yyjson_val *value;
	size_t i, max;

	buf_put_byte(out, '[');
	yyjson_arr_foreach(array, i, max, value)
	{
		if (i > 0)
			buf_put_byte(out, ',');
		put_value(value, out);
	}
	buf_put_byte(out, ']');
}

/* As deep as JSON_DEPTH_MAX at most: json_read has seen to it. */
static void put_value(yyjson_val *value, struct buf *out)
{
	if (yyjson_is_obj(value))
		put_object(value, out);
	else if (yyjson_is_arr(value))
		put_array(value, out);
	else if (yyjson_is_str(value))
		buf_put_json(out, json_str(value));
	else
		json_write(out, value);
}

void definition_write(yyjson_val *tool, struct buf *out)
{
	bool first = true;

	buf_put_byte(out, '{');
	for (size_t i = 0; i < ARRAY_LEN(told); i++) {
		yyjson_val *value = json_get(tool, told[i]);

		if (value == NULL)
			continue;
		buf_put_fmt(out, "%s\"%s\":", first ? "" : ",", told[i]);
		put_value(value, out);
		first = false;
	}
	buf_put_byte(out, '}');
}

void definition_digest(yyjson_val *tool, struct buf *scratch, uint8_t ret_digest[32])
{
	scratch->n = 0;
	definition_write(tool, scratch);
	crypto_sha256(buf_str(scratch), ret_digest);
	scratch->n = 0;
}
