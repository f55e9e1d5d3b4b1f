/* The store's tables of migrations, one for each engine, and its generation number.
 *
 * Nouns that caches elsewhere keep put GENERATION_BUMP (cells.h) into their writes; whoever
 * caches reads the number here. */
#include "store/store.h"

#include "store/cells.h"
#include "store/migrations.h"

const struct db_migration store_migrations[] = {
	{1, "tenants, API keys, audit", store_migration_0001},
	{2, "pinned definitions of tools", store_migration_0002},
	{3, "people, roles, certificates", store_migration_0003},
	{4, "the authorization server", store_migration_0004},
	{5, "sessions in the browser", store_migration_0005},
	{6, "rules, blocked addresses, usage", store_migration_0006},
	{7, "upstreams and toolsets made at run time", store_migration_0007},
	{8, "archiving the audit trail", store_migration_0008},
	{9, "jobs", store_migration_0009},
	{10, "credentials and their keys", store_migration_0010},
	{11, "calls of tools that do something at a platform", store_migration_0011},
	{12, "uploaded files", store_migration_0012},
	{13, "what platforms tell of their own accord", store_migration_0013},
	{14, "reports of ad platforms", store_migration_0014},
	{15, "runs of background work over ad reports", store_migration_0015},
};
const size_t store_migration_count = ARRAY_LEN(store_migrations);

const struct db_migration store_postgres_migrations[] = {
	{1, "all tables", store_postgres_0001},
	{2, "row-level security, months, rights", store_postgres_0002},
	{3, "jobs", store_postgres_0003},
	{4, "credentials and their keys", store_postgres_0004},
	{5, "calls of tools that do something at a platform", store_postgres_0005},
	{6, "uploaded files", store_postgres_0006},
	{7, "what platforms tell of their own accord", store_postgres_0007},
	{8, "reports of ad platforms", store_postgres_0008},
	{9, "runs of background work over ad reports", store_postgres_0009},
};
const size_t store_postgres_migration_count = ARRAY_LEN(store_postgres_migrations);

AWAITS enum err store_generation(struct db *db, int64_t *ret_generation)
{
	AUTO(arena) *arena = arena_new(4096);
	struct db_rows *rows;

	TRY(db_query(db, DB_ALL_TENANTS, arena, "SELECT generation FROM meta", NULL, 0, &rows));
	if (rows->rows != 1)
		return ERR_DB_CORRUPT;
	*ret_generation = cell_int(&rows->cells[0]);
	return OK;
}
