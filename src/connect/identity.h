/* Whose account was connected: asked once, with the fresh token, where the settings say how. Private to the flow. */
#ifndef GATEHOUSE_CONNECT_IDENTITY_H
#define GATEHOUSE_CONNECT_IDENTITY_H

#include "base/json.h"
#include "connect/grant.h"

#define ACCOUNT_ID_BYTES_MAX 128 /* of a stranger's id and name: what a line of a list holds */
#define ACCOUNT_NAME_BYTES_MAX 128

/* Ask, and note account_id and account_name in the grant. An account whose name cannot be learnt is an account all the
 * same: what fails leaves them empty, and the log says why.
 *   Errors     ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err identity_probe(struct arena *arena, const struct connect_at *at, struct grant *grant) AWAITS;

/* Read a document of the service with the account's token.
 *   ret_root   in `arena`
 *   Errors     ERR_UPSTREAM_AUTH (refused), ERR_UPSTREAM_GARBAGE, as http_fetch */
NODISCARD enum err identity_read(struct arena *arena, const struct connect_at *at, const struct grant *grant,
				 struct str url, yyjson_val **ret_root) AWAITS;

/* A text or number at a JSON pointer (empty: the value itself): one that a page can show; empty: there is none.
 *   returns    in `arena`, cut at bytes_max */
struct str identity_text(struct arena *arena, yyjson_val *root, struct str pointer, size_t bytes_max);

#endif
