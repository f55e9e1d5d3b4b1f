/* Migration 15: runs of background work over ad reports. A run that is under way holds its tenant's platform: the
 * partial index lets one be open. Jobs with a schedule get an index of their own, since they are looked for among
 * thousands of runs that are due. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0015[] =
	"CREATE TABLE sync_log ("
	"  id TEXT PRIMARY KEY,"                                   /* the job's, or the run's at another driver */
	"  tenant_id TEXT NOT NULL,"
	"  platform TEXT NOT NULL,"
	"  place TEXT NOT NULL DEFAULT '',"                        /* the upstreams that it asked */
	"  driver TEXT NOT NULL,"
	"  started_ms INTEGER NOT NULL,"
	"  ended_ms INTEGER NOT NULL DEFAULT 0,"
	"  held_ms INTEGER NOT NULL,"                              /* until then nobody else begins */
	"  again_ms INTEGER NOT NULL DEFAULT 0,"
	"  outcome TEXT NOT NULL,"
	"  steps_done INTEGER NOT NULL DEFAULT 0,"
	"  steps_total INTEGER NOT NULL,"
	"  reports INTEGER NOT NULL DEFAULT 0,"
	"  rows INTEGER NOT NULL DEFAULT 0,"
	"  bytes INTEGER NOT NULL DEFAULT 0,"
	"  error TEXT NOT NULL DEFAULT ''"
	") STRICT;"
	"CREATE UNIQUE INDEX sync_log_open ON sync_log (tenant_id, platform) WHERE ended_ms = 0;"
	"CREATE INDEX sync_log_order ON sync_log (tenant_id, started_ms, id);"
	"CREATE INDEX sync_log_age ON sync_log (started_ms, id);"
	"CREATE INDEX job_scheduled ON job (next_ms) WHERE schedule <> '';";
