/* x-mcp-header: which annotations count, and what a header must say. */
#include "../unit.h"

#include "catalog/param_header.h"

static struct arena *arena;
static struct param_headers headers;

static const char *read_text(const char *schema)
{
	yyjson_val *root;

	if (arena == NULL)
		arena = arena_new(1 << 20);
	ck_ok(json_read(arena, str_of(schema), &root));
	return param_headers_read(arena, root, &headers);
}

static struct str text_of(size_t header, const char *arguments)
{
	yyjson_val *root;

	ck_ok(json_read(arena, str_of(arguments), &root));
	return param_header_text(&headers.header[header], root, arena);
}

#define PROPERTY(type, name)                                                                                           \
	"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"" type "\",\"x-mcp-header\":" name "}}}"
#define ANNOTATED "{\"type\":\"string\",\"x-mcp-header\":\"A\"}"

START_TEST(annotations_below_properties_count)
{
	ck_assert_ptr_null(read_text(
		"{\"type\":\"object\",\"properties\":{\"region\":{\"type\":\"string\",\"x-mcp-header\":\"Region\"},"
		"\"at\":{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"integer\",\"x-mcp-header\":\"N\"}}}}}"));
	ck_assert_uint_eq(headers.count, 2);
	ck_str(headers.header[0].name, "Region");
	ck_assert_uint_eq(headers.header[1].depth, 2);
	ck_str(headers.header[1].path[0], "at");
	ck_str(headers.header[1].path[1], "n");
	ck_assert_int_eq(headers.header[1].kind, PARAM_INTEGER);
}
END_TEST

START_TEST(schemas_without_annotation_have_none)
{
	ck_assert_ptr_null(read_text("{\"type\":\"object\"}"));
	ck_assert_uint_eq(headers.count, 0);
	ck_assert_ptr_null(read_text("true"));
	/* a property of that name, and plain values, are no annotations */
	ck_assert_ptr_null(
		read_text("{\"properties\":{\"x-mcp-header\":{\"type\":\"string\"}},\"items\":{\"const\":{\"x-mcp-"
			  "header\":1}}}"));
	ck_assert_uint_eq(headers.count, 0);
}
END_TEST

START_TEST(faults_make_the_tool_unfit)
{
	static const char *const bad[] = {
		PROPERTY("string", "\"\""),
		PROPERTY("string", "7"),
		PROPERTY("string", "\"My Region\""),
		PROPERTY("string", "\"Region:\""),
		PROPERTY("string", "\"R\\u00e9gion\""),
		PROPERTY("string", "\"R\\u0001\""),
		PROPERTY("string", "\"R\\u0000\""),
		PROPERTY("object", "\"A\""),
		PROPERTY("array", "\"A\""),
		PROPERTY("null", "\"A\""),
		PROPERTY("number", "\"A\""),
		"{\"properties\":{\"a\":{\"x-mcp-header\":\"A\"}}}",
		"{\"properties\":{\"a\":" ANNOTATED ",\"b\":{\"type\":\"string\",\"x-mcp-header\":\"a\"}}}",
		"{\"properties\":{\"a\":{\"type\":\"array\",\"items\":" ANNOTATED "}}}",
		"{\"properties\":{\"a\":{\"prefixItems\":[" ANNOTATED "]}}}",
		"{\"allOf\":[{\"properties\":{\"a\":" ANNOTATED "}}]}",
		"{\"if\":{\"properties\":{\"a\":" ANNOTATED "}}}",
		"{\"not\":" ANNOTATED "}",
		"{\"additionalProperties\":" ANNOTATED "}",
		"{\"patternProperties\":{\"x\":" ANNOTATED "}}",
		"{\"$defs\":{\"const\":" ANNOTATED "}}",
		"{\"dependentSchemas\":{\"x\":{\"properties\":{\"a\":" ANNOTATED "}}}}",
		ANNOTATED,
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		ck_assert_msg(read_text(bad[i]) != NULL, "%s", bad[i]);
		ck_assert_uint_eq(headers.count, 0);
	}
}
END_TEST

START_TEST(too_many_are_refused)
{
	AUTO_BUF schema = {0};

	buf_put(&schema, STR("{\"properties\":{\"p\":{}"));
	for (unsigned i = 0; i <= PARAM_HEADERS_MAX; i++)
		buf_put_fmt(&schema, ",\"p%u\":{\"type\":\"string\",\"x-mcp-header\":\"H%u\"}", i, i);
	buf_put(&schema, STR("}}"));
	buf_put_byte(&schema, '\0');
	ck_assert_ptr_nonnull(read_text(schema.p));
}
END_TEST

START_TEST(texts_of_arguments)
{
	ck_assert_ptr_null(read_text("{\"properties\":{\"s\":{\"type\":\"string\",\"x-mcp-header\":\"S\"},"
				     "\"n\":{\"type\":\"integer\",\"x-mcp-header\":\"N\"},"
				     "\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"B\"}}}"));
	ck_str(text_of(0, "{\"s\":\"\"}"), "");
	ck_assert_ptr_nonnull(text_of(0, "{\"s\":\"\"}").p);
	ck_str(text_of(0, "{\"s\":\"a\\tb\"}"), "a\tb");
	ck_str(text_of(1, "{\"n\":42}"), "42");
	ck_str(text_of(1, "{\"n\":42.0}"), "42");
	ck_str(text_of(1, "{\"n\":-4.2e1}"), "-42");
	ck_str(text_of(1, "{\"n\":-0}"), "0");
	ck_str(text_of(1, "{\"n\":123456789012345678901234567890}"), "123456789012345678901234567890");
	ck_str(text_of(2, "{\"b\":false}"), "false");
	ck_assert_ptr_null(text_of(0, "{}").p);
	ck_assert_ptr_null(text_of(0, "{\"s\":null}").p);
	ck_assert_ptr_null(text_of(0, "[]").p);
	ck_assert_ptr_null(text_of(0, "{\"s\":{}}").p);
	ck_assert_ptr_null(param_header_text(&headers.header[0], NULL, arena).p);
}
END_TEST

START_TEST(nulls_are_left_out)
{
	struct str without;

	ck_assert_ptr_null(read_text("{\"properties\":{\"s\":{\"type\":\"string\",\"x-mcp-header\":\"S\"},"
				     "\"b\":{\"type\":\"boolean\",\"x-mcp-header\":\"B\"},\"o\":{}}}"));
	ck_assert(param_headers_without_nulls(&headers, STR("{\"s\":null,\"o\":null,\"b\":null}"), arena, &without));
	ck_str(without, "{\"o\":null}");
	ck_assert(param_headers_without_nulls(&headers, STR("{\"s\":\"x\",\"\\u0062\":null}"), arena, &without));
	ck_str(without, "{\"s\":\"x\"}");
	ck_assert(!param_headers_without_nulls(&headers, STR("{\"s\":\"null\",\"o\":null}"), arena, &without));
	ck_assert(!param_headers_without_nulls(&headers, STR("[null]"), arena, &without));
}
END_TEST

static bool agrees(size_t header, const char *text, const char *value)
{
	return param_header_agrees(&headers.header[header], str_of(text), str_of(value), arena);
}

START_TEST(strings_agree_by_bytes_and_integers_by_value)
{
	ck_assert_ptr_null(read_text("{\"properties\":{\"s\":{\"type\":\"string\",\"x-mcp-header\":\"S\"},"
				     "\"n\":{\"type\":\"integer\",\"x-mcp-header\":\"N\"}}}"));
	ck_assert(agrees(0, "us-west1", "us-west1"));
	ck_assert(!agrees(0, "us-west1", "US-WEST1"));
	ck_assert(!agrees(0, "42", "42.0"));
	ck_assert(agrees(1, "42", "42.0"));
	ck_assert(agrees(1, "42", "4.2e1"));
	ck_assert(!agrees(1, "42", "43"));
	ck_assert(!agrees(1, "42", " 42"));
	ck_assert(!agrees(1, "42", "0x2a"));
	ck_assert(!agrees(1, "42", "\"42\""));
	ck_assert(!agrees(1, "9007199254740993", "9007199254740992"));
}
END_TEST

UNIT_MAIN("param_header", annotations_below_properties_count, schemas_without_annotation_have_none,
	  faults_make_the_tool_unfit, too_many_are_refused, texts_of_arguments, nulls_are_left_out,
	  strings_agree_by_bytes_and_integers_by_value)
