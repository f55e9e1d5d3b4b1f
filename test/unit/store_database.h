/* An open database with the store's schema, for the rooms above it. */
#ifndef GATEHOUSE_TEST_STORE_DATABASE_H
#define GATEHOUSE_TEST_STORE_DATABASE_H

#include "database.h"

#include "store/tenant.h"

static inline struct db_spec test_store_spec(void)
{
	return (struct db_spec){test_data(), store_migrations, store_migration_count, 5};
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
