/* What a foreign token's claims mean here: which tenant, which role. Pure: the token was verified before. */
#ifndef GATEHOUSE_IDENTITY_CLAIMS_H
#define GATEHOUSE_IDENTITY_CLAIMS_H

#include "base/json.h"
#include "identity/settings.h"

/* A claim by its name; "a.b" is also b inside of a, as providers nest groups. NULL when absent. */
yyjson_val *claims_get(yyjson_val *claims, struct str name);

/* The email address, when the provider says that it is verified; p NULL else. Borrowed, as it was written. */
struct str claims_verified_email(yyjson_val *claims);

/* The tenant's name: the fixed one, else by claim, else by the domain of the verified email address.
 *   ret_tenant borrowed from rules or claims
 *   Errors     ERR_FORBIDDEN: none of them says */
NODISCARD enum err claims_tenant(const struct claim_rules *rules, yyjson_val *claims, struct str *ret_tenant);

/* The role's name: the first mapping, in the order of the settings, whose value the role claim holds; else the
 * default.
 *   ret_role   borrowed from rules
 *   Errors     ERR_FORBIDDEN: no mapping matches, and there is no default */
NODISCARD enum err claims_role(const struct claim_rules *rules, yyjson_val *claims, struct str *ret_role);

#endif
