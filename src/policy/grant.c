/* Permission sets: what a tenant writes into a role of its own.
 *
 *     keys:manage             that permission
 *     keys:*                  all whose name begins with "keys:"
 *     tools:call:billing.*    calls to what the glob chooses, of "upstream.item"
 *     *                       everything a tenant can give away
 *
 * Who may call, read or get anything may also see what there is: lists show no more than that. */
#include "base/check.h"
#include "policy/private.h"

#define BIT(permission) (1u << (permission))
_Static_assert(PERMISSION_COUNT <= 32, "grants.whole has a bit for each");

/* Nobody's role makes them the operator. */
static uint32_t all_with(struct str prefix)
{
	uint32_t found = 0;

	for (unsigned i = 0; i < PERMISSION_COUNT; i++)
		if (i != PERMISSION_OPERATE && str_starts(str_of(permission_name((enum permission)i)), prefix))
			found |= BIT(i);
	return found;
}

static uint32_t one_named(struct str name)
{
	for (unsigned i = 0; i < PERMISSION_COUNT; i++)
		if (i != PERMISSION_OPERATE && str_eq(str_of(permission_name((enum permission)i)), name))
			return BIT(i);
	return 0;
}

/* Cut "tools:call:GLOB".
 *   returns    the kind of what the glob chooses; -1: the text is not of that form */
static int cut_glob(struct str text, struct str *ret_glob)
{
	for (unsigned i = 0; i < PERMISSION_COUNT; i++) {
		struct str name = str_of(permission_name((enum permission)i));

		if (permission_target((enum permission)i) < 0 || !str_starts(text, name) || text.n <= name.n + 1 ||
		    text.p[name.n] != ':')
			continue;
		*ret_glob = str_skip(text, name.n + 1);
		return permission_target((enum permission)i);
	}
	return -1;
}

/* The bits that a text without a glob over items means. */
static uint32_t whole_of(struct str text)
{
	if (str_eq(text, STR("*")))
		return all_with(STR(""));
	if (text.n > 2 && str_ends(text, STR(":*")))
		return all_with((struct str){text.p, text.n - 1});
	return one_named(text);
}

bool permission_is_known(struct str text)
{
	struct str glob;

	return cut_glob(text, &glob) >= 0 || whole_of(text) != 0;
}

bool grants_add(struct grants *grants, struct str globs[TARGETS][POLICY_GLOBS_MAX], struct str text)
{
	struct str glob;
	int target = cut_glob(text, &glob);
	uint32_t whole = target < 0 ? whole_of(text) : 0;

	if (target < 0) {
		grants->whole |= whole;
		return whole != 0;
	}
	CHECK(grants->globs[target].count < POLICY_GLOBS_MAX);
	globs[target][grants->globs[target].count++] = glob;
	return true;
}

bool grants_have(const struct grants *grants, enum permission permission)
{
	int target = permission_target(permission);

	if (grants->whole & BIT(permission))
		return true;
	if (target >= 0)
		return grants->globs[target].count > 0;
	return permission == PERMISSION_CATALOG_LIST &&
	       (grants_have(grants, PERMISSION_TOOLS_CALL) || grants_have(grants, PERMISSION_PROMPTS_GET) ||
		grants_have(grants, PERMISSION_RESOURCES_READ));
}

bool grants_have_item(const struct grants *grants, enum permission permission, struct str label)
{
	int target = permission_target(permission);

	return (grants->whole & BIT(permission)) != 0 || any_glob(&grants->globs[target], label);
}
