/* Migration 9: jobs, and what became of their runs. A job that has a schedule keeps its row for ever; one that has none
 * goes when it was done, or stays as dead once it has failed too often. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0009[] =
	"CREATE TABLE job ("
	"  id TEXT PRIMARY KEY,"                                   /* of scheduled ones: the kind */
	"  kind TEXT NOT NULL,"
	"  tenant_id TEXT NOT NULL DEFAULT '',"                    /* empty: the installation's */
	"  payload TEXT NOT NULL,"                                 /* JSON: the kind reads it */
	"  schedule TEXT NOT NULL,"                                /* empty: once */
	"  next_ms INTEGER NOT NULL,"
	"  attempts INTEGER NOT NULL DEFAULT 0,"                   /* since it last went well */
	"  dead INTEGER NOT NULL DEFAULT 0,"
	"  lease_by INTEGER NOT NULL DEFAULT 0,"                   /* the node that runs it */
	"  lease_until_ms INTEGER NOT NULL DEFAULT 0,"             /* past: nobody does */
	"  error TEXT NOT NULL DEFAULT '',"                        /* of the last run */
	"  created_ms INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX job_next ON job (next_ms) WHERE dead = 0;"

	"CREATE TABLE job_run ("
	"  id TEXT PRIMARY KEY,"
	"  job_id TEXT NOT NULL,"                                  /* the job may be gone */
	"  kind TEXT NOT NULL,"
	"  node INTEGER NOT NULL,"
	"  attempt INTEGER NOT NULL,"
	"  started_ms INTEGER NOT NULL,"
	"  ended_ms INTEGER NOT NULL,"
	"  outcome TEXT NOT NULL,"                                 /* ok, or an error's name */
	"  words TEXT NOT NULL"                                    /* what the run has to say */
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX job_run_kind ON job_run (kind, id);"

	"ALTER TABLE api_key ADD COLUMN noticed_ms INTEGER NOT NULL DEFAULT 0;"; /* when its end was announced */
