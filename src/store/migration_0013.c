/* Migration 13: what platforms tell of their own accord. The body is text, since it is handed out as it came; rows go
 * after a week, see event.h. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0013[] =
	"CREATE TABLE event ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL,"
	"  upstream TEXT NOT NULL,"
	"  kind TEXT NOT NULL,"
	"  route TEXT NOT NULL DEFAULT '',"                        /* the platform's id of the account */
	"  subject TEXT NOT NULL DEFAULT '',"                      /* of what it is about */
	"  dedup TEXT NOT NULL,"
	"  at_ms INTEGER NOT NULL,"
	"  body TEXT NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX event_dedup ON event (tenant_id, upstream, dedup);"
	"CREATE INDEX event_order ON event (tenant_id, upstream, id);"
	"CREATE INDEX event_subject ON event (tenant_id, upstream, subject) WHERE subject <> '';"
	"CREATE INDEX event_age ON event (tenant_id, at_ms);";
