/* Months. The role that serves may not make tables: a function of the owner's does, and does nothing else
 * (postgres_0002.c). What takes old rows away is audit_archive.c.
 *
 * Scope: jobs, for all tenants. */
#include "store/partition.h"

#include "store/cells.h"

AWAITS enum err partition_prepare(struct db *db, int64_t now_ms)
{
	const struct db_statement make =
		STATEMENT("SELECT partitions_make(?, ?)", -1, DB_I(now_ms), DB_I(PARTITION_MONTHS_AHEAD));

	return db_engine(db) == DB_SQLITE ? OK : db_write(db, DB_ALL_TENANTS, &make, 1); /* reads may change nothing */
}
