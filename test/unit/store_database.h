/* An open database with the store's schema, for the rooms above it: SQLite, in programs with DATABASE_MAIN PostgreSQL
 * too. */
#ifndef GATEHOUSE_TEST_STORE_DATABASE_H
#define GATEHOUSE_TEST_STORE_DATABASE_H

#include "database.h"

#include "store/migrate.h"
#include "store/tenant.h"

/* The case's PostgreSQL with all tables, as `gatehouse migrate --keep 0s` makes them. */
static inline void test_store_migrate(void)
{
	struct db_server server = {.url = test_postgres_url("gatehouse"), .user = "gatehouse_owner"};
	struct migrate_state state;
	AUTO(owner) *owner = NULL;
	AUTO_BUF problem = {0};
	enum err err = owner_open(&server, &problem, &owner);

	if (err == OK)
		err = migrate_up(owner, STR("gatehouse"), 0, false, &problem, &state);
	ck_assert_msg(err == OK, "%.*s", STR_ARG(buf_str(&problem)));
}

/* In PostgreSQL it is the role that serves. */
static inline struct db_spec test_store_spec(void)
{
	struct db_spec spec = {test_data(), store_migrations, store_migration_count, 5};

	if (test_engine == DB_SQLITE)
		return spec;
	if (test_postgres_database[0] == '\0')
		test_store_migrate();
	spec.migrations = store_postgres_migrations;
	spec.migration_count = store_postgres_migration_count;
	spec.server.url = test_postgres_url("gatehouse");
	return spec;
}

static inline void test_with_store(unsigned loops, void (*body)(struct db *db))
{
	struct db_spec spec = test_store_spec();

	test_with_db(loops, &spec, body);
}

AWAITS static inline struct tenant test_tenant(struct db *db, struct arena *arena, const char *name)
{
	struct tenant tenant;

	ck_ok(tenant_create(db, arena, str_of(name), &tenant));
	return tenant;
}

#endif
