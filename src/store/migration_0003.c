/* Migration 3: users (people and service accounts; the table is called account, since user is a word of
 * SQL), roles of a tenant's own, what a key may be narrowed to, certificates, and the keys with which
 * addresses in the audit trail are sealed. */
#include "store/migrations.h"

/* clang-format off */
const char store_migration_0003[] =
	"ALTER TABLE tenant ADD COLUMN title TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE tenant ADD COLUMN plan TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE tenant ADD COLUMN limits TEXT NOT NULL DEFAULT '{}';"      /* JSON: portal and gateway read it */
	"ALTER TABLE tenant ADD COLUMN networks TEXT NOT NULL DEFAULT '[]';"    /* JSON: prefixes it may call from; empty: any */
	"ALTER TABLE tenant ADD COLUMN changed_ms INTEGER NOT NULL DEFAULT 0;"

	"CREATE TABLE account ("
	"  id TEXT PRIMARY KEY,"
	"  tenant_id TEXT NOT NULL REFERENCES tenant (id),"
	"  kind TEXT NOT NULL CHECK (kind IN ('person', 'service')),"
	"  email TEXT NOT NULL,"                                   /* lower case; empty for service accounts */
	"  name TEXT NOT NULL,"
	"  role TEXT NOT NULL,"
	"  password TEXT NOT NULL DEFAULT '',"                     /* Argon2id, encoded; empty: none */
	"  totp BLOB,"                                             /* sealed secret; NULL: none */
	"  totp_step INTEGER NOT NULL DEFAULT 0,"                  /* the last one used: no code works twice */
	"  issuer TEXT NOT NULL DEFAULT '',"                       /* of the provider that vouches for them */
	"  subject TEXT NOT NULL DEFAULT '',"
	"  disabled INTEGER NOT NULL DEFAULT 0,"
	"  created_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER NOT NULL,"
	"  last_login_ms INTEGER NOT NULL DEFAULT 0"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX account_tenant ON account (tenant_id);"
	"CREATE UNIQUE INDEX account_email ON account (email, tenant_id) WHERE email <> '';"
	"CREATE UNIQUE INDEX account_subject ON account (issuer, subject, tenant_id) WHERE subject <> '';"

	"CREATE TABLE role ("
	"  tenant_id TEXT NOT NULL REFERENCES tenant (id),"
	"  name TEXT NOT NULL,"
	"  description TEXT NOT NULL,"
	"  permissions TEXT NOT NULL,"                             /* JSON array: policy reads it */
	"  created_ms INTEGER NOT NULL,"
	"  changed_ms INTEGER NOT NULL,"
	"  PRIMARY KEY (tenant_id, name)"
	") STRICT, WITHOUT ROWID;"

	"ALTER TABLE api_key ADD COLUMN user_id TEXT NOT NULL DEFAULT '';"      /* whose it is; empty: the tenant's */
	"ALTER TABLE api_key ADD COLUMN description TEXT NOT NULL DEFAULT '';"
	"ALTER TABLE api_key ADD COLUMN toolsets TEXT NOT NULL DEFAULT '';"     /* names between spaces; empty: not narrowed */
	"ALTER TABLE api_key ADD COLUMN scopes TEXT NOT NULL DEFAULT '';"       /* empty: all */
	"ALTER TABLE api_key ADD COLUMN successor TEXT NOT NULL DEFAULT '';"    /* rotated: the key that follows */
	"ALTER TABLE api_key ADD COLUMN changed_ms INTEGER NOT NULL DEFAULT 0;"

	"CREATE TABLE certificate ("
	"  fingerprint BLOB PRIMARY KEY,"                          /* SHA-256 of the DER form */
	"  tenant_id TEXT NOT NULL REFERENCES tenant (id),"
	"  user_id TEXT NOT NULL REFERENCES account (id),"
	"  name TEXT NOT NULL,"
	"  created_ms INTEGER NOT NULL"
	") STRICT, WITHOUT ROWID;"
	"CREATE INDEX certificate_user ON certificate (user_id);"

	"CREATE TABLE person_key ("
	"  subject TEXT PRIMARY KEY,"                              /* a user's or a tenant's id */
	"  tenant_id TEXT NOT NULL,"
	"  key BLOB NOT NULL"                                      /* sealed; destroyed by an erasure */
	") STRICT, WITHOUT ROWID;";
