/* Claims to tenant and role: what each rule finds, in which order, and that nothing is guessed. */
#include "../unit.h"

#include "identity/claims.h"

static const struct claim_mapping domains[] = {{{"acme.example", 12}, {"acme", 4}},
					       {{"other.example", 13}, {"other", 5}}};
static const struct claim_mapping roles[] = {{{"platform", 8}, {"admin", 5}}, {{"everyone", 8}, {"member", 6}}};

static struct arena *arena;

static yyjson_val *claims(const char *text)
{
	yyjson_val *root;

	if (arena == NULL)
		arena = arena_new(1 << 20);
	ck_ok(json_read(arena, str_of(text), &root));
	return root;
}

static void ck_tenant(const struct claim_rules *rules, const char *text, const char *want)
{
	struct str tenant;
	enum err err = claims_tenant(rules, claims(text), &tenant);

	ck_assert_int_eq(err, want == NULL ? ERR_FORBIDDEN : OK);
	if (want != NULL)
		ck_bytes(tenant, str_of(want));
}

static void ck_role(const struct claim_rules *rules, const char *text, const char *want)
{
	struct str role;
	enum err err = claims_role(rules, claims(text), &role);

	ck_assert_int_eq(err, want == NULL ? ERR_FORBIDDEN : OK);
	if (want != NULL)
		ck_bytes(role, str_of(want));
}

START_TEST(tenants)
{
	struct claim_rules rules = {.domains = domains, .domain_count = 2};

	ck_tenant(&rules, "{\"email\":\"a@acme.example\",\"email_verified\":true}", "acme");
	ck_tenant(&rules, "{\"email\":\"a@OTHER.example\",\"email_verified\":\"true\"}", "other");
	ck_tenant(&rules, "{\"email\":\"a@acme.example\",\"email_verified\":false}", NULL);
	ck_tenant(&rules, "{\"email\":\"a@acme.example\"}", NULL);
	ck_tenant(&rules, "{\"email\":\"a@evil.acme.example\",\"email_verified\":true}", NULL);
	ck_tenant(&rules, "{\"email\":\"a@evilacme.example\",\"email_verified\":true}", NULL);
	ck_tenant(&rules, "{\"email\":\"a@acme.example@evil.example\",\"email_verified\":true}", NULL);
	ck_tenant(&rules, "{\"email\":\"acme.example\",\"email_verified\":true}", NULL);
	ck_tenant(&rules, "{\"email\":[\"a@acme.example\"],\"email_verified\":true}", NULL);
	rules.tenant_claim = STR("org.slug");
	ck_tenant(&rules, "{\"org\":{\"slug\":\"third\"}}", "third");
	ck_tenant(&rules, "{\"org.slug\":\"whole\",\"org\":{\"slug\":\"third\"}}", "whole");
	ck_tenant(&rules, "{\"org\":{\"slug\":7}}", NULL);
	ck_tenant(&rules, "{\"org\":\"x\",\"email\":\"a@acme.example\",\"email_verified\":true}", "acme");
	rules.tenant = STR("fixed");
	ck_tenant(&rules, "{\"org\":{\"slug\":\"third\"}}", "fixed");
}
END_TEST

START_TEST(first_role_of_the_settings_wins)
{
	struct claim_rules rules = {.role_claim = STR("groups"), .roles = roles, .role_count = 2};

	ck_role(&rules, "{\"groups\":[\"everyone\",\"platform\"]}", "admin");
	ck_role(&rules, "{\"groups\":[\"everyone\"]}", "member");
	ck_role(&rules, "{\"groups\":\"everyone\"}", "member");
	ck_role(&rules, "{\"groups\":\"everyone platform\"}", NULL);
	ck_role(&rules, "{\"groups\":[\"admin\",\"owner\",1,null]}", NULL); /* a claim names no role itself */
	ck_role(&rules, "{}", NULL);
	rules.role = STR("viewer");
	ck_role(&rules, "{}", "viewer");
	ck_role(&rules, "{\"groups\":{\"everyone\":true}}", "viewer");
}
END_TEST

START_TEST(nested_claims)
{
	yyjson_val *all =
		claims("{\"a\":{\"b\":{\"c\":\"deep\"},\"b.c\":\"flat\"},\"https://x.example/roles\":\"url\"}");

	ck_str(json_str(claims_get(all, STR("https://x.example/roles"))), "url");
	ck_str(json_str(claims_get(all, STR("a.b.c"))), "flat");
	ck_assert_ptr_null(claims_get(all, STR("a.x.c")));
	ck_assert_ptr_null(claims_get(all, STR("")));
	ck_str(json_str(claims_get(claims("{\"a\":{\"b\":{\"c\":\"deep\"}}}"), STR("a.b.c"))), "deep");
}
END_TEST

UNIT_MAIN("claims", tenants, first_role_of_the_settings_wins, nested_claims)
