/* Certificates as rows: found by fingerprint with account and tenant, one account each, listed in pages, unbound. */
#include "../store_database.h"

#include "store/certificate.h"
#include "store/user.h"

AWAITS static void make_user(struct db *db, struct str tenant_id, const char *id, const char *kind)
{
	const struct user user = {.id = str_of(id),
				  .tenant_id = tenant_id,
				  .kind = str_of(kind),
				  .email = str_of(strcmp(kind, "person") == 0 ? "ada@example.com" : ""),
				  .name = STR("robot"),
				  .role = STR("member"),
				  .created_ms = 1};

	ck_ok(user_insert(db, &user));
}

static struct certificate make(struct str tenant_id, const char *user_id, uint8_t seed)
{
	struct certificate certificate = {
		.tenant_id = tenant_id, .user_id = str_of(user_id), .name = STR("press"), .created_ms = 7};

	memset(certificate.fingerprint, seed, sizeof(certificate.fingerprint));
	return certificate;
}

static AWAITS void find_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme"), other = test_tenant(db, arena, "other");
	struct certificate one, found;
	int64_t before, after;

	make_user(db, acme.id, "robot", "service");
	make_user(db, acme.id, "ada", "person");
	one = make(acme.id, "robot", 0xa5);
	ck_ok(store_generation(db, &before));
	ck_ok(certificate_insert(db, &one));
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before + 1);

	ck_ok(certificate_find(db, DB_ALL_TENANTS, arena, one.fingerprint, &found));
	ck_assert_mem_eq(found.fingerprint, one.fingerprint, 32);
	ck_assert_uint_eq(found.hex.n, CERTIFICATE_HEX_LEN);
	ck_assert(str_starts(found.hex, STR("a5a5")));
	ck_bytes(found.tenant_id, acme.id);
	ck_str(found.tenant_name, "acme");
	ck_str(found.user_id, "robot");
	ck_str(found.user_role, "member");
	ck_str(found.name, "press");
	ck_assert_int_eq(found.created_ms, 7);
	ck_assert(!found.user_disabled && !found.tenant_disabled);

	ck_err(certificate_insert(db, &one), ERR_EXISTS);
	one = make(acme.id, "ada", 1);
	ck_err(certificate_insert(db, &one), ERR_NOT_FOUND); /* a person */
	one = make(other.id, "robot", 1);
	ck_err(certificate_insert(db, &one), ERR_NOT_FOUND); /* another tenant's */
	ck_err(certificate_find(db, DB_ALL_TENANTS, arena, one.fingerprint, &found), ERR_NOT_FOUND);

	one = make(acme.id, "robot", 0xa5);
	ck_ok(certificate_find_hint(db, DB_ALL_TENANTS, arena, STR("robot"), STR("a5a5a5"), &found));
	ck_err(certificate_find_hint(db, DB_ALL_TENANTS, arena, STR("robot"), STR("a5a5a6"), &found), ERR_NOT_FOUND);
	ck_err(certificate_find_hint(db, DB_ALL_TENANTS, arena, STR("ada"), STR("a5a5a5"), &found), ERR_NOT_FOUND);

	ck_ok(test_write(db, "UPDATE account SET disabled = 1 WHERE id = 'robot'"));
	ck_ok(certificate_find(db, DB_ALL_TENANTS, arena, one.fingerprint, &found));
	ck_assert(found.user_disabled && !found.tenant_disabled);
	ck_ok(test_write(db, "UPDATE tenant SET disabled = 1 WHERE name = 'acme'"));
	ck_ok(certificate_find(db, DB_ALL_TENANTS, arena, one.fingerprint, &found));
	ck_assert(found.tenant_disabled);
}

START_TEST(certificates_are_found)
{
	test_with_store(1, find_body);
}
END_TEST

static AWAITS void page_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme"), other = test_tenant(db, arena, "other");
	struct certificate one, *list;
	int64_t before, after;
	size_t count;

	make_user(db, acme.id, "robot", "service");
	make_user(db, other.id, "theirs", "service");
	for (uint8_t seed = 1; seed <= 3; seed++) {
		one = make(acme.id, "robot", seed);
		ck_ok(certificate_insert(db, &one));
	}
	one = make(other.id, "theirs", 9);
	ck_ok(certificate_insert(db, &one));

	ck_ok(certificate_page(db, arena, acme.id, STR(""), 2, &list, &count));
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(list[1].fingerprint[0], 2);
	ck_ok(certificate_page(db, arena, acme.id, list[1].hex, 2, &list, &count));
	ck_assert_uint_eq(count, 1);
	ck_assert_uint_eq(list[0].fingerprint[0], 3);

	ck_ok(store_generation(db, &before));
	ck_ok(certificate_delete(db, DB_ALL_TENANTS, list[0].fingerprint));
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before + 1);
	ck_err(certificate_delete(db, DB_ALL_TENANTS, list[0].fingerprint), ERR_NOT_FOUND);
	ck_ok(user_delete(db, DB_ALL_TENANTS, STR("robot"), 8));
	ck_ok(certificate_page(db, arena, acme.id, STR(""), 9, &list, &count));
	ck_assert_uint_eq(count, 0);
	ck_ok(certificate_page(db, arena, other.id, STR(""), 9, &list, &count));
	ck_assert_uint_eq(count, 1);
}

START_TEST(pages_and_ends)
{
	test_with_store(1, page_body);
}
END_TEST

DATABASE_MAIN("certificate", certificates_are_found, pages_and_ends)
