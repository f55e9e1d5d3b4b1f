/* Users as rows: unique by email and subject within their tenant, changed only by who read the present row, signed
 * in with each code once, and removed with all that speaks for them. */
#include "../store_database.h"

#include "store/user.h"

static struct user make(const struct tenant *tenant, const char *id, const char *email)
{
	return (struct user){
		.id = str_of(id),
		.tenant_id = tenant->id,
		.kind = STR("person"),
		.email = str_of(email),
		.name = STR("Ada"),
		.role = STR("member"),
		.created_ms = 1000,
	};
}

AWAITS static int64_t generation(struct db *db)
{
	int64_t now;

	ck_ok(store_generation(db, &now));
	return now;
}

static AWAITS void find_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme"), other = test_tenant(db, arena, "other");
	struct user ada = make(&acme, "01A", "ada@example.com"), far = make(&other, "01B", "ada@example.com");
	struct user robot = make(&acme, "01C", ""), found, *list;
	int64_t before = generation(db);
	size_t count;

	ada.issuer = STR("https://idp.example");
	ada.subject = STR("42");
	ada.password = STR("$argon2id$");
	robot.kind = STR("service");
	ck_ok(user_insert(db, &ada));
	ck_ok(user_insert(db, &far));
	ck_ok(user_insert(db, &robot));
	ck_assert_int_eq(generation(db), before + 3);

	ck_ok(user_get(db, DB_ALL_TENANTS, arena, ada.id, &found));
	ck_str(found.tenant_name, "acme");
	ck_str(found.kind, "person");
	ck_str(found.email, "ada@example.com");
	ck_str(found.name, "Ada");
	ck_str(found.role, "member");
	ck_str(found.password, "$argon2id$");
	ck_str(found.issuer, "https://idp.example");
	ck_str(found.subject, "42");
	ck_assert_uint_eq(found.totp.n, 0);
	ck_assert_int_eq(found.created_ms, 1000);
	ck_assert_int_eq(found.changed_ms, 1000);
	ck_assert(!found.disabled && !found.tenant_disabled);
	ck_err(user_get(db, DB_ALL_TENANTS, arena, STR("01Z"), &found), ERR_NOT_FOUND);

	ck_ok(user_find_email(db, arena, STR("ada@example.com"), &list, &count));
	ck_assert_uint_eq(count, 2);
	ck_ok(user_find_email(db, arena, STR(""), &list, &count)); /* service accounts have none */
	ck_assert_uint_eq(count, 0);

	ck_ok(user_find_subject(db, arena, acme.id, ada.issuer, ada.subject, &found));
	ck_str(found.id, "01A");
	ck_err(user_find_subject(db, arena, other.id, ada.issuer, ada.subject, &found), ERR_NOT_FOUND);
	ck_err(user_find_subject(db, arena, acme.id, STR(""), STR(""), &found), ERR_NOT_FOUND);

	ck_ok(user_list(db, arena, acme.id, STR(""), 1, &list, &count));
	ck_assert_uint_eq(count, 1);
	ck_ok(user_list(db, arena, acme.id, list[0].id, 10, &list, &count));
	ck_assert_uint_eq(count, 1);
	ck_str(list[0].id, "01C");
}

START_TEST(users_are_found)
{
	test_with_store(1, find_body);
}
END_TEST

static AWAITS void unique_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct user ada = make(&acme, "01A", "ada@example.com"), bob = make(&acme, "01B", "ada@example.com");
	struct user robot = make(&acme, "01C", ""), second = make(&acme, "01D", "");
	struct tenant nobody = {.id = STR("nobody")};
	struct user lost = make(&nobody, "01E", "x@example.com");

	ada.issuer = bob.issuer = STR("https://idp.example");
	ada.subject = STR("42");
	bob.subject = STR("43");
	ck_ok(user_insert(db, &ada));
	ck_err(user_insert(db, &ada), ERR_EXISTS);
	ck_err(user_insert(db, &bob), ERR_EXISTS);
	bob.email = STR("bob@example.com");
	bob.subject = STR("42");
	ck_err(user_insert(db, &bob), ERR_EXISTS);
	bob.subject = STR("43");
	ck_ok(user_insert(db, &bob));
	ck_ok(user_insert(db, &robot));
	ck_ok(user_insert(db, &second));
	ck_err(user_insert(db, &lost), ERR_NOT_FOUND);
}

START_TEST(users_are_unique_in_their_tenant)
{
	test_with_store(1, unique_body);
}
END_TEST

/* A statement that may have one parameter, bytes. */
AWAITS static enum err write_with_mac(struct db *db, const char *sql)
{
	const struct db_value mac = DB_B(STR("\x01"));
	const struct db_statement statement = {
		.sql = sql, .params = &mac, .count = strchr(sql, '?') != NULL, .changes_expected = -1};

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}

AWAITS static void session_insert(struct db *db)
{
	ck_ok(write_with_mac(db, "INSERT INTO web_session (mac, tenant_id, user_id, created_ms, seen_ms, expires_ms)"
				 " SELECT ?, tenant_id, id, 1, 1, 9 FROM account WHERE id = '01A'"
				 " ON CONFLICT (mac) DO NOTHING"));
}

AWAITS static int64_t sessions(struct db *db)
{
	return test_int(db, "SELECT count(*) FROM web_session");
}

static AWAITS void change_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct user ada = make(&acme, "01A", "ada@example.com"), found;
	int64_t before;

	ck_ok(user_insert(db, &ada));
	session_insert(db);
	before = generation(db);
	ada.role = STR("admin");
	ada.changed_ms = 1000; /* the clock stands */
	ck_ok(user_update(db, &ada, 1000));
	ck_assert_int_eq(generation(db), before + 1);
	ck_err(user_update(db, &ada, 1000), ERR_NOT_FOUND); /* somebody was faster */
	ck_assert_int_eq(generation(db), before + 1);
	ck_ok(user_get(db, DB_ALL_TENANTS, arena, ada.id, &found));
	ck_str(found.role, "admin");
	ck_assert_int_eq(found.changed_ms, 1001);
	ck_assert_int_eq(sessions(db), 1);
	ada.disabled = true;
	ada.changed_ms = 2000;
	ck_ok(user_update(db, &ada, 1001));
	ck_assert_int_eq(sessions(db), 0);
	ck_ok(user_get(db, DB_ALL_TENANTS, arena, ada.id, &found));
	ck_assert(found.disabled);
	ck_assert_int_eq(found.changed_ms, 2000);
}

START_TEST(users_are_changed)
{
	test_with_store(1, change_body);
}
END_TEST

static AWAITS void proof_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct user ada = make(&acme, "01A", "ada@example.com"), found;

	ck_ok(user_insert(db, &ada));
	session_insert(db);
	ck_ok(user_set_password(db, DB_ALL_TENANTS, ada.id, STR("new"), 3000));
	ck_assert_int_eq(sessions(db), 0);
	session_insert(db);
	ck_ok(user_set_totp(db, DB_ALL_TENANTS, ada.id, STR("\0sealed"), 3001));
	ck_assert_int_eq(sessions(db), 0);
	ck_ok(user_get(db, DB_ALL_TENANTS, arena, ada.id, &found));
	ck_str(found.password, "new");
	ck_str(found.totp, "\0sealed");
	ck_assert_int_eq(found.changed_ms, 3001);
	ck_ok(user_set_totp(db, DB_ALL_TENANTS, ada.id, STR_NONE, 3002));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM account WHERE totp IS NULL"), 1);
	ck_err(user_set_password(db, DB_ALL_TENANTS, STR("01Z"), STR("new"), 3003), ERR_NOT_FOUND);

	ck_ok(user_signed_in(db, DB_ALL_TENANTS, ada.id, 0, 4000));
	ck_ok(user_signed_in(db, DB_ALL_TENANTS, ada.id, 77, 4001));
	ck_err(user_signed_in(db, DB_ALL_TENANTS, ada.id, 77, 4002), ERR_EXISTS);
	ck_err(user_signed_in(db, DB_ALL_TENANTS, ada.id, 76, 4002), ERR_EXISTS);
	ck_ok(user_signed_in(db, DB_ALL_TENANTS, ada.id, 0, 4003)); /* without a code the step stays */
	ck_ok(user_get(db, DB_ALL_TENANTS, arena, ada.id, &found));
	ck_assert_int_eq(found.totp_step, 77);
	ck_assert_int_eq(found.last_login_ms, 4003);
	ck_err(user_signed_in(db, DB_ALL_TENANTS, STR("01Z"), 0, 1), ERR_NOT_FOUND);
}

START_TEST(what_users_sign_in_with)
{
	test_with_store(1, proof_body);
}
END_TEST

static const char *const theirs[] = {
	"INSERT INTO certificate (fingerprint, tenant_id, user_id, name, created_ms)"
	" SELECT ?, tenant_id, id, 'c', 1 FROM account WHERE id = '01A'",
	"INSERT INTO api_key (id, tenant_id, name, hint, role, mac, created_ms, expires_ms, user_id)"
	" SELECT 'k1', tenant_id, 'k', 'gh_', 'member', ?, 1, 0, id FROM account WHERE id = '01A'",
	"INSERT INTO oauth_client (id, kind, name, redirect_uris, grant_types, auth_method, scope, created_ms,"
	" changed_ms, user_id) VALUES ('c1', 'manual', 'c', '[]', '[]', 'none', '', 1, 1, '01A')",
	"INSERT INTO oauth_grant (id, tenant_id, user_id, client_id, resource, scope, created_ms)"
	" SELECT 'g1', tenant_id, id, 'c1', 'r', '', 1 FROM account WHERE id = '01A'",
	"INSERT INTO oauth_code (mac, grant_id, client_id, redirect_uri, challenge, scope, resource, expires_ms)"
	" VALUES (?, 'g1', 'c1', '', '', '', '', 9)",
	"INSERT INTO oauth_refresh (mac, grant_id, scope, created_ms, expires_ms) VALUES (?, 'g1', '', 1, 9)",
};

static AWAITS void delete_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct user ada = make(&acme, "01A", "ada@example.com"), bob = make(&acme, "01B", "bob@example.com");

	ck_ok(user_insert(db, &ada));
	ck_ok(user_insert(db, &bob));
	session_insert(db);
	for (size_t i = 0; i < ARRAY_LEN(theirs); i++)
		ck_ok(write_with_mac(db, theirs[i]));
	ck_ok(user_delete(db, DB_ALL_TENANTS, ada.id, 5000));
	ck_assert_int_eq(test_int(db, "SELECT (SELECT count(*) FROM web_session) + (SELECT count(*) FROM certificate)"
				      " + (SELECT count(*) FROM oauth_grant) + (SELECT count(*) FROM oauth_code)"
				      " + (SELECT count(*) FROM oauth_refresh)"),
			 0);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM account"), 1);
	ck_assert_int_eq(test_int(db, "SELECT revoked_ms FROM api_key WHERE id = 'k1' AND user_id = ''"), 5000);
	ck_assert_int_eq(test_int(db, "SELECT disabled FROM oauth_client WHERE id = 'c1' AND user_id = ''"), 1);
	ck_err(user_delete(db, DB_ALL_TENANTS, ada.id, 5001), ERR_NOT_FOUND);
}

START_TEST(users_are_removed_with_all_that_is_theirs)
{
	test_with_store(1, delete_body);
}
END_TEST

DATABASE_MAIN("user", users_are_found, users_are_unique_in_their_tenant, users_are_changed, what_users_sign_in_with,
	      users_are_removed_with_all_that_is_theirs)
