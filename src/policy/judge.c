/* What role, scopes and rules say about one item. Rules are read in order; the first that matches decides:
 *
 *     rule in force, matches ──────────────▶ its effect
 *     rule on trial (shadow), matches ─────▶ noted, and the next one is read
 *     none left ───────────────────────────▶ refused; or allowed, when no rule is in force at all
 *
 * Before the arguments are known a rule with a condition may match or not, so both ways are followed. A rule on
 * trial is judged as if it were in force, beside what really happens: what differs is what it would refuse. */
#include "base/check.h"
#include "policy/private.h"

/* How one reading of the rules ends. */
struct outcome {
	bool may_allow, may_refuse; /* both: it depends */
	const struct rule *rule;    /* that decided; NULL none did */
	const struct rule *near;    /* would have allowed, but for its condition or hours */
	struct str why;		    /* its condition was not met */
};

/* With a call: how its rules' conditions end. Without: NULL. */
struct hearing {
	const struct policy_call *call;
	struct arena *arena;
};

static bool is_matched(const struct policy_match *match, size_t at)
{
	return match != NULL && (match->rule[at / 64] >> (at % 64) & 1) != 0;
}

static bool is_conditional(const struct rule *rule)
{
	return rule->when.set || rule->condition != NULL;
}

/* Whether the call meets what the rule asks of its time and arguments. */
static enum err meets(const struct rule *rule, const struct hearing *hearing, bool *ret_meets, struct str *ret_why)
{
	*ret_meets = true;
	if (rule->when.set && !window_holds(&rule->when, hearing->call->now_ms)) {
		*ret_meets = false;
		*ret_why = arena_fmt(hearing->arena, "it is %.*s", STR_ARG(rule->when.text));
		return OK;
	}
	if (rule->condition == NULL)
		return OK;
	return condition_holds(rule, hearing->call, hearing->arena, ret_meets, ret_why);
}

/* One rule that is about this item.
 *   ret_decided  the rest need not be read */
static enum err hear_rule(const struct rule *rule, const struct hearing *hearing, struct outcome *outcome,
			  bool *ret_decided)
{
	struct str why = STR_NONE;
	bool holds = true;

	*ret_decided = true;
	if (is_conditional(rule)) {
		if (hearing == NULL)
			*ret_decided = false;
		else
			TRY(meets(rule, hearing, &holds, &why));
	}
	if (!holds) {
		*ret_decided = false;
		if (rule->allow && outcome->near == NULL) {
			outcome->near = rule;
			outcome->why = why;
		}
		return OK;
	}
	outcome->may_allow |= rule->allow;
	outcome->may_refuse |= !rule->allow;
	if (outcome->rule == NULL)
		outcome->rule = rule;
	return OK;
}

static enum err hear(const struct policy *policy, const struct policy_match *match, enum target target,
		     struct str label, const struct hearing *hearing, bool trial, struct outcome *ret_outcome)
{
	bool in_force = policy != NULL && (policy->in_force || (trial && policy->on_trial));
	struct outcome outcome = {0};
	bool decided = false;

	for (size_t i = 0; in_force && !decided && i < policy->rule_count; i++) {
		const struct rule *rule = &policy->rules[i];

		if ((rule->shadow && !trial) || !is_matched(match, i) || !rule_is_about(rule, target, label))
			continue;
		TRY(hear_rule(rule, hearing, &outcome, &decided));
	}
	if (!decided) {
		outcome.may_allow |= !in_force;
		outcome.may_refuse |= in_force;
	}
	*ret_outcome = outcome;
	return OK;
}

static enum policy_answer answer_of(const struct outcome *outcome)
{
	if (outcome->may_allow && outcome->may_refuse)
		return POLICY_DEPENDS;
	return outcome->may_allow ? POLICY_ALLOW : POLICY_REFUSE;
}

static struct str explain(const struct outcome *outcome, struct str label, struct arena *arena)
{
	if (outcome->rule != NULL)
		return arena_fmt(arena, "the rule \"%.*s\" of your tenant's policy refuses %.*s",
				 STR_ARG(outcome->rule->name), STR_ARG(label));
	if (outcome->near != NULL)
		return arena_fmt(arena, "the rule \"%.*s\" allows %.*s only if this holds: %.*s",
				 STR_ARG(outcome->near->name), STR_ARG(label), STR_ARG(outcome->why));
	return arena_fmt(arena, "no rule of your tenant's policy allows %.*s; ask an administrator for one",
			 STR_ARG(label));
}

/* The rule on trial that makes the difference; the first, when it is only that none allows. */
static struct str shadow_of(const struct policy *policy, const struct outcome *trial)
{
	if (trial->rule != NULL && trial->rule->shadow)
		return trial->rule->name;
	if (trial->near != NULL && trial->near->shadow)
		return trial->near->name;
	for (size_t i = 0; i < policy->rule_count; i++)
		if (policy->rules[i].shadow)
			return policy->rules[i].name;
	return STR_NONE;
}

static enum err judge_rules(const struct policy *policy, const struct policy_match *match, enum target target,
			    struct str label, const struct hearing *hearing, struct arena *arena,
			    struct policy_verdict *ret_verdict)
{
	struct policy_verdict verdict = {0};
	struct outcome outcome, trial;

	TRY(hear(policy, match, target, label, hearing, false, &outcome));
	verdict.answer = answer_of(&outcome);
	if (outcome.rule != NULL)
		verdict.rule = outcome.rule->name;
	else if (outcome.near != NULL)
		verdict.rule = outcome.near->name;
	if (verdict.answer == POLICY_REFUSE && arena != NULL)
		verdict.reason = explain(&outcome, label, arena);
	if (policy != NULL && policy->on_trial && verdict.answer == POLICY_ALLOW) {
		TRY(hear(policy, match, target, label, hearing, true, &trial));
		if (trial.may_refuse)
			verdict.shadow = shadow_of(policy, &trial);
	}
	*ret_verdict = verdict;
	return OK;
}

static struct str explain_role(const struct policy *policy, const struct caller *caller, enum permission permission,
			       struct str label, struct arena *arena)
{
	bool any = role_permits(policy, caller, permission, STR_NONE);

	if (arena == NULL)
		return STR_NONE;
	return arena_fmt(arena, "your role \"%s\" does not have %s%s%.*s; ask an administrator for a role that has it",
			 caller->role_name, permission_name(permission), any ? ":" : "",
			 STR_ARG(any ? label : STR("")));
}

/* The role and the credential's scopes, before any rule is read. */
static bool judge_role(const struct policy *policy, const struct caller *caller, enum permission permission,
		       struct str label, struct arena *arena, struct policy_verdict *ret_verdict)
{
	*ret_verdict = (struct policy_verdict){.answer = POLICY_REFUSE};
	CHECK(permission_target(permission) >= 0);
	if (caller->credential == CREDENTIAL_OPERATOR || !role_permits(policy, caller, permission, label)) {
		ret_verdict->reason = explain_role(policy, caller, permission, label, arena);
		return false;
	}
	if (caller->scopes & permission_scope(permission))
		return true;
	if (arena != NULL)
		ret_verdict->reason = arena_str(arena, str_of(err_text(ERR_SCOPE)));
	return false;
}

void policy_judge(const struct policy *policy, const struct caller *caller, const struct policy_match *match,
		  enum permission kind_permission, struct str label, struct arena *arena,
		  struct policy_verdict *ret_verdict)
{
	if (!judge_role(policy, caller, kind_permission, label, arena, ret_verdict))
		return;
	CHECK(judge_rules(policy, match, (enum target)permission_target(kind_permission), label, NULL, arena,
			  ret_verdict) == OK); /* only conditions fail, and none was asked */
}

enum err policy_judge_call(const struct policy *policy, const struct policy_call *call,
			   const struct policy_match *match, struct arena *arena, struct policy_verdict *ret_verdict)
{
	const struct hearing hearing = {.call = call, .arena = arena};

	if (!judge_role(policy, call->subject.caller, call->kind_permission, call->label, arena, ret_verdict))
		return OK;
	return judge_rules(policy, match, (enum target)permission_target(call->kind_permission), call->label, &hearing,
			   arena, ret_verdict);
}
