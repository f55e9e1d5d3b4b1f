/* Whole documents as yyjson trees inside an arena. yyjson parses without recursion and checks
 * grammar and UTF-8; depth and unique keys are proved in one walk over its flat value array.
 *
 * Memory comes from the arena piece by piece as the tree grows, not as yyjson's worst case up
 * front (13 times the text). Messages that are only forwarded go through json_scan instead. */
#include "base/json.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/keyset.h"

static void *arena_alc_malloc(void *arena, size_t bytes)
{
	return arena_try_alloc(arena, bytes);
}

static void *arena_alc_realloc(void *arena, void *piece, size_t bytes_old, size_t bytes)
{
	return arena_try_grow(arena, piece, bytes_old, bytes);
}

static void arena_alc_free(void *arena, void *piece)
{
	/* freed with the arena */
}

/* The keys of one object; `keys` grows in the arena from object to object. */
struct key_table {
	struct arena *arena;
	struct str *keys;
	size_t cap;
};

static enum err check_keys(struct key_table *table, yyjson_val *object)
{
	size_t count = yyjson_obj_size(object), n = 0;
	yyjson_val *key, *value;
	size_t i, max;

	if (count < 2)
		return OK;
	if (count > table->cap) {
		struct str *keys = arena_try_alloc(table->arena, 2 * count * sizeof(*keys));

		if (keys == NULL)
			return ERR_LIMIT;
		table->keys = keys;
		table->cap = 2 * count;
	}
	yyjson_obj_foreach(object, i, max, key, value) table->keys[n++] = json_str(key);
	return keys_unique(table->arena, table->keys, n);
}

/* Values lie in document order; open[] holds where each enclosing container ends. */
static enum err check_tree(struct arena *arena, yyjson_val *root)
{
	struct key_table table = {.arena = arena};
	yyjson_val *open[JSON_DEPTH_MAX];
	yyjson_val *end = unsafe_yyjson_get_next(root);
	size_t depth = 0;

	for (yyjson_val *v = root; v < end; v++) {
		while (depth > 0 && v >= open[depth - 1])
			depth--;
		if (!yyjson_is_ctn(v))
			continue;
		if (depth == JSON_DEPTH_MAX)
			return ERR_JSON_DEPTH;
		if (yyjson_is_obj(v))
			TRY(check_keys(&table, v));
		open[depth++] = unsafe_yyjson_get_next(v);
	}
	return OK;
}

static enum err read_err(const yyjson_read_err *err, struct str text)
{
	if (err->code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
		return ERR_LIMIT;
	return str_is_utf8(text) ? ERR_JSON_SYNTAX : ERR_JSON_UTF8;
}

enum err json_read(struct arena *arena, struct str text, yyjson_val **ret_root)
{
	const yyjson_alc alc = {arena_alc_malloc, arena_alc_realloc, arena_alc_free, arena};
	yyjson_read_err err;
	yyjson_doc *doc;

	if (text.n == 0)
		return ERR_JSON_SYNTAX;
	/* without YYJSON_READ_INSITU the text is only read, whatever the prototype says */
	doc = yyjson_read_opts((char *)text.p, text.n, YYJSON_READ_NUMBER_AS_RAW, &alc, &err);
	if (doc == NULL)
		return read_err(&err, text);
	TRY(check_tree(arena, yyjson_doc_get_root(doc)));
	*ret_root = yyjson_doc_get_root(doc);
	return OK;
}

bool json_lists(yyjson_val *v, struct str text)
{
	yyjson_arr_iter each = yyjson_arr_iter_with(v);
	yyjson_val *item;

	while ((item = yyjson_arr_iter_next(&each)) != NULL)
		if (str_eq(json_str(item), text))
			return true;
	return false;
}

bool json_int(yyjson_val *v, int64_t *ret_value)
{
	if (yyjson_is_raw(v)) {
		struct str lexeme = {yyjson_get_raw(v), yyjson_get_len(v)};

		return str_to_i64(lexeme, ret_value) == OK;
	}
	if (yyjson_is_sint(v) || (yyjson_is_uint(v) && yyjson_get_uint(v) <= INT64_MAX)) {
		*ret_value = yyjson_get_sint(v);
		return true;
	}
	return false;
}

/* The lenient flags only matter for trees built by hand: a value that cannot be written
 * properly is written somehow, it does not end the process. */
void json_write(struct buf *out, yyjson_val *v)
{
	const yyjson_write_flag lenient = YYJSON_WRITE_ALLOW_INVALID_UNICODE | YYJSON_WRITE_INF_AND_NAN_AS_NULL;
	size_t n = 0;
	char *text;

	if (v == NULL) {
		buf_put(out, STR("null"));
		return;
	}
	if (yyjson_is_raw(v)) { /* a number as it was read */
		buf_put(out, (struct str){yyjson_get_raw(v), yyjson_get_len(v)});
		return;
	}
	text = yyjson_val_write_opts(v, lenient, NULL, &n, NULL);
	CHECK(text != NULL);
	buf_put(out, (struct str){text, n});
	free(text);
}
