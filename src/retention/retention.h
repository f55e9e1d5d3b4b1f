/* What is kept how long, and how it is forgotten: exports, erasures. */
#ifndef GATEHOUSE_RETENTION_RETENTION_H
#define GATEHOUSE_RETENTION_RETENTION_H

#include "audit/audit.h"
#include "store/retention.h"

#define EXPORT_AUDIT_ROWS_MAX 100000 /* of the trail in one export: some 40 MB */

/* Append everything that is kept of a user as one JSON object: {"tables":{...},"audit":[...],"audit_complete":true}.
 *   key        opens addresses in the trail
 *   Errors     ERR_NOT_FOUND: no such user; ERR_DB ... */
NODISCARD enum err retention_export_user(struct db *db, const struct secret *key, struct str tenant_id,
					 struct str user_id, struct buf *out) AWAITS;

/* Forget a user, or a tenant with everything it owns; then what the write-ahead log still has of them. Rows of the
 * trail stay and verify, and name nobody: the ids in them lead nowhere, and the addresses' key is gone. Errors
 * ERR_NOT_FOUND; ERR_BUSY: it is done, but readers kept the log from being cleared: the next checkpoint does it; ERR_DB
 * ... */
NODISCARD enum err retention_erase_user(struct db *db, struct str tenant_id, struct str user_id) AWAITS;
NODISCARD enum err retention_erase_tenant(struct db *db, struct str tenant_id) AWAITS;

/* How long rows are kept after their end, as the configuration says; 0: they go at once. */
struct retention_periods {
	int64_t sessions_ms, idempotency_ms, usage_ms, blocks_ms;
	int64_t metrics_ms, sync_log_ms;
	int64_t usage_callers_ms; /* usage of single callers; then only their tenant's is kept */
	int64_t audit_ms;	  /* then rows move into files; 0: never */
	struct str archive;	  /* where those files are */
};

/* What has become of rows. */
struct retention_line {
	const char *name;
	int64_t period_ms;
	int64_t rows, past, swept_ms;
};
#define RETENTION_LINES 8
NODISCARD enum err retention_show(struct db *db, const struct retention_periods *periods,
				  struct retention_line ret_lines[RETENTION_LINES]) AWAITS;

/* Enforce the periods of rows now: in batches, so that nobody waits long for the file; at most RETENTION_BATCHES_MAX of
 * each kind, the rest goes next time.
 *   Errors     ERR_DB ... */
#define RETENTION_BATCH_ROWS 1000
#define RETENTION_BATCHES_MAX 200
NODISCARD enum err retention_enforce(struct db *db, const struct retention_periods *periods) AWAITS;

/* The same for one kind, and then what the database's files still have of it: deleted for good.
 *   Errors     ERR_DB ... */
NODISCARD enum err retention_purge(struct db *db, const struct retention_periods *periods, enum retention_kind kind)
	AWAITS;

/* Archive rows of the trail that are past their period, at most RETENTION_FILES_MAX files, each with a row in the
 * trail. slack_ms   see struct archive ret_files  how many were made problem    a sentence for the operator Errors
 * those of archive_next and audit_append */
#define RETENTION_FILES_MAX 500
NODISCARD enum err retention_archive(struct db *db, struct audit *audit, const struct retention_periods *periods,
				     int64_t slack_ms, size_t *ret_files, struct buf *problem) AWAITS;

#endif
