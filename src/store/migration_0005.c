/* Migration 5: people's sessions in the browser. A cookie is kept as its MAC only: who reads the
 * database can sign in as nobody. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0005[] =
	"CREATE TABLE web_session ("
	"  mac BLOB PRIMARY KEY,"                                  /* of the cookie */
	"  tenant_id TEXT NOT NULL REFERENCES tenant (id),"
	"  user_id TEXT NOT NULL REFERENCES account (id),"
	"  created_ms INTEGER NOT NULL,"
	"  seen_ms INTEGER NOT NULL,"
	"  expires_ms INTEGER NOT NULL"                            /* the earlier end: of idleness or of its life */
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX web_session_user ON web_session (user_id);"
	"CREATE INDEX web_session_expires ON web_session (expires_ms);";
