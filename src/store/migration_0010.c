/* Migration 10: credentials for other services, registrations there, and the keys they are sealed with. What is sealed
 * and how is the vault's business: here lie bytes, the version of their key in front. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0010[] =
	"CREATE TABLE data_key ("
	"  tenant_id TEXT NOT NULL REFERENCES tenant (id),"
	"  version INTEGER NOT NULL,"                              /* from 1 */
	"  kek TEXT NOT NULL,"                                     /* which key wrapped it; empty: it was destroyed */
	"  wrapped BLOB NOT NULL,"                                 /* empty with it */
	"  seals INTEGER NOT NULL DEFAULT 0,"                      /* how many values were ever kept under it */
	"  created_ms INTEGER NOT NULL,"
	"  PRIMARY KEY (tenant_id, version)"
	") STRICT, WITHOUT ROWID;"

	"CREATE TABLE credential ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL REFERENCES tenant (id),"
	"  upstream TEXT NOT NULL,"                                /* by name: it may come and go with the configuration */
	"  user_id TEXT NOT NULL DEFAULT '',"                      /* empty: the tenant's, for all its callers */
	"  kind TEXT NOT NULL,"                                    /* what is sealed: static, oauth */
	"  hint TEXT NOT NULL DEFAULT '',"                         /* to recognise it in lists */
	"  sealed BLOB NOT NULL,"
	"  state TEXT NOT NULL,"                                   /* active, refused, reauth_required */
	"  expires_ms INTEGER NOT NULL DEFAULT 0,"
	"  created_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER NOT NULL,"
	"  lease_ms INTEGER NOT NULL DEFAULT 0,"                   /* until then nobody else refreshes it */
	"  lease_by TEXT NOT NULL DEFAULT '',"                     /* who does; empty: it is a pause */
	"  failures INTEGER NOT NULL DEFAULT 0,"                   /* in a row; the pause grows with them */
	"  UNIQUE (tenant_id, upstream, user_id)"
	") STRICT;"
	"CREATE INDEX credential_user ON credential (user_id) WHERE user_id <> '';"

	"CREATE TABLE registration ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL REFERENCES tenant (id),"
	"  upstream TEXT NOT NULL,"
	"  issuer TEXT NOT NULL,"                                  /* whose client we are; of no use anywhere else */
	"  client_id TEXT NOT NULL,"
	"  sealed BLOB NOT NULL,"
	"  expires_ms INTEGER NOT NULL DEFAULT 0,"
	"  created_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER NOT NULL,"
	"  UNIQUE (tenant_id, upstream)"
	") STRICT;"

	/* Clients registered through a bridge at an identity provider that lets nobody register. */
	"CREATE TABLE bridged_client ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL REFERENCES tenant (id),"
	"  bridge TEXT NOT NULL,"                                  /* by name, as in the configuration */
	"  state TEXT NOT NULL,"                                   /* making, active, removing */
	"  object_id TEXT NOT NULL DEFAULT '',"                    /* of the application there; empty while it is made */
	"  client_id TEXT NOT NULL DEFAULT '',"
	"  metadata TEXT NOT NULL,"                                /* what was registered, as it is answered: JSON */
	"  token_mac BLOB NOT NULL,"                               /* of the registration access token */
	"  sealed BLOB NOT NULL DEFAULT X'',"                      /* the client's secret; empty: it has none */
	"  key_id TEXT NOT NULL DEFAULT '',"                       /* of that secret there */
	"  secret_expires_ms INTEGER NOT NULL DEFAULT 0,"
	"  old_key_id TEXT NOT NULL DEFAULT '',"                   /* of the one before it, which is good until ... */
	"  old_until_ms INTEGER NOT NULL DEFAULT 0,"
	"  created_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER NOT NULL"
	") STRICT;"
	"CREATE INDEX bridged_client_tenant ON bridged_client (tenant_id, bridge);";
