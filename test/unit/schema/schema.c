/* Schemas as an embedder sees them: what compiles, what a model is told, exact numbers, bounds
 * against hostile schemas and values. Conformance as such is the official suite's matter. */
#include "../unit.h"

#include <pthread.h>

#include "schema/schema.h"

#define ARENA_BYTES (64u << 20)

static yyjson_val *parse(struct arena *arena, struct str text)
{
	yyjson_val *root = NULL;

	ck_assert_msg(json_read(arena, text, &root) == OK, "not JSON: %.*s", STR_ARG(text));
	return root;
}

static struct schema *compile(struct str text)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	struct schema *schema = NULL;
	AUTO_BUF problem = {0};

	if (schema_compile(parse(arena, text), &problem, &schema) != OK)
		ck_abort_msg("%.*s: %.*s", STR_ARG(text), STR_ARG(buf_str(&problem)));
	return schema;
}

static enum err validate(struct arena *arena, const char *schema_text, const char *value,
			 struct schema_failure *ret_failure)
{
	AUTO(schema) *schema = compile(str_of(schema_text));

	return schema_validate(schema, parse(arena, str_of(value)), arena, ret_failure);
}

static void accepts(const char *schema, const char *value)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	struct schema_failure failure = {0};
	enum err err = validate(arena, schema, value, &failure);

	ck_assert_msg(err == OK, "%s on %s: %s %.*s", schema, value, err_name(err), STR_ARG(failure.message));
}

static void refuses(const char *schema, const char *value, const char *path, const char *keyword, const char *message)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	struct schema_failure failure;

	ck_err(validate(arena, schema, value, &failure), ERR_MCP_ARGUMENTS);
	ck_bytes(failure.path, str_of(path));
	ck_bytes(failure.keyword, str_of(keyword));
	ck_bytes(failure.message, str_of(message));
}

static void limited(const char *schema, struct str value)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	AUTO(schema) *compiled = compile(str_of(schema));
	struct schema_failure failure;

	ck_err(schema_validate(compiled, parse(arena, value), arena, &failure), ERR_LIMIT);
}

static void unusable(const char *schema_text, const char *want)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	struct schema *schema = NULL;
	AUTO_BUF problem = {0};

	ck_err(schema_compile(parse(arena, str_of(schema_text)), &problem, &schema), ERR_CONFIG);
	ck_assert_ptr_null(schema);
	ck_bytes(buf_str(&problem), str_of(want));
}

#define ORDER                                                                                                          \
	"{\"type\":\"object\",\"properties\":{\"items\":{\"type\":\"array\",\"minItems\":1,\"items\":{\"$ref\":\"#/"   \
	"$defs/item\"}},"                                                                                              \
	"\"note\":{\"anyOf\":[{\"type\":\"string\"},{\"type\":\"null\"}]},\"unit\":{\"enum\":[\"kg\",\"lb\"]}},"       \
	"\"required\":[\"items\"],\"additionalProperties\":false,"                                                     \
	"\"$defs\":{\"item\":{\"type\":\"object\",\"properties\":{\"price\":{\"type\":\"number\",\"maximum\":100}},"   \
	"\"required\":[\"price\"]}}}"

START_TEST(test_messages)
{
	accepts(ORDER, "{\"items\":[{\"price\":99.99}],\"note\":null,\"unit\":\"kg\"}");
	refuses(ORDER, "{\"items\":[{\"price\":1},{\"price\":100.5}]}", "/items/1/price", "maximum",
		"/items/1/price: must be <= 100");
	refuses(ORDER, "{\"items\":[{}]}", "/items/0", "required", "/items/0: the property \"price\" is required");
	refuses(ORDER, "{}", "", "required", "the property \"items\" is required");
	refuses(ORDER, "{\"items\":[]}", "/items", "minItems", "/items: must have at least 1 item");
	refuses(ORDER, "{\"items\":[{\"price\":\"1\"}]}", "/items/0/price", "type",
		"/items/0/price: must be number, not string");
	refuses(ORDER, "{\"items\":[{\"price\":1}],\"note\":5}", "/note", "type",
		"/note: must be string or null, not number");
	refuses(ORDER, "{\"items\":[{\"price\":1}],\"unit\":\"g\"}", "/unit", "enum",
		"/unit: must be one of \"kg\", \"lb\"");
	refuses(ORDER, "{\"items\":[{\"price\":1}],\"colour\":1}", "/colour", "additionalProperties",
		"/colour: is not a known property; known are \"items\", \"note\", \"unit\"");
	refuses("{\"properties\":{\"a/b\":{\"properties\":{\"~\":false}}}}", "{\"a/b\":{\"~\":1}}", "/a~1b/~0", "false",
		"/a~1b/~0: is not allowed");
	refuses("{\"propertyNames\":{\"maxLength\":3}}", "{\"long name\":1}", "/long name", "maxLength",
		"/long name: the property's name must have at most 3 characters");
	refuses("{\"type\":\"integer\"}", "1.5", "", "type", "must be integer");
}
END_TEST

/* Of a union the one branch that the type leaves is what the message is about. */
START_TEST(test_union_message)
{
	const char *schema = "{\"anyOf\":[{\"type\":\"object\",\"required\":[\"id\"]},{\"type\":\"null\"}]}";

	refuses(schema, "{}", "", "required", "the property \"id\" is required");
	refuses("{\"oneOf\":[{\"minimum\":1},{\"minimum\":2}]}", "3", "", "oneOf",
		"must match exactly one of the 2 alternatives, not several");
	refuses("{\"anyOf\":[{\"minimum\":5},{\"multipleOf\":2}]}", "3", "", "anyOf",
		"must match at least one of 2 alternatives");
}
END_TEST

START_TEST(test_messages_are_bounded)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	AUTO(schema) *schema =
		compile(STR("{\"additionalProperties\":{\"additionalProperties\":{\"type\":\"null\"}}}"));
	struct schema_failure failure;
	AUTO_BUF value = {0};

	buf_put(&value, STR("{\""));
	for (size_t i = 0; i < 100000; i++)
		buf_put(&value, STR("\xC3\xBC"));
	buf_put(&value, STR("\":{\"b\":1}}"));
	ck_err(schema_validate(schema, parse(arena, buf_str(&value)), arena, &failure), ERR_MCP_ARGUMENTS);
	ck_assert_uint_lt(failure.message.n, 4096);
	ck_assert(str_is_utf8(failure.message));
}
END_TEST

START_TEST(test_numbers_are_exact)
{
	accepts("{\"const\":12345678901234567890123}", "12345678901234567890123");
	accepts("{\"const\":1}", "1.0");
	accepts("{\"const\":1000}", "1e3");
	accepts("{\"const\":0}", "-0.0e7");
	accepts("{\"const\":0.1}", "0.1000");
	accepts("{\"type\":\"integer\"}", "1e400");
	accepts("{\"type\":\"integer\"}", "12.50e1");
	accepts("{\"minimum\":-0.5e-400}", "0");
	accepts("{\"multipleOf\":0.1}", "0.3");
	accepts("{\"multipleOf\":0.01}", "19.99");
	accepts("{\"multipleOf\":7}", "700000000000000000000000000000000000000000000000007");
	accepts("{\"multipleOf\":1e-300}", "1e300");
	accepts("{\"maximum\":1e99999999999999999999}", "1e9999999");
	refuses("{\"const\":12345678901234567890123}", "12345678901234567890124", "", "const",
		"must be 12345678901234567890123");
	refuses("{\"exclusiveMinimum\":9007199254740992}", "9007199254740992", "", "exclusiveMinimum",
		"must be > 9007199254740992");
	refuses("{\"multipleOf\":1e300}", "1e299", "", "multipleOf", "must be a multiple of 1e300");
	refuses("{\"multipleOf\":3}", "1e20", "", "multipleOf", "must be a multiple of 3");
	refuses("{\"maximum\":-1}", "-0.99999999999999999999", "", "maximum", "must be <= -1");
	refuses("{\"uniqueItems\":true}", "[1,2,1.00]", "", "uniqueItems", "items 0 and 2 must not be equal");
}
END_TEST

/* More than 16 items are hashed: equal ones must be found across spellings and member order. */
START_TEST(test_unique_many)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	AUTO(schema) *schema = compile(STR("{\"uniqueItems\":true}"));
	struct schema_failure failure;
	AUTO_BUF value = {0};

	buf_put(&value, STR("[{\"b\":[1.0,\"x\"],\"a\":10}"));
	for (int i = 0; i < 2000; i++)
		buf_put_fmt(&value, ",%d", i);
	buf_put(&value, STR(",true,null,\"1\",[1]]"));
	ck_ok(schema_validate(schema, parse(arena, buf_str(&value)), arena, &failure));
	value.n--;
	buf_put(&value, STR(",{\"a\":1e1,\"b\":[1,\"x\"]}]"));
	ck_err(schema_validate(schema, parse(arena, buf_str(&value)), arena, &failure), ERR_MCP_ARGUMENTS);
	ck_str(failure.message, "items 0 and 2005 must not be equal");
}
END_TEST

START_TEST(test_unusable)
{
	unusable("{\"properties\":{\"a\":{\"type\":\"strin\"}}}",
		 "/properties/a/type: this is not a type of JSON Schema");
	unusable("{\"properties\":{\"a\":5}}", "/properties/a: a schema is an object or a boolean");
	unusable("{\"minimum\":\"1\"}", "/minimum: minimum must be a number");
	unusable("{\"multipleOf\":0}", "/multipleOf: multipleOf must be greater than 0");
	unusable("{\"maxLength\":-1}", "/maxLength: maxLength must be a non-negative integer");
	unusable("{\"required\":true}", "/required: required must be an array of names");
	unusable("{\"$ref\":\"#/$defs/none\"}", "/$ref: \"#/$defs/none\" leads nowhere");
	unusable("{\"$ref\":\"https://example.com/x.json\"}",
		 "/$ref: \"https://example.com/x.json\" leads outside the schema; references are not fetched");
	unusable("{\"$schema\":\"http://json-schema.org/draft-04/schema#\"}",
		 "/$schema: the dialect \"http://json-schema.org/draft-04/schema\" is not supported; 2020-12 and "
		 "draft-07 are");
	unusable("{\"pattern\":\"(\"}", "/pattern: the pattern is not usable: missing closing parenthesis");
	unusable("5", "a schema is an object or a boolean");
}
END_TEST

START_TEST(test_dialects)
{
	const char *const draft7 =
		"{\"$schema\":\"http://json-schema.org/draft-07/schema#\",\"items\":[{\"type\":\"null\"}],"
		"\"additionalItems\":false}";

	accepts(draft7, "[null]");
	refuses(draft7, "[null,1]", "/1", "false", "/1: is not allowed");
	accepts("{\"additionalItems\":false,\"items\":{}}", "[1,2]");
	refuses("{\"prefixItems\":[{}],\"items\":false}", "[1,2]", "/1", "false", "/1: is not allowed");
	/* a value that only looks like an identity is none */
	accepts("{\"enum\":[{\"$id\":\"#/x\",\"$ref\":\"nowhere\"}]}", "{\"$id\":\"#/x\",\"$ref\":\"nowhere\"}");
}
END_TEST

START_TEST(test_documents)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	const struct schema_document document = {STR("https://example.com/a.json"),
						 parse(arena, STR("{\"type\":\"null\"}"))};
	const struct schema_options options = {.documents = &document, .document_count = 1};
	yyjson_val *root = parse(arena, STR("{\"$id\":\"https://example.com/b.json\",\"$ref\":\"a.json\"}"));
	AUTO(schema) *schema = NULL;
	struct schema_failure failure;
	AUTO_BUF problem = {0};

	ck_ok(schema_compile_with(root, &options, &problem, &schema));
	ck_ok(schema_validate(schema, parse(arena, STR("null")), arena, &failure));
	ck_err(schema_validate(schema, parse(arena, STR("1")), arena, &failure), ERR_MCP_ARGUMENTS);
}
END_TEST

/* Neither a loop nor a bomb keeps a validation going. */
START_TEST(test_bounds)
{
	AUTO_BUF value = {0}, bomb = {0};

	limited("{\"$ref\":\"#\"}", STR("1"));
	limited("{\"anyOf\":[{\"$ref\":\"#\"},{\"$ref\":\"#\"}]}", STR("1"));
	/* 2^40 ways through the schema for one value */
	buf_put(&bomb, STR("{\"$ref\":\"#/$defs/d0\",\"$defs\":{\"d40\":true"));
	for (int i = 0; i < 40; i++)
		buf_put_fmt(
			&bomb,
			",\"d%d\":{\"allOf\":[{\"$ref\":\"#/$defs/d%d\"},{\"$ref\":\"#/$defs/d%d\"}],\"minLength\":1}",
			i, i + 1, i + 1);
	buf_put(&bomb, STR("}}"));
	buf_put_byte(&bomb, '\0');
	limited(bomb.p, STR("\"x\""));
	/* quadratic: each of many items against each of many constants */
	bomb.n = 0;
	buf_put(&bomb, STR("{\"not\":{\"contains\":{\"enum\":[0"));
	buf_put(&value, STR("[1"));
	for (int i = 0; i < 20000; i++) {
		buf_put_fmt(&bomb, ",\"e%d\"", i);
		buf_put_fmt(&value, ",\"v%d\"", i);
	}
	buf_put(&bomb, STR("]}}}"));
	buf_put_byte(&bomb, '\0');
	buf_put(&value, STR("]"));
	limited(bomb.p, buf_str(&value));
}
END_TEST

START_TEST(test_patterns_are_bounded)
{
	AUTO_BUF value = {0};

	buf_put_byte(&value, '"');
	for (int i = 0; i < 50000; i++)
		buf_put_byte(&value, 'a');
	buf_put(&value, STR("!\""));
	limited("{\"pattern\":\"^(a+)+$\"}", buf_str(&value));
	limited("{\"pattern\":\"(a|aa)+$\"}", buf_str(&value));
	limited("{\"pattern\":\"(?:a*)*[bc]\"}", buf_str(&value));
	limited("{\"patternProperties\":{\"(x+x+)+[yz]\":true}}",
		STR("{\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx\":1}"));
}
END_TEST

#if defined(__SANITIZE_ADDRESS__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

struct deep {
	struct schema *schema;
	yyjson_val *value;
	enum err err;
};

static void *validate_deep(void *argument)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	struct deep *deep = argument;
	struct schema_failure failure;

	deep->err = schema_validate(deep->schema, deep->value, arena, &failure);
	return NULL;
}

/* As deep as it goes on a stack of the size that the header promises to be enough. */
static enum err validate_on_small_stack(struct schema *schema, yyjson_val *value)
{
	struct deep deep = {schema, value, OK};
	pthread_attr_t attr;
	pthread_t thread;

	ck_assert_int_eq(pthread_attr_init(&attr), 0);
	ck_assert_int_eq(pthread_attr_setstacksize(&attr, (SANITIZED ? 512 : 96) * 1024), 0);
	ck_assert_int_eq(pthread_create(&thread, &attr, validate_deep, &deep), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	pthread_attr_destroy(&attr);
	return deep.err;
}

START_TEST(test_stack)
{
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	AUTO(schema) *objects = compile(
		STR("{\"properties\":{\"a\":{\"$ref\":\"#\"}},\"patternProperties\":{\"^b\":{\"$ref\":\"#\"}}}"));
	AUTO(schema) *unions = compile(STR("{\"$id\":\"x:y\",\"$dynamicAnchor\":\"n\",\"unevaluatedItems\":false,"
					   "\"oneOf\":[{\"items\":{\"$dynamicRef\":\"#n\"}},{\"minItems\":9}]}"));
	AUTO_BUF value = {0};

	for (int i = 0; i < 70; i++)
		buf_put(&value, i % 2 == 0 ? STR("{\"a\":") : STR("{\"b\":"));
	buf_put_byte(&value, '1');
	for (int i = 0; i < 70; i++)
		buf_put_byte(&value, '}');
	ck_err(validate_on_small_stack(objects, parse(arena, buf_str(&value))), OK);
	value.n = 0;
	for (int i = 0; i < 100; i++)
		buf_put_byte(&value, '[');
	for (int i = 0; i < 100; i++)
		buf_put_byte(&value, ']');
	ck_err(validate_on_small_stack(unions, parse(arena, buf_str(&value))), ERR_LIMIT);
}
END_TEST

static void *validate_often(void *schema)
{
	for (int i = 0; i < 200; i++) {
		AUTO(arena) *arena = arena_new(ARENA_BYTES);
		struct schema_failure failure;
		yyjson_val *value = NULL;

		if (json_read(arena, STR("{\"id\":\"ab-12\"}"), &value) != OK ||
		    schema_validate(schema, value, arena, &failure) != OK)
			return schema;
	}
	schema_unref(schema);
	return NULL;
}

START_TEST(test_shared_by_threads)
{
	AUTO(schema) *schema = compile(STR("{\"properties\":{\"id\":{\"pattern\":\"^[a-z]+-\\\\d+$\"}}}"));
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_LEN(threads); i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, validate_often, schema_ref(schema)), 0);
	for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
		void *failed;

		ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
		ck_assert_ptr_null(failed);
	}
}
END_TEST

/* Names of every length around the words they are compared by, each unlike the others in one byte. */
START_TEST(test_property_names)
{
	static const char filler[] = "abcdefghijklmnopqrstuvwxyz";
	AUTO(arena) *arena = arena_new(ARENA_BYTES);
	AUTO(schema) *schema = NULL;
	struct schema_failure failure;
	AUTO_BUF text = {0}, problem = {0};
	unsigned names = 0;

	buf_put(&text, STR("{\"additionalProperties\":false,\"properties\":{"));
	for (int n = 1; n <= 20; n++) {
		for (int odd = 0; odd < n; odd++) {
			buf_put_fmt(&text, "%s\"%.*s%c%.*s\":{\"const\":%u}", names == 0 ? "" : ",", odd, filler,
				    'A' + odd, n - odd - 1, filler + odd + 1, names);
			names++;
		}
	}
	buf_put(&text, STR("}}"));
	ck_ok(schema_compile(parse(arena, buf_str(&text)), &problem, &schema));
	names = 0;
	for (int n = 1; n <= 20; n++) {
		for (int odd = 0; odd < n; odd++) {
			struct str value = arena_fmt(arena, "{\"%.*s%c%.*s\":%u}", odd, filler, 'A' + odd, n - odd - 1,
						     filler + odd + 1, names++);
			struct str other = arena_fmt(arena, "{\"%.*s%c%.*s\":0}", odd, filler, '0' + odd, n - odd - 1,
						     filler + odd + 1);

			ck_ok(schema_validate(schema, parse(arena, value), arena, &failure));
			ck_err(schema_validate(schema, parse(arena, other), arena, &failure), ERR_MCP_ARGUMENTS);
			ck_str(failure.keyword, "additionalProperties");
		}
	}
}
END_TEST

START_TEST(test_bytes)
{
	AUTO(schema) *small = compile(STR("{\"type\":\"object\"}"));
	AUTO(schema) *order = compile(STR(ORDER));

	ck_assert_uint_lt(schema_bytes(small), 512);
	ck_assert_uint_gt(schema_bytes(order), schema_bytes(small));
	ck_assert_uint_lt(schema_bytes(order), 2048);
}
END_TEST

UNIT_MAIN("schema", test_messages, test_union_message, test_messages_are_bounded, test_numbers_are_exact,
	  test_unique_many, test_unusable, test_dialects, test_documents, test_bounds, test_patterns_are_bounded,
	  test_stack, test_shared_by_threads, test_property_names, test_bytes)
