/* Migration 14: reports of ad platforms. Documents are text, since they are read as they came; `span` is the range that
 * a report covers (the plain word is one of SQL's). Rows go after 90 days, see metric.h. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0014[] =
	"CREATE TABLE metric ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL,"
	"  platform TEXT NOT NULL,"                                    /* google, meta, tiktok */
	"  upstream TEXT NOT NULL,"
	"  account TEXT NOT NULL,"                                     /* of several that the upstream has */
	"  holder TEXT NOT NULL,"                                      /* a principal, where each connects its own */
	"  ad_account TEXT NOT NULL,"                                  /* the platform's id */
	"  report TEXT NOT NULL,"
	"  span TEXT NOT NULL,"                                        /* last_30_days */
	"  start_day INTEGER NOT NULL DEFAULT 0,"
	"  end_day INTEGER NOT NULL DEFAULT 0,"
	"  bytes INTEGER NOT NULL DEFAULT 0,"
	"  row_count INTEGER NOT NULL DEFAULT 0,"
	"  fetched_ms INTEGER NOT NULL DEFAULT 0,"
	"  used_ms INTEGER NOT NULL DEFAULT 0,"
	"  lease_by TEXT NOT NULL DEFAULT '',"
	"  lease_until_ms INTEGER NOT NULL DEFAULT 0,"
	"  failed_ms INTEGER NOT NULL DEFAULT 0,"
	"  failure TEXT NOT NULL DEFAULT '',"                          /* JSON */
	"  document TEXT NOT NULL DEFAULT ''"                          /* JSON, last: the rest is read without it */
	") STRICT;"
	"CREATE INDEX metric_tenant ON metric (tenant_id, id);"
	"CREATE INDEX metric_age ON metric (fetched_ms);";
