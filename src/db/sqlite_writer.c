/* SQLite's transactions, the only ones that change the file: each takes the writes that fibers
 * have queued and what the feed has, so that one fdatasync makes all of them durable. A write that
 * fails is rolled back alone, to its savepoint. The thread that runs them is writer.c's. */
#include "base/check.h"
#include "base/clock.h"
#include "db/sqlite_private.h"

AWAITS enum err sqlite_write(struct db *base, struct str scope, const struct db_statement *statements, size_t count)
{
	struct db_pending pending = {
		.statements = statements,
		.count = count,
		.loop = loop_self(),
		.task = {.run = writer_done},
	};

	TRY(fiber_status());
	if (atomic_fetch_add(&base->queued, count) + count > DB_QUEUE_MAX) {
		atomic_fetch_sub(&base->queued, count);
		return ERR_BUSY;
	}
	writer_push(base, &pending);
	return writer_await(&pending);
}

AWAITS enum err sqlite_scrub(struct db *base)
{
	struct db_pending pending = {.loop = loop_self(), .task = {.run = writer_done}, .scrub = true};

	TRY(fiber_status());
	writer_push(base, &pending);
	return writer_await(&pending);
}

static struct sql *sql_of(struct db_tx *base)
{
	return CONTAINER_OF(base, struct sqlite_tx, base)->sql;
}

enum err sqlite_tx_run(struct db_tx *base, const char *sql, const struct db_value *params, size_t count)
{
	return sql_run(sql_of(base), sql, params, count, NULL);
}

enum err sqlite_tx_query(struct db_tx *base, struct arena *arena, const char *sql, const struct db_value *params,
			 size_t count, struct db_rows **ret_rows)
{
	return sql_query(sql_of(base), arena, sql, params, count, ret_rows);
}

enum err sqlite_tx_insert(struct db_tx *base, const struct db_load *load,
			  bool (*next)(void *arg, struct db_value *cells), void *arg)
{
	struct sql_source source = {.next = next, .arg = arg};

	return sql_insert(sql_of(base), load->sqlite, &source);
}

static enum err run_statements(struct sql *sql, const struct db_pending *pending)
{
	for (size_t i = 0; i < pending->count; i++) {
		const struct db_statement *statement = &pending->statements[i];
		int64_t changes;

		TRY(sql_run(sql, statement->sql, statement->params, statement->count, &changes));
		if (statement->changes_expected >= 0 && changes != statement->changes_expected)
			return ERR_NOT_FOUND;
	}
	return OK;
}

/* One write in its savepoint. Its own failure stays its own; an error here means that the
 * whole transaction is lost (SQLite rolls back by itself when the disk is full, for one). */
static enum err run_write(struct sql *sql, struct db_pending *pending)
{
	TRY(sql_exec(sql, "SAVEPOINT write"));
	pending->result = run_statements(sql, pending);
	if (sqlite3_get_autocommit(sql->handle) != 0)
		return pending->result == OK ? ERR_DB : pending->result;
	if (pending->result != OK)
		TRY(sql_exec(sql, "ROLLBACK TO write"));
	return sql_exec(sql, "RELEASE write");
}

static enum err fill(struct sqlite *db, struct db_pending *writes, bool with_feed, enum db_fate *ret_fate)
{
	struct sqlite_tx tx = {.base.backend = &sqlite_backend, .sql = db->writer};
	enum err err = OK;

	for (struct db_pending *at = writes; at != NULL; at = at->next)
		TRY(run_write(db->writer, at));
	if (with_feed)
		err = db->base.feed.drain(db->base.feed.arg, &tx.base);
	if (err != OK)
		*ret_fate = DB_FATE_FEED_FAILED;
	return err;
}

/* Only TRUNCATE empties the log; a plain checkpoint leaves its old frames to be overwritten some time. */
static enum err truncate_log(struct sqlite *db)
{
	int code = sqlite3_wal_checkpoint_v2(db->writer->handle, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL);

	return code == SQLITE_OK ? OK : code == SQLITE_BUSY || code == SQLITE_LOCKED ? ERR_BUSY : ERR_DB;
}

enum err sqlite_transact(struct db *base, struct db_pending *writes, bool with_feed, enum db_fate *ret_fate)
{
	struct sqlite *db = sqlite_of(base);
	int64_t start_ns;
	enum err err;

	*ret_fate = DB_FATE_KNOWN;
	TRY(sql_run(db->writer, "BEGIN IMMEDIATE", NULL, 0, NULL));
	start_ns = clock_ns();
	err = fill(db, writes, with_feed, ret_fate);
	if (err == OK)
		err = sql_run(db->writer, "COMMIT", NULL, 0, NULL);
	if (err != OK) {
		if (sqlite3_get_autocommit(db->writer->handle) == 0)
			(void)sqlite3_exec(db->writer->handle, "ROLLBACK", NULL, NULL, NULL);
		return err;
	}
	writer_committed(base, start_ns);
	for (; writes != NULL; writes = writes->next) {
		if (writes->scrub)
			writes->result = truncate_log(db);
	}
	return OK;
}

/* TRUNCATE leaves one file to copy; failing only leaves a WAL to be read at the next start. */
void sqlite_writer_end(struct db *base)
{
	struct sqlite *db = sqlite_of(base);

	(void)truncate_log(db);
	sql_close(db->writer);
	db->writer = NULL;
}
