/* Roles by name. */
#include "identity/caller.h"

#include "base/check.h"

static const char *const names[] = {
	[ROLE_NONE] = "none",	[ROLE_VIEWER] = "viewer", [ROLE_MEMBER] = "member",
	[ROLE_ADMIN] = "admin", [ROLE_OWNER] = "owner",
};

enum role role_of(struct str name)
{
	for (enum role role = ROLE_VIEWER; role <= ROLE_OWNER; role++) {
		if (str_eq(name, str_of(names[role])))
			return role;
	}
	return ROLE_NONE;
}

const char *role_name(enum role role)
{
	CHECK((unsigned)role < ARRAY_LEN(names));
	return names[role];
}
