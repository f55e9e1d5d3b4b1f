/* The whole table, every role against every permission, written out a second time. */
#include "../unit.h"

#include "policy/policy.h"

/*                                none   viewer member admin  owner */
static const bool want[PERMISSION_COUNT][ROLE_OWNER + 1] = {
	[PERMISSION_CATALOG_LIST] = {false, true, true, true, true},
	[PERMISSION_RESOURCES_READ] = {false, true, true, true, true},
	[PERMISSION_PROMPTS_GET] = {false, true, true, true, true},
	[PERMISSION_TOOLS_CALL] = {false, false, true, true, true},
	[PERMISSION_STATUS_READ] = {false, false, false, true, true},
	[PERMISSION_KEYS_MANAGE] = {false, false, false, true, true},
	[PERMISSION_AUDIT_READ] = {false, false, false, true, true},
	[PERMISSION_USERS_READ] = {false, false, false, true, true},
	[PERMISSION_USERS_MANAGE] = {false, false, false, true, true},
	[PERMISSION_ROLES_MANAGE] = {false, false, false, false, true},
	[PERMISSION_CLIENTS_MANAGE] = {false, false, false, true, true},
	[PERMISSION_POLICY_READ] = {false, false, false, true, true},
	[PERMISSION_POLICY_MANAGE] = {false, false, false, true, true},
	[PERMISSION_UPSTREAMS_READ] = {false, false, false, true, true},
	[PERMISSION_UPSTREAMS_MANAGE] = {false, false, false, true, true},
	[PERMISSION_USAGE_READ] = {false, false, false, true, true},
	[PERMISSION_TENANT_READ] = {false, false, false, true, true},
	[PERMISSION_OPERATE] = {false, false, false, false, false},
	[PERMISSION_TENANT_MANAGE] = {false, false, false, false, true},
};

START_TEST(table_is_exact)
{
	for (unsigned permission = 0; permission < PERMISSION_COUNT; permission++) {
		for (unsigned role = ROLE_NONE; role <= ROLE_OWNER; role++) {
			struct caller caller = {.role = (enum role)role, .scopes = SCOPE_ALL};
			enum err err = policy_decide(NULL, &caller, (enum permission)permission);

			ck_assert_msg(err == (want[permission][role] ? OK : ERR_FORBIDDEN), "%s for %s: %s",
				      permission_name((enum permission)permission), role_name((enum role)role),
				      err_name(err));
		}
	}
}
END_TEST

START_TEST(unknown_role_may_nothing)
{
	for (unsigned permission = 0; permission < PERMISSION_COUNT; permission++) {
		struct caller caller = {.role = (enum role)(ROLE_OWNER + 1), .scopes = SCOPE_ALL};

		ck_err(policy_decide(NULL, &caller, (enum permission)permission), ERR_FORBIDDEN);
	}
}
END_TEST

START_TEST(names_are_kept)
{
	ck_assert_str_eq(permission_name(PERMISSION_TOOLS_CALL), "tools:call");
	ck_assert_str_eq(permission_name(PERMISSION_TENANT_MANAGE), "tenant:manage");
	for (unsigned a = 0; a < PERMISSION_COUNT; a++) {
		for (unsigned b = 0; b < a; b++)
			ck_assert_str_ne(permission_name((enum permission)a), permission_name((enum permission)b));
	}
}
END_TEST

UNIT_MAIN("policy", table_is_exact, unknown_role_may_nothing, names_are_kept)
