/* Migration 7: upstreams and toolsets that were made at run time, and the answers to requests that
 * carried an idempotency key. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0007[] =
	"CREATE TABLE upstream ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL DEFAULT '',"                    /* empty: every tenant's */
	"  name TEXT NOT NULL UNIQUE,"
	"  document TEXT NOT NULL,"                                /* JSON: as under `upstreams` in the configuration */
	"  disabled INTEGER NOT NULL DEFAULT 0,"
	"  created_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE toolset ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL DEFAULT '',"
	"  name TEXT NOT NULL UNIQUE,"
	"  document TEXT NOT NULL,"
	"  disabled INTEGER NOT NULL DEFAULT 0,"
	"  created_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE idempotency ("
	"  tenant_id TEXT NOT NULL DEFAULT '',"                    /* the principal's; empty: the operator's */
	"  principal TEXT NOT NULL,"
	"  key TEXT NOT NULL,"
	"  digest BLOB NOT NULL,"                                  /* of method, path and body */
	"  status INTEGER NOT NULL,"                               /* 0: still at work */
	"  answer BLOB,"                                           /* sealed: it may hold a new key */
	"  created_ms INTEGER NOT NULL,"
	"  PRIMARY KEY (principal, key)"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX idempotency_created ON idempotency (created_ms);";
