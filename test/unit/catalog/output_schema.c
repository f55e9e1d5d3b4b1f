/* Output schemas that are no object's, for clients of the sessions era. */
#include "../unit.h"

#include "catalog/output_schema.h"

static void wraps(const char *schema, const char *wanted)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	yyjson_val *root;
	AUTO_BUF out = {0};

	ck_ok(json_read(arena, str_of(schema), &root));
	output_schema_wrap(root, &out);
	ck_bytes(buf_str(&out), str_of(wanted));
}

#define WRAPPED(inner) "{\"type\":\"object\",\"properties\":{\"result\":" inner "},\"required\":[\"result\"]}"

START_TEST(becomes_a_property)
{
	wraps("{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"x-other\":1e2}",
	      WRAPPED("{\"type\":\"array\",\"items\":{\"type\":\"string\"},\"x-other\":1e2}"));
	wraps("true", WRAPPED("true"));
	wraps("{\"$schema\":\"s\",\"anyOf\":[{\"type\":\"object\"},true]}",
	      "{\"$schema\":\"s\",\"type\":\"object\",\"properties\":{\"result\":{\"$schema\":\"s\",\"anyOf\":["
	      "{\"type\":\"object\"},true]}},\"required\":[\"result\"]}");
}
END_TEST

START_TEST(pointers_move_along)
{
	wraps("{\"items\":{\"$ref\":\"#\"}}", WRAPPED("{\"items\":{\"$ref\":\"#/properties/result\"}}"));
	wraps("{\"anyOf\":[{\"$ref\":\"#/$defs/a\"},{\"$dynamicRef\":\"#/x\"}]}",
	      WRAPPED("{\"anyOf\":[{\"$ref\":\"#/properties/result/$defs/a\"},{\"$dynamicRef\":"
		      "\"#/properties/result/x\"}]}"));
	wraps("{\"items\":{\"$ref\":\"#name\"},\"not\":{\"$ref\":\"other.json#/a\"}}",
	      WRAPPED("{\"items\":{\"$ref\":\"#name\"},\"not\":{\"$ref\":\"other.json#/a\"}}"));
}
END_TEST

START_TEST(only_pointers_move)
{
	wraps("{\"const\":{\"$ref\":\"#/a\"},\"enum\":[{\"$ref\":\"#\"}],\"default\":{\"$ref\":\"#\"}}",
	      WRAPPED("{\"const\":{\"$ref\":\"#/a\"},\"enum\":[{\"$ref\":\"#\"}],\"default\":{\"$ref\":\"#\"}}"));
	wraps("{\"properties\":{\"default\":{\"$ref\":\"#/a\"},\"$ref\":{\"type\":\"string\"}}}",
	      WRAPPED("{\"properties\":{\"default\":{\"$ref\":\"#/properties/result/"
		      "a\"},\"$ref\":{\"type\":\"string\"}}}"));
	wraps("{\"$id\":\"https://a.test/\",\"items\":{\"$ref\":\"#/a\"}}",
	      WRAPPED("{\"$id\":\"https://a.test/\",\"items\":{\"$ref\":\"#/a\"}}"));
	wraps("{\"$id\":\"#here\",\"items\":{\"$id\":\"sub\",\"$ref\":\"#/a\"},\"not\":{\"$ref\":\"#/a\"}}",
	      WRAPPED("{\"$id\":\"#here\",\"items\":{\"$id\":\"sub\",\"$ref\":\"#/a\"},\"not\":{\"$ref\":"
		      "\"#/properties/result/a\"}}"));
}
END_TEST

START_TEST(objects_need_none)
{
	static const struct {
		const char *tool;
		bool foreign;
	} rows[] = {
		{"{}", false},
		{"{\"outputSchema\":{\"type\":\"object\"}}", false},
		{"{\"outputSchema\":{\"type\":\"string\"}}", true},
		{"{\"outputSchema\":{\"type\":[\"object\",\"null\"]}}", true},
		{"{\"outputSchema\":{\"oneOf\":[]}}", true},
		{"{\"outputSchema\":true}", true},
	};
	AUTO(arena) *arena = arena_new(1 << 20);
	yyjson_val *tool;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		ck_ok(json_read(arena, str_of(rows[i].tool), &tool));
		ck_assert_msg(output_schema_is_foreign(tool) == rows[i].foreign, "row %zu", i);
	}
}
END_TEST

UNIT_MAIN("output_schema", becomes_a_property, pointers_move_along, only_pointers_move, objects_need_none)
