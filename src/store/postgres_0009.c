/* PostgreSQL, step 9: runs of background work over ad reports. What migration 15 is for SQLite: the same names and
 * columns, and the rule that a tenant sees its own rows only. */
#include "store/migrations.h"

#define TEXT "TEXT COLLATE \"C\""

/* clang-format off */
const char store_postgres_0009[] =
	"CREATE TABLE sync_log ("
	"  id " TEXT " PRIMARY KEY,"
	"  tenant_id " TEXT " NOT NULL,"
	"  platform " TEXT " NOT NULL,"
	"  place " TEXT " NOT NULL DEFAULT '',"
	"  driver " TEXT " NOT NULL,"
	"  started_ms bigint NOT NULL,"
	"  ended_ms bigint NOT NULL DEFAULT 0,"
	"  held_ms bigint NOT NULL,"
	"  again_ms bigint NOT NULL DEFAULT 0,"
	"  outcome " TEXT " NOT NULL,"
	"  steps_done bigint NOT NULL DEFAULT 0,"
	"  steps_total bigint NOT NULL,"
	"  reports bigint NOT NULL DEFAULT 0,"
	"  rows bigint NOT NULL DEFAULT 0,"
	"  bytes bigint NOT NULL DEFAULT 0,"
	"  error " TEXT " NOT NULL DEFAULT ''"
	");"
	"CREATE UNIQUE INDEX sync_log_open ON sync_log (tenant_id, platform) WHERE ended_ms = 0;"
	"CREATE INDEX sync_log_order ON sync_log (tenant_id, started_ms, id);"
	"CREATE INDEX sync_log_age ON sync_log (started_ms, id);"
	"CREATE INDEX job_scheduled ON job (next_ms) WHERE schedule <> '';"
	"CALL policy_make('sync_log', 'tenant_id = (SELECT scope())');";
