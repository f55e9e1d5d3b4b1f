/* Policies at hand: one compilation for many who ask, changes seen soon, the same policy as long as nothing in it
 * changed, and a tenant whose rules cannot be read may do nothing. */
#include "../store_database.h"

#include "access/access.h"
#include "base/clock.h"
#include "store/policy_rule.h"
#include "store/role.h"

#define SEEN_MS (IDENTITY_POLL_MS + 1000) /* a poll and a slow machine */

AWAITS static struct identity *start(struct db *db)
{
	struct identity *identity;
	uint8_t bytes[CRYPTO_KEY_BYTES] = {7};

	ck_ok(identity_start(db, secret_new(bytes), &identity));
	return identity;
}

AWAITS static void add_rule(struct db *db, struct str tenant_id, const char *name, const char *document)
{
	const struct policy_rule rule = {
		.id = str_of(name),
		.tenant_id = tenant_id,
		.name = str_of(name),
		.document = str_of(document),
		.position = POLICY_RULE_LAST,
		.created_ms = 1,
	};

	ck_ok(policy_rule_insert(db, &rule));
}

AWAITS static enum err count_rules(struct access *access, struct str tenant_id, size_t *ret_count)
{
	const struct policy_rule_view *rules;
	AUTO(policy) *policy = NULL;

	TRY(access_policy(access, tenant_id, &policy));
	*ret_count = policy_rules(policy, &rules);
	return OK;
}

/* Until it has that many rules; it must be soon. */
AWAITS static void await_rules(struct access *access, struct str tenant_id, size_t want)
{
	int64_t start_ms = clock_ms();
	size_t count = SIZE_MAX;

	while (count_rules(access, tenant_id, &count) != OK || count != want) {
		ck_assert_int_le(clock_ms() - start_ms, SEEN_MS);
		ck_ok(fiber_sleep(10));
	}
}

static AWAITS void changes_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct identity *identity = start(db);
	struct access *access = access_new(db, identity);
	struct tenant acme = test_tenant(db, arena, "acme"), other = test_tenant(db, arena, "other");
	const struct policy_document configured = {STR_NONE, STR("{\"name\":\"first\",\"effect\":\"deny\"}")};
	AUTO(policy) *before = NULL, *after = NULL;

	await_rules(access, acme.id, 0);
	ck_ok(access_policy(access, other.id, &before));
	add_rule(db, acme.id, "a", "{\"effect\":\"allow\"}");
	await_rules(access, acme.id, 1);
	ck_ok(access_policy(access, other.id, &after));
	ck_assert_ptr_eq(before, after); /* the generation moved, its rules did not */

	access_configure(access, &configured, 1);
	await_rules(access, acme.id, 2);
	await_rules(access, STR(""), 1);
	access_configure(access, NULL, 0);
	await_rules(access, acme.id, 1);
	ck_ok(policy_rule_delete(db, DB_ALL_TENANTS, STR("a")));
	await_rules(access, acme.id, 0);
	access_free(access);
	identity_stop(identity);
}

START_TEST(changes_are_seen)
{
	test_with_store(1, changes_body);
}
END_TEST

static AWAITS void broken_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct access *access = access_new(db, NULL);
	AUTO(policy) *policy = NULL;

	add_rule(db, acme.id, "broken", "{\"effect\":\"perhaps\"}");
	ck_err(access_policy(access, acme.id, &policy), ERR_CONFIG);
	ck_err(access_policy(access, acme.id, &policy), ERR_CONFIG);
	ck_ok(policy_rule_delete(db, DB_ALL_TENANTS, STR("broken")));
	ck_ok(access_policy(access, acme.id, &policy));
	access_free(access);
}

START_TEST(broken_rules_allow_nothing)
{
	test_with_store(1, broken_body);
}
END_TEST

static AWAITS void roles_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct role_row role = {acme.id, STR("support"), STR_NONE, STR("[\"audit:read\"]"), 1, 0};
	struct caller caller = {.scopes = SCOPE_ALL, .role_name = "support"};
	struct access *access = access_new(db, NULL);
	AUTO(policy) *policy = NULL;

	ck_ok(role_insert(db, &role));
	ck_ok(access_policy(access, acme.id, &policy));
	ck_ok(policy_decide(policy, &caller, PERMISSION_AUDIT_READ));
	ck_err(policy_decide(policy, &caller, PERMISSION_KEYS_MANAGE), ERR_FORBIDDEN);
	access_free(access);
}

START_TEST(roles_are_read)
{
	test_with_store(1, roles_body);
}
END_TEST

struct asker {
	struct access *access;
	struct str tenant_id;
	struct policy *policy;
};

AWAITS_ENTRY static void asker_main(void *arg)
{
	struct asker *asker = arg;

	ck_ok(access_policy(asker->access, asker->tenant_id, &asker->policy));
}

static AWAITS void crowd_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct identity *identity = start(db);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct access *access = access_new(db, identity);
	struct asker askers[50];
	struct group group;

	add_rule(db, acme.id, "a", "{\"effect\":\"allow\"}");
	group_init(&group, loop_self());
	for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
		askers[i] = (struct asker){access, acme.id, NULL};
		ck_ok(group_spawn(&group, "asker", asker_main, &askers[i]));
	}
	ck_ok(group_join(&group));
	for (size_t i = 0; i < ARRAY_LEN(askers); i++) {
		ck_assert_ptr_eq(askers[i].policy, askers[0].policy);
		policy_unref(askers[i].policy);
	}
	access_free(access);
	identity_stop(identity);
}

START_TEST(a_crowd_is_given_one_policy)
{
	test_with_store(1, crowd_body);
}
END_TEST

UNIT_MAIN("access", changes_are_seen, broken_rules_allow_nothing, roles_are_read, a_crowd_is_given_one_policy)
