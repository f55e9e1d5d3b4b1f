/* API keys as rows: found by MAC with their tenant, revoked by id or a beginning of it, touched
 * in batches. */
#include "../store_database.h"

#include "store/api_key.h"

static struct api_key make(const struct tenant *tenant, const char *id, uint8_t seed)
{
	struct api_key key = {
		.id = str_of(id),
		.tenant_id = tenant->id,
		.name = STR("laptop"),
		.hint = STR("gh_Ab3d"),
		.role = STR("member"),
		.created_ms = 1000 + seed,
		.expires_ms = 0,
	};

	memset(key.mac, seed, sizeof(key.mac));
	return key;
}

static AWAITS void find_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme"), other = test_tenant(db, arena, "other");
	struct api_key one = make(&acme, "01AAAA", 1), two = make(&other, "01AABB", 2), found, *list;
	struct tenant nobody = {.id = STR("nobody")};
	int64_t before, after;
	size_t count;

	two.expires_ms = 77;
	ck_ok(store_generation(db, &before));
	ck_ok(api_key_insert(db, &one));
	ck_ok(api_key_insert(db, &two));
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before + 2);

	ck_ok(api_key_find(db, arena, two.mac, &found));
	ck_str(found.id, "01AABB");
	ck_bytes(found.tenant_id, other.id);
	ck_str(found.tenant_name, "other");
	ck_str(found.name, "laptop");
	ck_str(found.hint, "gh_Ab3d");
	ck_str(found.role, "member");
	ck_assert_mem_eq(found.mac, two.mac, 32);
	ck_assert_int_eq(found.created_ms, 1002);
	ck_assert_int_eq(found.expires_ms, 77);
	ck_assert_int_eq(found.revoked_ms, 0);
	ck_assert_int_eq(found.last_used_ms, 0);
	ck_assert(!found.tenant_disabled);

	ck_err(api_key_insert(db, &one), ERR_EXISTS);
	one = make(&acme, "01CCCC", 1); /* another id, the same MAC */
	ck_err(api_key_insert(db, &one), ERR_EXISTS);
	one = make(&nobody, "01DDDD", 4);
	ck_err(api_key_insert(db, &one), ERR_NOT_FOUND);
	ck_err(api_key_find(db, arena, one.mac, &found), ERR_NOT_FOUND);

	ck_ok(api_key_list(db, arena, acme.id, &list, &count));
	ck_assert_uint_eq(count, 1);
	ck_str(list[0].id, "01AAAA");
	ck_ok(test_write(db, "UPDATE tenant SET disabled = 1 WHERE name = 'other'"));
	ck_ok(api_key_find(db, arena, two.mac, &found));
	ck_assert(found.tenant_disabled);
}

START_TEST(keys_are_found_by_mac)
{
	test_with_store(1, find_body);
}
END_TEST

static AWAITS void revoke_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct api_key one = make(&acme, "01AAAA", 1), two = make(&acme, "01AABB", 2), found;
	int64_t before, after;

	ck_ok(api_key_insert(db, &one));
	ck_ok(api_key_insert(db, &two));
	ck_ok(store_generation(db, &before));
	ck_err(api_key_revoke(db, DB_ALL_TENANTS, STR("01AA"), 5), ERR_EXISTS);
	ck_err(api_key_revoke(db, DB_ALL_TENANTS, STR("02"), 5), ERR_NOT_FOUND);
	ck_err(api_key_revoke(db, DB_ALL_TENANTS, STR(""), 5), ERR_NOT_FOUND);
	ck_err(api_key_revoke(db, DB_ALL_TENANTS, STR("01AAB%"), 5), ERR_NOT_FOUND);
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before);

	ck_ok(api_key_revoke(db, DB_ALL_TENANTS, STR("01AAB"), 5));
	ck_ok(api_key_revoke(db, DB_ALL_TENANTS, STR("01AABB"), 6)); /* the first time stays */
	ck_ok(api_key_find(db, arena, two.mac, &found));
	ck_assert_int_eq(found.revoked_ms, 5);
	ck_ok(api_key_find(db, arena, one.mac, &found));
	ck_assert_int_eq(found.revoked_ms, 0);
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before + 2);
}

START_TEST(keys_are_revoked)
{
	test_with_store(1, revoke_body);
}
END_TEST

#define TOUCHED 600 /* more than one write takes */

static AWAITS void touch_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct api_key_use *uses = calloc(TOUCHED, sizeof(*uses));
	struct api_key key = make(&acme, uses[0].id, 0);
	int64_t before, after;

	for (int i = 0; i < TOUCHED; i++) {
		(void)snprintf(uses[i].id, sizeof(uses[i].id), "%05d", i);
		key.id = str_of(uses[i].id);
		memcpy(key.mac, uses[i].id, 5);
		if (i < 3 || i == TOUCHED - 1)
			ck_ok(api_key_insert(db, &key));
		uses[i].used_ms = 100 + i;
	}
	ck_ok(store_generation(db, &before));
	ck_ok(api_key_touch(db, uses, TOUCHED)); /* keys that are gone meanwhile do no harm */
	ck_assert_int_eq(test_int(db, "SELECT sum(last_used_ms) FROM api_key"), 100 + 101 + 102 + 100 + TOUCHED - 1);
	uses[1].used_ms = 50; /* older news */
	ck_ok(api_key_touch(db, uses, 2));
	ck_assert_int_eq(test_int(db, "SELECT last_used_ms FROM api_key WHERE id = '00001'"), 101);
	ck_ok(api_key_touch(db, uses, 0));
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before); /* no cache cares */
	free(uses);
}

START_TEST(keys_are_touched)
{
	test_with_store(1, touch_body);
}
END_TEST

DATABASE_MAIN("api_key", keys_are_found_by_mac, keys_are_revoked, keys_are_touched)
