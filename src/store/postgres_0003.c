/* PostgreSQL, step 3: jobs. They are the installation's: nobody sees them but who acts for all tenants. */
#include "store/migrations.h"

/* clang-format off */
const char store_postgres_0003[] =
	"CREATE TABLE job ("
	"  id text PRIMARY KEY,"
	"  kind text NOT NULL,"
	"  tenant_id text NOT NULL DEFAULT '',"
	"  payload text NOT NULL,"
	"  schedule text NOT NULL,"
	"  next_ms bigint NOT NULL,"
	"  attempts bigint NOT NULL DEFAULT 0,"
	"  dead bigint NOT NULL DEFAULT 0,"
	"  lease_by bigint NOT NULL DEFAULT 0,"
	"  lease_until_ms bigint NOT NULL DEFAULT 0,"
	"  error text NOT NULL DEFAULT '',"
	"  created_ms bigint NOT NULL"
	");"
	"CREATE INDEX job_next ON job (next_ms) WHERE dead = 0;"

	"CREATE TABLE job_run ("
	"  id text PRIMARY KEY,"
	"  job_id text NOT NULL,"
	"  kind text NOT NULL,"
	"  node bigint NOT NULL,"
	"  attempt bigint NOT NULL,"
	"  started_ms bigint NOT NULL,"
	"  ended_ms bigint NOT NULL,"
	"  outcome text NOT NULL,"
	"  words text NOT NULL"
	");"
	"CREATE INDEX job_run_kind ON job_run (kind, id);"
	"CALL policy_make('job', 'false');"
	"CALL policy_make('job_run', 'false');"

	"ALTER TABLE api_key ADD COLUMN noticed_ms bigint NOT NULL DEFAULT 0;";
