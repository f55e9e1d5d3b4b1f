/* Client credentials: a machine that an administrator has made a client for, and that acts for a service account. No
 * refresh token: it asks again. Clients that registered themselves have no service account and so no such grant. */
#include "oauth/token.h"

AWAITS enum err token_of_client(struct token_request *request)
{
	const struct oauth_client *client = &request->client;
	unsigned allowed = client->scope.n > 0 ? scopes_of(client->scope) : SCOPE_ALL, scopes;
	struct oauth_grant grant;
	struct str resource;

	if (client->user_id.n == 0 || client->tenant_id.n == 0 || str_eq(client->auth_method, STR("none")))
		return ERR_OAUTH_UNAUTHORIZED;
	TRY(token_resource(request, &resource));
	TRY(oauth_scopes_read(form_get(request->form, STR("scope")), allowed, &scopes));
	TRY(token_machine_grant(request, client->tenant_id, client->user_id, resource, allowed, &grant));
	TRY(oauth_audit(request->oauth, request->visit, "oauth.flow_completed", grant.tenant_id, grant.user_id,
			client->id, OK));
	return token_answer(request, &grant, scopes, STR_NONE);
}
