/* Parts of the configuration that were made at run time: upstreams and toolsets, each a document as it would stand
 * under its name in the configuration file. What a document means is for the gateway's configuration reader. */
#ifndef GATEHOUSE_STORE_PART_H
#define GATEHOUSE_STORE_PART_H

#include "store/store.h"

#define PART_DOCUMENT_BYTES_MAX (64 * 1024)
#define PARTS_PER_TENANT_MAX 64 /* count of each kind: every upstream costs a keeper, connections, a list */
#define PARTS_MAX 512		/* count of each kind in all: half of UPSTREAMS_MAX stays for the file */

enum part_kind { PART_UPSTREAM, PART_TOOLSET, PART_KINDS };

struct part {
	struct str id;
	struct str tenant_id; /* whose callers see it; empty: everybody's */
	struct str name;      /* unique among its kind, over all tenants: it is the first part of tools' names */
	struct str document;  /* JSON */
	int64_t created_ms, changed_ms;
	bool disabled;
};

/* Keep a new one; caches hear of it, as of every change below. changed_ms is taken from created_ms.
 *   Errors     ERR_EXISTS (id or name), ERR_LIMIT (PARTS_PER_TENANT_MAX, PARTS_MAX, PART_DOCUMENT_BYTES_MAX), ERR_DB */
NODISCARD enum err part_insert(struct db *db, enum part_kind kind, const struct part *part) AWAITS;

/* By id. Errors     ERR_NOT_FOUND, ERR_DB ... */
NODISCARD enum err part_get(struct db *db, struct str scope, struct arena *arena, enum part_kind kind, struct str id,
			    struct part *ret_part) AWAITS;

/* A page of those of a tenant (empty: of nobody; p NULL: all) after an id (empty: the first), by id. */
NODISCARD enum err part_list(struct db *db, struct arena *arena, enum part_kind kind, struct str tenant_id,
			     struct str after, size_t limit, struct part **ret_parts, size_t *ret_count) AWAITS;

/* Those in force: neither they nor their tenants are disabled; by id, so the oldest comes first. */
NODISCARD enum err part_in_force(struct db *db, struct arena *arena, enum part_kind kind, struct part **ret_parts,
				 size_t *ret_count) AWAITS;

/* Change document and disabled.
 *   changed_before_ms  of the row that was read: another one has changed it since: ERR_NOT_FOUND
 *   Errors             ERR_NOT_FOUND, ERR_LIMIT, ERR_DB ... */
NODISCARD enum err part_update(struct db *db, struct str scope, enum part_kind kind, const struct part *part,
			       int64_t changed_before_ms) AWAITS;

/*   Errors     ERR_NOT_FOUND */
NODISCARD enum err part_delete(struct db *db, struct str scope, enum part_kind kind, struct str id) AWAITS;

#endif
