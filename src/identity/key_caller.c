/* What a row of api_key means for who sends the key: nothing, when the key, its tenant or whose key it is has ended;
 * else a caller.
 *
 * A key that is somebody's acts as them: it has their id as principal, so that their limits and rules count for all
 * of their keys together, and never more than their role. Roles of a tenant's own cannot be compared, only be the
 * same: such a key works as long as its owner has that very role or is an owner of the tenant.
 *
 * A client certificate is like a key of its account that is narrowed to nothing. */
#include "base/clock.h"
#include "identity/identity_private.h"
#include "store/certificate.h"

static bool has_expired(int64_t expires_ms)
{
	return expires_ms != 0 && clock_wall_ms() >= expires_ms;
}

static bool copy_text(char *out, size_t size, struct str text)
{
	if (text.n >= size)
		return false;
	memcpy(out, text.p, text.n);
	out[text.n] = '\0';
	return true;
}

bool key_role_within(struct str role, struct str owner_role, struct str *ret_role)
{
	enum role own = role_of(role), owner = role_of(owner_role);

	if (owner == ROLE_OWNER || str_eq(role, owner_role))
		*ret_role = role;
	else if (own == ROLE_OWNER) /* all of what they may do */
		*ret_role = owner_role;
	else if (own != ROLE_NONE && owner != ROLE_NONE)
		*ret_role = own < owner ? role : owner_role;
	else
		return false;
	return true;
}

bool key_caller(const struct api_key *key, struct caller *ret_caller)
{
	struct caller caller = {
		.credential = CREDENTIAL_KEY,
		.scopes = key->scopes.n == 0 ? SCOPE_ALL : scopes_of(key->scopes),
		.expires_ms = key->expires_ms,
	};
	bool owned = key->user_id.n > 0;
	struct str role = key->role;

	if (key->revoked_ms != 0 || key->tenant_disabled || has_expired(key->expires_ms))
		return false;
	if (owned && (key->user_disabled || !key_role_within(key->role, key->user_role, &role)))
		return false;
	caller.role = role_of(role);
	if (!copy_text(caller.tenant_id, sizeof(caller.tenant_id), key->tenant_id) ||
	    !copy_text(caller.principal, sizeof(caller.principal), owned ? key->user_id : key->id) ||
	    !copy_text(caller.user_id, sizeof(caller.user_id), key->user_id) ||
	    !copy_text(caller.grant_id, sizeof(caller.grant_id), key->id) ||
	    !copy_text(caller.toolsets, sizeof(caller.toolsets), key->toolsets) ||
	    !copy_text(caller.role_name, sizeof(caller.role_name), role) ||
	    !copy_text(caller.tenant_name, sizeof(caller.tenant_name), key->tenant_name))
		return false;
	*ret_caller = caller;
	return true;
}

bool certificate_caller(const struct certificate *certificate, struct caller *ret_caller)
{
	const struct api_key like = {
		.id = {certificate->hex.p, ID_LEN},
		.tenant_id = certificate->tenant_id,
		.tenant_name = certificate->tenant_name,
		.role = certificate->user_role,
		.user_id = certificate->user_id,
		.user_role = certificate->user_role,
		.toolsets = STR(""),
		.user_disabled = certificate->user_disabled,
		.tenant_disabled = certificate->tenant_disabled,
	};

	if (certificate->hex.n != CERTIFICATE_HEX_LEN || certificate->user_id.n == 0 || !key_caller(&like, ret_caller))
		return false;
	ret_caller->credential = CREDENTIAL_CERTIFICATE;
	return true;
}
