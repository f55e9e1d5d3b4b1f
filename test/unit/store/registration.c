/* Registrations as rows: one for a tenant and server, changes by whoever read the present row, what goes with whom, and
 * that a key stays while one is sealed with it. */
#include "../store_database.h"

#include "store/data_key.h"
#include "store/person.h"
#include "store/registration.h"
#include "store/sealed.h"

/* A value under version 1, as far as the store looks at it. */
#define SEALED(rest) STR("\x01\x00\x00\x00\x01" rest)

static struct registration_row make(struct str tenant_id, const char *id, const char *upstream)
{
	return (struct registration_row){
		.id = str_of(id),
		.tenant_id = tenant_id,
		.upstream = str_of(upstream),
		.issuer = STR("https://as.example"),
		.client_id = STR("us"),
		.sealed = SEALED("one"),
		.expires_ms = 5000,
		.created_ms = 1000,
	};
}

AWAITS static void put_key(struct db *db, struct str tenant_id, int64_t version)
{
	ck_ok(data_key_put(db, &(struct data_key){.tenant_id = tenant_id,
						  .version = version,
						  .kek = STR("k1"),
						  .wrapped = STR("wrapped"),
						  .created_ms = 1000}));
}

static AWAITS void rows_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme"), other = test_tenant(db, arena, "other");
	struct registration_row one = make(acme.id, "r1", "files"), taken = make(acme.id, "r2", "files"), found;

	ck_err(registration_insert(db, &one), ERR_NOT_FOUND); /* under no key */
	put_key(db, acme.id, 1);
	ck_ok(registration_insert(db, &one));
	ck_err(registration_insert(db, &taken), ERR_EXISTS);
	ck_ok(registration_find(db, arena, acme.id, STR("files"), &found));
	ck_str(found.id, "r1");
	ck_str(found.issuer, "https://as.example");
	ck_str(found.client_id, "us");
	ck_bytes(found.sealed, one.sealed);
	ck_assert_int_eq(found.expires_ms, 5000);
	ck_assert_int_eq(found.changed_ms, 1000);
	ck_err(registration_find(db, arena, other.id, STR("files"), &found), ERR_NOT_FOUND);
	ck_err(registration_find(db, arena, acme.id, STR("mail"), &found), ERR_NOT_FOUND);

	one.issuer = STR("https://other.example");
	one.sealed = SEALED("two");
	one.changed_ms = 1000; /* two changes within one ms do not look the same */
	ck_ok(registration_update(db, &one, 1000));
	ck_err(registration_update(db, &one, 1000), ERR_NOT_FOUND);
	ck_ok(registration_find(db, arena, acme.id, STR("files"), &found));
	ck_str(found.issuer, "https://other.example");
	ck_bytes(found.sealed, SEALED("two"));
	ck_assert_int_eq(found.changed_ms, 1001);

	ck_ok(registration_delete(db, acme.id, STR("files"), STR("somebody")));
	ck_ok(registration_delete(db, other.id, STR("files"), STR("us")));
	ck_ok(registration_find(db, arena, acme.id, STR("files"), &found));
	ck_ok(registration_delete(db, acme.id, STR("files"), STR("us")));
	ck_err(registration_find(db, arena, acme.id, STR("files"), &found), ERR_NOT_FOUND);
	ck_err(registration_update(db, &one, 1001), ERR_NOT_FOUND);
}

START_TEST(rows_are_kept)
{
	test_with_store(1, rows_body);
}
END_TEST

static AWAITS void bounds_body(struct db *db)
{
	static char large[REGISTRATION_SEALED_BYTES_MAX + 1] = "\x01\x00\x00\x00\x01";
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct registration_row one = make(acme.id, "r1", "files"), more = make(acme.id, "r2", "mail");
	const struct db_statement fill = {
		.sql = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)"
		       " INSERT INTO registration (id, tenant_id, upstream, issuer, client_id, sealed, created_ms,"
		       " changed_ms) SELECT 'f' || i, r.tenant_id, 'u' || i, '', '', r.sealed, 1, 1 FROM n, "
		       "registration r",
		.changes_expected = -1};

	put_key(db, acme.id, 1);
	one.sealed = (struct str){large, sizeof(large)};
	ck_err(registration_insert(db, &one), ERR_LIMIT);
	ck_err(registration_update(db, &one, 1000), ERR_LIMIT);
	one.sealed = SEALED("one");
	ck_ok(registration_insert(db, &one));
	ck_ok(db_write(db, acme.id, &fill, 1));
	ck_err(registration_insert(db, &more), ERR_LIMIT);
}

START_TEST(rows_are_bounded)
{
	test_with_store(1, bounds_body);
}
END_TEST

static AWAITS void keys_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct registration_row one = make(acme.id, "r1", "files");
	struct sealed_row *rows, row;
	size_t count;

	put_key(db, acme.id, 1);
	ck_ok(registration_insert(db, &one));
	put_key(db, acme.id, 2);
	ck_ok(sealed_stale(db, arena, SEALED_REGISTRATION, acme.id, 2, STR(""), &rows, &count));
	ck_assert_uint_eq(count, 1);
	row = rows[0];
	ck_ok(sealed_retire(db, acme.id, 2)); /* a value needs it */
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM data_key"), 2);
	ck_ok(sealed_swap(db, SEALED_REGISTRATION, acme.id, &row, STR("\x01\x00\x00\x00\x02x")));
	ck_err(sealed_swap(db, SEALED_REGISTRATION, acme.id, &row, STR("\x01\x00\x00\x00\x02y")), ERR_NOT_FOUND);
	ck_ok(sealed_retire(db, acme.id, 2));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM data_key"), 1);
	ck_ok(person_erase_tenant(db, acme.id));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM registration"), 0);
}

START_TEST(keys_stay_while_one_is_sealed_with_them)
{
	test_with_store(1, keys_body);
}
END_TEST

DATABASE_MAIN("registration", rows_are_kept, rows_are_bounded, keys_stay_while_one_is_sealed_with_them)
