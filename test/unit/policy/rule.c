/* Roles of a tenant's own and rules, as documents: what they grant, what they refuse, how they complain. */
#include "../unit.h"

#include "policy/policy.h"

#define FRIDAY_NOON 1763726400000LL /* 2025-11-21T12:00Z */
#define HOUR 3600000LL

struct made {
	struct policy_document roles[4], rules[8];
	size_t role_count, rule_count;
};

static struct policy *compile(const char *const *roles, const char *const *rules)
{
	struct made made = {0};
	struct policy_source source = {.roles = made.roles, .rules = made.rules};
	struct policy *policy = NULL;
	AUTO_BUF problem = {0};

	for (; roles != NULL && roles[0] != NULL; roles += 2)
		made.roles[source.role_count++] = (struct policy_document){str_of(roles[0]), str_of(roles[1])};
	for (; rules != NULL && *rules != NULL; rules++)
		made.rules[source.rule_count++] = (struct policy_document){STR_NONE, str_of(*rules)};
	ck_assert_msg(policy_compile(&source, &problem, &policy) == OK, "%.*s", STR_ARG(buf_str(&problem)));
	return policy;
}

/* A caller in a role of its own, or a built-in one. */
static struct caller caller_as(const char *role)
{
	struct caller caller = {.role = role_of(str_of(role)), .scopes = SCOPE_ALL, .credential = CREDENTIAL_KEY};

	snprintf(caller.role_name, sizeof(caller.role_name), "%s", role);
	snprintf(caller.principal, sizeof(caller.principal), "KEY1");
	return caller;
}

static struct policy_verdict ask(const struct policy *policy, const struct caller *caller, const char *ip,
				 enum permission kind, const char *label, const char *arguments, int64_t now_ms,
				 struct arena *arena)
{
	struct policy_call call = {
		.subject = {.caller = caller},
		.kind_permission = kind,
		.label = str_of(label),
		.arguments = arguments == NULL ? STR_NONE : str_of(arguments),
		.now_ms = now_ms,
	};
	struct policy_verdict verdict;
	struct policy_match match;

	ck_ok(address_parse(str_of(ip), &call.subject.ip));
	policy_match(policy, &call.subject, &match);
	if (arguments == NULL)
		policy_judge(policy, caller, &match, kind, call.label, arena, &verdict);
	else
		ck_ok(policy_judge_call(policy, &call, &match, arena, &verdict));
	return verdict;
}

/* ---- roles ---------------------------------------------------------------------- */

static const struct {
	const char *permissions;
	uint32_t has; /* bits */
} role_rows[] = {
#define BIT(id) (1u << PERMISSION_##id)
	{"[]", 0},
	{"[\"keys:manage\"]", BIT(KEYS_MANAGE)},
	{"[\"audit:read\",\"usage:read\"]", BIT(AUDIT_READ) | BIT(USAGE_READ)},
	{"[\"users:*\"]", BIT(USERS_READ) | BIT(USERS_MANAGE)},
	{"[\"tools:call\"]", BIT(TOOLS_CALL) | BIT(CATALOG_LIST)},
	{"[\"tools:*\"]", BIT(TOOLS_CALL) | BIT(CATALOG_LIST)},
	{"[\"tools:call:billing.*\"]", BIT(TOOLS_CALL) | BIT(CATALOG_LIST)},
	{"[\"resources:read:docs.*\"]", BIT(RESOURCES_READ) | BIT(CATALOG_LIST)},
	{"[\"prompts:get\"]", BIT(PROMPTS_GET) | BIT(CATALOG_LIST)},
	{"[\"catalog:list\"]", BIT(CATALOG_LIST)},
	{"[\"*\"]", (1u << PERMISSION_COUNT) - 1 - BIT(OPERATE)},
};

START_TEST(roles_grant_what_they_say)
{
	for (size_t i = 0; i < ARRAY_LEN(role_rows); i++) {
		const char *roles[] = {"own", role_rows[i].permissions, NULL};
		AUTO(policy) *policy = compile(roles, NULL);
		struct caller caller = caller_as("own"), other = caller_as("gone");

		for (unsigned p = 0; p < PERMISSION_COUNT; p++) {
			bool has = role_rows[i].has >> p & 1;

			ck_assert_msg(policy_decide(policy, &caller, (enum permission)p) == (has ? OK : ERR_FORBIDDEN),
				      "%s: %s", role_rows[i].permissions, permission_name((enum permission)p));
			ck_err(policy_decide(policy, &other, (enum permission)p), ERR_FORBIDDEN);
			ck_err(policy_decide(NULL, &caller, (enum permission)p), ERR_FORBIDDEN);
		}
	}
}
END_TEST

START_TEST(scopes_narrow_every_role)
{
	const char *roles[] = {"own", "[\"*\"]", NULL};
	AUTO(policy) *policy = compile(roles, NULL);
	struct caller caller = caller_as("own");

	for (unsigned p = 0; p < PERMISSION_COUNT; p++) {
		caller.scopes = 0;
		if (p != PERMISSION_OPERATE)
			ck_err(policy_decide(policy, &caller, (enum permission)p), ERR_SCOPE);
	}
	caller.scopes = SCOPE_READ;
	ck_ok(policy_decide(policy, &caller, PERMISSION_CATALOG_LIST));
	ck_err(policy_decide(policy, &caller, PERMISSION_TOOLS_CALL), ERR_SCOPE);
	ck_err(policy_decide(policy, &caller, PERMISSION_KEYS_MANAGE), ERR_SCOPE);
}
END_TEST

START_TEST(globs_of_a_role_choose_items)
{
	const char *roles[] = {"own", "[\"tools:call:billing.*\",\"tools:call:crm.get_?\",\"resources:read\"]", NULL};
	AUTO(policy) *policy = compile(roles, NULL);
	AUTO(arena) *arena = arena_new(1 << 20);
	struct caller caller = caller_as("own");
	static const struct {
		enum permission kind;
		const char *label;
		enum policy_answer want;
	} rows[] = {
		{PERMISSION_TOOLS_CALL, "billing.refund", POLICY_ALLOW},
		{PERMISSION_TOOLS_CALL, "billing", POLICY_REFUSE},
		{PERMISSION_TOOLS_CALL, "xbilling.refund", POLICY_REFUSE},
		{PERMISSION_TOOLS_CALL, "crm.get_a", POLICY_ALLOW},
		{PERMISSION_TOOLS_CALL, "crm.get_all", POLICY_REFUSE},
		{PERMISSION_RESOURCES_READ, "docs.file:///a", POLICY_ALLOW},
		{PERMISSION_PROMPTS_GET, "billing.refund", POLICY_REFUSE},
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct policy_verdict verdict;

		policy_judge(policy, &caller, NULL, rows[i].kind, str_of(rows[i].label), arena, &verdict);
		ck_assert_msg(verdict.answer == rows[i].want, "%s", rows[i].label);
		ck_assert(verdict.answer == POLICY_ALLOW || verdict.reason.n > 0);
	}
}
END_TEST

/* ---- rules ---------------------------------------------------------------------- */

static const char *const support_rules[] = {
	"{\"name\":\"no-deletes\",\"effect\":\"deny\",\"tools\":[\"*.delete_*\"]}",
	"{\"name\":\"refunds\",\"effect\":\"allow\",\"who\":{\"roles\":[\"member\"]},\"tools\":[\"billing.refund*\"],"
	"\"condition\":{\"properties\":{\"amount\":{\"maximum\":100}},\"required\":[\"amount\"]}}",
	"{\"name\":\"reads\",\"effect\":\"allow\",\"tools\":[\"*.get_*\"],\"resources\":[\"docs.*\"]}",
	"{\"name\":\"admins\",\"effect\":\"allow\",\"who\":{\"roles\":[\"admin\"],\"networks\":[\"10.0.0.0/8\"]}}",
	NULL,
};

static const struct {
	const char *role, *ip, *label, *arguments;
	enum permission kind;
	enum policy_answer want;
	const char *rule;
} rule_rows[] = {
#define T PERMISSION_TOOLS_CALL
	{"member", "192.0.2.1:0", "billing.refund", NULL, T, POLICY_DEPENDS, "refunds"},
	{"member", "192.0.2.1:0", "billing.refund", "{\"amount\":100}", T, POLICY_ALLOW, "refunds"},
	{"member", "192.0.2.1:0", "billing.refund", "{\"amount\":100.01}", T, POLICY_REFUSE, "refunds"},
	{"member", "192.0.2.1:0", "billing.refund", "{}", T, POLICY_REFUSE, "refunds"},
	{"admin", "192.0.2.1:0", "billing.refund", NULL, T, POLICY_REFUSE, ""},
	{"admin", "10.1.2.3:0", "billing.refund", NULL, T, POLICY_ALLOW, "admins"},
	{"admin", "10.1.2.3:0", "crm.delete_all", NULL, T, POLICY_REFUSE, "no-deletes"},
	{"owner", "10.1.2.3:0", "crm.set", NULL, T, POLICY_REFUSE, ""},
	{"member", "192.0.2.1:0", "crm.get_x", NULL, T, POLICY_ALLOW, "reads"},
	{"viewer", "192.0.2.1:0", "crm.get_x", NULL, T, POLICY_REFUSE, ""}, /* the role comes first */
	{"viewer", "192.0.2.1:0", "docs.file:///a", NULL, PERMISSION_RESOURCES_READ, POLICY_ALLOW, "reads"},
	{"viewer", "192.0.2.1:0", "crm.file:///a", NULL, PERMISSION_RESOURCES_READ, POLICY_REFUSE, ""},
	{"viewer", "192.0.2.1:0", "crm.get_x", NULL, PERMISSION_PROMPTS_GET, POLICY_REFUSE, ""},
	{"admin", "[::ffff:10.1.2.3]:0", "crm.hello", NULL, PERMISSION_PROMPTS_GET, POLICY_ALLOW, "admins"},
};

START_TEST(first_match_decides_and_the_rest_is_refused)
{
	AUTO(policy) *policy = compile(NULL, support_rules);
	AUTO(arena) *arena = arena_new(1 << 20);

	ck_assert(policy_reads_network(policy));
	for (size_t i = 0; i < ARRAY_LEN(rule_rows); i++) {
		struct caller caller = caller_as(rule_rows[i].role);
		struct policy_verdict verdict = ask(policy, &caller, rule_rows[i].ip, rule_rows[i].kind,
						    rule_rows[i].label, rule_rows[i].arguments, FRIDAY_NOON, arena);

		ck_assert_msg(verdict.answer == rule_rows[i].want, "row %zu: %s", i, rule_rows[i].label);
		ck_bytes(verdict.rule, str_of(rule_rows[i].rule));
		ck_assert((verdict.reason.n > 0) == (verdict.answer == POLICY_REFUSE));
	}
}
END_TEST

/* What the class is told and what a call is told agree, whatever the arguments. */
START_TEST(class_and_call_agree)
{
	static const char *const arguments[] = {"{}", "{\"amount\":1}", "{\"amount\":1000}", "{\"x\":[1]}"};
	AUTO(policy) *policy = compile(NULL, support_rules);
	AUTO(arena) *arena = arena_new(1 << 20);

	for (size_t i = 0; i < ARRAY_LEN(rule_rows); i++) {
		struct caller caller = caller_as(rule_rows[i].role);
		struct policy_verdict class =
			ask(policy, &caller, rule_rows[i].ip, rule_rows[i].kind, rule_rows[i].label, NULL, 0, arena);

		for (size_t a = 0; a < ARRAY_LEN(arguments); a++) {
			struct policy_verdict call = ask(policy, &caller, rule_rows[i].ip, rule_rows[i].kind,
							 rule_rows[i].label, arguments[a], FRIDAY_NOON, arena);

			ck_assert(call.answer != POLICY_DEPENDS);
			ck_assert(class.answer == POLICY_DEPENDS || class.answer == call.answer);
		}
	}
}
END_TEST

START_TEST(principals_can_be_asked_about)
{
	const char *rules[] = {
		"{\"name\":\"own\",\"effect\":\"allow\",\"condition\":{\"properties\":{\"principal\":{\"properties\":"
		"{\"id\":{\"const\":\"KEY1\"},\"role\":{\"const\":\"member\"},\"ip\":{\"const\":\"192.0.2.1\"}}},"
		"\"arguments\":{\"required\":[\"to\"]}}}}",
		NULL,
	};
	AUTO(policy) *policy = compile(NULL, rules);
	AUTO(arena) *arena = arena_new(1 << 20);
	struct caller caller = caller_as("member"), admin = caller_as("admin");

	ck_assert_int_eq(ask(policy, &caller, "192.0.2.1:0", T, "a.b", "{\"to\":1}", 0, arena).answer, POLICY_ALLOW);
	ck_assert_int_eq(ask(policy, &caller, "192.0.2.1:0", T, "a.b", "{}", 0, arena).answer, POLICY_REFUSE);
	ck_assert_int_eq(ask(policy, &caller, "192.0.2.2:0", T, "a.b", "{\"to\":1}", 0, arena).answer, POLICY_REFUSE);
	ck_assert_int_eq(ask(policy, &admin, "192.0.2.1:0", T, "a.b", "{\"to\":1}", 0, arena).answer, POLICY_REFUSE);
}
END_TEST

START_TEST(hours_pass_midnight)
{
	const char *rules[] = {
		"{\"name\":\"night\",\"effect\":\"allow\",\"when\":{\"days\":[\"fri\"],\"hours\":\"22:00-06:00\","
		"\"timezone\":\"+01:00\"}}",
		NULL,
	};
	static const struct {
		int64_t hours; /* from Friday 12:00 UTC, 13:00 there */
		enum policy_answer want;
	} rows[] = {
		{0, POLICY_REFUSE},  {8, POLICY_REFUSE},   {9, POLICY_ALLOW},	{16, POLICY_ALLOW},
		{17, POLICY_REFUSE}, {-15, POLICY_REFUSE}, {33, POLICY_REFUSE}, {9 + 7 * 24, POLICY_ALLOW},
	};
	AUTO(policy) *policy = compile(NULL, rules);
	AUTO(arena) *arena = arena_new(1 << 20);
	struct caller caller = caller_as("member");

	ck_assert_int_eq(ask(policy, &caller, "192.0.2.1:0", T, "a.b", NULL, 0, arena).answer, POLICY_DEPENDS);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		ck_assert_msg(
			ask(policy, &caller, "192.0.2.1:0", T, "a.b", "{}", FRIDAY_NOON + rows[i].hours * HOUR, arena)
					.answer == rows[i].want,
			"row %zu", i);
}
END_TEST

START_TEST(shadow_rules_only_tell)
{
	const char *rules[] = {
		"{\"name\":\"trial\",\"effect\":\"deny\",\"shadow\":true,\"tools\":[\"crm.*\"],"
		"\"condition\":{\"required\":[\"all\"]}}",
		NULL,
	};
	AUTO(policy) *policy = compile(NULL, rules);
	AUTO(arena) *arena = arena_new(1 << 20);
	struct caller caller = caller_as("member");
	struct policy_verdict verdict;

	verdict = ask(policy, &caller, "192.0.2.1:0", T, "crm.set", "{\"all\":1}", 0, arena);
	ck_assert_int_eq(verdict.answer, POLICY_ALLOW);
	ck_str(verdict.shadow, "trial");
	verdict = ask(policy, &caller, "192.0.2.1:0", T, "crm.set", NULL, 0, arena);
	ck_assert_int_eq(verdict.answer, POLICY_ALLOW);
	ck_assert(verdict.shadow.n > 0);
}
END_TEST

START_TEST(shadow_allow_rules_tell_of_the_default)
{
	const char *rules[] = {"{\"name\":\"trial\",\"effect\":\"allow\",\"shadow\":true,\"tools\":[\"crm.*\"]}", NULL};
	AUTO(policy) *policy = compile(NULL, rules);
	AUTO(arena) *arena = arena_new(1 << 20);
	struct caller caller = caller_as("member");

	ck_assert_int_eq(ask(policy, &caller, "192.0.2.1:0", T, "crm.a", "{}", 0, arena).shadow.n, 0);
	ck_str(ask(policy, &caller, "192.0.2.1:0", T, "billing.a", "{}", 0, arena).shadow, "trial");
}
END_TEST

/* ---- complaints ----------------------------------------------------------------- */

static const struct {
	const char *rule, *says;
} bad_rules[] = {
	{"{", "rule 1: "},
	{"[]", "rule 1: "},
	{"{\"name\":\"a\"}", "effect"},
	{"{\"effect\":\"allow\"}", "/name: is missing"},
	{"{\"name\":\"a\",\"effect\":\"maybe\"}", "/effect"},
	{"{\"name\":\"a\",\"effect\":\"allow\",\"tool\":[]}", "/tool"},
	{"{\"name\":\"a\",\"effect\":\"allow\",\"tools\":\"x\"}", "/tools"},
	{"{\"name\":\"a\",\"effect\":\"allow\",\"who\":{\"networks\":[\"10.0.0.0/33\"]}}", "/who/networks/0"},
	{"{\"name\":\"a\",\"effect\":\"allow\",\"when\":{\"hours\":\"9-17\"}}", "/when/hours"},
	{"{\"name\":\"a\",\"effect\":\"allow\",\"when\":{\"hours\":\"09:00-25:00\"}}", "/when/hours"},
	{"{\"name\":\"a\",\"effect\":\"allow\",\"when\":{\"timezone\":\"+15:00\",\"days\":[\"mon\"]}}",
	 "/when/timezone"},
	{"{\"name\":\"a\",\"effect\":\"allow\",\"condition\":{\"type\":\"strange\"}}", "/condition"},
	{"{\"name\":\"a\",\"effect\":\"allow\",\"condition\":{\"$ref\":\"#/$defs/x\"}}", "/condition: a reference"},
	{"{\"name\":\"a\",\"effect\":\"allow\",\"condition\":{\"properties\":{\"arguments\":{},\"amount\":{}}}}",
	 "not both"},
	{"{\"name\":\"a\",\"effect\":\"allow\",\"condition\":{\"anyOf\":[{\"required\":[\"principal\"]},"
	 "{\"required\":[\"amount\"]}]}}",
	 "not both"},
	{"{\"name\":\"a\",\"effect\":\"allow\",\"tests\":[{\"expect\":\"allow\"}]}", "/tests/0"},
};

START_TEST(complaints_say_where)
{
	for (size_t i = 0; i < ARRAY_LEN(bad_rules); i++) {
		const struct policy_document rule = {STR_NONE, str_of(bad_rules[i].rule)};
		const struct policy_source source = {.rules = &rule, .rule_count = 1};
		struct policy *policy = NULL;
		AUTO_BUF problem = {0};

		ck_err(policy_compile(&source, &problem, &policy), ERR_CONFIG);
		buf_put_byte(&problem, '\0');
		ck_assert_msg(strstr(problem.p, bad_rules[i].says) != NULL, "%s: %s", bad_rules[i].rule, problem.p);
	}
}
END_TEST

START_TEST(bad_roles_are_refused)
{
	static const struct policy_document bad[] = {
		{{"own", 3}, {"[\"tool:call\"]", 13}},
		{{"own", 3}, {"{}", 2}},
		{{"own", 3}, {"[1]", 3}},
		{{"admin", 5}, {"[]", 2}},
		{{"", 0}, {"[]", 2}},
		{{"own", 3}, {"[\"operate\"]", 11}},
		{{"own", 3}, {"[\"tools:call:\"]", 15}},
		{{"own", 3}, {"[\"\"]", 4}},
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		const struct policy_source source = {.roles = &bad[i], .role_count = 1};
		struct policy *policy = NULL;
		AUTO_BUF problem = {0};

		ck_assert_msg(policy_compile(&source, &problem, &policy) == ERR_CONFIG, "%.*s", STR_ARG(bad[i].text));
		ck_assert(problem.n > 0);
	}
}
END_TEST

START_TEST(rules_test_themselves)
{
	const char *rules[] = {
		"{\"name\":\"refunds\",\"effect\":\"allow\",\"who\":{\"roles\":[\"support\"]},\"tools\":[\"billing.*\"]"
		","
		"\"condition\":{\"properties\":{\"amount\":{\"maximum\":100}}},\"when\":{\"days\":[\"fri\"]},\"tests\":"
		"["
		"{\"call\":\"billing.refund\",\"arguments\":{\"amount\":50},\"as\":{\"role\":\"support\"},"
		"\"at\":\"2025-11-21T10:00Z\",\"expect\":\"allow\"},"
		"{\"call\":\"billing.refund\",\"arguments\":{\"amount\":50},\"as\":{\"role\":\"support\"},"
		"\"at\":\"2025-11-22T10:00Z\",\"expect\":\"deny\"},"
		"{\"call\":\"billing.refund\",\"as\":{\"role\":\"member\",\"ip\":\"2001:db8::1\"},\"expect\":\"deny\"},"
		"{\"call\":\"billing.refund\",\"arguments\":{\"amount\":500},\"as\":{\"role\":\"support\"},"
		"\"at\":\"2025-11-21T10:00Z\",\"expect\":\"allow\"}]}",
		NULL,
	};
	const char *roles[] = {"support", "[\"tools:call:billing.*\"]", NULL};
	AUTO(policy) *policy = compile(roles, rules);
	AUTO_BUF out = {0};
	size_t count;

	ck_err(policy_test(policy, &out, &count), ERR_CONFIG);
	ck_assert_uint_eq(count, 4);
	buf_put_byte(&out, '\0');
	ck_assert_ptr_eq(strstr(out.p, "rule refunds, test 4: billing.refund: refused, expected allow"), out.p);
	ck_assert_msg(strstr(out.p, "maximum") != NULL || strstr(out.p, "100") != NULL, "%s", out.p);
}
END_TEST

UNIT_MAIN("rule", roles_grant_what_they_say, scopes_narrow_every_role, globs_of_a_role_choose_items,
	  first_match_decides_and_the_rest_is_refused, class_and_call_agree, principals_can_be_asked_about,
	  hours_pass_midnight, shadow_rules_only_tell, shadow_allow_rules_tell_of_the_default, complaints_say_where,
	  bad_roles_are_refused, rules_test_themselves)
