/* A tenant's roles and rules, compiled; and the two questions that need no item: what a role is (policy_decide),
 * and which rules are about a caller (policy_match). What they say about one item or call is judge.c's.
 *
 *     grant.c         permission sets of roles          window.c     when
 *     rule_read.c     documents of rules                condition.c  on which arguments
 *     rule_schema.c   their shape, published            rule_test.c  the tests that rules carry */
#include "policy/policy.h"

#include "base/check.h"
#include "policy/private.h"

#define POLICY_ARENA_BYTES_MAX (64u * 1024 * 1024) /* a good deal more than the documents allow */

static void policy_free(struct policy *policy)
{
	for (size_t i = 0; i < policy->rule_count; i++)
		schema_unref(policy->rules[i].condition);
	policy->magic = 0;
	arena_free(policy->arena);
}

struct policy *policy_ref(struct policy *policy)
{
	CHECK_OBJ(policy, POLICY_MAGIC);
	atomic_fetch_add_explicit(&policy->refs, 1, memory_order_relaxed);
	return policy;
}

void policy_unref(struct policy *policy)
{
	if (policy == NULL)
		return;
	CHECK_OBJ(policy, POLICY_MAGIC);
	if (atomic_fetch_sub_explicit(&policy->refs, 1, memory_order_acq_rel) == 1)
		policy_free(policy);
}

/* ---- compiling ------------------------------------------------------------------ */

static void keep_globs(struct arena *arena, struct str globs[TARGETS][POLICY_GLOBS_MAX], struct grants *grants)
{
	for (int t = 0; t < TARGETS; t++) {
		size_t bytes = grants->globs[t].count * sizeof(struct str);
		struct str *kept = arena_alloc(arena, bytes + 1);

		if (bytes > 0)
			memcpy(kept, globs[t], bytes);
		grants->globs[t].text = kept;
	}
}

static enum err read_permissions(struct arena *arena, yyjson_val *list, struct buf *problem, struct grants *grants)
{
	struct str(*globs)[POLICY_GLOBS_MAX] = arena_alloc(arena, TARGETS * sizeof(*globs));
	yyjson_arr_iter iter = yyjson_arr_iter_with(list);
	yyjson_val *value;
	size_t at = 0;

	for (; (value = yyjson_arr_iter_next(&iter)) != NULL; at++) {
		struct str text = json_str(value);

		if (text.n > 0 && grants_add(grants, globs, text))
			continue;
		buf_put_fmt(problem,
			    "/%zu: there is no such permission%s%.*s; `gatehouse policy permissions` lists them", at,
			    text.n > 0 ? ": " : "", STR_ARG(text));
		return ERR_CONFIG;
	}
	keep_globs(arena, globs, grants);
	return OK;
}

static enum err read_role(struct arena *arena, const struct policy_document *document, struct buf *problem,
			  struct role_grants *ret_role)
{
	struct role_grants role = {.name = arena_str(arena, document->name)};
	yyjson_val *list;

	if (role.name.n == 0 || role.name.n >= CALLER_ROLE_MAX || role_of(role.name) != ROLE_NONE) {
		buf_put_fmt(problem, "a role's name has 1 to %d bytes and is none of the built-in ones",
			    CALLER_ROLE_MAX - 1);
		return ERR_CONFIG;
	}
	if (document->text.n > POLICY_DOCUMENT_BYTES_MAX || json_read(arena, document->text, &list) != OK ||
	    !yyjson_is_arr(list) || yyjson_arr_size(list) > POLICY_GLOBS_MAX) {
		buf_put_fmt(problem, "must be a JSON array of at most %d permissions", POLICY_GLOBS_MAX);
		return ERR_CONFIG;
	}
	TRY(read_permissions(arena, list, problem, &role.grants));
	*ret_role = role;
	return OK;
}

static enum err compile_roles(struct policy *policy, const struct policy_source *source, struct buf *problem)
{
	policy->roles = arena_zalloc(policy->arena, (source->role_count + 1) * sizeof(*policy->roles));
	for (size_t i = 0; i < source->role_count; i++) {
		AUTO_BUF why = {0};
		enum err err = read_role(policy->arena, &source->roles[i], &why, &policy->roles[i]);

		if (err != OK) {
			buf_put_fmt(problem, "role %.*s: %.*s", STR_ARG(source->roles[i].name), STR_ARG(buf_str(&why)));
			return err;
		}
		policy->role_count++;
	}
	return OK;
}

static void note_rule(struct policy *policy, const struct rule *rule)
{
	policy->views[policy->rule_count++] = (struct policy_rule_view){
		.name = rule->name,
		.allow = rule->allow,
		.shadow = rule->shadow,
		.tests = yyjson_arr_size(rule->tests),
	};
	policy->in_force |= !rule->shadow;
	policy->on_trial |= rule->shadow;
	policy->reads_network |= rule->who.network_count > 0;
}

static enum err compile_rules(struct policy *policy, const struct policy_source *source, struct buf *problem)
{
	policy->rules = arena_zalloc(policy->arena, (source->rule_count + 1) * sizeof(*policy->rules));
	policy->views = arena_zalloc(policy->arena, (source->rule_count + 1) * sizeof(*policy->views));
	for (size_t i = 0; i < source->rule_count; i++) {
		struct policy_document document = source->rules[i];
		AUTO_BUF why = {0};
		enum err err;

		document.name = arena_str(policy->arena, document.name);
		err = rule_read(policy->arena, &document, &why, &policy->rules[i]);
		if (err == OK) {
			note_rule(policy, &policy->rules[i]);
			continue;
		}
		if (document.name.n > 0)
			buf_put_fmt(problem, "rule %.*s: %.*s", STR_ARG(document.name), STR_ARG(buf_str(&why)));
		else
			buf_put_fmt(problem, "rule %zu: %.*s", i + 1, STR_ARG(buf_str(&why)));
		return err;
	}
	return OK;
}

enum err policy_compile(const struct policy_source *source, struct buf *problem, struct policy **ret_policy)
{
	struct arena *arena = arena_new(POLICY_ARENA_BYTES_MAX);
	AUTO(policy) *policy = ARENA_NEW(arena, struct policy);

	policy->magic = POLICY_MAGIC;
	policy->arena = arena;
	atomic_init(&policy->refs, 1);
	if (source->rule_count > POLICY_RULES_MAX || source->role_count > POLICY_ROLES_MAX) {
		buf_put_fmt(problem, "more than %d rules or %d roles", POLICY_RULES_MAX, POLICY_ROLES_MAX);
		return ERR_LIMIT;
	}
	TRY(compile_roles(policy, source, problem));
	TRY(compile_rules(policy, source, problem));
	*ret_policy = policy;
	policy = NULL;
	return OK;
}

size_t policy_rules(const struct policy *policy, const struct policy_rule_view **ret_rules)
{
	CHECK_OBJ(policy, POLICY_MAGIC);
	*ret_rules = policy->views;
	return policy->rule_count;
}

/* ---- roles ---------------------------------------------------------------------- */

static const struct grants *grants_of(const struct policy *policy, struct str role)
{
	for (size_t i = 0; policy != NULL && i < policy->role_count; i++)
		if (str_eq(policy->roles[i].name, role))
			return &policy->roles[i].grants;
	return NULL;
}

bool role_permits(const struct policy *policy, const struct caller *caller, enum permission permission,
		  struct str label)
{
	const struct grants *grants;

	if (caller->role != ROLE_NONE)
		return permission_is_built_in(caller->role, permission);
	grants = grants_of(policy, str_of(caller->role_name));
	if (grants == NULL)
		return false;
	return label.p == NULL ? grants_have(grants, permission) : grants_have_item(grants, permission, label);
}

enum err policy_decide(const struct policy *policy, const struct caller *caller, enum permission permission)
{
	CHECK((unsigned)permission < PERMISSION_COUNT);
	if (caller->credential == CREDENTIAL_OPERATOR)
		return permission_scope(permission) == SCOPE_API ? OK : ERR_FORBIDDEN;
	if (!role_permits(policy, caller, permission, STR_NONE))
		return ERR_FORBIDDEN;
	return caller->scopes & permission_scope(permission) ? OK : ERR_SCOPE;
}

/* ---- who ------------------------------------------------------------------------ */

static struct str credential_text(enum credential credential)
{
	static const struct str names[] = {
		[CREDENTIAL_NONE] = {"none", 4},
		[CREDENTIAL_OPERATOR] = {"operator", 8},
		[CREDENTIAL_KEY] = {"key", 3},
		[CREDENTIAL_JWT] = {"jwt", 3},
		[CREDENTIAL_TOKEN] = {"token", 5},
		[CREDENTIAL_COOKIE] = {"cookie", 6},
		[CREDENTIAL_CERTIFICATE] = {"certificate", 11},
	};

	CHECK((unsigned)credential < ARRAY_LEN(names));
	return names[credential];
}

static bool covers(const struct rule_who *who, const struct address *ip)
{
	for (size_t i = 0; i < who->network_count; i++)
		if (prefix_covers(&who->networks[i], ip))
			return true;
	return who->network_count == 0;
}

static bool who_matches(const struct rule_who *who, const struct policy_subject *subject)
{
	const struct caller *caller = subject->caller;

	if (who->roles.count > 0 && !any_text(&who->roles, str_of(caller->role_name)))
		return false;
	if (who->users.count > 0 && !any_text(&who->users, str_of(caller->principal)) &&
	    (caller->user_id[0] == '\0' || !any_text(&who->users, str_of(caller->user_id))))
		return false;
	if (who->clients.count > 0 && (caller->client[0] == '\0' || !any_glob(&who->clients, str_of(caller->client))))
		return false;
	if (who->credentials.count > 0 && !any_text(&who->credentials, credential_text(caller->credential)))
		return false;
	return covers(who, &subject->ip);
}

void policy_match(const struct policy *policy, const struct policy_subject *subject, struct policy_match *ret_match)
{
	*ret_match = (struct policy_match){0};
	for (size_t i = 0; policy != NULL && i < policy->rule_count; i++)
		if (who_matches(&policy->rules[i].who, subject))
			ret_match->rule[i / 64] |= 1ull << (i % 64);
}

bool policy_reads_network(const struct policy *policy)
{
	return policy != NULL && policy->reads_network;
}

bool rule_is_about(const struct rule *rule, enum target target, struct str label)
{
	return rule->about[target] && any_glob(&rule->globs[target], label);
}
