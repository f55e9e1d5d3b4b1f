/* JSON: yyjson trees for documents we read as a whole (config, schemas, arguments), a
 * strict one-pass scan with slices (json_scan.h) for messages we forward.
 *
 * This is the only header that includes yyjson. Numbers are kept as their lexemes
 * (YYJSON_READ_NUMBER_AS_RAW) wherever a document is forwarded or validated. */
#ifndef GATEHOUSE_BASE_JSON_H
#define GATEHOUSE_BASE_JSON_H

#include <yyjson.h>

#include "base/arena.h"
#include "base/str.h"

#define JSON_DEPTH_MAX 128 /* deepest nesting accepted from outside */

/* Read one strict JSON document into a tree that lives in `arena` (whole input copied).
 * Numbers stay raw lexemes (yyjson_is_raw). Depth is capped at JSON_DEPTH_MAX, duplicate
 * keys are refused at every level.
 *   ret_root   in `arena`
 *   Errors     ERR_JSON_SYNTAX, ERR_JSON_UTF8, ERR_JSON_DEPTH, ERR_JSON_DUPLICATE,
 *              ERR_LIMIT (arena cap)
 *   Runs on    any thread */
NODISCARD enum err json_read(struct arena *arena, struct str text, yyjson_val **ret_root);

/* A string value as str; STR_NONE when v is NULL or no string. */
static inline struct str json_str(yyjson_val *v)
{
	return yyjson_is_str(v) ? (struct str){yyjson_get_str(v), yyjson_get_len(v)} : STR_NONE;
}

/* obj[key], NULL when obj is NULL or no object, or lacks it. */
static inline yyjson_val *json_get(yyjson_val *obj, const char *key)
{
	return yyjson_obj_get(obj, key);
}

/* v when it is an object, else an empty one: what yyjson_obj_foreach walks must be there. */
static inline yyjson_val *json_members(yyjson_val *v)
{
	static yyjson_val none[3] = {{.tag = YYJSON_TYPE_OBJ}}; /* with room for the pointers behind its end */

	return yyjson_is_obj(v) ? v : none;
}

/* Whether an array has this string; false when v is NULL or no array. */
bool json_lists(yyjson_val *v, struct str text);

/* An integer value (raw or not) that fits; false otherwise. */
bool json_int(yyjson_val *v, int64_t *ret_value);

/* Append v compactly as JSON text; raw lexemes stay as they were. */
void json_write(struct buf *out, yyjson_val *v);

#endif
