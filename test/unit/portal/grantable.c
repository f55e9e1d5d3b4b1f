/* Who may give what: sets of permissions against sets of permissions, the built-in roles and a tenant's own. */
#include "../store_database.h"

#include "portal/work.h"
#include "store/role.h"

static AWAITS void role(struct db *db, struct str tenant_id, const char *name, const char *permissions)
{
	const struct role_row row = {.tenant_id = tenant_id,
				     .name = str_of(name),
				     .description = STR(""),
				     .permissions = str_of(permissions),
				     .created_ms = 1};

	ck_ok(role_insert(db, &row));
}

/* Whether a caller of role `giver` may give `permissions`. */
static AWAITS enum err give(struct db *db, struct arena *arena, const struct tenant *tenant, const char *giver,
			    const char *permissions)
{
	struct portal portal = {.spec = {.db = db}};
	struct caller caller = {.credential = CREDENTIAL_KEY, .scopes = SCOPE_ALL, .role = role_of(str_of(giver))};
	struct api_call call = {.arena = arena, .caller = &caller};
	struct work work = {.portal = &portal, .call = &call, .arena = arena, .tenant = *tenant};

	memcpy(caller.tenant_id, tenant->id.p, ID_LEN);
	memcpy(caller.role_name, giver, strlen(giver));
	return permissions_grantable(&work, str_of(permissions));
}

static AWAITS void sets_body(struct db *db)
{
	static const struct {
		const char *giver, *given;
		bool may;
	} cases[] = {
		{"owner", "[\"*\"]", true},
		{"owner", "[\"operate\"]", false},
		{"admin", "[\"*\"]", false},
		{"admin", "[\"keys:*\",\"users:*\",\"audit:read\"]", true},
		{"admin", "[\"roles:manage\"]", false},
		{"admin", "[\"tools:call\"]", true},
		{"admin", "[\"tools:call:x.*\"]", true},
		{"viewer", "[\"tools:call:x.*\"]", false},
		{"viewer", "[]", true},
		{"clerk", "[\"tools:call:billing.*\"]", true},
		{"clerk", "[\"tools:call:billing.read*\",\"tools:call:billing.x\"]", true},
		{"clerk", "[\"tools:call:billing*\"]", false},
		{"clerk", "[\"tools:call:*\"]", false},
		{"clerk", "[\"tools:call\"]", false},
		{"clerk", "[\"users:read\",\"users:manage\"]", true},
		{"clerk", "[\"keys:manage\"]", false},
		{"clerk", "[\"prompts:get:billing.*\"]", false},
		{"odd", "[\"tools:call:a?\"]", true},
		{"odd", "[\"tools:call:a*\"]", false},
		{"odd", "[\"tools:call:ab\"]", false}, /* it would be right, and is refused to be sure */
		{"gone", "[\"catalog:list\"]", false},
	};
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant tenant = test_tenant(db, arena, "acme"), other = test_tenant(db, arena, "other");

	role(db, tenant.id, "clerk", "[\"users:*\",\"tools:call:billing.*\"]");
	role(db, tenant.id, "odd", "[\"tools:call:a?\"]");
	role(db, other.id, "gone", "[\"*\"]"); /* another tenant's role of that name is none of ours */
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		enum err err = give(db, arena, &tenant, cases[i].giver, cases[i].given);

		ck_assert_msg(err == (cases[i].may ? OK : ERR_API_ESCALATION), "%s gives %s: %s", cases[i].giver,
			      cases[i].given, err_name(err));
	}
}

START_TEST(sets_are_compared)
{
	test_with_store(1, sets_body);
}
END_TEST

START_TEST(narrowed_credentials_give_no_more)
{
	struct arena *arena = arena_new(1 << 20);
	struct caller caller = {.credential = CREDENTIAL_KEY, .scopes = SCOPE_READ | SCOPE_API, .toolsets = "a b"};
	struct api_call call = {.arena = arena, .caller = &caller};
	struct work work = {.call = &call, .arena = arena};

	ck_ok(narrowing_grantable(&work, STR("mcp:read"), STR("a")));
	ck_ok(narrowing_grantable(&work, STR("mcp:read api"), STR("b a")));
	ck_err(narrowing_grantable(&work, STR("mcp:tools"), STR("a")), ERR_API_ESCALATION);
	ck_err(narrowing_grantable(&work, STR(""), STR("a")), ERR_API_ESCALATION);
	ck_err(narrowing_grantable(&work, STR("mcp:read"), STR("")), ERR_API_ESCALATION);
	ck_err(narrowing_grantable(&work, STR("mcp:read"), STR("a c")), ERR_API_ESCALATION);
	caller = (struct caller){.credential = CREDENTIAL_COOKIE, .scopes = SCOPE_API};
	ck_ok(narrowing_grantable(&work, STR(""), STR("")));
	caller.credential = CREDENTIAL_TOKEN;
	ck_err(narrowing_grantable(&work, STR(""), STR("")), ERR_API_ESCALATION);
	caller.credential = CREDENTIAL_OPERATOR;
	ck_ok(narrowing_grantable(&work, STR(""), STR("")));
	arena_free(arena);
}
END_TEST

UNIT_MAIN("grantable", sets_are_compared, narrowed_credentials_give_no_more)
