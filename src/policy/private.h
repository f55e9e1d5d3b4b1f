/* What a policy is compiled to, shared by the files of this room: see policy.c. */
#ifndef GATEHOUSE_POLICY_PRIVATE_H
#define GATEHOUSE_POLICY_PRIVATE_H

#include <stdatomic.h>

#include "policy/policy.h"
#include "schema/schema.h"

#define POLICY_MAGIC 0x504f4c59u /* "POLY" */

/* The kinds of things that globs choose: those whose permission takes one. */
enum target { TARGET_TOOLS, TARGET_PROMPTS, TARGET_RESOURCES, TARGETS };

struct texts {
	const struct str *text;
	size_t count;
};

/* What a role may do: permissions as a whole, and globs of those that take one. */
struct grants {
	uint32_t whole; /* bits of enum permission */
	struct texts globs[TARGETS];
};

struct role_grants {
	struct str name;
	struct grants grants;
};

/* Whom a rule is about: an empty list is everybody. */
struct rule_who {
	struct texts roles, users, clients, credentials;
	const struct prefix *networks;
	size_t network_count;
};

/* When: days by bit (0 Monday), minutes of the day; a window that ends before it begins passes midnight. */
struct rule_when {
	bool set;
	uint8_t days;
	int from_min, to_min, offset_min;
	struct str text; /* "mon-fri 09:00-17:00 +01:00" as written, for who is refused */
};

struct rule {
	struct str name;
	bool allow, shadow;
	bool about[TARGETS]; /* which kinds of things */
	struct texts globs[TARGETS];
	struct rule_who who;
	struct rule_when when;
	struct schema *condition;
	bool whole_document; /* the condition is over {"arguments":...,"principal":...}, not the arguments alone */
	yyjson_val *tests;   /* an array; NULL none */
};

struct policy {
	uint32_t magic;
	atomic_uint refs;
	struct arena *arena; /* everything but the schemas */
	struct role_grants *roles;
	size_t role_count;
	struct rule *rules;
	struct policy_rule_view *views; /* parallel to rules */
	size_t rule_count;
	bool in_force; /* some rule is no shadow: what none allows is refused */
	bool on_trial; /* some rule is one */
	bool reads_network;
};

/* permission.c: which kind a permission's glob chooses; -1: it takes none. What a built-in role has, the
 * scope a permission needs, and the tools:call:GLOB text of one item for messages. */
int permission_target(enum permission permission);
bool permission_is_built_in(enum role role, enum permission permission);
enum scope permission_scope(enum permission permission);

/* grant.c: add one text of a role's document, "keys:manage", "tools:call:billing.*", "keys:*" or "*".
 * `globs` has room for one more of each kind. false: no such permission. */
bool grants_add(struct grants *grants, struct str globs[TARGETS][POLICY_GLOBS_MAX], struct str text);
bool grants_have(const struct grants *grants, enum permission permission);
bool grants_have_item(const struct grants *grants, enum permission permission, struct str label);

/* role_permits: of a caller's role, built in or the tenant's own; for one item (label p NULL: for any). */
bool role_permits(const struct policy *policy, const struct caller *caller, enum permission permission,
		  struct str label);

/* rule_read.c: read one rule's document.
 *   problem    "/when/hours: ..."
 *   Errors     ERR_CONFIG, ERR_LIMIT */
NODISCARD enum err rule_read(struct arena *arena, const struct policy_document *document, struct buf *problem,
			     struct rule *ret_rule);

/* window.c: read `when`; whether a moment lies in it. */
NODISCARD enum err window_read(struct arena *arena, yyjson_val *when, struct buf *problem, struct rule_when *ret_when);
bool window_holds(const struct rule_when *when, int64_t now_ms);

/* condition.c: compile a rule's condition; whether it holds for a call.
 *   ret_why    why not, in `arena`
 *   Errors     ERR_CONFIG; ERR_JSON_*, ERR_LIMIT */
NODISCARD enum err condition_compile(yyjson_val *condition, struct buf *problem, struct rule *rule);
NODISCARD enum err condition_holds(const struct rule *rule, const struct policy_call *call, struct arena *arena,
				   bool *ret_holds, struct str *ret_why);

/* policy.c: whether the rule's `who` matches. */
bool rule_is_about(const struct rule *rule, enum target target, struct str label);

static inline bool any_text(const struct texts *texts, struct str text)
{
	for (size_t i = 0; i < texts->count; i++)
		if (str_eq(texts->text[i], text))
			return true;
	return false;
}

static inline bool any_glob(const struct texts *globs, struct str text)
{
	for (size_t i = 0; i < globs->count; i++)
		if (str_glob(globs->text[i], text))
			return true;
	return false;
}

#endif
