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

static AWAITS void update_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme"), found, *page;
	int64_t before, after;
	size_t count;

	test_tenant(db, arena, "other");
	ck_ok(tenant_get(db, arena, acme.id, &found));
	ck_str(found.limits, "{}");
	ck_str(found.networks, "[]");
	found.title = STR("Acme Ltd");
	found.plan = STR("small");
	found.networks = STR("[\"10.0.0.0/8\"]");
	found.disabled = true;
	ck_ok(store_generation(db, &before));
	ck_ok(tenant_update(db, &found, found.changed_ms));
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before + 1);
	ck_err(tenant_update(db, &found, found.changed_ms), ERR_NOT_FOUND); /* it is another one by now */
	ck_ok(tenant_get(db, arena, acme.id, &found));
	ck_str(found.title, "Acme Ltd");
	ck_str(found.plan, "small");
	ck_assert(found.disabled);
	ck_err(tenant_get(db, arena, STR("acme"), &found), ERR_NOT_FOUND);

	ck_ok(tenant_page(db, arena, STR(""), 1, &page, &count));
	ck_assert_uint_eq(count, 1);
	ck_ok(tenant_page(db, arena, page[0].id, 5, &page, &count));
	ck_assert_uint_eq(count, 1);
}

START_TEST(tenants_change)
{
	test_with_store(1, update_body);
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

DATABASE_MAIN("tenant", tenants_are_kept, tenants_change, names_are_checked)
