/* Migration 4: the authorization server: its signing keys, clients, grants and what was issued for them. Codes
 * and refresh tokens are kept as MACs. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0004[] =
	"CREATE TABLE signing_key ("
	"  kid TEXT PRIMARY KEY,"
	"  private BLOB NOT NULL,"                                 /* sealed JWK */
	"  public TEXT NOT NULL,"                                  /* JWK */
	"  created_ms INTEGER NOT NULL,"
	"  active_ms INTEGER NOT NULL,"                            /* signs from then on */
	"  retired_ms INTEGER NOT NULL DEFAULT 0"                  /* not shown any more from then on; 0 not planned */
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE oauth_client ("
	"  id TEXT PRIMARY KEY,"                                   /* the client_id; a URL for documents */
	"  tenant_id TEXT NOT NULL DEFAULT '',"                    /* empty: registered itself, for any tenant's people */
	"  user_id TEXT NOT NULL DEFAULT '',"                      /* the service account of client credentials */
	"  kind TEXT NOT NULL CHECK (kind IN ('manual', 'registered', 'document')),"
	"  name TEXT NOT NULL,"
	"  redirect_uris TEXT NOT NULL,"                           /* JSON array */
	"  grant_types TEXT NOT NULL,"                             /* JSON array */
	"  auth_method TEXT NOT NULL,"
	"  secret_mac BLOB,"
	"  jwks TEXT NOT NULL DEFAULT '',"
	"  jwks_uri TEXT NOT NULL DEFAULT '',"
	"  scope TEXT NOT NULL,"
	"  disabled INTEGER NOT NULL DEFAULT 0,"
	"  created_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER NOT NULL,"
	"  expires_ms INTEGER NOT NULL DEFAULT 0,"                 /* documents: fetch again after; registered: forget unless used */
	"  last_used_ms INTEGER NOT NULL DEFAULT 0"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX oauth_client_tenant ON oauth_client (tenant_id);"
	"CREATE INDEX oauth_client_expires ON oauth_client (expires_ms) WHERE expires_ms > 0;"

	"CREATE TABLE oauth_grant ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL REFERENCES tenant (id),"
	"  user_id TEXT NOT NULL REFERENCES account (id),"
	"  client_id TEXT NOT NULL REFERENCES oauth_client (id),"
	"  resource TEXT NOT NULL,"
	"  scope TEXT NOT NULL,"
	"  created_ms INTEGER NOT NULL,"
	"  expires_ms INTEGER NOT NULL DEFAULT 0,"
	"  revoked_ms INTEGER NOT NULL DEFAULT 0,"
	"  last_used_ms INTEGER NOT NULL DEFAULT 0"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX oauth_grant_tenant ON oauth_grant (tenant_id);"
	"CREATE INDEX oauth_grant_user ON oauth_grant (user_id);"
	"CREATE INDEX oauth_grant_client ON oauth_grant (client_id);"

	"CREATE TABLE oauth_code ("
	"  mac BLOB PRIMARY KEY,"
	"  grant_id TEXT NOT NULL REFERENCES oauth_grant (id),"
	"  client_id TEXT NOT NULL,"
	"  redirect_uri TEXT NOT NULL,"
	"  challenge TEXT NOT NULL,"
	"  scope TEXT NOT NULL,"
	"  resource TEXT NOT NULL,"
	"  expires_ms INTEGER NOT NULL,"
	"  used_ms INTEGER NOT NULL DEFAULT 0"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX oauth_code_grant ON oauth_code (grant_id);"
	"CREATE INDEX oauth_code_expires ON oauth_code (expires_ms);"

	"CREATE TABLE oauth_refresh ("
	"  mac BLOB PRIMARY KEY,"
	"  grant_id TEXT NOT NULL REFERENCES oauth_grant (id),"
	"  scope TEXT NOT NULL,"
	"  created_ms INTEGER NOT NULL,"
	"  expires_ms INTEGER NOT NULL,"
	"  used_ms INTEGER NOT NULL DEFAULT 0,"
	"  successor BLOB"                                         /* sealed, for the grace window */
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX oauth_refresh_grant ON oauth_refresh (grant_id);"
	"CREATE INDEX oauth_refresh_expires ON oauth_refresh (expires_ms);";
