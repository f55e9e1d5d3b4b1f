/* PostgreSQL, step 7: what platforms tell of their own accord. What migration 13 is for SQLite: the same names and
 * columns, and the rule that a tenant sees its own rows only. */
#include "store/migrations.h"

#define TEXT "TEXT COLLATE \"C\""

/* clang-format off */
const char store_postgres_0007[] =
	"CREATE TABLE event ("
	"  id " TEXT " PRIMARY KEY,"
	"  tenant_id " TEXT " NOT NULL,"
	"  upstream " TEXT " NOT NULL,"
	"  kind " TEXT " NOT NULL,"
	"  route " TEXT " NOT NULL DEFAULT '',"
	"  subject " TEXT " NOT NULL DEFAULT '',"
	"  dedup " TEXT " NOT NULL,"
	"  at_ms bigint NOT NULL,"
	"  body " TEXT " NOT NULL"
	");"
	"CREATE UNIQUE INDEX event_dedup ON event (tenant_id, upstream, dedup);"
	"CREATE INDEX event_order ON event (tenant_id, upstream, id);"
	"CREATE INDEX event_subject ON event (tenant_id, upstream, subject) WHERE subject <> '';"
	"CREATE INDEX event_age ON event (tenant_id, at_ms);"
	"CALL policy_make('event', 'tenant_id = (SELECT scope())');";
