/* The columns that hold sealed values, as one list: for rotation, which seals each anew, and for tests that look for
 * plaintext. What a value looks like inside is the vault's; the store knows the prefix that names its key. */
#ifndef GATEHOUSE_STORE_SEALED_H
#define GATEHOUSE_STORE_SEALED_H

#include "store/store.h"

/* A format byte and the key's version, 32 bits, big-endian. */
#define SEALED_FORMAT 1
#define SEALED_PREFIX_BYTES 5
#define SEALED_PAGE_ROWS 64

enum sealed_kind {
	SEALED_CREDENTIAL,
	SEALED_REGISTRATION,
	SEALED_BRIDGED_CLIENT,
	SEALED_TOOL_RUN,
	SEALED_MEDIA,
	SEALED_KINDS
};

/* What a value of the kind is bound to, beside its tenant and row: "credential". */
struct str sealed_kind_name(enum sealed_kind kind);

/* The prefix of values under a version; the version of a value, 0: it is none. */
void sealed_prefix(int64_t version, char out[SEALED_PREFIX_BYTES]);
int64_t sealed_version(struct str sealed);

struct sealed_row {
	struct str id, sealed;
};

/* The next SEALED_PAGE_ROWS rows of a tenant after an id (empty: the first) whose values are of another version. */
NODISCARD enum err sealed_stale(struct db *db, struct arena *arena, enum sealed_kind kind, struct str tenant_id,
				int64_t version, struct str after, struct sealed_row **ret_rows, size_t *ret_count)
	AWAITS;

/* Put a value that says the same under another key in its place. Caches need not hear of it.
 *   Errors     ERR_NOT_FOUND: the row or the value has changed, or the key has gone; nothing was done */
NODISCARD enum err sealed_swap(struct db *db, enum sealed_kind kind, struct str tenant_id, const struct sealed_row *row,
			       struct str anew) AWAITS;

/* Remove versions of a tenant's key before `version` under which no value is left: at most one write for each.
 *   Errors     ERR_DB ... */
NODISCARD enum err sealed_retire(struct db *db, struct str tenant_id, int64_t version) AWAITS;

#endif
