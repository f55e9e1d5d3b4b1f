/* What is handed out of a person, and what an erasure leaves: a destroyed key, and nothing else. */
#include "../store_database.h"

#include "base/random.h"
#include "retention/retention.h"
#include "store/person_key.h"
#include "store/user.h"

static const struct str ada = {"01AAAAAAAAAAAAAAAAAAAAAAAA", ID_LEN};

AWAITS static void make_user(struct db *db, struct str id, struct str tenant_id, struct str email)
{
	struct user user = {.id = id,
			    .tenant_id = tenant_id,
			    .kind = STR("person"),
			    .email = email,
			    .name = STR("Ada"),
			    .role = STR("member"),
			    .created_ms = 1};

	ck_ok(user_insert(db, &user));
	ck_ok(person_key_put(db, id, STR("sealed")));
}

static bool holds(const struct buf *text, const char *what)
{
	return memmem(text->p, text->n, what, strlen(what)) != NULL;
}

static AWAITS void user_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	AUTO(secret) *key = secret_random();
	struct tenant acme = test_tenant(db, arena, "acme");
	AUTO_BUF out = {0}, none = {0};
	struct str sealed;

	make_user(db, ada, acme.id, STR("ada@example.com"));
	make_user(db, STR("01B"), acme.id, STR("bob@example.com"));
	ck_ok(retention_export_user(db, key, acme.id, ada, &out));
	ck_assert(holds(&out, "\"email\":\"ada@example.com\"") && holds(&out, "\"audit_complete\":true"));
	ck_assert(!holds(&out, "bob@example.com") && !holds(&out, "sealed"));
	ck_err(retention_export_user(db, key, acme.id, STR("01Z"), &none), ERR_NOT_FOUND);

	ck_ok(retention_erase_user(db, acme.id, ada));
	ck_err(retention_erase_user(db, acme.id, ada), ERR_NOT_FOUND);
	ck_ok(person_key_get(db, arena, ada, &sealed));
	ck_assert_uint_eq(sealed.n, 0);
	ck_ok(person_key_get(db, arena, STR("01B"), &sealed));
	ck_str(sealed, "sealed");
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM account"), 1);
}

START_TEST(a_user_is_forgotten)
{
	test_with_store(1, user_body);
}
END_TEST

static AWAITS void tenant_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme"), rival = test_tenant(db, arena, "rival");
	int64_t before, after;

	make_user(db, ada, acme.id, STR("ada@example.com"));
	make_user(db, STR("01B"), rival.id, STR("bob@example.com"));
	ck_ok(store_generation(db, &before));
	ck_ok(retention_erase_tenant(db, acme.id));
	ck_ok(store_generation(db, &after));
	ck_assert_int_eq(after, before + 1);
	ck_err(retention_erase_tenant(db, acme.id), ERR_NOT_FOUND);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM tenant"), 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM account"), 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM person_key WHERE length(key) = 0"), 2);
}

START_TEST(a_tenant_is_forgotten)
{
	test_with_store(1, tenant_body);
}
END_TEST

UNIT_MAIN("erase", a_user_is_forgotten, a_tenant_is_forgotten)
