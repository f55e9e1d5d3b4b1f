/* Upstreams and toolsets made at run time: bounded, changed only by who read the present row, out of force with their
 * tenant. */
#include "../store_database.h"

#include "store/part.h"

static struct part make(struct str tenant_id, const char *id, const char *name)
{
	return (struct part){
		.id = str_of(id),
		.tenant_id = tenant_id,
		.name = str_of(name),
		.document = STR("{\"http\":\"https://a.example/mcp\"}"),
		.created_ms = 1000,
	};
}

static AWAITS void rows_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	int64_t before, after;

	for (enum part_kind kind = PART_UPSTREAM; kind < PART_KINDS; kind++) {
		struct part common = make(STR(""), "01A", "billing"), own = make(acme.id, "01B", "own"), found, *list;
		struct part taken = make(acme.id, "01C", "billing");
		size_t count;

		ck_ok(store_generation(db, &before));
		ck_ok(part_insert(db, kind, &common));
		ck_ok(part_insert(db, kind, &own));
		ck_err(part_insert(db, kind, &taken), ERR_EXISTS);
		ck_ok(store_generation(db, &after));
		ck_assert_int_eq(after, before + 2);

		ck_ok(part_get(db, DB_ALL_TENANTS, arena, kind, own.id, &found));
		ck_bytes(found.tenant_id, acme.id);
		ck_str(found.name, "own");
		ck_bytes(found.document, own.document);
		ck_assert(!found.disabled && found.changed_ms == 1000);
		ck_err(part_get(db, DB_ALL_TENANTS, arena, kind, STR("01Z"), &found), ERR_NOT_FOUND);

		ck_ok(part_list(db, arena, kind, STR_NONE, STR(""), 10, &list, &count));
		ck_assert_uint_eq(count, 2);
		ck_ok(part_list(db, arena, kind, acme.id, STR(""), 10, &list, &count));
		ck_assert_uint_eq(count, 1);
		ck_str(list[0].id, "01B");
		ck_ok(part_list(db, arena, kind, STR(""), STR(""), 10, &list, &count));
		ck_assert_uint_eq(count, 1);
		ck_str(list[0].id, "01A");

		common.document = STR("{}");
		common.changed_ms = 1000;
		ck_ok(part_update(db, DB_ALL_TENANTS, kind, &common, 1000));
		ck_err(part_update(db, DB_ALL_TENANTS, kind, &common, 1000), ERR_NOT_FOUND);
		ck_ok(part_get(db, DB_ALL_TENANTS, arena, kind, common.id, &found));
		ck_assert_int_eq(found.changed_ms, 1001);
		ck_ok(part_delete(db, DB_ALL_TENANTS, kind, common.id));
		ck_err(part_delete(db, DB_ALL_TENANTS, kind, common.id), ERR_NOT_FOUND);
	}
}

START_TEST(rows_are_kept)
{
	test_with_store(1, rows_body);
}
END_TEST

static AWAITS void force_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct part common = make(STR(""), "01A", "a"), own = make(acme.id, "01B", "b"),
		    off = make(STR(""), "01C", "c");
	struct part *list;
	size_t count;

	off.disabled = true;
	ck_ok(part_insert(db, PART_UPSTREAM, &common));
	ck_ok(part_insert(db, PART_UPSTREAM, &own));
	ck_ok(part_insert(db, PART_UPSTREAM, &off));
	ck_ok(part_in_force(db, arena, PART_UPSTREAM, &list, &count));
	ck_assert_uint_eq(count, 2);
	ck_ok(tenant_get(db, arena, acme.id, &acme));
	acme.disabled = true;
	ck_ok(tenant_update(db, &acme, acme.changed_ms));
	ck_ok(part_in_force(db, arena, PART_UPSTREAM, &list, &count));
	ck_assert_uint_eq(count, 1);
	ck_str(list[0].id, "01A");
}

START_TEST(only_some_are_in_force)
{
	test_with_store(1, force_body);
}
END_TEST

static AWAITS void bounds_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct part part = make(acme.id, "x", "x");

	for (int i = 0; i <= PARTS_PER_TENANT_MAX; i++) {
		part.id = part.name = arena_fmt(arena, "n%02d", i);
		ck_err(part_insert(db, PART_TOOLSET, &part), i < PARTS_PER_TENANT_MAX ? OK : ERR_LIMIT);
	}
	part.tenant_id = STR("");
	ck_ok(part_insert(db, PART_TOOLSET, &part));
	part.id = part.name = STR("large");
	part.document = (struct str){arena_zalloc(arena, PART_DOCUMENT_BYTES_MAX + 1), PART_DOCUMENT_BYTES_MAX + 1};
	ck_err(part_insert(db, PART_TOOLSET, &part), ERR_LIMIT);
}

START_TEST(they_are_bounded)
{
	test_with_store(1, bounds_body);
}
END_TEST

DATABASE_MAIN("part", rows_are_kept, only_some_are_in_force, they_are_bounded)
