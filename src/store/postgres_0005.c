/* PostgreSQL, step 5: the journal of tool calls. What migration 11 is for SQLite: the same names and columns, and the
 * rule that a tenant sees its own rows only. */
#include "store/migrations.h"

#define TEXT "TEXT COLLATE \"C\""

/* clang-format off */
const char store_postgres_0005[] =
	"CREATE TABLE tool_run ("
	"  id " TEXT " PRIMARY KEY,"
	"  tenant_id " TEXT " NOT NULL,"
	"  principal " TEXT " NOT NULL,"
	"  upstream " TEXT " NOT NULL,"
	"  tool " TEXT " NOT NULL,"
	"  key " TEXT " NOT NULL DEFAULT '',"
	"  digest bytea NOT NULL,"
	"  state " TEXT " NOT NULL,"
	"  until_ms bigint NOT NULL,"
	"  sealed bytea NOT NULL DEFAULT '',"
	"  created_ms bigint NOT NULL"
	");"
	"CREATE UNIQUE INDEX tool_run_key ON tool_run (tenant_id, principal, key) WHERE key <> '';"
	"CREATE INDEX tool_run_alike ON tool_run (tenant_id, principal, digest) WHERE key = '';"
	"CREATE INDEX tool_run_age ON tool_run (created_ms);"
	"CALL policy_make('tool_run', 'tenant_id = (SELECT scope())');";
