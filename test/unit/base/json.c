/* Trees: raw numbers, the caps, and text that comes back as it was. */
#include "../unit.h"

#include "base/json.h"

START_TEST(numbers_stay_as_written)
{
	static const char text[] =
		"{\"a\":1.50,\"b\":-0,\"c\":123456789012345678901234567890,\"d\":1E400,\"e\":[1e2,0.10]}";
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO_BUF out = {0};
	yyjson_val *root;

	ck_ok(json_read(arena, STR(text), &root));
	json_write(&out, root);
	ck_str(buf_str(&out), text);
	ck_assert(yyjson_is_raw(json_get(root, "a")));
}
END_TEST

START_TEST(integers)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	int64_t value = 1;
	yyjson_val *root;

	ck_ok(json_read(arena, STR("[9223372036854775807,-9223372036854775808,9223372036854775808,1.0,1e2,\"1\",null]"),
			&root));
	ck_assert(json_int(yyjson_arr_get(root, 0), &value) && value == INT64_MAX);
	ck_assert(json_int(yyjson_arr_get(root, 1), &value) && value == INT64_MIN);
	for (size_t i = 2; i < 7; i++)
		ck_assert(!json_int(yyjson_arr_get(root, i), &value));
	ck_assert(!json_int(NULL, &value));
	ck_assert(value == INT64_MIN);
}
END_TEST

START_TEST(access_is_forgiving)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO_BUF out = {0};
	yyjson_val *root;

	ck_ok(json_read(arena, STR("{\"s\":\"a\\u0000b\",\"n\":1}"), &root));
	ck_bytes(json_str(json_get(root, "s")), STR("a\0b"));
	ck_assert_ptr_null(json_str(json_get(root, "n")).p);
	ck_assert_ptr_null(json_get(NULL, "s"));
	ck_assert_ptr_null(json_get(json_get(root, "n"), "s"));
	json_write(&out, NULL);
	ck_str(buf_str(&out), "null");
}
END_TEST

START_TEST(refuses)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	yyjson_val *root = NULL;

	ck_err(json_read(arena, STR_NONE, &root), ERR_JSON_SYNTAX);
	ck_err(json_read(arena, STR("{\"a\":1,}"), &root), ERR_JSON_SYNTAX);
	ck_err(json_read(arena, STR("[\"\xFF\"]"), &root), ERR_JSON_UTF8);
	ck_err(json_read(arena, STR("[{\"a\":{\"b\":1,\"\\u0062\":2}}]"), &root), ERR_JSON_DUPLICATE);
	ck_assert_ptr_null(root);
}
END_TEST

/* A body at its limit must not ask for yyjson's worst case, and one that grows out of
 * proportion meets the arena's cap. */
START_TEST(memory_follows_the_tree)
{
	AUTO_BUF text = {0};
	AUTO_BUF dense = {0};
	AUTO(arena) *arena = arena_new(16 << 20);
	yyjson_val *root;

	buf_put(&text, STR("[\""));
	for (int i = 0; i < 4 << 20; i++)
		buf_put_byte(&text, 'x');
	buf_put(&text, STR("\"]"));
	ck_ok(json_read(arena, buf_str(&text), &root));
	ck_assert_uint_eq(yyjson_get_len(yyjson_arr_get(root, 0)), 4 << 20);
	buf_put(&dense, STR("[1"));
	for (int i = 0; i < 2 << 20; i++)
		buf_put(&dense, STR(",1"));
	buf_put(&dense, STR("]"));
	ck_err(json_read(arena, buf_str(&dense), &root), ERR_LIMIT);
}
END_TEST

UNIT_MAIN("json", numbers_stay_as_written, integers, access_is_forgiving, refuses, memory_follows_the_tree)
