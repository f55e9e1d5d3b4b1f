/* PostgreSQL, step 3: jobs. They are the installation's: nobody sees them but who acts for all tenants.
 * What migration 9 is for SQLite: the same names and columns. The policy that denies all but '*' is made by the
 * procedure of step 2; rights follow with each `gatehouse migrate`. */
#include "store/migrations.h"

#define TEXT "TEXT COLLATE \"C\""

/* clang-format off */
const char store_postgres_0003[] =
	"CREATE TABLE job ("
	"  id " TEXT " PRIMARY KEY,"
	"  kind " TEXT " NOT NULL,"
	"  tenant_id " TEXT " NOT NULL DEFAULT '',"
	"  payload " TEXT " NOT NULL,"
	"  schedule " TEXT " NOT NULL,"
	"  next_ms bigint NOT NULL,"
	"  attempts bigint NOT NULL DEFAULT 0,"
	"  dead bigint NOT NULL DEFAULT 0,"
	"  lease_by bigint NOT NULL DEFAULT 0,"
	"  lease_until_ms bigint NOT NULL DEFAULT 0,"
	"  error " TEXT " NOT NULL DEFAULT '',"
	"  created_ms bigint NOT NULL"
	");"
	"CREATE INDEX job_next ON job (next_ms) WHERE dead = 0;"

	"CREATE TABLE job_run ("
	"  id " TEXT " PRIMARY KEY,"
	"  job_id " TEXT " NOT NULL,"
	"  kind " TEXT " NOT NULL,"
	"  node bigint NOT NULL,"
	"  attempt bigint NOT NULL,"
	"  started_ms bigint NOT NULL,"
	"  ended_ms bigint NOT NULL,"
	"  outcome " TEXT " NOT NULL,"
	"  words " TEXT " NOT NULL"
	");"
	"CREATE INDEX job_run_kind ON job_run (kind, id);"
	"CALL policy_make('job', 'false');"
	"CALL policy_make('job_run', 'false');"

	"ALTER TABLE api_key ADD COLUMN noticed_ms bigint NOT NULL DEFAULT 0;";
