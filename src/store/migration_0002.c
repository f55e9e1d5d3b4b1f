/* Migration 2: what upstreams' tools were when an operator (or the first sight of their server)
 * accepted them, and what they are now. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0002[] =
	"CREATE TABLE tool_pin ("
	"  upstream TEXT NOT NULL,"
	"  tool TEXT NOT NULL,"
	"  digest BLOB,"                           /* accepted; NULL: never yet */
	"  definition TEXT,"
	"  flags INTEGER NOT NULL DEFAULT 0,"      /* accepted with it */
	"  accepted_ms INTEGER NOT NULL DEFAULT 0,"
	"  seen_digest BLOB NOT NULL,"
	"  seen_definition TEXT NOT NULL,"
	"  seen_flags INTEGER NOT NULL DEFAULT 0,"
	"  seen_ms INTEGER NOT NULL,"
	"  PRIMARY KEY (upstream, tool)"
	") STRICT, WITHOUT ROWID;";
