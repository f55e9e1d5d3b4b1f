/* The store: one noun per file, the only place with SQL. */
#ifndef GATEHOUSE_STORE_STORE_H
#define GATEHOUSE_STORE_STORE_H

#include "db/db.h"

/* Every migration, for db_open: SQLite's, and PostgreSQL's, which make the same tables. */
extern const struct db_migration store_migrations[], store_postgres_migrations[];
extern const size_t store_migration_count, store_postgres_migration_count;

/* A number that grows with each change of tenants, users, keys: caches compare it. Written by
 * the same transaction as the change, by whatever process. */
NODISCARD enum err store_generation(struct db *db, int64_t *ret_generation) AWAITS;

#endif
