/* Roles and scopes by name. The names are what the database, tokens and the command line say. A role
 * that is not built in is ROLE_NONE: it may be one of the tenant's own, which policy knows, and may do nothing if not.
 */
#include "identity/caller.h"

#include "base/check.h"

static const char *const names[] = {
	[ROLE_NONE] = "none",	[ROLE_VIEWER] = "viewer", [ROLE_MEMBER] = "member",
	[ROLE_ADMIN] = "admin", [ROLE_OWNER] = "owner",
};

static const struct {
	struct str name;
	enum scope scope;
} scopes[] = {
	{{"mcp:read", 8}, SCOPE_READ},
	{{"mcp:tools", 9}, SCOPE_TOOLS},
	{{"api", 3}, SCOPE_API},
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

unsigned scopes_of(struct str text)
{
	unsigned found = 0;

	while (text.n > 0) {
		struct str word, rest;

		str_cut(text, ' ', &word, &rest);
		for (size_t i = 0; i < ARRAY_LEN(scopes); i++)
			found |= str_eq(word, scopes[i].name) ? scopes[i].scope : 0;
		text = rest;
	}
	return found;
}

void scopes_put(unsigned wanted, struct buf *out)
{
	bool first = true;

	for (size_t i = 0; i < ARRAY_LEN(scopes); i++) {
		if ((wanted & scopes[i].scope) == 0)
			continue;
		if (!first)
			buf_put_byte(out, ' ');
		buf_put(out, scopes[i].name);
		first = false;
	}
}
