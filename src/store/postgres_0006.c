/* PostgreSQL: files that callers have uploaded. What migration 12 is for SQLite: the same names and columns.
 * Row-level security shows a tenant its own; an address of a file names no tenant, and is looked up for all of them. */
#include "store/migrations.h"

#define TEXT "TEXT COLLATE \"C\""

/* clang-format off */
const char store_postgres_0006[] =
	"CREATE TABLE media ("
	"  id " TEXT " PRIMARY KEY,"
	"  tenant_id " TEXT " NOT NULL,"
	"  principal " TEXT " NOT NULL,"
	"  place " TEXT " NOT NULL,"
	"  name " TEXT " NOT NULL,"
	"  mime " TEXT " NOT NULL,"
	"  sha256 " TEXT " NOT NULL DEFAULT '',"
	"  size bigint NOT NULL,"
	"  received bigint NOT NULL DEFAULT 0,"
	"  sealed bytea NOT NULL,"
	"  created_ms bigint NOT NULL,"
	"  expires_ms bigint NOT NULL"
	");"
	"CREATE INDEX media_tenant ON media (tenant_id, principal);"
	"CREATE INDEX media_expires ON media (expires_ms);"
	"CALL policy_make('media', 'tenant_id = (SELECT scope())');";
