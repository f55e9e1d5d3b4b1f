/* PostgreSQL, step 8: reports of ad platforms. What migration 14 is for SQLite: the same names and columns, and the
 * rule that a tenant sees its own rows only. */
#include "store/migrations.h"

#define TEXT "TEXT COLLATE \"C\""

/* clang-format off */
const char store_postgres_0008[] =
	"CREATE TABLE metric ("
	"  id " TEXT " PRIMARY KEY,"
	"  tenant_id " TEXT " NOT NULL,"
	"  platform " TEXT " NOT NULL,"
	"  upstream " TEXT " NOT NULL,"
	"  account " TEXT " NOT NULL,"
	"  holder " TEXT " NOT NULL,"
	"  ad_account " TEXT " NOT NULL,"
	"  report " TEXT " NOT NULL,"
	"  span " TEXT " NOT NULL,"
	"  start_day bigint NOT NULL DEFAULT 0,"
	"  end_day bigint NOT NULL DEFAULT 0,"
	"  bytes bigint NOT NULL DEFAULT 0,"
	"  row_count bigint NOT NULL DEFAULT 0,"
	"  fetched_ms bigint NOT NULL DEFAULT 0,"
	"  used_ms bigint NOT NULL DEFAULT 0,"
	"  lease_by " TEXT " NOT NULL DEFAULT '',"
	"  lease_until_ms bigint NOT NULL DEFAULT 0,"
	"  failed_ms bigint NOT NULL DEFAULT 0,"
	"  failure " TEXT " NOT NULL DEFAULT '',"
	"  document " TEXT " NOT NULL DEFAULT ''"
	");"
	"CREATE INDEX metric_tenant ON metric (tenant_id, id);"
	"CREATE INDEX metric_age ON metric (fetched_ms);"
	"CALL policy_make('metric', 'tenant_id = (SELECT scope())');";
