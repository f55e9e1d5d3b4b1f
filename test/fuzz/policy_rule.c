/* Any text as a rule's document: it compiles or is complained about with words; what compiles judges any call, in
 * the same way before and after the arguments are known. */
#include <stdint.h>

#include "base/check.h"
#include "policy/policy.h"

#define FUZZ_ARENA_BYTES_MAX (16u << 20)

static void judge(const struct policy *policy, struct str arguments)
{
	AUTO(arena) *arena = arena_new(FUZZ_ARENA_BYTES_MAX);
	struct caller caller = {.role = ROLE_MEMBER, .role_name = "member", .scopes = SCOPE_ALL, .principal = "P"};
	struct policy_call call = {
		.subject = {.caller = &caller, .ip = {.in4 = {.sin_family = AF_INET}}},
		.kind_permission = PERMISSION_TOOLS_CALL,
		.label = STR("billing.refund"),
		.arguments = arguments,
		.now_ms = 1763726400000,
	};
	struct policy_verdict class, verdict;
	struct policy_match match;

	policy_match(policy, &call.subject, &match);
	policy_judge(policy, &caller, &match, call.kind_permission, call.label, arena, &class);
	if (policy_judge_call(policy, &call, &match, arena, &verdict) != OK)
		return;
	CHECK(verdict.answer != POLICY_DEPENDS);
	CHECK(class.answer == POLICY_DEPENDS || class.answer == verdict.answer);
	CHECK((verdict.reason.n > 0) == (verdict.answer == POLICY_REFUSE));
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	struct policy_document rule = {.name = STR("fuzzed")};
	const struct policy_source source = {.rules = &rule, .rule_count = 1};
	AUTO(policy) *policy = NULL;
	AUTO_BUF problem = {0}, out = {0};
	struct str arguments;
	size_t count;

	/* The first line is the document, the rest the arguments of a call. */
	str_cut((struct str){(const char *)bytes, n}, '\n', &rule.text, &arguments);
	if (policy_compile(&source, &problem, &policy) != OK) {
		CHECK(policy == NULL && problem.n > 0);
		return 0;
	}
	judge(policy, arguments);
	(void)!policy_test(policy, &out, &count);
	return 0;
}
