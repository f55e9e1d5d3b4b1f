/* Credentials and data keys as rows: bounds, changes by whoever read the present row, what goes with whom. */
#include "../store_database.h"

#include "store/credential.h"
#include "store/data_key.h"
#include "store/person.h"
#include "store/sealed.h"
#include "store/user.h"

/* A value under version 1, as far as the store looks at it. */
#define SEALED(rest) STR("\x01\x00\x00\x00\x01" rest)

static struct credential_row make(struct str tenant_id, const char *id, const char *upstream, struct str user_id)
{
	return (struct credential_row){
		.id = str_of(id),
		.tenant_id = tenant_id,
		.upstream = str_of(upstream),
		.user_id = user_id,
		.kind = STR("static"),
		.hint = STR("...abcd"),
		.sealed = SEALED("one"),
		.state = STR("active"),
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
	struct credential_row shared = make(acme.id, "c1", "files", STR("")),
			      own = make(acme.id, "c2", "files", STR("u1")),
			      taken = make(acme.id, "c3", "files", STR("u1")), found, *list;
	int64_t before, after;
	size_t count;

	ck_err(credential_insert(db, &shared), ERR_NOT_FOUND); /* under no key */
	put_key(db, acme.id, 1);
	ck_ok(store_generation(db, &before));
	ck_ok(credential_insert(db, &shared));
	ck_ok(credential_insert(db, &own));
	ck_err(credential_insert(db, &taken), ERR_EXISTS);
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before + 2);

	ck_ok(credential_find(db, arena, acme.id, STR("files"), STR("u1"), &found));
	ck_str(found.id, "c2");
	ck_bytes(found.sealed, own.sealed);
	ck_str(found.hint, "...abcd");
	ck_assert_int_eq(found.changed_ms, 1000);
	ck_err(credential_find(db, arena, acme.id, STR("files"), STR("u2"), &found), ERR_NOT_FOUND);
	ck_err(credential_get(db, arena, other.id, STR("c1"), &found), ERR_NOT_FOUND);
	ck_ok(credential_list(db, arena, acme.id, STR_NONE, STR_NONE, STR(""), 10, &list, &count));
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(list[0].sealed.n, 0);
	ck_ok(credential_list(db, arena, acme.id, STR("files"), STR(""), STR(""), 10, &list, &count));
	ck_assert_uint_eq(count, 1);
	ck_str(list[0].id, "c1");
	ck_ok(credential_list(db, arena, acme.id, STR_NONE, STR_NONE, STR("c1"), 10, &list, &count));
	ck_assert_uint_eq(count, 1);

	own.sealed = SEALED("two");
	own.changed_ms = 1000;
	ck_ok(credential_update(db, &own, 1000));
	ck_err(credential_update(db, &own, 1000), ERR_NOT_FOUND);
	ck_ok(credential_note(db, acme.id, own.id, 1000, STR("refused"))); /* of the value before: not noted */
	ck_ok(credential_get(db, arena, acme.id, own.id, &found));
	ck_bytes(found.sealed, SEALED("two"));
	ck_str(found.state, "active");
	ck_ok(credential_note(db, acme.id, own.id, 1001, STR("refused")));
	ck_ok(credential_get(db, arena, acme.id, own.id, &found));
	ck_str(found.state, "refused");
	ck_err(credential_delete(db, other.id, own.id), ERR_NOT_FOUND);
	ck_ok(credential_delete(db, acme.id, own.id));
	ck_err(credential_delete(db, acme.id, own.id), ERR_NOT_FOUND);
}

START_TEST(rows_are_kept)
{
	test_with_store(1, rows_body);
}
END_TEST

static AWAITS void lease_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct credential_row credential = make(acme.id, "c1", "files", STR("")), read, found;
	int64_t before, after;

	put_key(db, acme.id, 1);
	ck_ok(credential_insert(db, &credential));
	ck_ok(credential_get(db, arena, acme.id, STR("c1"), &read));
	ck_ok(store_generation(db, &before));
	ck_ok(credential_lease(db, &read, STR("a"), 100, 200));
	ck_err(credential_lease(db, &read, STR("b"), 199, 300), ERR_NOT_FOUND);
	ck_ok(credential_unlease(db, &read, STR("b"), 0, STR("refused"))); /* it has none */
	ck_ok(credential_lease(db, &read, STR("b"), 200, 300));		   /* a's has ended */
	ck_ok(credential_unlease(db, &read, STR("a"), 0, STR("refused")));
	ck_ok(credential_get(db, arena, acme.id, STR("c1"), &found));
	ck_str(found.lease_by, "b");
	ck_str(found.state, "active");
	ck_ok(credential_unlease(db, &read, STR("b"), 400, STR("refused")));
	ck_err(credential_lease(db, &read, STR("c"), 399, 500), ERR_NOT_FOUND); /* a pause */
	ck_ok(credential_get(db, arena, acme.id, STR("c1"), &found));
	ck_str(found.lease_by, "");
	ck_str(found.state, "refused");
	ck_assert_int_eq(found.lease_ms, 400);
	ck_assert_int_eq(found.failures, 1);
	ck_assert_int_eq(found.changed_ms, 1000);

	ck_ok(credential_lease(db, &read, STR("c"), 400, 500));
	read.changed_ms = 1000;
	read.failures = 3;
	ck_ok(credential_renew(db, &read, 1000));
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before);
	ck_ok(credential_get(db, arena, acme.id, STR("c1"), &found));
	ck_assert(found.lease_ms == 0 && found.lease_by.n == 0 && found.failures == 3 && found.changed_ms == 1001);
	ck_err(credential_lease(db, &read, STR("d"), 400, 500), ERR_NOT_FOUND); /* read before it changed */

	ck_err(credential_give_up(db, &read), ERR_NOT_FOUND);
	ck_ok(credential_give_up(db, &found));
	ck_err(credential_give_up(db, &found), ERR_NOT_FOUND); /* once */
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before + 1);
	ck_ok(credential_get(db, arena, acme.id, STR("c1"), &found));
	ck_str(found.state, "reauth_required");
}

START_TEST(one_has_the_lease)
{
	test_with_store(1, lease_body);
}
END_TEST

static AWAITS void sealed_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct credential_row credential = make(acme.id, "c1", "files", STR(""));
	struct sealed_row *rows, row;
	struct data_key *keys;
	struct str *ids;
	size_t count;

	put_key(db, acme.id, 1);
	put_key(db, acme.id, 1); /* gives way */
	ck_ok(credential_insert(db, &credential));
	ck_ok(sealed_stale(db, arena, SEALED_CREDENTIAL, acme.id, 1, STR(""), &rows, &count));
	ck_assert_uint_eq(count, 0);
	put_key(db, acme.id, 2);
	ck_ok(data_key_list(db, arena, acme.id, &keys, &count));
	ck_assert_uint_eq(count, 2);
	ck_assert_int_eq(keys[0].version, 2);
	ck_ok(data_key_tenants(db, arena, STR(""), &ids, &count));
	ck_assert_uint_eq(count, 1);
	ck_bytes(ids[0], acme.id);
	ck_ok(sealed_stale(db, arena, SEALED_CREDENTIAL, acme.id, 2, STR(""), &rows, &count));
	ck_assert_uint_eq(count, 1);
	row = rows[0];
	ck_ok(sealed_retire(db, acme.id, 2)); /* a value needs it */
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM data_key"), 2);
	ck_err(sealed_swap(db, SEALED_CREDENTIAL, acme.id, &row, STR("\x01\x00\x00\x00\x03x")), ERR_NOT_FOUND);
	ck_ok(sealed_swap(db, SEALED_CREDENTIAL, acme.id, &row, STR("\x01\x00\x00\x00\x02x")));
	ck_err(sealed_swap(db, SEALED_CREDENTIAL, acme.id, &row, STR("\x01\x00\x00\x00\x02y")), ERR_NOT_FOUND);
	ck_ok(sealed_retire(db, acme.id, 2));
	ck_assert_int_eq(test_int(db, "SELECT max(version) + count(*) FROM data_key"), 3);
	ck_err(credential_update(db, &credential, 1000), ERR_NOT_FOUND); /* under the key that has gone */

	ck_ok(data_key_destroy(db, acme.id));
	ck_ok(data_key_list(db, arena, acme.id, &keys, &count));
	ck_assert_uint_eq(count, 0);
	ck_ok(data_key_tenants(db, arena, STR(""), &ids, &count));
	ck_assert_uint_eq(count, 0);
}

START_TEST(keys_go_when_no_value_needs_them)
{
	test_with_store(1, sealed_body);
}
END_TEST

static AWAITS void gone_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct credential_row shared = make(acme.id, "c1", "files", STR("")),
			      own = make(acme.id, "c2", "files", STR("u1"));
	struct user user = {.id = STR("u1"),
			    .tenant_id = acme.id,
			    .kind = STR("person"),
			    .email = STR("a@acme.example"),
			    .name = STR("A"),
			    .role = STR("member"),
			    .created_ms = 1000};

	put_key(db, acme.id, 1);
	ck_ok(user_insert(db, &user));
	ck_ok(credential_insert(db, &shared));
	ck_ok(credential_insert(db, &own));
	ck_ok(person_erase(db, acme.id, user.id));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM credential"), 1);
	ck_ok(person_erase_tenant(db, acme.id));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM credential"), 0);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM data_key"), 0);
}

START_TEST(they_go_with_their_owners)
{
	test_with_store(1, gone_body);
}
END_TEST

static AWAITS void tenants_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	static const char *const places[] = {"ads", "ads.eu", "ads_x", "ADS", "files"};
	struct tenant tenant[ARRAY_LEN(places)];
	struct str *found;
	size_t count;

	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct credential_row row;

		tenant[i] = test_tenant(db, arena, arena_fmt(arena, "t%zu", i).p);
		put_key(db, tenant[i].id, 1);
		row = make(tenant[i].id, arena_fmt(arena, "c%zu", i).p, places[i], STR(""));
		ck_ok(credential_insert(db, &row));
		row = make(tenant[i].id, arena_fmt(arena, "u%zu", i).p, "ads",
			   STR("u1")); /* of a user: does not count */
		ck_ok(credential_insert(db, &row));
	}
	/* An underscore stands for itself, letters for their case, and who has two is one. */
	ck_ok(credential_tenants(db, arena, STR(",ads-x,ads.eu,ads,"), STR(""), 10, &found, &count));
	ck_assert_uint_eq(count, 2);
	ck_assert(str_cmp(found[0], found[1]) < 0);
	ck_ok(credential_tenants(db, arena, STR(",ads-x,ads.eu,ads,"), found[0], 10, &found, &count));
	ck_assert_uint_eq(count, 1);
	ck_ok(credential_tenants(db, arena, STR(",ads,files,"), STR(""), 1, &found, &count));
	ck_assert_uint_eq(count, 1);
	ck_ok(credential_tenants(db, arena, STR(","), STR(""), 10, &found, &count));
	ck_assert_uint_eq(count, 0);
	/* Neither who is disabled nor whose account has to be connected anew. */
	tenant[0].disabled = true;
	ck_ok(tenant_update(db, &tenant[0], tenant[0].changed_ms));
	ck_ok(credential_note(db, tenant[1].id, STR("c1"), 1000, STR("reauth_required")));
	ck_ok(credential_tenants(db, arena, STR(",ads,ads.eu,files,"), STR(""), 10, &found, &count));
	ck_assert_uint_eq(count, 1);
	ck_bytes(found[0], tenant[4].id);
}

START_TEST(who_holds_one_is_found)
{
	test_with_store(1, tenants_body);
}
END_TEST

DATABASE_MAIN("credential", rows_are_kept, who_holds_one_is_found, one_has_the_lease, keys_go_when_no_value_needs_them,
	      they_go_with_their_owners)
