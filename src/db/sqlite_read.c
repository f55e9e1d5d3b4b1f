/* Reads: each on a worker thread with a connection of its own, taken from a small pool. WAL lets
 * them see the latest commit without waiting for the writer.
 *
 * Connections are opened when first needed, so that an idle gateway holds one. A worker thread
 * that finds all of them taken waits for one: it is a worker, it may block. */
#include "base/check.h"
#include "base/clock.h"
#include "db/sqlite_private.h"

struct query {
	struct sqlite *db;
	const struct db_question *question;
	struct db_rows *rows;
};

static enum err reader_take(struct sqlite *db, struct sql **ret_sql)
{
	enum err err;

	CHECK(pthread_mutex_lock(&db->lock) == 0);
	while (db->idle_count == 0 && db->open_count == DB_READERS_MAX)
		CHECK(pthread_cond_wait(&db->freed, &db->lock) == 0);
	if (db->idle_count > 0) {
		*ret_sql = db->idle[--db->idle_count];
		CHECK(pthread_mutex_unlock(&db->lock) == 0);
		return OK;
	}
	db->open_count++;
	CHECK(pthread_mutex_unlock(&db->lock) == 0);
	err = sql_open(db->path, SQL_READ, NULL, ret_sql);
	if (err == OK)
		return OK;
	CHECK(pthread_mutex_lock(&db->lock) == 0);
	db->open_count--;
	CHECK(pthread_cond_signal(&db->freed) == 0);
	CHECK(pthread_mutex_unlock(&db->lock) == 0);
	return err;
}

static void reader_give(struct sqlite *db, struct sql *sql)
{
	CHECK(pthread_mutex_lock(&db->lock) == 0);
	db->idle[db->idle_count++] = sql;
	CHECK(pthread_cond_signal(&db->freed) == 0);
	CHECK(pthread_mutex_unlock(&db->lock) == 0);
}

void readers_close(struct sqlite *db)
{
	CHECK(db->idle_count == db->open_count);
	while (db->idle_count > 0)
		sql_close(db->idle[--db->idle_count]);
	db->open_count = 0;
}

static enum err query_work(void *arg)
{
	struct query *query = arg;
	const struct db_question *question = query->question;
	struct sql *sql;
	enum err err;

	TRY(reader_take(query->db, &sql));
	err = sql_query(sql, question->arena, question->sql, question->params, question->count, &query->rows);
	reader_give(query->db, sql);
	return err;
}

AWAITS enum err sqlite_query(struct db *base, const struct db_question *question, struct db_rows **ret_rows)
{
	struct query query = {.db = sqlite_of(base), .question = question};

	TRY(work_run(query_work, &query));
	*ret_rows = query.rows;
	return OK;
}

struct ping {
	struct sqlite *db;
	int64_t us;
};

/* Reads page 1 of the file: more than a constant, less than a table. */
static enum err ping_work(void *arg)
{
	struct ping *ping = arg;
	int64_t start_ns = clock_ns(), number;
	struct sql *sql;
	enum err err;

	TRY(reader_take(ping->db, &sql));
	err = sql_int(sql, "PRAGMA user_version", &number);
	reader_give(ping->db, sql);
	ping->us = (clock_ns() - start_ns) / 1000;
	return err;
}

AWAITS enum err sqlite_ping(struct db *base, int64_t *ret_us)
{
	struct sqlite *db = sqlite_of(base);
	struct ping ping = {.db = db};
	enum err err;

	err = work_run(ping_work, &ping);
	atomic_store_explicit(&base->ping_us, err == OK ? ping.us : -1, memory_order_relaxed);
	TRY(err);
	*ret_us = ping.us;
	return OK;
}
