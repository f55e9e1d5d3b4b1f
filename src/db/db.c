/* The face of the room: db.h's functions go to the backend that the database was opened with.
 *
 * The way there is one indirect call. What both kinds do alike, the writer thread and its bell, is
 * in writer.c. */
#include "base/check.h"
#include "db/db_private.h"

static const struct db_backend *backend_of(const struct db_spec *spec)
{
	return spec->server.url == NULL ? &sqlite_backend : &postgres_backend;
}

AWAITS enum err db_open(const struct db_spec *spec, struct buf *problem, struct db **ret_db)
{
	return backend_of(spec)->open(spec, problem, ret_db);
}

AWAITS void db_close(struct db *db)
{
	CHECK_OBJ(db, DB_MAGIC);
	db->backend->close(db);
}

enum db_engine db_engine(const struct db *db)
{
	CHECK_OBJ(db, DB_MAGIC);
	return db->backend->engine;
}

AWAITS enum err db_query(struct db *db, struct str scope, struct arena *arena, const char *sql,
			 const struct db_value *params, size_t count, struct db_rows **ret_rows)
{
	struct db_question question = {scope, arena, sql, params, count, false};

	CHECK_OBJ(db, DB_MAGIC);
	return db->backend->query(db, &question, ret_rows);
}

AWAITS enum err db_query_stale(struct db *db, struct str scope, struct arena *arena, const char *sql,
			       const struct db_value *params, size_t count, struct db_rows **ret_rows)
{
	struct db_question question = {scope, arena, sql, params, count, true};

	CHECK_OBJ(db, DB_MAGIC);
	return db->backend->query(db, &question, ret_rows);
}

AWAITS enum err db_write(struct db *db, struct str scope, const struct db_statement *statements, size_t count)
{
	CHECK_OBJ(db, DB_MAGIC);
	return db->backend->write(db, scope, statements, count);
}

AWAITS enum err db_scrub(struct db *db)
{
	CHECK_OBJ(db, DB_MAGIC);
	return db->backend->scrub(db);
}

AWAITS enum err db_ping(struct db *db, int64_t *ret_us)
{
	CHECK_OBJ(db, DB_MAGIC);
	return db->backend->ping(db, ret_us);
}

enum db_engine db_tx_engine(const struct db_tx *tx)
{
	return tx->backend->engine;
}

enum err db_tx_run(struct db_tx *tx, const char *sql, const struct db_value *params, size_t count)
{
	return tx->backend->tx_run(tx, sql, params, count);
}

enum err db_tx_insert(struct db_tx *tx, const struct db_load *load, bool (*next)(void *arg, struct db_value *cells),
		      void *arg)
{
	CHECK(load->columns <= DB_SOURCE_COLUMNS_MAX);
	return tx->backend->tx_insert(tx, load, next, arg);
}

enum err db_tx_query(struct db_tx *tx, struct arena *arena, const char *sql, const struct db_value *params,
		     size_t count, struct db_rows **ret_rows)
{
	return tx->backend->tx_query(tx, arena, sql, params, count, ret_rows);
}

struct db_stats db_stats(struct db *db)
{
	struct db_stats stats = {
		.writes = atomic_load_explicit(&db->writes, memory_order_relaxed),
		.commits = atomic_load_explicit(&db->commits, memory_order_relaxed),
		.queued = atomic_load_explicit(&db->queued, memory_order_relaxed),
		.commit_us_max = atomic_load_explicit(&db->commit_us_max, memory_order_relaxed),
		.ping_us = atomic_load_explicit(&db->ping_us, memory_order_relaxed),
	};

	CHECK_OBJ(db, DB_MAGIC);
	if (db->backend->stats != NULL)
		db->backend->stats(db, &stats);
	return stats;
}
