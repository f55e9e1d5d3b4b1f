/* Nobody gives away more than they have. A role is a set of texts ("keys:manage", "tools:call:billing.*", "users:*"),
 * built in or the tenant's own; one may be given by who has each of them. The same holds for taking away: who cannot
 * make an owner cannot unmake one, nor touch an owner's key. */
#include "portal/work.h"

#include "store/role.h"

#define SET_MAX (PERMISSION_COUNT + POLICY_GLOBS_MAX)

struct set {
	struct str text[SET_MAX];
	size_t count;
};

static const struct {
	const char *name;
	enum role least;
} permissions[] = {
#define X(id, name, least, scope) {name, least},
	PERMISSION_TABLE(X)
#undef X
};

static void add(struct set *set, struct str text)
{
	if (set->count < SET_MAX)
		set->text[set->count++] = text;
}

/* The built-in permissions that begin with `prefix` and that a role as high as `role` has. */
static void add_built_in(struct set *set, enum role role, struct str prefix)
{
	for (size_t i = 0; i < ARRAY_LEN(permissions); i++)
		if (permissions[i].least != ROLE_NONE && permissions[i].least <= role &&
		    str_starts(str_of(permissions[i].name), prefix))
			add(set, str_of(permissions[i].name));
}

/* A document's texts, with "*" and "keys:*" spelt out. */
static void add_document(struct set *set, struct arena *arena, struct str document)
{
	struct str words[WORDS_MAX];
	size_t count = words_of(arena, document, words);

	for (size_t i = 0; i < count; i++) {
		struct str word = words[i];

		if (str_eq(word, STR("*")))
			add_built_in(set, ROLE_OWNER, STR(""));
		else if (str_ends(word, STR(":*")) && memchr(word.p, ':', word.n - 2) == NULL)
			add_built_in(set, ROLE_OWNER, (struct str){word.p, word.n - 1});
		else
			add(set, word);
	}
}

/* What a role of a tenant may do. */
AWAITS static enum err read_role(struct work *work, struct str tenant_id, struct str name, struct set *ret_set)
{
	enum role role = role_of(name);
	struct role_row row;

	ret_set->count = 0;
	if (role != ROLE_NONE) {
		add_built_in(ret_set, role, STR(""));
		return OK;
	}
	TRY(role_get(work->portal->spec.db, work->arena, tenant_id, name, &row));
	add_document(ret_set, work->arena, row.permissions);
	return OK;
}

/* Whether everything that `narrow` means is meant by `wide`. Exact for globs of `*` alone: each `*` of `narrow` is
 * met by one of `wide`; a `?` in `wide` would meet it too, and mean less. */
static bool covers(struct str wide, struct str narrow)
{
	if (str_eq(wide, narrow))
		return true;
	if (narrow.n > wide.n && str_starts(narrow, wide) && narrow.p[wide.n] == ':')
		return true; /* tools:call, of tools:call:GLOB */
	return memchr(wide.p, '*', wide.n) != NULL && memchr(wide.p, '?', wide.n) == NULL && str_glob(wide, narrow);
}

static bool has(const struct set *set, struct str text)
{
	for (size_t i = 0; i < set->count; i++)
		if (covers(set->text[i], text))
			return true;
	return false;
}

/* A role that was removed under its holder gives nothing. */
AWAITS static enum err own_set(struct work *work, struct set *ret_set)
{
	const struct caller *caller = work->call->caller;
	enum err err = read_role(work, str_of(caller->tenant_id), str_of(caller->role_name), ret_set);

	return err == ERR_NOT_FOUND ? OK : err;
}

AWAITS static enum err check_set(struct work *work, const struct set *wanted)
{
	struct set *own = ARENA_NEW(work->arena, struct set);

	TRY(own_set(work, own));
	for (size_t i = 0; i < wanted->count; i++)
		if (!has(own, wanted->text[i]))
			return work_fail(work, ERR_API_ESCALATION, NULL,
					 "your own role lacks the permission %.*s: ask an owner of your tenant",
					 STR_ARG(wanted->text[i]));
	return OK;
}

AWAITS enum err role_grantable(struct work *work, struct str role)
{
	struct set *wanted = ARENA_NEW(work->arena, struct set);
	enum err err = read_role(work, work->tenant.id, role, wanted);

	if (err == ERR_NOT_FOUND)
		return work_fail(work, ERR_API_FIELD, "/role", "there is no such role in this tenant");
	TRY(err);
	return is_operator(work) ? OK : check_set(work, wanted);
}

AWAITS enum err role_touchable(struct work *work, struct str role)
{
	enum err err = role_grantable(work, role);

	return err == ERR_API_FIELD ? OK : err; /* the role is gone: it gives nothing */
}

AWAITS enum err permissions_grantable(struct work *work, struct str document)
{
	struct set *wanted = ARENA_NEW(work->arena, struct set);

	if (is_operator(work))
		return OK;
	add_document(wanted, work->arena, document);
	return check_set(work, wanted);
}

enum err narrowing_grantable(struct work *work, struct str scopes, struct str toolsets)
{
	const struct caller *caller = work->call->caller;
	unsigned wanted = scopes.n == 0 ? SCOPE_ALL : scopes_of(scopes);
	/* A cookie is the person: that it opens no /mcp narrows nothing of what they may give. */
	unsigned held = caller->credential == CREDENTIAL_COOKIE ? SCOPE_ALL : caller->scopes;
	struct str own = str_of(caller->toolsets), rest = toolsets, word;

	if (is_operator(work))
		return OK;
	if (wanted & ~held)
		return work_fail(work, ERR_API_ESCALATION, "/scopes", "your own credential has fewer scopes than that");
	if (own.n == 0)
		return OK;
	if (toolsets.n == 0)
		return work_fail(work, ERR_API_ESCALATION, "/toolsets",
				 "your own credential is narrowed to toolsets: name some of %.*s", STR_ARG(own));
	while (rest.n > 0) {
		struct str mine = own, head;
		bool found = false;

		str_cut(rest, ' ', &word, &rest);
		while (mine.n > 0 && !found) {
			str_cut(mine, ' ', &head, &mine);
			found = str_eq(head, word);
		}
		if (!found)
			return work_fail(work, ERR_API_ESCALATION, "/toolsets",
					 "your own credential does not reach the toolset %.*s", STR_ARG(word));
	}
	return OK;
}
