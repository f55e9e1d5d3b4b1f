/* Cursors and ETags: what they hold, and what they do not survive. */
#include "unit.h"

#include "portal/table.h"
#include "portal/work.h"

struct setting {
	struct portal portal;
	struct caller caller;
	struct api_call call;
	struct work work;
};

static struct setting *set_up(struct arena *arena, struct secret *key)
{
	struct setting *setting = ARENA_NEW(arena, struct setting);

	setting->portal.spec.key = key;
	memcpy(setting->caller.principal, "01PRINCIPAL", 12);
	setting->call = (struct api_call){.arena = arena, .caller = &setting->caller, .query = STR("event=a&limit=5")};
	setting->work = (struct work){.portal = &setting->portal,
				      .call = &setting->call,
				      .arena = arena,
				      .resource = &resource_users,
				      .tenant = {.id = STR("01TENANT")}};
	return setting;
}

START_TEST(a_cursor_comes_back)
{
	struct arena *arena = arena_new(1 << 20);
	struct secret *key = secret_random();
	struct setting *setting = set_up(arena, key);
	struct str cursor = cursor_make(&setting->work, STR("01AFTER")), after;

	ck_ok(cursor_open(&setting->work, cursor, &after));
	ck_str(after, "01AFTER");
	setting->call.query = STR("event=a&limit=7&cursor=xyz");
	ck_ok(cursor_open(&setting->work, cursor, &after)); /* pages may differ in size */
	secret_free(key);
	arena_free(arena);
}
END_TEST

START_TEST(a_cursor_is_of_one_list)
{
	struct arena *arena = arena_new(1 << 20);
	struct secret *key = secret_random(), *other = secret_random();
	struct setting *setting = set_up(arena, key);
	struct work *work = &setting->work;
	struct str cursor = cursor_make(work, STR("01AFTER")), after;
	struct work changed = *work;

	changed.resource = &resource_keys;
	ck_err(cursor_open(&changed, cursor, &after), ERR_API_CURSOR);
	changed = *work;
	changed.tenant.id = STR("01OTHER");
	ck_err(cursor_open(&changed, cursor, &after), ERR_API_CURSOR);
	changed = *work;
	changed.export = true;
	ck_err(cursor_open(&changed, cursor, &after), ERR_API_CURSOR);
	setting->call.query = STR("event=b&limit=5");
	ck_err(cursor_open(work, cursor, &after), ERR_API_CURSOR);
	setting->call.query = STR("event=a&limit=5");
	setting->caller.principal[3] = 'x';
	ck_err(cursor_open(work, cursor, &after), ERR_API_CURSOR);
	setting->caller.principal[3] = 'R';
	ck_ok(cursor_open(work, cursor, &after));
	setting->portal.spec.key = other;
	ck_err(cursor_open(work, cursor, &after), ERR_API_CURSOR);
	secret_free(key);
	secret_free(other);
	arena_free(arena);
}
END_TEST

START_TEST(what_is_no_cursor_is_refused)
{
	static const char *const bad[] = {"",	 "a",	 "abc", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
					  "a b", "====", "\xff"};
	struct arena *arena = arena_new(1 << 20);
	struct secret *key = secret_random();
	struct setting *setting = set_up(arena, key);
	struct str after, cursor = cursor_make(&setting->work, STR("01AFTER"));
	char *flipped = arena_alloc(arena, cursor.n);
	struct buf huge = {0};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(cursor_open(&setting->work, str_of(bad[i]), &after), ERR_API_CURSOR);
	for (size_t i = 0; i < cursor.n; i++) {
		memcpy(flipped, cursor.p, cursor.n);
		flipped[i] = flipped[i] == 'A' ? 'B' : 'A';
		ck_err(cursor_open(&setting->work, (struct str){flipped, cursor.n}, &after), ERR_API_CURSOR);
	}
	for (size_t i = 0; i < 100000; i++)
		buf_put_byte(&huge, 'A');
	ck_err(cursor_open(&setting->work, buf_str(&huge), &after), ERR_API_CURSOR);
	buf_free(&huge);
	secret_free(key);
	arena_free(arena);
}
END_TEST

START_TEST(an_etag_is_of_what_people_changed)
{
	struct arena *arena = arena_new(1 << 20);
	struct object *object = ARENA_NEW(arena, struct object);
	struct str before;

	for (size_t i = 0; i < resource_keys.field_count; i++)
		object->at[i] = (struct value){.given = true, .text = STR(""), .number = 0};
	before = object_etag(arena, &resource_keys, object);
	ck_assert_uint_eq(before.n, 34);
	for (size_t i = 0; i < resource_keys.field_count; i++) {
		const struct field *field = &resource_keys.fields[i];
		bool counts = !(field->traits & (FIELD_VOLATILE | FIELD_SHOWN_ONCE));

		object->at[i] = (struct value){.given = true, .text = STR("[\"x\"]"), .number = 77};
		ck_assert_msg(str_eq(object_etag(arena, &resource_keys, object), before) == !counts, "%s", field->name);
		object->at[i] = (struct value){.given = true, .text = STR(""), .number = 0};
	}
	arena_free(arena);
}
END_TEST

START_TEST(words_go_there_and_back)
{
	struct arena *arena = arena_new(1 << 20);

	ck_str(value_words(arena, STR("")).text, "[]");
	ck_str(value_words(arena, STR("a  b c")).text, "[\"a\",\"b\",\"c\"]");
	ck_str(words_spaced(arena, STR("[\"a\",\"b\"]")), "a b");
	ck_str(words_spaced(arena, STR("")), "");
	arena_free(arena);
}
END_TEST

UNIT_MAIN("cursor", a_cursor_comes_back, a_cursor_is_of_one_list, what_is_no_cursor_is_refused,
	  an_etag_is_of_what_people_changed, words_go_there_and_back)
