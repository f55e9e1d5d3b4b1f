/* Migration 12: files that callers have uploaded. Here lies what is known of them and the key of each, sealed for its
 * tenant; the files themselves are in the data directory of the replica that took them. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0012[] =
	"CREATE TABLE media ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL,"                               /* empty: nobody's, where nobody has to sign in */
	"  principal TEXT NOT NULL,"                               /* who uploaded it */
	"  place TEXT NOT NULL,"                                   /* address of the replica that has it; empty: no fleet */
	"  name TEXT NOT NULL,"
	"  mime TEXT NOT NULL,"
	"  sha256 TEXT NOT NULL DEFAULT '',"                       /* hexadecimal; empty: it is not whole yet */
	"  size INTEGER NOT NULL,"                                 /* bytes that it has, or will have: they count */
	"  received INTEGER NOT NULL DEFAULT 0,"
	"  sealed BLOB NOT NULL,"                                  /* the key of the file */
	"  created_ms INTEGER NOT NULL,"
	"  expires_ms INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX media_tenant ON media (tenant_id, principal);"
	"CREATE INDEX media_expires ON media (expires_ms);";
