/* `gatehouse db copy`: tables in the order of store_tables, each read by its key a page at a time and loaded with COPY,
 * all in one transaction of the target. Row-level security refuses COPY, so the owner lays the force off each table for
 * the length of the transaction, in which nobody else can see it.
 *
 * Nothing here knows a noun: ids, MACs, sealed secrets and the chain of the trail are bytes that stay what they are,
 * and the keys that they were made with stay where they are, in the data directory. */
#include "store/copy.h"

#include <stdlib.h>

#include "base/check.h"
#include "store/cells.h"
#include "store/migrate.h"
#include "store/tables.h"
#include "store/usage.h"

#define PAGE_BYTES_MAX (64u * 1024 * 1024) /* 256 of the largest rows: tools' definitions, twice 64 KB each */
#define MONTHS_MAX 120			   /* older rows go into the default partition */
#define MONTH_MS (28LL * 86400 * 1000)

struct copying {
	struct db *source;
	struct owner *owner;
	struct buf *problem;
	const struct store_table *table;
	size_t key_at[TABLE_KEYS_MAX], key_count;
	const struct db_rows *page;
	struct buf sql; /* for the target */
	int64_t number;
};

/* --- the target's part, on a worker thread --- */

static enum err run_work(void *arg)
{
	struct copying *copying = arg;

	return owner_run(copying->owner, copying->sql.p, copying->problem);
}

static enum err int_work(void *arg)
{
	struct copying *copying = arg;

	return owner_int(copying->owner, copying->sql.p, NULL, 0, copying->problem, &copying->number);
}

static enum err begin_work(void *arg)
{
	struct copying *copying = arg;

	return owner_load_begin(copying->owner, copying->sql.p, copying->problem);
}

static enum err page_work(void *arg)
{
	struct copying *copying = arg;
	const struct db_rows *page = copying->page;

	for (size_t i = 0; i < page->rows; i++)
		TRY(owner_load_row(copying->owner, &page->cells[i * page->columns], page->columns, copying->problem));
	return OK;
}

static enum err end_work(void *arg)
{
	struct copying *copying = arg;

	return owner_load_end(copying->owner, copying->problem);
}

AWAITS PRINTF(3, 4) static enum err target(struct copying *copying, enum err (*work)(void *arg), const char *fmt, ...)
{
	char *text = NULL;
	va_list args;

	va_start(args, fmt);
	CHECK(vasprintf(&text, fmt, args) >= 0);
	va_end(args);
	copying->sql.n = 0;
	buf_put(&copying->sql, str_of(text));
	buf_put_byte(&copying->sql, '\0');
	free(text);
	return work_run(work, copying);
}

/* --- the source's --- */

AWAITS static enum err source_int(struct copying *copying, const char *sql, int64_t *ret_value)
{
	AUTO(arena) *arena = arena_new(4096);
	struct db_rows *rows;

	TRY(db_query(copying->source, DB_ALL_TENANTS, arena, sql, NULL, 0, &rows));
	*ret_value = rows->rows == 0 ? 0 : cell_int(rows->cells);
	return OK;
}

/* Where the names of a key stand among the columns. */
static void find_key(struct copying *copying)
{
	struct str keys = str_of(copying->table->key), key;
	bool more = true;

	copying->key_count = 0;
	while (more) {
		struct str columns = str_of(copying->table->columns), column;
		size_t at = 0;

		more = str_cut(keys, ',', &key, &keys);
		while (str_cut(columns, ',', &column, &columns) && !str_eq(str_trim(column), str_trim(key)))
			at++;
		CHECK(copying->key_count < TABLE_KEYS_MAX);
		copying->key_at[copying->key_count++] = at;
	}
}

/* The page after `last` (NULL: the first), in an arena of its own. */
AWAITS static enum err read_page(struct copying *copying, const struct db_value *last, struct arena *arena,
				 struct db_rows **ret_rows)
{
	struct db_value key[TABLE_KEYS_MAX];

	if (last == NULL)
		return db_query(copying->source, DB_ALL_TENANTS, arena, copying->table->first, NULL, 0, ret_rows);
	for (size_t i = 0; i < copying->key_count; i++)
		key[i] = last[copying->key_at[i]];
	return db_query(copying->source, DB_ALL_TENANTS, arena, copying->table->next, key, copying->key_count,
			ret_rows);
}

/* --- a table --- */

/* What the migration put there gives way; anything else is somebody's. */
AWAITS static enum err check_empty(struct copying *copying)
{
	const char *name = copying->table->name;

	if (copying->table->single) {
		return target(copying, run_work,
			      "ALTER TABLE %s DISABLE TRIGGER USER; DELETE FROM %s;"
			      " ALTER TABLE %s ENABLE TRIGGER USER",
			      name, name, name);
	}
	TRY(target(copying, int_work, "SELECT EXISTS (SELECT 1 FROM %s)", name));
	if (copying->number == 0)
		return OK;
	buf_put_fmt(copying->problem, "the target already holds rows (table %s): copy into an empty database", name);
	return ERR_EXISTS;
}

AWAITS static enum err copy_rows(struct copying *copying)
{
	AUTO(arena) *arena = arena_new(PAGE_BYTES_MAX);
	const struct db_value *last = NULL;
	struct db_rows *rows;

	do {
		AUTO(arena) *fresh = arena_new(PAGE_BYTES_MAX);
		struct arena *old = arena;

		TRY(read_page(copying, last, fresh, &rows));
		copying->page = rows;
		TRY(work_run(page_work, copying));
		last = rows->rows == 0 ? NULL : &rows->cells[(rows->rows - 1) * rows->columns];
		arena = fresh; /* `last` lies there */
		fresh = old;
	} while (rows->rows == TABLE_PAGE_ROWS);
	return OK;
}

AWAITS static enum err compare_counts(struct copying *copying, int64_t *ret_rows)
{
	int64_t there;

	TRY(target(copying, int_work, "%s", copying->table->count));
	TRY(source_int(copying, copying->table->count, &there));
	if (there != copying->number) {
		buf_put_fmt(copying->problem, "%s has %lld rows in the source and %lld in the target",
			    copying->table->name, (long long)there, (long long)copying->number);
		return ERR_DB;
	}
	*ret_rows = there;
	return OK;
}

AWAITS static enum err copy_table(struct copying *copying, int64_t *ret_rows)
{
	const struct store_table *table = copying->table;

	find_key(copying);
	TRY(check_empty(copying));
	TRY(target(copying, run_work, "ALTER TABLE %s NO FORCE ROW LEVEL SECURITY", table->name));
	TRY(target(copying, begin_work, "COPY %s (%s) FROM STDIN (FORMAT binary)", table->name, table->columns));
	TRY(copy_rows(copying));
	TRY(work_run(end_work, copying));
	TRY(compare_counts(copying, ret_rows));
	return target(copying, run_work, "ALTER TABLE %s FORCE ROW LEVEL SECURITY", table->name);
}

/* --- all of them --- */

/* Rows of months that are over: their partitions, so that they can go as a whole one day. */
AWAITS static enum err make_months(struct copying *copying)
{
	int64_t oldest_ms, newest_ms;

	TRY(source_int(copying, "SELECT coalesce(min(at_ms), 0) FROM audit WHERE at_ms > 0", &oldest_ms));
	TRY(source_int(copying, "SELECT coalesce(max(at_ms), 0) FROM audit", &newest_ms));
	for (unsigned i = 0; oldest_ms > 0 && oldest_ms <= newest_ms && i < MONTHS_MAX; i++) {
		TRY(target(copying, int_work, "SELECT partitions_make(%lld, 0)", (long long)oldest_ms));
		oldest_ms = usage_month_end_ms(oldest_ms);
	}
	return OK;
}

/* What every write changes. */
AWAITS static enum err source_mark(struct copying *copying, int64_t *ret_generation, int64_t *ret_last)
{
	TRY(store_generation(copying->source, ret_generation));
	return source_int(copying, "SELECT coalesce(max(seq), 0) FROM audit", ret_last);
}

AWAITS static enum err begin(struct copying *copying)
{
	TRY(target(copying, int_work, "SELECT to_regclass('gatehouse.schema_version') IS NOT NULL"));
	if (copying->number == 1)
		TRY(target(copying, int_work, "SELECT number FROM gatehouse.schema_version"));
	if (copying->number != (int64_t)store_postgres_migration_count) {
		buf_put(copying->problem, STR("the target's tables are not those of this version: run `gatehouse "
					      "migrate` on it first"));
		return ERR_CONFIG;
	}
	TRY(target(copying, run_work,
		   "BEGIN; SET LOCAL search_path = gatehouse, public; SET LOCAL synchronous_commit = on;"
		   " SELECT set_config('app.current_tenant_id', '*', true)"));
	return make_months(copying);
}

AWAITS static enum err copy_within(struct copying *copying, copy_told *told, void *arg)
{
	int64_t generation[2], last[2], rows;

	TRY(source_mark(copying, &generation[0], &last[0]));
	TRY(begin(copying));
	for (size_t i = 0; i < store_table_count; i++) {
		copying->table = &store_tables[i];
		if (copying->table->anew)
			continue;
		TRY(copy_table(copying, &rows));
		told(arg, copying->table->name, rows);
	}
	TRY(source_mark(copying, &generation[1], &last[1]));
	if (generation[0] == generation[1] && last[0] == last[1])
		return target(copying, run_work, "COMMIT; ANALYZE");
	buf_put(copying->problem, STR("the source was written to meanwhile: stop the gateway, then copy again"));
	return ERR_BUSY;
}

AWAITS enum err copy_all(struct db *source, struct owner *owner, copy_told *told, void *arg, struct buf *problem)
{
	struct copying copying = {.source = source, .owner = owner, .problem = problem};
	enum err err = copy_within(&copying, told, arg);

	buf_free(&copying.sql);
	return err;
}
