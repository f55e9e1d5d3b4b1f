/* Migration 1: tenants, API keys, the audit trail.
 *
 * Times are Unix ms. The audit table has no index but its key and no constraints: it takes a
 * row for every tool call, and each index or check would cost every call. Its triggers stop
 * accidents; against intent there is the chain (doc/rooms/audit.md). */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0001[] =
	"CREATE TABLE meta ("
	"  id INTEGER PRIMARY KEY CHECK (id = 1),"
	"  generation INTEGER NOT NULL"
	") STRICT;"
	"INSERT INTO meta VALUES (1, 1);"

	"CREATE TABLE tenant ("
	"  id TEXT PRIMARY KEY,"
	"  name TEXT NOT NULL UNIQUE,"
	"  created_ms INTEGER NOT NULL,"
	"  disabled INTEGER NOT NULL DEFAULT 0"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE api_key ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL REFERENCES tenant (id),"
	"  name TEXT NOT NULL,"
	"  hint TEXT NOT NULL,"
	"  role TEXT NOT NULL,"
	"  mac BLOB NOT NULL UNIQUE,"
	"  created_ms INTEGER NOT NULL,"
	"  expires_ms INTEGER NOT NULL DEFAULT 0,"
	"  revoked_ms INTEGER NOT NULL DEFAULT 0,"
	"  last_used_ms INTEGER NOT NULL DEFAULT 0"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX api_key_tenant ON api_key (tenant_id);"

	"CREATE TABLE audit ("
	"  seq INTEGER PRIMARY KEY,"
	"  at_ms INTEGER,"
	"  event TEXT,"
	"  tenant_id TEXT,"
	"  principal TEXT,"
	"  ip TEXT,"
	"  request_id TEXT,"
	"  target TEXT,"
	"  upstream TEXT,"
	"  outcome TEXT,"
	"  duration_us INTEGER,"
	"  bytes_in INTEGER,"
	"  bytes_out INTEGER,"
	"  mac BLOB"
	");"
	"CREATE TABLE audit_head ("
	"  id INTEGER PRIMARY KEY CHECK (id = 1),"
	"  seq INTEGER NOT NULL,"
	"  mac BLOB NOT NULL,"
	"  seal BLOB NOT NULL"
	") STRICT;"
	"CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit"
	"  BEGIN SELECT RAISE(ABORT, 'audit rows are never changed'); END;"
	"CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit"
	"  BEGIN SELECT RAISE(ABORT, 'audit rows are never deleted'); END;"
	"CREATE TRIGGER audit_head_no_delete BEFORE DELETE ON audit_head"
	"  BEGIN SELECT RAISE(ABORT, 'the audit head is never deleted'); END;";
