/* The scanner: what it refuses and with which error, where it says the members are, and that
 * odd documents cost neither time nor memory out of proportion. */
#include "../unit.h"

#include "base/json.h"
#include "base/json_scan.h"

static struct arena *arena;
static struct json_index found;

static enum err scan(struct str text)
{
	/* a copy of exactly this length, so that a sanitizer sees a byte read too many */
	char *copy = malloc(text.n == 0 ? 1 : text.n);
	enum err err;
	yyjson_val *root;

	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	arena_free(arena);
	arena = arena_new(64 << 20);
	err = json_scan(arena, (struct str){copy, text.n}, &found);
	ck_assert_msg((json_read(arena, text, &root) == OK) == (err == OK), "readers disagree on %.*s", STR_ARG(text));
	free(copy);
	if (err == OK)
		ck_ok(json_scan(arena, arena_str(arena, text), &found));
	return err;
}

START_TEST(accepts)
{
	static const char *const texts[] = {"{}",
					    "[]",
					    " { } ",
					    "\t[\n]\r",
					    "0",
					    "-0",
					    "1.5e-7",
					    "1E+2",
					    "123456789012345678901234567890",
					    "\"\"",
					    "null",
					    "true",
					    "false",
					    "[1,[2,[3]],{}]",
					    "{\"a\":{\"b\":[{\"a\":1},{\"a\":2}]},\"\":0}",
					    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"",
					    "\"\\u0000\\uFFFF\\ud83d\\ude00\"",
					    "[\"\xF4\x8F\xBF\xBF\xED\x9F\xBF\xC2\x80\"]",
					    "\"\x7f\"",
					    "[\"0123456789abcdef0123456789abcdef\"]",
					    " \"x\" ",
					    "1e999",
					    "{\"a\":1,\"A\":2,\"a \":3}"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		ck_ok(scan(str_of(texts[i])));
}
END_TEST

static void ck_syntax(const char *const *texts)
{
	for (; *texts != NULL; texts++)
		ck_err(scan(str_of(*texts)), ERR_JSON_SYNTAX);
}

START_TEST(refuses_structure)
{
	static const char *const texts[] = {"",
					    " ",
					    "{",
					    "}",
					    "[",
					    "]",
					    "{]",
					    "[}",
					    "[1,]",
					    "[,1]",
					    "[1 2]",
					    "{\"a\"}",
					    "{\"a\":}",
					    "{\"a\":1,}",
					    "{,}",
					    "{a:1}",
					    "{'a':1}",
					    "{\"a\" 1}",
					    "{1:2}",
					    "[1]]",
					    "{}{}",
					    "1 2",
					    "1,2",
					    "],[",
					    "1],[2",
					    "[1]//",
					    "/**/1",
					    "\xEF\xBB\xBF{}",
					    "\f1",
					    "[1\v]",
					    "{\"a\":1 \"b\":2}",
					    "[[1]",
					    "tru",
					    "truE",
					    "nul",
					    "falsey",
					    "NaN",
					    "Infinity",
					    "[tru",
					    "[null1]",
					    NULL};

	ck_syntax(texts);
	ck_err(scan(STR("[1]\0")), ERR_JSON_SYNTAX);
}
END_TEST

START_TEST(refuses_numbers)
{
	static const char *const texts[] = {"01",   "-",     "-01",   "+1",   ".5",  "1.",   "1.e5",
					    "1e",   "1e+",   "0x1",   "1_0",  "[-]", "[1.]", "[1e]",
					    "[00]", "[--1]", "1.2.3", "1e5.", NULL};

	ck_syntax(texts);
}
END_TEST

START_TEST(refuses_strings)
{
	static const char *const texts[] = {
		"\"",		"\"abc",       "\"\\\"",      "\"\\",	     "\"\\x\"",
		"\"\\u12\"",	"\"\\u12G4\"", "\"\\ud800\"", "\"\\udc00\"", "\"\\ud800\\u0041\"",
		"\"\\ud800x\"", "\"\t\"",      "\"\x1f\"",    "[\"a\nb\"]",  "\"0123456789abcdef\n\"",
		"[\"]",		"{\"}",	       NULL};

	ck_syntax(texts);
	ck_err(scan(STR("[\"a\0b\"]")), ERR_JSON_SYNTAX);
}
END_TEST

START_TEST(refuses_bad_utf8)
{
	static const char *const texts[] = {"[\"\x80\"]",
					    "[\"\xC0\x80\"]",
					    "[\"\xED\xA0\x80\"]",
					    "[\"\xF4\x90\x80\x80\"]",
					    "{\"0123456789abcdef\xFF\":1}",
					    "[\"\xE2\x82\"]"};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++)
		ck_err(scan(str_of(texts[i])), ERR_JSON_UTF8);
}
END_TEST

static struct str nested(struct buf *buf, size_t depth, struct str open, struct str middle, struct str close)
{
	buf->n = 0;
	for (size_t i = 0; i < depth; i++)
		buf_put(buf, open);
	buf_put(buf, middle);
	for (size_t i = 0; i < depth; i++)
		buf_put(buf, close);
	return buf_str(buf);
}

START_TEST(depth_is_capped)
{
	AUTO_BUF buf = {0};

	ck_ok(scan(nested(&buf, JSON_DEPTH_MAX, STR("["), STR(""), STR("]"))));
	ck_err(scan(nested(&buf, JSON_DEPTH_MAX + 1, STR("["), STR(""), STR("]"))), ERR_JSON_DEPTH);
	ck_ok(scan(nested(&buf, JSON_DEPTH_MAX, STR("{\"a\":"), STR("1"), STR("}"))));
	ck_err(scan(nested(&buf, JSON_DEPTH_MAX + 1, STR("{\"a\":"), STR("1"), STR("}"))), ERR_JSON_DEPTH);
	ck_err(scan(nested(&buf, 1000000, STR("["), STR(""), STR("]"))), ERR_JSON_DEPTH);
}
END_TEST

/* Strings of all lengths around the scanner's steps and blocks, with each kind of odd byte at each
 * place: found where it is, and nothing else taken for it. */
START_TEST(odd_bytes_are_found_everywhere)
{
	static const struct {
		struct str bytes;
		enum err err;
	} odd[] = {
		{STR("a"), OK},
		{STR("\\n"), OK},
		{STR("\xC3\xBC"), OK},
		{STR("\x7F"), OK},
		{STR("\x1F"), ERR_JSON_SYNTAX},
		{STR("\n"), ERR_JSON_SYNTAX},
		{STR("\xFF"), ERR_JSON_UTF8},
		{STR("\""), ERR_JSON_SYNTAX},
	};

	for (size_t length = 0; length < 400; length += length < 300 ? 37 : 1) {
		for (size_t at = 0; at <= length; at++) {
			AUTO(arena) *here = arena_new(1 << 16);

			for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
				AUTO_BUF text = {0};
				struct json_index index;
				enum err err;

				buf_put(&text, STR("[\""));
				memset(buf_reserve(&text, length), ' ' + (int)(at % 2), length);
				text.n += length;
				buf_put(&text, STR("\"]"));
				memmove(buf_reserve(&text, odd[i].bytes.n) - (text.n - 2 - at) + odd[i].bytes.n,
					text.p + 2 + at, text.n - 2 - at);
				memcpy(text.p + 2 + at, odd[i].bytes.p, odd[i].bytes.n);
				text.n += odd[i].bytes.n;
				err = json_scan(here, buf_str(&text), &index);
				if (err != odd[i].err) /* an assertion that holds costs a message each time */
					ck_abort_msg("length %zu at %zu odd %zu: %s", length, at, i, err_name(err));
			}
		}
	}
}
END_TEST

START_TEST(duplicates_are_refused_everywhere)
{
	ck_err(scan(STR("{\"a\":1,\"a\":2}")), ERR_JSON_DUPLICATE);
	ck_err(scan(STR("{\"a\":1,\"b\":2,\"\\u0061\":2}")), ERR_JSON_DUPLICATE);
	ck_err(scan(STR("{\"\\/\":1,\"/\":2}")), ERR_JSON_DUPLICATE);
	ck_err(scan(STR("{\"\":1,\"\":2}")), ERR_JSON_DUPLICATE);
	ck_err(scan(STR("[[[[[{\"x\":{\"y\":0,\"y\":0}}]]]]]")), ERR_JSON_DUPLICATE);
	ck_err(scan(STR("{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":1,\"e\":1}}}}}")), ERR_JSON_DUPLICATE);
	/* a nested object's keys lie between those of the outer one */
	ck_err(scan(STR("{\"a\":{\"b\":1,\"c\":2},\"d\":[{\"a\":1}],\"a\":3}")), ERR_JSON_DUPLICATE);
	ck_ok(scan(STR("{\"a\":{\"a\":{\"a\":{\"a\":{\"a\":1}}}}}")));
}
END_TEST

static struct str many_keys(struct buf *buf, int count, int last)
{
	buf->n = 0;
	for (int i = 0; i < count; i++)
		buf_put_fmt(buf, "%s\"key-%d\":%d", i == 0 ? "{" : ",", i == count - 1 ? last : i, i);
	buf_put(buf, STR("}"));
	return buf_str(buf);
}

/* Around the switches from pairs to marks and to hashes, the key stack's end, and far beyond. */
START_TEST(duplicates_among_many)
{
	static const int counts[] = {2, 15, 16, 17, 18, 47, 48, 49, 63, 64, 65, 97, 1000, 20000};
	AUTO_BUF buf = {0};

	for (size_t i = 0; i < ARRAY_LEN(counts); i++) {
		ck_ok(scan(many_keys(&buf, counts[i], counts[i])));
		ck_assert_uint_eq(found.count, (unsigned)counts[i]);
		ck_err(scan(many_keys(&buf, counts[i], 0)), ERR_JSON_DUPLICATE);
		ck_err(scan(many_keys(&buf, counts[i], counts[i] / 2 - 1)), ERR_JSON_DUPLICATE);
	}
}
END_TEST

/* Keys that differ where their marks do not look. */
START_TEST(duplicates_among_keys_of_one_mark)
{
	AUTO_BUF buf = {0};

	for (int last = 0; last < 64; last++) {
		buf.n = 0;
		for (int i = 0; i < 64; i++)
			buf_put_fmt(&buf, "%s\"k%02d_____\":0", i == 0 ? "{" : ",", i == 63 ? last : i);
		buf_put(&buf, STR("}"));
		ck_err(scan(buf_str(&buf)), last == 63 ? OK : ERR_JSON_DUPLICATE);
	}
}
END_TEST

static const char message[] = "{\"jsonrpc\":\"2.0\", \"id\" : 7 ,\"p\\u0061rams\":{\"name\":\"t\\n\",\"_meta\":"
			      "{\"progressToken\":1,\"deep\":{\"no\":1}},\"list\":[{\"name\":0}]},\"z\":null}";

START_TEST(members_are_found)
{
	const struct json_member *params, *meta, *m;

	ck_ok(scan(str_of(message)));
	ck_assert_int_eq(found.kind, JSON_OBJECT);
	m = json_member(&found, NULL, STR("id"));
	ck_str(m->value, "7");
	ck_assert(m->kind == JSON_NUMBER && m->depth == 1 && !m->escaped);
	params = json_member(&found, NULL, STR("params"));
	ck_assert_ptr_nonnull(params);
	ck_assert(params->escaped && params->kind == JSON_OBJECT);
	m = json_member(&found, params, STR("name"));
	ck_str(m->value, "\"t\\n\"");
	ck_str(json_member_str(arena, m), "t\n");
	meta = json_member(&found, params, STR("_meta"));
	ck_assert(!meta->escaped && meta->depth == 2);
	m = json_member(&found, meta, STR("progressToken"));
	ck_assert(m != NULL && m->depth == 3);
	m = json_member(&found, meta, STR("deep"));
	ck_str(m->value, "{\"no\":1}");
	ck_assert_ptr_null(json_member(&found, m, STR("no"))); /* depth 4 is not recorded */
	m = json_member(&found, params, STR("list"));
	ck_assert(m->kind == JSON_ARRAY);
	ck_assert_ptr_null(json_member(&found, m, STR("name")));
	ck_assert_ptr_null(json_member(&found, NULL, STR("name")));
	ck_assert(json_member(&found, NULL, STR("z"))->kind == JSON_NULL);
	ck_assert_ptr_null(json_member_str(arena, json_member(&found, NULL, STR("z"))).p);
	ck_assert_ptr_null(json_member_str(arena, NULL).p);
}
END_TEST

START_TEST(elements_are_walked)
{
	static const char *const want[] = {"1", "{\"a\":[1,2],\"]\":\"\\\"]\"}", "[]", "\"x,y\"", "-2.5e3"};
	struct str element;
	size_t cursor = 0;

	ck_ok(scan(STR(" [1 , {\"a\":[1,2],\"]\":\"\\\"]\"},[] ,\"x,y\", -2.5e3 ] ")));
	ck_assert_uint_eq(found.elements, ARRAY_LEN(want));
	for (size_t i = 0; i < ARRAY_LEN(want); i++) {
		ck_assert(json_element(&found, &cursor, &element));
		ck_bytes(element, str_of(want[i]));
	}
	ck_assert(!json_element(&found, &cursor, &element));
	ck_assert(!json_element(&found, &cursor, &element));
	cursor = 0;
	ck_ok(scan(STR(" [ ] ")));
	ck_assert(found.elements == 0 && !json_element(&found, &cursor, &element));
	ck_ok(scan(STR("{\"a\":[1,2]}")));
	ck_assert(found.elements == 0 && !json_element(&found, &cursor, &element));
	ck_ok(scan(STR("7")));
	ck_assert(found.kind == JSON_NUMBER && found.elements == 0 && found.count == 0);
}
END_TEST

START_TEST(the_cap_is_met)
{
	AUTO(arena) *small = arena_new(4000);
	AUTO_BUF buf = {0};

	ck_err(json_scan(small, many_keys(&buf, 5000, 5000), &found), ERR_LIMIT);
}
END_TEST

UNIT_MAIN("json_scan", accepts, refuses_structure, refuses_numbers, refuses_strings, refuses_bad_utf8, depth_is_capped,
	  odd_bytes_are_found_everywhere, duplicates_are_refused_everywhere, duplicates_among_many,
	  duplicates_among_keys_of_one_mark, members_are_found, elements_are_walked, the_cap_is_met)
