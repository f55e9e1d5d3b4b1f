/* What Vault and OpenBao answer. Pure: texts in, facts out, strings in `arena`. Private to the room. */
#ifndef GATEHOUSE_SECRETS_VAULT_REPLY_H
#define GATEHOUSE_SECRETS_VAULT_REPLY_H

#include "base/arena.h"
#include "base/secret_text.h"

#define VAULT_TOKEN_BYTES_MAX 8192 /* batch tokens hold what they may */

struct vault_auth {
	struct str token;
	int64_t lease_ms; /* 0: it does not end */
	bool renewable;
};

/* The answer to a sign-in or a renewal.
 *   Errors     ERR_UPSTREAM_GARBAGE, as all of these */
NODISCARD enum err vault_auth_read(struct arena *arena, struct str body, struct vault_auth *ret_auth);

/* `data.data.value` of an entry.
 *   ret_value  p NULL: the entry has no text called `value`, or its last version is deleted */
NODISCARD enum err vault_value_read(struct arena *arena, struct str body, struct str *ret_value);

/* `data.keys` of a list, those that are names of secrets.
 *   Errors     also ERR_LIMIT: more than SECRETS_LISTED_MAX */
NODISCARD enum err vault_names_read(struct arena *arena, struct str body, struct str **ret_names, size_t *ret_count);

/* The version and time of an entry's metadata.
 *   ret_version   0 when it has none */
NODISCARD enum err vault_facts_read(struct arena *arena, struct str body, int64_t *ret_version,
				    int64_t *ret_changed_ms);

/* `data.NAME`, a text. */
NODISCARD enum err vault_text_read(struct arena *arena, struct str body, const char *name, struct str *ret_text);

/* The first of `errors`, cut and printable; empty when there is none. */
struct str vault_words(struct arena *arena, struct str body);

#endif
