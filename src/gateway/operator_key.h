/* The operator's key: one for the installation, the secret operator-key or a file that is named. It manages every
 * tenant at /api/v1, reads /status and /metrics, and is no tenant's: it calls no tools. */
#ifndef GATEHOUSE_GATEWAY_OPERATOR_KEY_H
#define GATEHOUSE_GATEWAY_OPERATOR_KEY_H

#include "gateway/config.h"

#define OPERATOR_KEY_TEXT_LEN 47 /* "gho_" and 43 characters */

/* Ask for the key, if there is one, and keep its MAC in the configuration.
 *   config     not published yet
 *   key        of API keys' MACs
 *   Errors     ERR_CONFIG (others may read it, not a key), ERR_SYSTEM, ERR_NOT_FOUND (a file that the configuration
 *              names), those of secrets_get, with a sentence in `problem`
 *   Runs on    a fiber */
NODISCARD enum err operator_key_load(struct config *config, struct secrets *secrets, const struct secret *key,
				     struct buf *problem) AWAITS;

/* Keep a new key.
 *   replace    in the place of another one; else that is an error
 *   Errors     ERR_EXISTS, ERR_NOT_FOUND (nothing to replace), those of secrets_put, with a sentence in `problem`
 *   Runs on    a fiber */
NODISCARD enum err operator_key_make(struct secrets *secrets, bool replace, struct buf *problem,
				     char ret_raw[OPERATOR_KEY_TEXT_LEN + 1]) AWAITS;

/* Whether a credential is the operator's key. In constant time, and without any work for what does not look like one.
 */
bool operator_key_is(const struct config *config, const struct secret *key, struct str raw);

#endif
