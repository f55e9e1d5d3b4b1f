/* Keys that are somebody's, narrowed keys, keys with a successor, and when keys end. */
#include "../store_database.h"

#include "base/clock.h"
#include "identity/identity_private.h"
#include "store/user.h"

static struct secret *server_key(void)
{
	uint8_t bytes[CRYPTO_KEY_BYTES];

	memset(bytes, 9, sizeof(bytes));
	return secret_new(bytes);
}

struct made {
	char raw[API_KEY_TEXT_LEN + 1], id[ID_LEN + 1];
};

AWAITS static enum err order_key(struct db *db, const struct key_order *order, struct made *ret_made)
{
	AUTO(secret) *key = server_key();
	AUTO_BUF problem = {0};

	return identity_key_create(db, key, order, &problem, ret_made->raw, ret_made->id);
}

AWAITS static enum err caller_of(struct db *db, struct str id, struct caller *ret_caller)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	struct api_key row;

	ck_ok(api_key_get(db, DB_ALL_TENANTS, arena, id, &row));
	return key_caller(&row, ret_caller) ? OK : ERR_KEY_INVALID;
}

#define USER_ID "01HUSER0000000000000000000"

AWAITS static void make_user(struct db *db, struct str tenant_id, const char *role)
{
	const struct user user = {.id = STR(USER_ID),
				  .tenant_id = tenant_id,
				  .kind = STR("service"),
				  .name = STR("robot"),
				  .role = str_of(role),
				  .created_ms = 1};

	ck_ok(user_insert(db, &user));
}

static AWAITS void owned_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	struct tenant acme = test_tenant(db, arena, "acme"), other = test_tenant(db, arena, "other");
	struct key_order order = {.tenant_name = STR("acme"),
				  .user_id = STR(USER_ID),
				  .scopes = STR("mcp:tools"),
				  .toolsets = STR("billing mail")};
	struct caller caller;
	struct made made;

	ck_err(order_key(db, &order, &made), ERR_RPC_PARAMS); /* nobody has that id */
	make_user(db, acme.id, "member");
	order.role = STR("admin");
	ck_err(order_key(db, &order, &made), ERR_RPC_PARAMS); /* more than they may */
	order.role = STR("");
	order.tenant_name = STR("other");
	ck_err(order_key(db, &order, &made), ERR_RPC_PARAMS); /* somebody of another tenant */
	ck_assert_int_gt((int)other.id.n, 0);
	order.tenant_name = STR("acme");
	ck_ok(order_key(db, &order, &made));

	ck_ok(caller_of(db, str_of(made.id), &caller));
	ck_assert_str_eq(caller.principal, USER_ID);
	ck_assert_str_eq(caller.user_id, USER_ID);
	ck_assert_str_eq(caller.grant_id, made.id);
	ck_assert_str_eq(caller.role_name, "member");
	ck_assert_str_eq(caller.toolsets, "billing mail");
	ck_assert_uint_eq(caller.scopes, SCOPE_TOOLS);

	ck_ok(test_write(db, "UPDATE account SET role = 'viewer'"));
	ck_ok(caller_of(db, str_of(made.id), &caller));
	ck_assert_int_eq(caller.role, ROLE_VIEWER);
	ck_ok(test_write(db, "UPDATE account SET disabled = 1"));
	ck_err(caller_of(db, str_of(made.id), &caller), ERR_KEY_INVALID);
	ck_ok(test_write(db, "UPDATE account SET disabled = 0"));
	ck_ok(caller_of(db, str_of(made.id), &caller));
	ck_ok(user_delete(db, DB_ALL_TENANTS, STR(USER_ID), 5));
	ck_err(caller_of(db, str_of(made.id), &caller), ERR_KEY_INVALID);
}

START_TEST(a_key_is_no_more_than_its_owner)
{
	test_with_store(1, owned_body);
}
END_TEST

START_TEST(roles_of_keys_and_owners)
{
	static const struct {
		const char *key, *owner, *within; /* NULL: such a key is no good */
	} cases[] = {
		{"member", "admin", "member"},	 {"admin", "member", "member"},	    {"owner", "viewer", "viewer"},
		{"owner", "billing", "billing"}, {"member", "billing", NULL},	    {"billing", "member", NULL},
		{"billing", "owner", "billing"}, {"billing", "billing", "billing"}, {"billing", "mail", NULL},
		{"owner", "owner", "owner"},
	};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct str within = STR("");
		bool good = key_role_within(str_of(cases[i].key), str_of(cases[i].owner), &within);

		ck_assert_int_eq(good, cases[i].within != NULL);
		if (good)
			ck_bytes(within, str_of(cases[i].within));
	}
}
END_TEST

static AWAITS void rotate_body(struct db *db)
{
	AUTO(secret) *key = server_key();
	AUTO(arena) *arena = arena_new(1 << 16);
	int64_t now_ms = clock_wall_ms();
	struct made old, fresh, third;
	struct key_order order = {.tenant_name = STR("acme"), .name = STR("ci"), .scopes = STR("mcp:read")};
	struct caller caller;
	struct api_key row;

	test_tenant(db, arena, "acme");
	ck_ok(order_key(db, &order, &old));
	ck_ok(identity_key_rotate(db, key, str_of(old.id), now_ms + 60000, now_ms + 90000, fresh.raw, fresh.id));
	ck_ok(caller_of(db, str_of(old.id), &caller)); /* both work */
	ck_assert_int_eq(caller.expires_ms, now_ms + 60000);
	ck_ok(caller_of(db, str_of(fresh.id), &caller));
	ck_assert_int_eq(caller.expires_ms, now_ms + 90000);
	ck_assert_uint_eq(caller.scopes, SCOPE_READ);
	ck_assert_str_ne(old.raw, fresh.raw);
	ck_ok(api_key_get(db, DB_ALL_TENANTS, arena, str_of(old.id), &row));
	ck_bytes(row.successor, str_of(fresh.id));
	ck_ok(api_key_get(db, DB_ALL_TENANTS, arena, str_of(fresh.id), &row));
	ck_str(row.name, "ci");

	ck_err(identity_key_rotate(db, key, str_of(old.id), now_ms, 0, third.raw, third.id), ERR_NOT_FOUND);
	ck_err(identity_key_rotate(db, key, STR("nobody"), now_ms, 0, third.raw, third.id), ERR_NOT_FOUND);
	/* Without a grace the old one is of no use from that moment. */
	ck_ok(identity_key_rotate(db, key, str_of(fresh.id), now_ms, 0, third.raw, third.id));
	ck_err(caller_of(db, str_of(fresh.id), &caller), ERR_KEY_INVALID);
	ck_ok(api_key_revoke(db, DB_ALL_TENANTS, str_of(third.id), now_ms));
	ck_err(identity_key_rotate(db, key, str_of(third.id), now_ms, 0, old.raw, old.id), ERR_NOT_FOUND);
}

START_TEST(a_key_has_one_successor)
{
	test_with_store(1, rotate_body);
}
END_TEST

START_TEST(keys_end_as_configured)
{
	struct identity_settings settings = {.key_life_ms = 1000};
	int64_t end_ms;

	ck_ok(identity_key_expiry(&settings, -1, 5000, &end_ms));
	ck_assert_int_eq(end_ms, 6000);
	ck_ok(identity_key_expiry(&settings, 0, 5000, &end_ms));
	ck_assert_int_eq(end_ms, 0);
	settings.key_life_ms_max = 500;
	ck_ok(identity_key_expiry(&settings, -1, 5000, &end_ms));
	ck_assert_int_eq(end_ms, 5500);
	ck_err(identity_key_expiry(&settings, 0, 5000, &end_ms), ERR_LIMIT);
	ck_err(identity_key_expiry(&settings, 5501, 5000, &end_ms), ERR_LIMIT);
	ck_ok(identity_key_expiry(&settings, 5500, 5000, &end_ms));
}
END_TEST

UNIT_MAIN("key", a_key_is_no_more_than_its_owner, roles_of_keys_and_owners, a_key_has_one_successor,
	  keys_end_as_configured)
