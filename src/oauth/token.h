/* What the token endpoint's kinds of grant share. */
#ifndef GATEHOUSE_OAUTH_TOKEN_H
#define GATEHOUSE_OAUTH_TOKEN_H

#include "oauth/oauth_private.h"

/* One request to the token endpoint: read, and its client proved. */
struct token_request {
	struct oauth *oauth;
	struct visit *visit;
	const struct form *form;
	struct oauth_client client;
	int64_t now_ms;
};

/* Each answers with a token, or returns why not. */
NODISCARD enum err token_of_code(struct token_request *request) AWAITS;
NODISCARD enum err token_of_refresh(struct token_request *request) AWAITS;
NODISCARD enum err token_of_client(struct token_request *request) AWAITS;
NODISCARD enum err token_of_assertion(struct token_request *request) AWAITS;

/* A live grant, its tenant, user and client too.
 *   Errors     ERR_OAUTH_GRANT */
NODISCARD enum err token_grant(struct token_request *request, struct str id, struct oauth_grant *ret_grant) AWAITS;

/* The resource that the form names must be the grant's; none means that one.
 *   Errors     ERR_OAUTH_TARGET */
NODISCARD enum err token_check_resource(const struct token_request *request, struct str resource);

/* The resource that the form names, or the main one. Errors     ERR_OAUTH_TARGET */
NODISCARD enum err token_resource(const struct token_request *request, struct str *ret_resource);

/* Make and keep a refresh token of a grant. */
NODISCARD enum err token_first_refresh(struct token_request *request, const struct oauth_grant *grant,
				       char ret_text[OAUTH_TOKEN_TEXT_MAX]) AWAITS;

/* Answer with an access token.
 *   scopes     bits; what the token says without OAUTH_OFFLINE
 *   refresh    empty: none */
NODISCARD enum err token_answer(struct token_request *request, const struct oauth_grant *grant, unsigned scopes,
				struct str refresh) AWAITS;

/* The grant of a machine for a resource: the one that it has, or a new one.
 *   scopes     all that it may ever ask for: one grant serves tokens with fewer */
NODISCARD enum err token_machine_grant(struct token_request *request, struct str tenant_id, struct str user_id,
				       struct str resource, unsigned scopes, struct oauth_grant *ret_grant) AWAITS;

#endif
