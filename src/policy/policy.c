/* The permission table, read. The built-in roles are ordered: each may do what the lesser ones may, so a
 * permission is one number for them. Tenants don't come in here: a caller only ever reaches what
 * belongs to its own. */
#include "policy/policy.h"

#include "base/check.h"

static const struct {
	const char *name;
	enum role least;
	enum scope scope;
} permissions[] = {
#define X(id, name, least, scope) [PERMISSION_##id] = {name, least, scope},
	PERMISSION_TABLE(X)
#undef X
};

static bool role_permits(const struct caller *caller, enum permission permission)
{
	enum role least = permissions[permission].least;

	return least != ROLE_NONE && caller->role >= least && caller->role <= ROLE_OWNER;
}

enum err policy_decide(const struct policy *policy, const struct caller *caller, enum permission permission)
{
	(void)policy;
	CHECK((unsigned)permission < PERMISSION_COUNT);
	if (caller->credential == CREDENTIAL_OPERATOR)
		return permissions[permission].scope == SCOPE_API ? OK : ERR_FORBIDDEN;
	if (!role_permits(caller, permission))
		return ERR_FORBIDDEN;
	return caller->scopes & permissions[permission].scope ? OK : ERR_SCOPE;
}

const char *permission_name(enum permission permission)
{
	CHECK((unsigned)permission < PERMISSION_COUNT);
	return permissions[permission].name;
}
