/* What Azure Key Vault and its identity provider answer. Pure: texts in, facts out, strings in `arena`. Private to the
 * room. */
#ifndef GATEHOUSE_SECRETS_AZURE_REPLY_H
#define GATEHOUSE_SECRETS_AZURE_REPLY_H

#include "base/secret_text.h"
#include "http/client.h"
#include "secrets/secrets.h"

/* What a vault wants to see: a token of `authority` for `scope`. */
struct azure_challenge {
	struct str authority; /* https://login.microsoftonline.com/TENANT */
	struct str scope;     /* https://vault.azure.net/.default */
};

/* Read WWW-Authenticate and judge it: a token is worth as much as the vault, so it is made only for a resource that
 * this vault's host belongs to, and only by the authority that the operator has named. A host that lies about either
 * would collect tokens.
 *   vault      the URL that was asked
 *   authority  as configured, tenant included
 *   problem    what is wrong
 *   Errors     ERR_UPSTREAM_GARBAGE (no such challenge), ERR_FORBIDDEN (not to be believed) */
NODISCARD enum err azure_challenge_read(struct arena *arena, struct str field, const struct url *vault,
					struct str authority, struct buf *problem,
					struct azure_challenge *ret_challenge);

/* `value` of a secret.
 *   Errors     ERR_UPSTREAM_GARBAGE, as all below */
NODISCARD enum err azure_value_read(struct arena *arena, struct str body, struct str *ret_value);

/* A page of a list: the facts of those that have names as ours are appended.
 *   ret_next   the next page's URL, p NULL none; it is the vault's own
 *   Errors     also ERR_LIMIT: more than SECRETS_LISTED_MAX */
NODISCARD enum err azure_page_read(struct arena *arena, struct str body, const struct url *vault,
				   struct secret_fact *facts, size_t *count, struct str *ret_next);

/* What is wrong, in the vault's words: code and message, cut and printable; empty when it says nothing. */
struct str azure_words(struct arena *arena, struct str body);

#endif
