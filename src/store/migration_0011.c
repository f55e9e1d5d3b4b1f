/* Migration 11: the journal of tool calls that do something at a platform. A row without a key is found by what the
 * call was about; what the states mean and when a row goes stands in tool_run.h. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0011[] =
	"CREATE TABLE tool_run ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL,"
	"  principal TEXT NOT NULL,"
	"  upstream TEXT NOT NULL,"
	"  tool TEXT NOT NULL,"
	"  key TEXT NOT NULL DEFAULT '',"                          /* the caller's idempotency key */
	"  digest BLOB NOT NULL,"                                  /* of the tool, the account and the arguments; keyed */
	"  state TEXT NOT NULL,"                                   /* working, sending, done */
	"  until_ms INTEGER NOT NULL,"                             /* then its process has died, if it is not done */
	"  sealed BLOB NOT NULL DEFAULT X'',"                      /* the result */
	"  created_ms INTEGER NOT NULL"
	") STRICT;"
	"CREATE UNIQUE INDEX tool_run_key ON tool_run (tenant_id, principal, key) WHERE key <> '';"
	"CREATE INDEX tool_run_alike ON tool_run (tenant_id, principal, digest) WHERE key = '';"
	"CREATE INDEX tool_run_age ON tool_run (created_ms);";
