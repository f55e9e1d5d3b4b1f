/* Rules and roles of tenants as rows: order, versions, bounds, and that caches hear of every change. */
#include "../store_database.h"

#include "store/policy_rule.h"
#include "store/role.h"

static struct policy_rule rule_of(const struct tenant *tenant, const char *id, int64_t position)
{
	return (struct policy_rule){
		.id = str_of(id),
		.tenant_id = tenant->id,
		.name = str_of(id),
		.document = STR("{}"),
		.position = position,
		.created_ms = 5,
	};
}

static AWAITS int64_t generation(struct db *db)
{
	int64_t now;

	ck_ok(store_generation(db, &now));
	return now;
}

static AWAITS void expect_order(struct db *db, struct str tenant_id, const char *want)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct policy_rule *rules;
	AUTO_BUF got = {0};
	size_t count;

	ck_ok(policy_rule_list(db, arena, tenant_id, &rules, &count));
	for (size_t i = 0; i < count; i++)
		buf_put(&got, rules[i].id);
	ck_bytes(buf_str(&got), str_of(want));
}

static AWAITS void rules_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme"), other = test_tenant(db, arena, "other");
	struct policy_rule a = rule_of(&acme, "a", POLICY_RULE_LAST), b = rule_of(&acme, "b", POLICY_RULE_LAST);
	struct policy_rule c = rule_of(&acme, "c", 1), foreign = rule_of(&other, "f", POLICY_RULE_LAST), found;
	int64_t before = generation(db);

	ck_ok(policy_rule_insert(db, &a));
	ck_assert_int_gt(generation(db), before);
	ck_ok(policy_rule_insert(db, &b));
	ck_ok(policy_rule_insert(db, &foreign));
	expect_order(db, acme.id, "ab");
	ck_err(policy_rule_insert(db, &a), ERR_EXISTS);
	c.name = STR("b");
	ck_err(policy_rule_insert(db, &c), ERR_EXISTS);
	c.name = STR("c");
	ck_ok(policy_rule_insert(db, &c));
	expect_order(db, acme.id, "acb"); /* of equal positions the older one comes first */

	ck_ok(policy_rule_find(db, arena, acme.id, STR("b"), &found));
	found.position = 0;
	found.changed_ms = 9;
	ck_ok(policy_rule_update(db, &found, 5));
	expect_order(db, acme.id, "bac");
	ck_err(policy_rule_update(db, &found, 5), ERR_NOT_FOUND);
	ck_err(policy_rule_find(db, arena, acme.id, STR("f"), &found), ERR_NOT_FOUND);

	before = generation(db);
	ck_ok(policy_rule_delete(db, DB_ALL_TENANTS, STR("a")));
	ck_assert_int_gt(generation(db), before);
	ck_err(policy_rule_delete(db, DB_ALL_TENANTS, STR("a")), ERR_NOT_FOUND);
	expect_order(db, acme.id, "bc");
	c.tenant_id = STR("nobody");
	c.id = STR("x");
	ck_err(policy_rule_insert(db, &c), ERR_NOT_FOUND);
}

START_TEST(rules_keep_their_order)
{
	test_with_store(1, rules_body);
}
END_TEST

static AWAITS void roles_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct role_row role = {acme.id, STR("support"), STR_NONE, STR("[]"), 5, 0}, found, *roles;
	size_t count;

	ck_ok(role_insert(db, &role));
	ck_err(role_insert(db, &role), ERR_EXISTS);
	role.permissions = STR("[\"audit:read\"]");
	role.changed_ms = 5;
	ck_ok(role_update(db, &role, 5));
	ck_err(role_update(db, &role, 5), ERR_NOT_FOUND);
	ck_ok(role_get(db, arena, acme.id, STR("support"), &found));
	ck_str(found.permissions, "[\"audit:read\"]");
	ck_assert_int_eq(found.changed_ms, 6);
	ck_err(role_get(db, arena, STR("nobody"), STR("support"), &found), ERR_NOT_FOUND);

	for (int i = 1; i < ROLES_PER_TENANT_MAX; i++) {
		role.name = arena_fmt(arena, "role-%d", i);
		ck_ok(role_insert(db, &role));
	}
	role.name = STR("one-more");
	ck_err(role_insert(db, &role), ERR_LIMIT);
	ck_ok(role_list(db, arena, acme.id, STR("role-9"), 100, &roles, &count));
	ck_str(roles[count - 1].name, "support");
	ck_ok(role_delete(db, acme.id, STR("support")));
	ck_err(role_delete(db, acme.id, STR("support")), ERR_NOT_FOUND);
}

START_TEST(roles_are_bounded)
{
	test_with_store(1, roles_body);
}
END_TEST

DATABASE_MAIN("policy_rule", rules_keep_their_order, roles_are_bounded)
