/* Tenants and the generation that tells caches of changes. */
#include "../store_database.h"

#include "base/random.h"

static AWAITS void tenant_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	int64_t before, after;
	struct tenant made, found, *list;
	size_t count;

	ck_ok(store_generation(db, &before));
	ck_ok(tenant_create(db, arena, STR("acme"), &made));
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before + 1);
	ck_assert_uint_eq(made.id.n, ID_LEN);
	ck_assert_int_gt(made.created_ms, 0);

	ck_err(tenant_create(db, arena, STR("acme"), &found), ERR_EXISTS);
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before + 1); /* rolled back with the rest */

	ck_ok(tenant_find(db, arena, STR("acme"), &found));
	ck_bytes(found.id, made.id);
	ck_str(found.name, "acme");
	ck_assert_int_eq(found.created_ms, made.created_ms);
	ck_assert(!found.disabled);
	ck_err(tenant_find(db, arena, STR("acm"), &found), ERR_NOT_FOUND);

	test_tenant(db, arena, "0-first");
	ck_ok(tenant_list(db, arena, &list, &count));
	ck_assert_uint_eq(count, 2);
	ck_str(list[0].name, "0-first");
	ck_str(list[1].name, "acme");
}

START_TEST(tenants_are_kept)
{
	test_with_store(1, tenant_body);
}
END_TEST

static AWAITS void names_body(struct db *db)
{
	static const char *const bad[] = {"", "Acme", "a b", "a_b", "a.b", "\xc3\xa4", "a/b", "a'b"};
	AUTO(arena) *arena = arena_new(1 << 20);
	char longest[64];
	struct tenant tenant;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		ck_err(tenant_create(db, arena, str_of(bad[i]), &tenant), ERR_RPC_PARAMS);
	memset(longest, 'x', sizeof(longest));
	ck_err(tenant_create(db, arena, (struct str){longest, 64}, &tenant), ERR_RPC_PARAMS);
	ck_ok(tenant_create(db, arena, (struct str){longest, 63}, &tenant));
	ck_ok(tenant_create(db, arena, STR("-"), &tenant));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM tenant"), 2);
}

START_TEST(names_are_checked)
{
	test_with_store(1, names_body);
}
END_TEST

UNIT_MAIN("tenant", tenants_are_kept, names_are_checked)
