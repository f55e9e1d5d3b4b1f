/* Claims to tenant and role. What is not said in so many words is refused: a missing claim, one of another type, an
 * address that is not verified never falls through to somebody else's tenant. Only the settings name roles; a claim's
 * own text becomes at most a tenant's name, which must exist. */
#include "identity/claims.h"

static yyjson_val *member(yyjson_val *object, struct str name)
{
	return yyjson_obj_getn(object, name.p, name.n);
}

yyjson_val *claims_get(yyjson_val *claims, struct str name)
{
	yyjson_val *found = member(claims, name);
	struct str head, tail;

	/* The whole name first: many are URLs, with dots of their own. */
	while (found == NULL && str_cut(name, '.', &head, &tail)) {
		claims = member(claims, head);
		found = member(claims, tail);
		name = tail;
	}
	return found;
}

static bool is_true(yyjson_val *value)
{
	return yyjson_is_true(value) || str_eq(json_str(value), STR("true")); /* some write it as text */
}

struct str claims_verified_email(yyjson_val *claims)
{
	struct str email = json_str(json_get(claims, "email"));

	return email.n > 0 && is_true(json_get(claims, "email_verified")) ? email : STR_NONE;
}

static struct str domain_of(struct str email)
{
	const char *at = email.n == 0 ? NULL : memrchr(email.p, '@', email.n);

	return at == NULL ? STR_NONE : str_skip(email, (size_t)(at - email.p) + 1);
}

enum err claims_tenant(const struct claim_rules *rules, yyjson_val *claims, struct str *ret_tenant)
{
	struct str named, domain;

	if (rules->tenant.n > 0) {
		*ret_tenant = rules->tenant;
		return OK;
	}
	if (rules->tenant_claim.n > 0) {
		named = json_str(claims_get(claims, rules->tenant_claim));
		if (named.n > 0) {
			*ret_tenant = named;
			return OK;
		}
	}
	domain = domain_of(claims_verified_email(claims));
	for (size_t i = 0; domain.n > 0 && i < rules->domain_count; i++) {
		if (str_eq_nocase(rules->domains[i].value, domain)) {
			*ret_tenant = rules->domains[i].meaning;
			return OK;
		}
	}
	return ERR_FORBIDDEN;
}

/* Whether a text or a list of texts holds this one. */
static bool holds(yyjson_val *claim, struct str value)
{
	yyjson_arr_iter each;
	yyjson_val *item;

	if (!yyjson_is_arr(claim))
		return yyjson_is_str(claim) && str_eq(json_str(claim), value);
	each = yyjson_arr_iter_with(claim);
	while ((item = yyjson_arr_iter_next(&each)) != NULL)
		if (yyjson_is_str(item) && str_eq(json_str(item), value))
			return true;
	return false;
}

enum err claims_role(const struct claim_rules *rules, yyjson_val *claims, struct str *ret_role)
{
	yyjson_val *claim = rules->role_claim.n > 0 ? claims_get(claims, rules->role_claim) : NULL;

	for (size_t i = 0; i < rules->role_count; i++) {
		if (holds(claim, rules->roles[i].value)) {
			*ret_role = rules->roles[i].meaning;
			return OK;
		}
	}
	if (rules->role.n == 0)
		return ERR_FORBIDDEN;
	*ret_role = rules->role;
	return OK;
}
