/* Discovery documents and claims as a provider could send them: facts are whole or refused, and a tenant or a role is
 * found only where the rules say so. */
#include "base/check.h"
#include "identity/claims.h"
#include "signin/provider.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n);

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n)
{
	static const struct claim_mapping domains[] = {{{"acme.example", 12}, {"acme", 4}}};
	static const struct claim_mapping roles[] = {{{"platform", 8}, {"admin", 5}}};
	const struct claim_rules rules = {.tenant_claim = STR("org.name"),
					  .domains = domains,
					  .domain_count = 1,
					  .role_claim = STR("realm.roles"),
					  .roles = roles,
					  .role_count = 1};
	struct str text = {(const char *)bytes, n}, found;
	AUTO(arena) *arena = arena_new(4 << 20);
	struct provider_facts facts;
	yyjson_val *claims;

	if (provider_facts_read(arena, text, STR("https://idp.example"), false, &facts) == OK)
		CHECK(str_is_printable(facts.authorization_endpoint) && facts.jwks_uri.n > 0);
	if (json_read(arena, text, &claims) != OK)
		return 0;
	if (claims_tenant(&rules, claims, &found) == OK)
		CHECK(found.n > 0);
	if (claims_role(&rules, claims, &found) == OK)
		CHECK(str_eq(found, STR("admin")));
	return 0;
}
