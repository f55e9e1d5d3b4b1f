/* The list of tables against the schema: whoever adds a table or a column must add it there too. That PostgreSQL's are
 * the same is test/e2e/db-copy.test.mjs's. */
#include "../store_database.h"

#include "store/tables.h"

/* Names, with ", " between them. */
static AWAITS void check_names(struct db *db, struct arena *arena, const char *sql, const char *table,
			       const char *expected)
{
	const struct db_value name = DB_T(str_of(table));
	AUTO_BUF names = {0};
	struct db_rows *rows;

	ck_ok(db_query(db, DB_ALL_TENANTS, arena, sql, &name, 1, &rows));
	for (size_t i = 0; i < rows->rows; i++) {
		buf_put(&names, i == 0 ? STR("") : STR(", "));
		buf_put(&names, rows->cells[i].str);
	}
	ck_bytes(buf_str(&names), str_of(expected));
}

static AWAITS void tables_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);

	ck_assert_int_eq(test_int(db,
				  "SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
				  " AND name <> 'audit_block'"),
			 (int64_t)store_table_count);
	for (size_t i = 0; i < store_table_count; i++) {
		const struct store_table *table = &store_tables[i];
		struct db_rows *rows;

		check_names(db, arena, "SELECT name FROM pragma_table_info(?) ORDER BY cid", table->name,
			    table->columns);
		check_names(db, arena, "SELECT name FROM pragma_table_info(?) WHERE pk > 0 ORDER BY pk", table->name,
			    table->key);
		ck_ok(db_query(db, DB_ALL_TENANTS, arena, table->first, NULL, 0, &rows));
		ck_ok(db_query(db, DB_ALL_TENANTS, arena, table->count, NULL, 0, &rows));
	}
}

START_TEST(the_list_is_the_schema)
{
	test_with_store(1, tables_body);
}
END_TEST

UNIT_MAIN("tables", the_list_is_the_schema)
