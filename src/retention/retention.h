/* What is kept how long, and how it is forgotten: exports, erasures. */
#ifndef GATEHOUSE_RETENTION_RETENTION_H
#define GATEHOUSE_RETENTION_RETENTION_H

#include "audit/audit.h"

#define EXPORT_AUDIT_ROWS_MAX 100000 /* of the trail in one export: some 40 MB */

/* Append everything that is kept of a user as one JSON object: {"tables":{...},"audit":[...],"audit_complete":true}.
 *   key        opens addresses in the trail
 *   Errors     ERR_NOT_FOUND: no such user; ERR_DB ... */
NODISCARD enum err retention_export_user(struct db *db, const struct secret *key, struct str user_id, struct buf *out)
	AWAITS;

/* Forget a user, or a tenant with everything it owns; then what the write-ahead log still has of them. Rows of the
 * trail stay and verify, and name nobody: the ids in them lead nowhere, and the addresses' key is gone. Errors
 * ERR_NOT_FOUND; ERR_BUSY: it is done, but readers kept the log from being cleared: the next checkpoint does it; ERR_DB
 * ... */
NODISCARD enum err retention_erase_user(struct db *db, struct str user_id) AWAITS;
NODISCARD enum err retention_erase_tenant(struct db *db, struct str tenant_id) AWAITS;

#endif
