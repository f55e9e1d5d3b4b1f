/* PostgreSQL, step 4: credentials for other services, and the keys they are sealed with. What migration 10 is for
 * SQLite: the same names and columns. */
#include "store/migrations.h"

#define TEXT "TEXT COLLATE \"C\""

/* clang-format off */
const char store_postgres_0004[] =
	"CREATE TABLE data_key ("
	"  tenant_id " TEXT " NOT NULL REFERENCES tenant (id),"
	"  version bigint NOT NULL,"
	"  kek " TEXT " NOT NULL,"
	"  wrapped bytea NOT NULL,"
	"  seals bigint NOT NULL DEFAULT 0,"
	"  created_ms bigint NOT NULL,"
	"  PRIMARY KEY (tenant_id, version)"
	");"

	"CREATE TABLE credential ("
	"  id " TEXT " PRIMARY KEY,"
	"  tenant_id " TEXT " NOT NULL REFERENCES tenant (id),"
	"  upstream " TEXT " NOT NULL,"
	"  user_id " TEXT " NOT NULL DEFAULT '',"
	"  kind " TEXT " NOT NULL,"
	"  hint " TEXT " NOT NULL DEFAULT '',"
	"  sealed bytea NOT NULL,"
	"  state " TEXT " NOT NULL,"
	"  expires_ms bigint NOT NULL DEFAULT 0,"
	"  created_ms bigint NOT NULL,"
	"  changed_ms bigint NOT NULL,"
	"  lease_ms bigint NOT NULL DEFAULT 0,"
	"  lease_by " TEXT " NOT NULL DEFAULT '',"
	"  failures bigint NOT NULL DEFAULT 0,"
	"  UNIQUE (tenant_id, upstream, user_id)"
	");"
	"CREATE INDEX credential_user ON credential (user_id) WHERE user_id <> '';"
	"CALL policy_make('data_key', 'tenant_id = (SELECT scope())');"
	"CALL policy_make('credential', 'tenant_id = (SELECT scope())');";
