/* Usage as rows, one for each tenant, month and caller, and one for the tenant as a whole: who limits a tenant must not
 * have to add up its callers. Rows are added to, never set, and those of
 * a tenant that is gone are not written: what was erased in between does not come back.
 *
 * Scope: Numbers of many tenants are added in one write. */
#include "store/usage.h"

#include <stdlib.h>
#include <time.h>

#include "store/cells.h"

#define ADD_ROWS 64 /* of one write */
#define ADD_COLUMNS 5

static struct tm utc_of(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm parts = {0};

	(void)gmtime_r(&seconds, &parts);
	return parts;
}

int usage_month_of(int64_t wall_ms)
{
	struct tm parts = utc_of(wall_ms);

	return (parts.tm_year + 1900) * 100 + parts.tm_mon + 1;
}

int64_t usage_month_end_ms(int64_t wall_ms)
{
	struct tm parts = utc_of(wall_ms);
	struct tm first = {.tm_year = parts.tm_year, .tm_mon = parts.tm_mon + 1, .tm_mday = 1}; /* timegm carries */

	return (int64_t)timegm(&first) * 1000;
}

struct addition {
	struct db_value cells[ADD_ROWS][ADD_COLUMNS];
	struct db_statement statements[ADD_ROWS];
};

AWAITS static enum err add_some(struct db *db, struct addition *addition, const struct usage *usages, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct db_value *cell = addition->cells[i];

		cell[0] = cell_text(usages[i].principal);
		cell[1] = DB_I(usages[i].month);
		cell[2] = DB_I(usages[i].calls);
		cell[3] = DB_I(usages[i].failures);
		cell[4] = DB_T(usages[i].tenant_id);
		addition->statements[i] = (struct db_statement){
			.sql = "INSERT INTO usage_month (tenant_id, principal, month, calls, failures)"
			       " SELECT id, ?, ?, ?, ? FROM tenant WHERE id = ?"
			       " ON CONFLICT (tenant_id, month, principal) DO UPDATE SET"
			       " calls = usage_month.calls + excluded.calls,"
			       " failures = usage_month.failures + excluded.failures",
			.params = cell,
			.count = ADD_COLUMNS,
			.changes_expected = -1,
		};
	}
	return db_write(db, DB_ALL_TENANTS, addition->statements, count);
}

AWAITS enum err usage_add(struct db *db, const struct usage *usages, size_t count, size_t *ret_done)
{
	struct addition *addition = malloc(sizeof(*addition)); /* more than a fiber's frame should have */
	enum err err = addition == NULL ? ERR_LIMIT : OK;
	size_t done = 0;

	while (err == OK && done < count) {
		size_t some = count - done < ADD_ROWS ? count - done : ADD_ROWS;

		err = add_some(db, addition, &usages[done], some);
		if (err == OK)
			done += some;
	}
	free(addition);
	*ret_done = done;
	return err;
}

AWAITS enum err usage_get(struct db *db, struct str tenant_id, struct str principal, int month, struct usage *ret_usage)
{
	AUTO(arena) *arena = arena_new(1 << 14);
	struct usage usage = {.tenant_id = tenant_id, .principal = principal, .month = month};
	struct db_rows *rows;

	TRY(db_query(db, tenant_id, arena,
		     "SELECT calls, failures FROM usage_month WHERE tenant_id = ? AND month = ? AND principal = ?",
		     CELLS(DB_T(tenant_id), DB_I(month), cell_text(principal)), 3, &rows));
	if (rows->rows > 0) {
		usage.calls = cell_int(&rows->cells[0]);
		usage.failures = cell_int(&rows->cells[1]);
	}
	*ret_usage = usage;
	return OK;
}

AWAITS enum err usage_page(struct db *db, struct arena *arena, const struct usage_search *search,
			   struct usage **ret_usages, size_t *ret_count)
{
	struct db_rows *rows;
	struct usage *usages;

	TRY(db_query_stale(db, search->tenant_id, arena,
			   "SELECT principal, month, calls, failures FROM usage_month WHERE tenant_id = ?1"
			   " AND (CAST(?2 AS BIGINT) = 0 OR month = ?2) AND (CAST(?3 AS BIGINT) <> 0 OR principal = ?4)"
			   " AND (CAST(?5 AS BIGINT) = 0 OR month < ?5 OR (month = ?5 AND principal > ?6))"
			   " ORDER BY month DESC, principal LIMIT ?7",
			   CELLS(DB_T(search->tenant_id), DB_I(search->month), DB_I(search->principal.p == NULL),
				 cell_text(search->principal), DB_I(search->after_month),
				 cell_text(search->after_principal), DB_I((int64_t)search->limit)),
			   7, &rows));
	usages = arena_try_alloc(arena, (rows->rows + 1) * sizeof(*usages));
	if (usages == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < rows->rows; i++) {
		const struct db_value *cell = &rows->cells[i * rows->columns];

		usages[i] = (struct usage){search->tenant_id, cell_str(&cell[0]), (int)cell_int(&cell[1]),
					   cell_int(&cell[2]), cell_int(&cell[3])};
	}
	*ret_usages = usages;
	*ret_count = rows->rows;
	return OK;
}

/* A job's, of all tenants. Rows of tenants as a whole stay: they have counted the same calls. */
AWAITS enum err usage_roll_up(struct db *db, int before_month)
{
	const struct db_statement statement =
		STATEMENT("DELETE FROM usage_month WHERE principal <> '' AND month < ?", -1, DB_I(before_month));

	return db_write(db, DB_ALL_TENANTS, &statement, 1);
}
