/* Migration 8: the audit trail may be archived from its old end: what lies before the anchor can be deleted, the
 * chain is verified from the anchor on. Whose rows the complete blocks of it have (audit_search.c). And when each
 * retention period was last enforced. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0008[] =
	"CREATE TABLE audit_anchor ("
	"  id INTEGER PRIMARY KEY CHECK (id = 1),"
	"  seq INTEGER NOT NULL,"                                  /* of the last archived row */
	"  mac BLOB NOT NULL,"                                     /* its link of the chain */
	"  seal BLOB NOT NULL,"
	"  archived_ms INTEGER NOT NULL,"
	"  file TEXT NOT NULL"
	") STRICT;"
	"DROP TRIGGER audit_no_delete;"
	"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit"
	"  WHEN OLD.seq > (SELECT coalesce(max(seq), 0) FROM audit_anchor)"
	"  BEGIN SELECT RAISE(ABORT, 'audit rows are only deleted once archived'); END;"
	"CREATE TABLE audit_block ("
	"  block INTEGER,"                                         /* of numbers: seq / AUDIT_BLOCK_ROWS */
	"  tenant_id TEXT,"                                        /* empty: the block is done */
	"  rows INTEGER NOT NULL,"
	"  places TEXT NOT NULL,"                                  /* JSON: [seq % AUDIT_BLOCK_ROWS, ...] */
	"  PRIMARY KEY (block, tenant_id)"
	") STRICT, WITHOUT ROWID;"
	"CREATE TABLE retention_run ("
	"  name TEXT PRIMARY KEY,"
	"  at_ms INTEGER NOT NULL,"
	"  rows INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;";
