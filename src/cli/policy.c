/* `gatehouse policy list|test|permissions`: the rules that hold for a tenant, in the order in which they are asked;
 * the tests that they carry; and the words of which roles are made. Works beside a running server. */
#include <stdio.h>

#include "access/access.h"
#include "cli/installation.h"

#define SOURCE_ARENA_BYTES_MAX (32u * 1024 * 1024)

const struct option policy_options[] = {
	{"tenant", "NAME", "only this tenant's"},
	{NULL, NULL, NULL},
};

/* What is gathered over all tenants. */
struct survey {
	struct installation *installation;
	struct access *access;
	void (*take)(struct survey *survey, struct str tenant, const struct policy *policy);
	struct buf out;
	size_t tests, failed, broken;
};

AWAITS static enum err visit_tenant(struct survey *survey, struct str name, struct str id)
{
	AUTO(arena) *arena = arena_new(SOURCE_ARENA_BYTES_MAX);
	AUTO(policy) *policy = NULL;
	struct policy_source source;
	AUTO_BUF problem = {0};
	enum err err;

	TRY(access_source(survey->access, id, arena, &source));
	err = policy_compile(&source, &problem, &policy);
	if (err != OK) {
		fprintf(stderr, "tenant %.*s: %.*s\n", STR_ARG(name), STR_ARG(buf_str(&problem)));
		survey->broken++;
		return OK;
	}
	survey->take(survey, name, policy);
	return OK;
}

AWAITS static enum err visit_all(struct survey *survey)
{
	struct installation *installation = survey->installation;
	struct str wanted = options_get(&installation->invocation->options, "tenant");
	struct tenant *tenants;
	size_t count, seen = 0;

	TRY(tenant_list(installation->db, installation->arena, &tenants, &count));
	for (size_t i = 0; i < count; i++) {
		if (wanted.p != NULL && !str_eq(tenants[i].name, wanted))
			continue;
		seen++;
		TRY(visit_tenant(survey, tenants[i].name, tenants[i].id));
	}
	if (wanted.p != NULL && seen == 0)
		return installation_fail(installation, ERR_NOT_FOUND, "there is no tenant \"%.*s\"", STR_ARG(wanted));
	return OK;
}

AWAITS static enum err run_survey(struct installation *installation, struct survey *survey)
{
	enum err err;

	survey->installation = installation;
	survey->access = access_new(installation->db, NULL);
	access_configure(survey->access, installation->config->rules, installation->config->rule_count);
	err = visit_all(survey);
	access_free(survey->access);
	return err;
}

/* ---- list ----------------------------------------------------------------------- */

static void list_rules(struct survey *survey, struct str tenant, const struct policy *policy)
{
	bool json = survey->installation->invocation->json;
	const struct policy_rule_view *rules;
	size_t count = policy_rules(policy, &rules);

	for (size_t i = 0; i < count; i++) {
		const char *effect = rules[i].allow ? "allow" : "deny";

		if (!json) {
			buf_put_fmt(&survey->out, "%-16.*s  %4zu  %-5s  %-6s  %5zu  %.*s\n", STR_ARG(tenant), i + 1,
				    effect, rules[i].shadow ? "shadow" : "", rules[i].tests, STR_ARG(rules[i].name));
			continue;
		}
		buf_put_fmt(&survey->out,
			    "%s{\"tenant\":\"%.*s\",\"effect\":\"%s\",\"shadow\":%s,\"tests\":%zu,\"name\":",
			    survey->out.n > 1 ? "," : "", STR_ARG(tenant), effect, rules[i].shadow ? "true" : "false",
			    rules[i].tests);
		buf_put_json(&survey->out, rules[i].name);
		buf_put_byte(&survey->out, '}');
	}
}

AWAITS static enum err list(struct installation *installation)
{
	struct survey survey = {.take = list_rules};
	bool json = installation->invocation->json;
	enum err err;

	if (json)
		buf_put_byte(&survey.out, '[');
	else
		buf_put_fmt(&survey.out, "%-16s  %4s  %-5s  %-6s  %5s  %s\n", "TENANT", "NO", "DOES", "TRIAL", "TESTS",
			    "RULE");
	err = run_survey(installation, &survey);
	if (json)
		buf_put(&survey.out, STR("]\n"));
	if (err == OK)
		command_print(&survey.out);
	buf_free(&survey.out);
	if (err == OK && survey.broken > 0)
		return installation_fail(installation, ERR_CONFIG,
					 "some rules cannot be read: nothing is allowed there");
	return err;
}

int policy_list_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, list, NULL);
}

/* ---- test ----------------------------------------------------------------------- */

static void test_rules(struct survey *survey, struct str tenant, const struct policy *policy)
{
	AUTO_BUF out = {0};
	size_t count = 0;

	if (policy_test(policy, &out, &count) != OK) {
		buf_put_fmt(&survey->out, "tenant %.*s:\n%.*s", STR_ARG(tenant), STR_ARG(buf_str(&out)));
		survey->failed++;
	}
	survey->tests += count;
}

AWAITS static enum err test(struct installation *installation)
{
	struct survey survey = {.take = test_rules};
	enum err err = run_survey(installation, &survey);

	if (installation->invocation->json) {
		printf("{\"ok\":%s,\"tests\":%zu}\n",
		       err == OK && survey.failed + survey.broken == 0 ? "true" : "false", survey.tests);
	} else if (err == OK) {
		buf_put_fmt(&survey.out, "%zu tests run\n", survey.tests);
		command_print(&survey.out);
	}
	buf_free(&survey.out);
	if (err == OK && survey.failed + survey.broken > 0)
		return installation_fail(installation, ERR_CONFIG,
					 "the rules of %zu tenants do not do what they should",
					 survey.failed + survey.broken);
	return err;
}

int policy_test_run(const struct invocation *invocation)
{
	return installation_run(invocation, INSTALLATION_USE, test, NULL);
}

/* ---- permissions ---------------------------------------------------------------- */

int policy_permissions_run(const struct invocation *invocation)
{
	static const enum role roles[] = {ROLE_VIEWER, ROLE_MEMBER, ROLE_ADMIN, ROLE_OWNER};
	AUTO_BUF out = {0};

	buf_put(&out, invocation->json ? STR("[") : STR("PERMISSION          BUILT-IN ROLES THAT HAVE IT\n"));
	for (unsigned p = 0; p < PERMISSION_COUNT; p++) {
		const char *name = permission_name((enum permission)p);

		if (!permission_is_known(str_of(name)))
			continue; /* the operator's */
		buf_put_fmt(&out, invocation->json ? "%s\"%s\"" : "%s%-18s ", invocation->json && p > 0 ? "," : "",
			    name);
		for (size_t r = 0; r < ARRAY_LEN(roles) && !invocation->json; r++) {
			struct caller caller = {.role = roles[r], .scopes = SCOPE_ALL};

			if (policy_decide(NULL, &caller, (enum permission)p) == OK)
				buf_put_fmt(&out, " %s", role_name(roles[r]));
		}
		buf_put(&out, invocation->json ? STR("") : STR("\n"));
	}
	buf_put(&out, invocation->json
			      ? STR("]\n")
			      : STR("\ntools:call, prompts:get and resources:read take a glob: tools:call:billing.*\n"
				    "keys:* is all that begins with keys:, * is everything.\n"));
	command_print(&out);
	return STATUS_DONE;
}
