/* Front matter: where it lies, what it says as JSON, and that a change touches nothing but what it names. */
#include "../unit.h"

#include "notes/front.h"

static void check_json(const char *note, const char *want)
{
	AUTO(arena) *arena = arena_new(1 << 22);
	struct conf_node *root;
	AUTO_BUF out = {0};

	ck_assert(front_read(arena, front_find(str_of(note)), &root));
	front_put_json(&out, root);
	ck_assert_msg(str_eq(buf_str(&out), str_of(want)), "%.*s", STR_ARG(buf_str(&out)));
}

START_TEST(it_is_found)
{
	ck_assert(front_find(STR("---\na: 1\n---\ntext")).there);
	ck_assert_uint_eq(front_find(STR("---\na: 1\n---\ntext")).end, 13);
	ck_assert(front_find(STR("---\r\na: 1\r\n---\r\ntext")).there);
	ck_assert(front_find(STR("---\n---")).there);
	ck_assert(!front_find(STR(" ---\na: 1\n---\n")).there);
	ck_assert(!front_find(STR("---\na: 1\n")).there);
	ck_assert(!front_find(STR("----\na: 1\n---\n")).there);
	ck_assert(!front_find(STR("")).there);
}
END_TEST

START_TEST(it_is_read)
{
	struct conf_node *root;
	AUTO(arena) *arena = arena_new(1 << 20);

	check_json("---\ntags: [a, \"b\"]\nn: 42\nf: -1.5e3\nd: 2026-05-01\nzip: 007\nt: true\nz:\nq: \"1\"\n"
		   "map: {x: [1, ~]}\n---\n",
		   "{\"tags\":[\"a\",\"b\"],\"n\":42,\"f\":-1.5e3,\"d\":\"2026-05-01\",\"zip\":\"007\",\"t\":true,"
		   "\"z\":null,"
		   "\"q\":\"1\",\"map\":{\"x\":[1,null]}}");
	check_json("no front matter", "null");
	ck_assert(!front_read(arena, front_find(STR("---\na: *b\n---\n")), &root));
	ck_assert(!front_read(arena, front_find(STR("---\na: 1\na: 2\n---\n")), &root));
	ck_assert(!front_read(arena, front_find(STR("---\n- a\n---\n")), &root));
}
END_TEST

static void check_change(const char *note, const char *changes, const char *want)
{
	AUTO(arena) *arena = arena_new(1 << 22);
	yyjson_val *root;
	AUTO_BUF out = {0};

	ck_ok(json_read(arena, str_of(changes), &root));
	ck_ok(front_change(arena, str_of(note), root, &out));
	ck_assert_msg(str_eq(buf_str(&out), str_of(want)), "got:\n%.*s\nwant:\n%s", STR_ARG(buf_str(&out)), want);
}

START_TEST(a_change_touches_nothing_else)
{
	const char *note =
		"---\n# about\nstatus:   open   # for now\n\n# people\nwho:\n- Ann\n- Bo\nlast: x\n---\nbody\n";

	check_change(note, "{\"status\":\"done\"}",
		     "---\n# about\nstatus: done\n\n# people\nwho:\n- Ann\n- Bo\nlast: x\n---\nbody\n");
	check_change(note, "{\"who\":null,\"n\":1.50}",
		     "---\n# about\nstatus:   open   # for now\n\n# people\nlast: x\nn: 1.50\n---\nbody\n");
	check_change(
		note, "{\"who\":[\"C: d\",\"e\"],\"last\":\"yes\"}",
		"---\n# about\nstatus:   open   # for now\n\n# people\nwho:\n  - \"C: d\"\n  - e\nlast: \"yes\"\n---\n"
		"body\n");
	check_change("body", "{\"a\":{\"b\":[true,null]}}", "---\na: {\"b\":[true,null]}\n---\nbody");
	check_change("body", "{\"a\":null}", "body");
	check_change("---\n---\nbody", "{\"a\":\"\"}", "---\na: \"\"\n---\nbody");
	check_change("---\na: |\n  one\n\n  # two\nb: 1\n---\n", "{\"a\":\"x y\"}", "---\na: x y\nb: 1\n---\n");
}
END_TEST

START_TEST(what_cannot_be_read_is_not_changed)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	yyjson_val *root;
	AUTO_BUF out = {0};

	ck_ok(json_read(arena, STR("{\"b\":1}"), &root));
	ck_err(front_change(arena, STR("---\na: *b\n---\n"), root, &out), ERR_RPC_PARAMS);
	ck_err(front_change(arena, STR("---\n{a: 1, c: 2}\n---\n"), root, &out), ERR_RPC_PARAMS);
	ck_assert_uint_eq(out.n, 0);
}
END_TEST

UNIT_MAIN("front", it_is_found, it_is_read, a_change_touches_nothing_else, what_cannot_be_read_is_not_changed)
