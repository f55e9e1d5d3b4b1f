/* Roles by name. The names are what the database and the command line say; the order of the
 * enum is what policy compares. A name nobody knows is ROLE_NONE, which may do nothing: a
 * newer version's role read by an older one fails safe. */
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
