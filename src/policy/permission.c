/* The permission table, read. The built-in roles are ordered: each may do what the lesser ones may, so a
 * permission is one number for them. Tenants don't come in here: a caller only ever reaches what
 * belongs to its own. */
#include "base/check.h"
#include "policy/private.h"

static const struct {
	const char *name;
	enum role least;
	enum scope scope;
} permissions[] = {
#define X(id, name, least, scope) [PERMISSION_##id] = {name, least, scope},
	PERMISSION_TABLE(X)
#undef X
};

const char *permission_name(enum permission permission)
{
	CHECK((unsigned)permission < PERMISSION_COUNT);
	return permissions[permission].name;
}

int permission_target(enum permission permission)
{
	switch (permission) {
	case PERMISSION_TOOLS_CALL:
		return TARGET_TOOLS;
	case PERMISSION_PROMPTS_GET:
		return TARGET_PROMPTS;
	case PERMISSION_RESOURCES_READ:
		return TARGET_RESOURCES;
	default:
		return -1;
	}
}

bool permission_is_built_in(enum role role, enum permission permission)
{
	enum role least = permissions[permission].least;

	return least != ROLE_NONE && role >= least && role <= ROLE_OWNER;
}

enum scope permission_scope(enum permission permission)
{
	return permissions[permission].scope;
}
