/* Splices: every way of removing members from small objects must leave valid JSON with the
 * right members; values and insertions keep all other bytes. */
#include "../unit.h"

#include "base/json_scan.h"

static struct arena *arena;
static struct json_index found;
static struct json_splice splice;
static struct buf out;

static void start(const char *text)
{
	arena_free(arena);
	arena = arena_new(1 << 20);
	ck_ok(json_scan(arena, arena_str(arena, str_of(text)), &found));
	splice = (struct json_splice){.text = found.text};
}

static struct str result(void)
{
	struct json_index again;

	out.n = 0;
	json_splice_write(&splice, &out);
	ck_ok(json_scan(arena, buf_str(&out), &again));
	return buf_str(&out);
}

static const struct json_member *at(const char *key)
{
	const struct json_member *m = json_member(&found, NULL, str_of(key));

	ck_assert_ptr_nonnull(m);
	return m;
}

START_TEST(nothing_changes)
{
	start(" {\"a\" : 1.50, \"b\":[ ] } ");
	ck_str(result(), " {\"a\" : 1.50, \"b\":[ ] } ");
}
END_TEST

START_TEST(values_are_replaced)
{
	start("{\"id\": 7,\"params\":{\"name\":\"x\"}}");
	json_splice_value(&splice, at("id"), STR("\"gw-1\""));
	json_splice_value(&splice, json_member(&found, at("params"), STR("name")), STR("\"longer\""));
	ck_str(result(), "{\"id\": \"gw-1\",\"params\":{\"name\":\"longer\"}}");
}
END_TEST

START_TEST(members_are_removed)
{
	start("{\"a\":1, \"b\" : 2 , \"c\":3}");
	json_splice_remove(&splice, &found, at("b"));
	ck_str(result(), "{\"a\":1,  \"c\":3}");
	start("{ \"a\" : {} }");
	json_splice_remove(&splice, &found, at("a"));
	ck_str(result(), "{}");
	start("{\"a\":1,\"b\":2}");
	json_splice_remove(&splice, &found, at("b"));
	ck_str(result(), "{\"a\":1}");
}
END_TEST

START_TEST(members_are_inserted)
{
	start("{\"p\":{},\"q\":{ },\"r\":{\"x\":1}}");
	json_splice_insert(&splice, at("p")->value, STR("\"a\":1"), arena);
	json_splice_insert(&splice, at("q")->value, STR("\"a\":1,\"b\":2"), arena);
	json_splice_insert(&splice, at("r")->value, STR("\"a\":1"), arena);
	ck_str(result(), "{\"p\":{\"a\":1},\"q\":{\"a\":1,\"b\":2 },\"r\":{\"a\":1,\"x\":1}}");
}
END_TEST

/* Each subset of four members removed, each of the rest with its value kept or replaced, with
 * and without an insertion, in a tight and in a loose spelling. */
static void one_combination(const char *text, unsigned removed, unsigned replaced, bool insert)
{
	static const char *const keys[] = {"a", "b", "c", "d"};
	struct json_index again;
	uint32_t count = 0;

	start(text);
	if (insert)
		json_splice_insert(&splice, str_trim(found.text), STR("\"new\":0"), arena);
	for (unsigned i = 0; i < 4; i++) {
		if ((removed >> i & 1) != 0)
			json_splice_remove(&splice, &found, at(keys[i]));
		else if ((replaced >> i & 1) != 0)
			json_splice_value(&splice, at(keys[i]), STR("\"other\""));
	}
	ck_ok(json_scan(arena, result(), &again));
	for (unsigned i = 0; i < 4; i++) {
		const struct json_member *m = json_member(&again, NULL, str_of(keys[i]));

		ck_assert((m == NULL) == ((removed >> i & 1) != 0));
		if (m != NULL)
			ck_assert(str_eq(m->value, STR("\"other\"")) == ((replaced >> i & 1) != 0));
		count += m != NULL;
	}
	ck_assert((json_member(&again, NULL, STR("new")) != NULL) == insert);
	ck_assert_uint_eq(again.count, count + insert);
}

START_TEST(every_combination)
{
	for (unsigned bits = 0; bits < 512; bits++) {
		one_combination("{\"a\":1,\"b\":[2],\"c\":\"3,\",\"d\":null}", bits & 15, bits >> 4 & 15, bits >> 8);
		one_combination(" { \"a\" : 1 , \"b\" : [ 2 ] ,\n\"c\" : \"3,\" , \"d\" : null } ", bits & 15,
				bits >> 4 & 15, bits >> 8);
	}
}
END_TEST

UNIT_MAIN("json_splice", nothing_changes, values_are_replaced, members_are_removed, members_are_inserted,
	  every_combination)
