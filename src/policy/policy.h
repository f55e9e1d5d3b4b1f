/* May they? Pure functions over documents compiled before: no I/O, no clock, no state.
 *
 * A permission is what a role grants: a name, and for calls a glob over "upstream.item"
 * ("tools:call:billing.*"). Rules refine roles: the role must permit, then the first rule whose who, tools and
 * condition match decides; a tenant without a rule in force is governed by roles alone.
 *
 *     role ──▶ scopes, toolsets of the credential ──▶ rules in order ──▶ allowed, or refused by name */
#ifndef GATEHOUSE_POLICY_POLICY_H
#define GATEHOUSE_POLICY_POLICY_H

#include "base/arena.h"
#include "base/json.h"
#include "identity/caller.h"
#include "net/address.h"

#define POLICY_RULES_MAX 256		      /* of one tenant: they are read in order */
#define POLICY_ROLES_MAX 64		      /* of one tenant */
#define POLICY_GLOBS_MAX 64		      /* of one role or rule */
#define POLICY_DOCUMENT_BYTES_MAX (32 * 1024) /* of one rule, its tests included */

/* X(ID, "name", least of the built-in roles, scope that a credential needs for it) */
#define PERMISSION_TABLE(X)                                                                                            \
	X(CATALOG_LIST, "catalog:list", ROLE_VIEWER, SCOPE_READ)                                                       \
	X(RESOURCES_READ, "resources:read", ROLE_VIEWER, SCOPE_READ)                                                   \
	X(PROMPTS_GET, "prompts:get", ROLE_VIEWER, SCOPE_READ)                                                         \
	X(TOOLS_CALL, "tools:call", ROLE_MEMBER, SCOPE_TOOLS)                                                          \
	X(STATUS_READ, "status:read", ROLE_ADMIN, SCOPE_API)                                                           \
	X(USERS_READ, "users:read", ROLE_ADMIN, SCOPE_API)                                                             \
	X(USERS_MANAGE, "users:manage", ROLE_ADMIN, SCOPE_API)                                                         \
	X(ROLES_MANAGE, "roles:manage", ROLE_OWNER, SCOPE_API)                                                         \
	X(KEYS_MANAGE, "keys:manage", ROLE_ADMIN, SCOPE_API)                                                           \
	X(CLIENTS_MANAGE, "clients:manage", ROLE_ADMIN, SCOPE_API)                                                     \
	X(POLICY_READ, "policy:read", ROLE_ADMIN, SCOPE_API)                                                           \
	X(POLICY_MANAGE, "policy:manage", ROLE_ADMIN, SCOPE_API)                                                       \
	X(UPSTREAMS_READ, "upstreams:read", ROLE_ADMIN, SCOPE_API)                                                     \
	X(UPSTREAMS_MANAGE, "upstreams:manage", ROLE_ADMIN, SCOPE_API)                                                 \
	X(USAGE_READ, "usage:read", ROLE_ADMIN, SCOPE_API)                                                             \
	X(AUDIT_READ, "audit:read", ROLE_ADMIN, SCOPE_API)                                                             \
	X(TENANT_READ, "tenant:read", ROLE_ADMIN, SCOPE_API)                                                           \
	X(TENANT_MANAGE, "tenant:manage", ROLE_OWNER, SCOPE_API)                                                       \
	X(OPERATE, "operate", ROLE_NONE, SCOPE_API) /* every tenant: the operator's alone */

enum permission {
#define X(id, name, least, scope) PERMISSION_##id,
	PERMISSION_TABLE(X)
#undef X
		PERMISSION_COUNT,
};

/* "tools:call" ...; whether a text is a permission that a role may have, a glob or wildcard included. */
const char *permission_name(enum permission permission);
bool permission_is_known(struct str text);

/* A tenant's roles and rules, compiled: immutable, shared by threads, reference-counted. */
struct policy;

struct policy_document {
	struct str name;
	struct str text; /* a role: JSON array of permissions; a rule: see doc/guides/policy.md */
};
struct policy_source {
	const struct policy_document *roles;
	size_t role_count;
	const struct policy_document *rules; /* in order */
	size_t rule_count;
};

/* Compile; a policy without roles and rules of its own is fine.
 *   problem     on error: which document, where in it, and what is wrong
 *   ret_policy  one reference
 *   Errors      ERR_CONFIG, ERR_LIMIT
 *   Runs on     any thread; schemas take a while */
NODISCARD enum err policy_compile(const struct policy_source *source, struct buf *problem, struct policy **ret_policy);
struct policy *policy_ref(struct policy *policy);
void policy_unref(struct policy *policy);
DEFINE_AUTO(policy, policy_unref);

/* Whether the caller may do this at all; of permissions with a glob: to anything.
 *   Errors     ERR_FORBIDDEN (the role lacks it), ERR_SCOPE (the credential was narrowed: a token with more would do)
 */
NODISCARD enum err policy_decide(const struct policy *policy, const struct caller *caller, enum permission permission);

/* Who asks from where: what rules' `who` look at. */
struct policy_subject {
	const struct caller *caller;
	struct address ip;
};

/* Bits of rules whose `who` matches: with role and scopes it is all that a caller's class depends on. */
struct policy_match {
	uint64_t rule[POLICY_RULES_MAX / 64];
};
void policy_match(const struct policy *policy, const struct policy_subject *subject, struct policy_match *ret_match);

/* Whether some rule looks at networks: a caller's match then changes with its address. */
bool policy_reads_network(const struct policy *policy);

enum policy_answer { POLICY_ALLOW, POLICY_REFUSE, POLICY_DEPENDS /* on arguments, time or principal */ };
struct policy_verdict {
	enum policy_answer answer;
	struct str rule;   /* the one that decided, or whose condition was not met; empty: the role did, or no rule
			    * allows. Lives as long as the policy */
	struct str reason; /* a sentence for the caller that says what to do, in `arena`; empty when allowed */
	struct str shadow; /* the rule on trial that would have refused, or may do so; empty none */
};

/* What the class may do with one item, before its arguments are known. Toolsets are for who knows the catalog.
 *   policy, match    NULL: no roles and rules of its own
 *   kind_permission  PERMISSION_TOOLS_CALL, _RESOURCES_READ or _PROMPTS_GET
 *   label            "upstream.item"
 *   arena            for the reason; NULL: none is written */
void policy_judge(const struct policy *policy, const struct caller *caller, const struct policy_match *match,
		  enum permission kind_permission, struct str label, struct arena *arena,
		  struct policy_verdict *ret_verdict);

/* A call, as far as conditions look at it. */
struct policy_call {
	struct policy_subject subject;
	enum permission kind_permission;
	struct str label;
	struct str arguments; /* raw JSON, p NULL: none; of a resource {"uri":...} */
	int64_t now_ms;	      /* wall time */
};

/* The same for a call with these arguments; never POLICY_DEPENDS.
 *   Errors     ERR_JSON_*, ERR_LIMIT (a condition takes too much work): to be refused */
NODISCARD enum err policy_judge_call(const struct policy *policy, const struct policy_call *call,
				     const struct policy_match *match, struct arena *arena,
				     struct policy_verdict *ret_verdict);

/* Run the tests that rules carry, shadow rules as if they were in force.
 *   out        a line for each that fails: "rule refunds, test 2: billing.refund: allowed, expected deny"
 *   ret_count  how many were run
 *   Errors     ERR_CONFIG when one fails */
NODISCARD enum err policy_test(const struct policy *policy, struct buf *out, size_t *ret_count);

/* The rules, in order, for those who list them. */
struct policy_rule_view {
	struct str name;
	bool allow, shadow;
	size_t tests;
};
size_t policy_rules(const struct policy *policy, const struct policy_rule_view **ret_rules);

/* The JSON Schema of a rule's document: what policy_compile checks it against. */
extern const struct str policy_rule_schema;

#endif
