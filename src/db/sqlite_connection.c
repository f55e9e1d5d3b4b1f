/* One SQLite connection: opening it with the house's settings, prepared statements kept by the
 * address of their text, binding, reading rows into an arena, and the only translation of
 * SQLite's codes into ours.
 *
 * A connection is opened without SQLite's own mutexes: its owner (the writer thread, or the
 * worker thread that took it from the pool) is alone with it. What went wrong inside SQLite is
 * logged here, since the code and text do not leave this file. */
#include <stdlib.h>
#include <time.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/sqlite_private.h"

#define BUSY_STEP_NS 1000000 /* another process holds the write lock for a few ms at most */

static const char settings_common[] = "PRAGMA foreign_keys=ON;"
				      "PRAGMA trusted_schema=OFF;"
				      "PRAGMA temp_store=MEMORY;";

/* 2000 pages between checkpoints: 8 MB, some 20 ms of the writer thread's time. */
static const char settings_write[] = "PRAGMA journal_mode=WAL;"
				     "PRAGMA synchronous=FULL;"
				     "PRAGMA secure_delete=ON;" /* erased is overwritten; only deletions pay */
				     "PRAGMA wal_autocheckpoint=2000;"
				     "PRAGMA journal_size_limit=16777216;"
				     "PRAGMA cache_size=-1024;";

static const char settings_read[] = "PRAGMA query_only=ON;"
				    "PRAGMA cache_size=-512;";

static enum err translate(int code)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return OK;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_BUSY;
	case SQLITE_TOOBIG:
		return ERR_LIMIT;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return ERR_DB_CORRUPT;
	case SQLITE_CONSTRAINT:
		if (code == SQLITE_CONSTRAINT_UNIQUE || code == SQLITE_CONSTRAINT_PRIMARYKEY)
			return ERR_EXISTS;
		return code == SQLITE_CONSTRAINT_FOREIGNKEY ? ERR_NOT_FOUND : ERR_DB;
	default:
		return ERR_DB;
	}
}

/* Translate the connection's last failure; the unexpected ones go to the log. */
static enum err failure(struct sql *sql, int code)
{
	enum err err = translate(code);

	if (err == ERR_DB || err == ERR_DB_CORRUPT)
		log_error("db.failure", LOG_INT("sqlite_code", code), LOG_CSTR("text", sqlite3_errmsg(sql->handle)));
	return err;
}

const char *sql_problem(const struct sql *sql)
{
	return sqlite3_errmsg(sql->handle);
}

/* SQLite's own handler sleeps up to 100 ms at a time; the writer can't afford that. */
static int on_busy(void *arg, int tries)
{
	const struct timespec step = {.tv_nsec = BUSY_STEP_NS};
	struct sql *sql = arg;

	if (tries == 0)
		sql->busy_since_ms = clock_ms();
	else if (clock_ms() - sql->busy_since_ms >= DB_BUSY_MS)
		return 0;
	(void)nanosleep(&step, NULL);
	return 1;
}

static void configure_library(void)
{
	/* Its memory statistics take a global lock at each allocation. Refused when some library has
	 * started SQLite before us: slower, not wrong. */
	(void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
	CHECK(sqlite3_initialize() == SQLITE_OK);
}

/* The first to open a new file switches it to WAL, the last to close it takes the WAL away. Where two
 * processes do so at once SQLite gives up without asking the busy handler, since neither could win
 * by waiting while it holds its lock; so we let go and try again. */
static enum err configure_file(struct sql *sql, enum sql_mode mode)
{
	const struct timespec step = {.tv_nsec = BUSY_STEP_NS};
	int64_t since_ms = clock_ms();
	enum err err;

	while ((err = sql_exec(sql, mode == SQL_WRITE ? settings_write : settings_read)) == ERR_BUSY &&
	       clock_ms() - since_ms < DB_BUSY_MS)
		(void)nanosleep(&step, NULL);
	return err;
}

static enum err configure(struct sql *sql, enum sql_mode mode)
{
	(void)sqlite3_extended_result_codes(sql->handle, 1);
	(void)sqlite3_busy_handler(sql->handle, on_busy, sql);
	(void)sqlite3_db_config(sql->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	TRY(sql_exec(sql, settings_common));
	TRY(configure_file(sql, mode));
	return mode == SQL_WRITE ? sql_source_register(sql) : OK;
}

enum err sql_open(const char *path, enum sql_mode mode, struct buf *problem, struct sql **ret_sql)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	int flags = mode == SQL_WRITE ? SQLITE_OPEN_READWRITE : SQLITE_OPEN_READONLY;
	struct sql *sql = calloc(1, sizeof(*sql));
	enum err err;
	int code;

	CHECK(sql != NULL);
	CHECK(pthread_once(&once, configure_library) == 0);
	sql->magic = SQL_MAGIC;
	code = sqlite3_open_v2(path, &sql->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
	CHECK(sql->handle != NULL);
	err = code == SQLITE_OK ? configure(sql, mode) : failure(sql, code);
	if (err != OK) {
		if (problem != NULL)
			buf_put_fmt(problem, "cannot use the database %s: %s", path, sql_problem(sql));
		sql_close(sql);
		return err;
	}
	*ret_sql = sql;
	return OK;
}

void sql_close(struct sql *sql)
{
	if (sql == NULL)
		return;
	CHECK_OBJ(sql, SQL_MAGIC);
	for (unsigned i = 0; i < sql->cached; i++)
		(void)sqlite3_finalize(sql->cache[i].stmt);
	CHECK(sqlite3_close(sql->handle) == SQLITE_OK);
	sql->magic = 0;
	free(sql);
}

enum err sql_exec(struct sql *sql, const char *text)
{
	int code = sqlite3_exec(sql->handle, text, NULL, NULL, NULL);

	return code == SQLITE_OK ? OK : failure(sql, code);
}

/* The statement for a text, prepared at its first use. Texts are static, so their addresses
 * identify them. */
static enum err prepare(struct sql *sql, const char *text, sqlite3_stmt **ret_stmt)
{
	sqlite3_stmt *stmt;
	unsigned at;
	int code;

	for (unsigned i = 0; i < sql->cached; i++) {
		if (sql->cache[i].text == text) {
			*ret_stmt = sql->cache[i].stmt;
			return OK;
		}
	}
	code = sqlite3_prepare_v3(sql->handle, text, -1, SQLITE_PREPARE_PERSISTENT, &stmt, NULL);
	if (code != SQLITE_OK)
		return failure(sql, code);
	CHECK(stmt != NULL);
	at = sql->cached < SQL_CACHE_MAX ? sql->cached++ : sql->victim++ % SQL_CACHE_MAX;
	(void)sqlite3_finalize(sql->cache[at].stmt);
	sql->cache[at].text = text;
	sql->cache[at].stmt = stmt;
	*ret_stmt = stmt;
	return OK;
}

/* A NULL pointer would bind SQL's NULL, hence the "". */
static int bind_one(sqlite3_stmt *stmt, int at, const struct db_value *value)
{
	const char *p = value->str.n == 0 ? "" : value->str.p;

	switch (value->kind) {
	case DB_INT:
		return sqlite3_bind_int64(stmt, at, value->num);
	case DB_TEXT:
		return sqlite3_bind_text64(stmt, at, p, value->str.n, SQLITE_STATIC, SQLITE_UTF8);
	case DB_BLOB:
		return sqlite3_bind_blob64(stmt, at, p, value->str.n, SQLITE_STATIC);
	case DB_NULL:
		break;
	}
	return sqlite3_bind_null(stmt, at);
}

static enum err bind_all(struct sql *sql, sqlite3_stmt *stmt, const struct db_value *params, size_t count)
{
	CHECK((size_t)sqlite3_bind_parameter_count(stmt) == count);
	for (size_t i = 0; i < count; i++) {
		int code = bind_one(stmt, (int)i + 1, &params[i]);

		if (code != SQLITE_OK)
			return failure(sql, code);
	}
	return OK;
}

enum err sql_run(struct sql *sql, const char *text, const struct db_value *params, size_t count, int64_t *ret_changes)
{
	sqlite3_stmt *stmt;
	enum err err;
	int code;

	TRY(prepare(sql, text, &stmt));
	TRY(bind_all(sql, stmt, params, count));
	do {
		code = sqlite3_step(stmt);
	} while (code == SQLITE_ROW);
	err = code == SQLITE_DONE ? OK : failure(sql, code);
	(void)sqlite3_reset(stmt);
	if (err == OK && ret_changes != NULL)
		*ret_changes = sqlite3_changes64(sql->handle);
	return err;
}

static enum err read_cell(sqlite3_stmt *stmt, int column, struct arena *arena, struct db_value *ret_cell)
{
	struct db_value cell = {.kind = DB_NULL};
	const void *from;
	char *copy;

	switch (sqlite3_column_type(stmt, column)) {
	case SQLITE_NULL:
		break;
	case SQLITE_INTEGER:
		cell = DB_I(sqlite3_column_int64(stmt, column));
		break;
	default:
		cell.kind = sqlite3_column_type(stmt, column) == SQLITE_BLOB ? DB_BLOB : DB_TEXT;
		from = cell.kind == DB_BLOB ? sqlite3_column_blob(stmt, column) : sqlite3_column_text(stmt, column);
		cell.str.n = (size_t)sqlite3_column_bytes(stmt, column);
		copy = arena_try_alloc(arena, cell.str.n + 1);
		if (copy == NULL)
			return ERR_LIMIT;
		if (cell.str.n > 0)
			memcpy(copy, from, cell.str.n);
		copy[cell.str.n] = '\0';
		cell.str.p = copy;
	}
	*ret_cell = cell;
	return OK;
}

/* Append the row at hand; the table of cells doubles as needed. */
static enum err read_row(sqlite3_stmt *stmt, struct arena *arena, struct db_rows *rows, size_t *capacity)
{
	size_t used = rows->rows * rows->columns;
	struct db_value *cells;

	if (rows->rows == DB_ROWS_MAX)
		return ERR_LIMIT;
	if (rows->rows == *capacity) {
		size_t wanted = *capacity == 0 ? 4 : *capacity * 2, row_bytes = rows->columns * sizeof(*cells);

		cells = *capacity == 0 ? arena_try_alloc(arena, wanted * row_bytes)
				       : arena_try_grow(arena, rows->cells, used * sizeof(*cells), wanted * row_bytes);
		if (cells == NULL)
			return ERR_LIMIT;
		rows->cells = cells;
		*capacity = wanted;
	}
	for (size_t i = 0; i < rows->columns; i++)
		TRY(read_cell(stmt, (int)i, arena, &rows->cells[used + i]));
	rows->rows++;
	return OK;
}

enum err sql_query(struct sql *sql, struct arena *arena, const char *text, const struct db_value *params, size_t count,
		   struct db_rows **ret_rows)
{
	struct db_rows *rows = arena_try_alloc(arena, sizeof(*rows));
	size_t capacity = 0;
	sqlite3_stmt *stmt;
	enum err err;

	if (rows == NULL)
		return ERR_LIMIT;
	TRY(prepare(sql, text, &stmt));
	TRY(bind_all(sql, stmt, params, count));
	*rows = (struct db_rows){.columns = (size_t)sqlite3_column_count(stmt)};
	do {
		int code = sqlite3_step(stmt);

		if (code == SQLITE_DONE)
			break;
		err = code == SQLITE_ROW ? read_row(stmt, arena, rows, &capacity) : failure(sql, code);
	} while (err == OK);
	(void)sqlite3_reset(stmt);
	TRY(err);
	*ret_rows = rows;
	return OK;
}

enum err sql_int(struct sql *sql, const char *text, int64_t *ret_value)
{
	sqlite3_stmt *stmt;
	enum err err;
	int code;

	TRY(prepare(sql, text, &stmt));
	code = sqlite3_step(stmt);
	err = code == SQLITE_ROW ? OK : failure(sql, code);
	if (err == OK)
		*ret_value = sqlite3_column_int64(stmt, 0);
	else if (code == SQLITE_DONE)
		err = ERR_DB;
	(void)sqlite3_reset(stmt);
	return err;
}
