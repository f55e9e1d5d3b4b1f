/* Opening and closing PostgreSQL: its addresses are checked, one connection is made and the schema
 * looked at before anything else starts, so that a person who starts the gateway reads what is
 * wrong. That connection becomes the writer's; the loops make theirs when they need them. */
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "db/postgres_private.h"

struct opening {
	const struct db_spec *spec;
	struct buf *problem;
	struct postgres *db;
};

static enum err refuse(struct buf *problem, const char *text)
{
	if (problem != NULL)
		buf_put(problem, str_of(text));
	return ERR_CONFIG;
}

static enum err read_int(struct pg_link *link, const char *sql, struct buf *problem, int64_t *ret_value)
{
	const struct db_statement statement = {.sql = sql, .changes_expected = -1};
	AUTO(arena) *arena = arena_new(4096);
	struct pg_reader reader;
	enum err err;

	TRY(pg_reader_init(&reader, arena));
	err = pg_link_run(link, &statement, &reader);
	if (err == OK && reader.rows->rows == 1 && reader.rows->cells[0].kind == DB_INT) {
		*ret_value = reader.rows->cells[0].num;
		return OK;
	}
	if (problem != NULL)
		buf_put_fmt(problem, "cannot read how far the database's tables are: %s", pg_link_problem(link));
	return ERR_DB;
}

/* `serve` never changes tables: it says what is wrong with them and who puts it right. */
static enum err check_schema(struct pg_link *link, const struct db_spec *spec, struct buf *problem)
{
	int64_t there, number = 0;

	if (PQserverVersion(link->pq) < 150000)
		return refuse(problem, "PostgreSQL 15 or newer is needed");
	if (spec->migration_count == 0)
		return OK;
	TRY(read_int(link, "SELECT to_regclass('gatehouse.schema_version') IS NOT NULL", problem, &there));
	if (there != 0)
		TRY(read_int(link, "SELECT number FROM gatehouse.schema_version", problem, &number));
	if (number == 0)
		return refuse(problem, "the database has no tables yet; run `gatehouse migrate`");
	if ((uint64_t)number < spec->migration_count)
		return refuse(problem, "the database's tables are of an older Gatehouse; run `gatehouse migrate`");
	if ((uint64_t)number > spec->migration_count)
		return refuse(problem, "the database's tables are of a newer Gatehouse; install that version "
				       "(`gatehouse migrate status` says how far they are)");
	return OK;
}

static enum err open_work(void *arg)
{
	struct opening *opening = arg;
	struct postgres *db = opening->db;
	const struct db_server *server = &opening->spec->server;

	TRY(pg_address_new(server->url, server, opening->problem, &db->address));
	if (server->replica_url != NULL)
		TRY(pg_address_new(server->replica_url, server, opening->problem, &db->replica));
	TRY(pg_link_open(db->address, db->unprepared, opening->problem, &db->link));
	return check_schema(db->link, opening->spec, opening->problem);
}

static void postgres_free(struct postgres *db)
{
	pg_link_close(db->link);
	pg_address_free(db->address);
	pg_address_free(db->replica);
	free(db->pools);
	free(db->replica_pools);
	db->base.magic = 0;
	free(db);
}

AWAITS static enum err postgres_open(const struct db_spec *spec, struct buf *problem, struct db **ret_db)
{
	struct postgres *db = calloc(1, sizeof(*db));
	struct opening opening = {.spec = spec, .problem = problem, .db = db};
	enum err err;

	CHECK(db != NULL);
	db->base.magic = DB_MAGIC;
	db->base.backend = &postgres_backend;
	db->base.commit_ms = spec->commit_ms;
	db->connections = spec->server.pool == 0 ? DB_CONNECTIONS_MAX : spec->server.pool;
	db->timeout_ms = spec->server.timeout_ms == 0 ? DB_STATEMENT_MS : spec->server.timeout_ms;
	db->replica_lag_ms = spec->server.replica_lag_ms == 0 ? DB_REPLICA_LAG_MS : spec->server.replica_lag_ms;
	db->unprepared = spec->server.unprepared;
	db->pools = calloc(loop_count(), sizeof(*db->pools));
	db->replica_pools = calloc(loop_count(), sizeof(*db->replica_pools));
	CHECK(db->pools != NULL && db->replica_pools != NULL);
	err = work_run(open_work, &opening);
	if (err == OK)
		err = writer_start(&db->base);
	if (err != OK) {
		postgres_free(db);
		return err;
	}
	*ret_db = &db->base;
	return OK;
}

/* Runs on the pool's loop. */
static enum err close_pool(void *arg)
{
	pg_pool_free(arg);
	return OK;
}

AWAITS static void close_pools(_Atomic(struct pg_pool *) *pools)
{
	for (unsigned i = 0; i < loop_count(); i++) {
		struct pg_pool *pool = atomic_exchange(&pools[i], NULL);

		if (pool != NULL && loop_call(loop_at(i), "db-close", close_pool, pool) != OK)
			log_error("db.leak", LOG_INT("loop", (int64_t)i));
	}
}

AWAITS static void postgres_close(struct db *base)
{
	struct fiber_shield shield = fiber_shield_begin(INT32_MAX);
	struct postgres *db = postgres_of(base);

	writer_stop(base);
	close_pools(db->pools);
	close_pools(db->replica_pools);
	fiber_shield_end(shield);
	postgres_free(db);
}

/* VACUUM, by the server's own clock, does what there is to do. */
AWAITS static enum err postgres_scrub(struct db *base)
{
	return OK;
}

static void add_pools(_Atomic(struct pg_pool *) *pools, struct db_stats *stats)
{
	for (unsigned i = 0; i < loop_count(); i++) {
		struct pg_pool *pool = atomic_load_explicit(&pools[i], memory_order_acquire);

		if (pool == NULL)
			continue;
		stats->connections += atomic_load_explicit(&pool->open, memory_order_relaxed);
		stats->connections_busy += atomic_load_explicit(&pool->busy, memory_order_relaxed);
		stats->waiting += atomic_load_explicit(&pool->waiting, memory_order_relaxed);
	}
}

static void postgres_stats(struct db *base, struct db_stats *stats)
{
	struct postgres *db = postgres_of(base);

	add_pools(db->pools, stats);
	add_pools(db->replica_pools, stats);
}

const struct db_backend postgres_backend = {
	.engine = DB_POSTGRES,
	.open = postgres_open,
	.close = postgres_close,
	.query = postgres_query,
	.write = postgres_write,
	.scrub = postgres_scrub,
	.ping = postgres_ping,
	.tx_run = postgres_tx_run,
	.tx_insert = postgres_tx_insert,
	.tx_query = postgres_tx_query,
	.stats = postgres_stats,
	.transact = postgres_transact,
	.writer_end = postgres_writer_end,
};
