/* The permission table, read. Roles are ordered: each may do what the lesser ones may, so a
 * permission is one number. Tenants don't come in here: a caller only ever reaches what
 * belongs to its own. */
#include "policy/policy.h"

#include "base/check.h"

static const struct {
	const char *name;
	enum role least;
} permissions[] = {
#define X(id, name, least) [PERMISSION_##id] = {name, least},
	PERMISSION_TABLE(X)
#undef X
};

enum err policy_decide(const struct caller *caller, enum permission permission)
{
	CHECK((unsigned)permission < PERMISSION_COUNT);
	return caller->role >= permissions[permission].least && caller->role <= ROLE_OWNER ? OK : ERR_FORBIDDEN;
}

const char *permission_name(enum permission permission)
{
	CHECK((unsigned)permission < PERMISSION_COUNT);
	return permissions[permission].name;
}
