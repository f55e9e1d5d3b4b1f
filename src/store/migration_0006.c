/* Migration 6: rules, blocked addresses, usage by the month. Rules are JSON that the policy room reads; the
 * store keeps their order and nothing else. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0006[] =
	"CREATE TABLE policy_rule ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL REFERENCES tenant (id),"
	"  position INTEGER NOT NULL,"                             /* smaller is asked first */
	"  name TEXT NOT NULL,"
	"  document TEXT NOT NULL,"                                /* JSON: policy reads it */
	"  created_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER NOT NULL,"
	"  UNIQUE (tenant_id, name)"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE blocked ("
	"  prefix TEXT PRIMARY KEY,"                               /* 192.0.2.0/24 */
	"  reason TEXT NOT NULL,"
	"  created_ms INTEGER NOT NULL,"
	"  until_ms INTEGER NOT NULL"                              /* 0 until unblocked */
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE usage_month ("
	"  tenant_id TEXT NOT NULL,"
	"  principal TEXT NOT NULL,"                               /* empty: the whole tenant */
	"  month INTEGER NOT NULL,"                                /* 202611 */
	"  calls INTEGER NOT NULL,"
	"  failures INTEGER NOT NULL,"
	"  PRIMARY KEY (tenant_id, month, principal)"
	") STRICT, WITHOUT ROWID;";
