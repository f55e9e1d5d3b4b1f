/* Reads and writes from fibers. A read is one round trip: the scope and the statement in one implicit
 * transaction, read-only. A write is BEGIN, the scope, its statements and COMMIT in one round trip,
 * or in two when it says how many rows must change: those counts are looked at before COMMIT.
 *
 * A read that may be a moment old goes to the replica, where there is one, and says in the same round trip how far the
 * replica is behind. Where that is too far, or the replica is away or silent, the primary is asked.
 *
 * What may be repeated: a read whose connection was lost; anything that lost a deadlock. A
 * write whose COMMIT was sent and not answered may be in the database or not: its caller gets an
 * error and knows best what to look for. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/postgres_private.h"

#define REPEAT_AFTER_MS 10 /* of a deadlock's loser, times the attempt */

static const char read_scope[] = "SELECT set_config('app.current_tenant_id', ?, true),"
				 " set_config('statement_timeout', ?, true),"
				 " set_config('transaction_read_only', 'on', true)";
static const char write_scope[] = "SELECT set_config('app.current_tenant_id', ?, true),"
				  " set_config('statement_timeout', ?, true),"
				  " set_config('idle_in_transaction_session_timeout', ?, true)";

/* Milliseconds since the newest transaction that the replica has; 0 where it follows nobody by WAL. A primary that
 * nobody writes to looks like one far ahead: then the primary has time for reads. */
static const struct db_statement lag = {
	.sql = "SELECT CASE WHEN pg_is_in_recovery() THEN coalesce(CAST(extract(epoch FROM clock_timestamp() -"
	       " pg_last_xact_replay_timestamp()) * 1000 AS BIGINT), 9223372036854775807) ELSE 0 END",
	.changes_expected = -1};

static const struct db_statement begin = {.sql = "BEGIN", .changes_expected = -1};
static const struct db_statement commit = {.sql = "COMMIT", .changes_expected = -1};
static const struct db_statement rollback = {.sql = "ROLLBACK", .changes_expected = -1};

/* The running loop's pool. */
static struct pg_pool *pool_here(struct postgres *db, bool replica)
{
	unsigned index = loop_index(loop_self());
	_Atomic(struct pg_pool *) *slot = replica ? &db->replica_pools[index] : &db->pools[index];
	struct pg_pool *pool = atomic_load_explicit(slot, memory_order_relaxed);

	if (pool == NULL) {
		pool = pg_pool_new(replica ? db->replica : db->address, db->connections, db->unprepared);
		pool->replica = replica;
		atomic_store_explicit(slot, pool, memory_order_release);
	}
	return pool;
}

/* What a statement may take: the fiber's time, if that is less. */
static int64_t statement_ms(const struct postgres *db)
{
	int64_t left_ms = fiber_deadline() == 0 ? INT64_MAX : fiber_deadline() - clock_ms();

	return left_ms < 1 ? 1 : left_ms < db->timeout_ms ? left_ms : db->timeout_ms;
}

static void add_scope(struct pg_conn *conn, const char *sql, struct str scope, int64_t timeout_ms)
{
	char text[24], patience[24];
	int n = snprintf(text, sizeof(text), "%lld", (long long)timeout_ms);
	int m = snprintf(patience, sizeof(patience), "%lld", (long long)PG_GRACE_MS);
	struct db_value params[] = {DB_T(scope), DB_T(((struct str){text, (size_t)n})),
				    DB_T(((struct str){patience, (size_t)m}))};
	struct db_statement statement = {sql, params, sql == read_scope ? 2 : 3, -1};

	pg_add(conn, &statement, NULL);
}

/* --- reads --- */

/* How long the replica may take, so that time is left for the primary. */
static int64_t patience_ms(const struct postgres *db, const struct pg_pool *pool)
{
	int64_t ms = statement_ms(db);

	return !pool->replica ? ms : ms > 2 * PG_REPLICA_MS ? PG_REPLICA_MS : ms / 2 + 1;
}

/* Whether the replica is near enough; when not, it is not asked for a while. */
static enum err judge_lag(const struct postgres *db, struct pg_pool *pool, const struct db_rows *rows)
{
	int64_t lag_ms = rows->rows == 1 && rows->cells[0].kind == DB_INT ? rows->cells[0].num : INT64_MAX;

	if (lag_ms <= db->replica_lag_ms)
		return OK;
	pool->behind_until_ms = clock_ms() + PG_REPLICA_AGAIN_MS;
	return ERR_BUSY;
}

AWAITS static enum err read_once(struct postgres *db, struct pg_pool *pool, const struct db_question *question,
				 struct db_rows **ret_rows, enum pg_remedy *ret_remedy)
{
	struct db_statement statement = {question->sql, question->params, question->count, -1};
	int64_t timeout_ms = patience_ms(db, pool);
	struct pg_reader reader, age;
	struct pg_conn *conn;
	enum err err;

	*ret_remedy = PG_REMEDY_NONE;
	TRY(pg_reader_init(&reader, question->arena));
	TRY(pg_reader_init(&age, question->arena));
	TRY(pg_pool_take(pool, &conn));
	pg_begin(conn, timeout_ms + PG_GRACE_MS);
	add_scope(conn, read_scope, question->scope, timeout_ms);
	if (pool->replica)
		pg_add(conn, &lag, &age);
	pg_add(conn, &statement, &reader);
	pg_sync(conn);
	err = pg_finish(conn);
	*ret_remedy = conn->broken == ERR_CLOSED ? PG_REMEDY_RECONNECT : conn->remedy;
	pg_pool_give(conn);
	if (err == OK && pool->replica)
		err = judge_lag(db, pool, age.rows);
	if (err == OK)
		*ret_rows = reader.rows;
	return err;
}

AWAITS static enum err pause_after(int attempt)
{
	return fiber_sleep(REPEAT_AFTER_MS * attempt);
}

AWAITS static enum err read_from(struct postgres *db, struct pg_pool *pool, const struct db_question *question,
				 struct db_rows **ret_rows)
{
	enum pg_remedy remedy;
	enum err err = ERR_DB;

	for (int attempt = 1; attempt <= PG_ATTEMPTS_MAX; attempt++) {
		err = read_once(db, pool, question, ret_rows, &remedy);
		if (err == OK || remedy == PG_REMEDY_NONE)
			return err;
		if (remedy == PG_REMEDY_REPEAT)
			TRY(pause_after(attempt));
	}
	return err == ERR_CLOSED ? ERR_DB : err;
}

AWAITS enum err postgres_query(struct db *base, const struct db_question *question, struct db_rows **ret_rows)
{
	struct postgres *db = postgres_of(base);

	TRY(fiber_status());
	if (question->stale && db->replica != NULL && clock_ms() >= pool_here(db, true)->behind_until_ms) {
		enum err err = read_from(db, pool_here(db, true), question, ret_rows);

		if (err != ERR_DB && err != ERR_BUSY && err != ERR_TIMEOUT)
			return err;
		TRY(fiber_status());
	}
	return read_from(db, pool_here(db, false), question, ret_rows);
}

AWAITS enum err postgres_ping(struct db *base, int64_t *ret_us)
{
	AUTO(arena) *arena = arena_new(4096);
	const struct db_question question = {.scope = DB_ALL_TENANTS, .arena = arena, .sql = "SELECT 1"};
	int64_t start_ns = clock_ns(), took_us;
	struct db_rows *rows;
	enum err err = postgres_query(base, &question, &rows);

	took_us = (clock_ns() - start_ns) / 1000;
	atomic_store_explicit(&base->ping_us, err == OK ? took_us : -1, memory_order_relaxed);
	TRY(err);
	*ret_us = took_us;
	return OK;
}

/* --- writes --- */

struct write {
	struct postgres *db;
	struct str scope;
	const struct db_statement *statements;
	size_t count;
	bool commit_sent;
	enum pg_remedy remedy;
};

static bool has_counts(const struct write *write)
{
	for (size_t i = 0; i < write->count; i++) {
		if (write->statements[i].changes_expected >= 0)
			return true;
	}
	return false;
}

/* The server is left in a failed transaction: take it out of that. What counts has happened. */
AWAITS static void roll_back(struct pg_conn *conn, int64_t patience_ms)
{
	pg_begin(conn, patience_ms);
	pg_add(conn, &rollback, NULL);
	pg_sync(conn);
	if (pg_finish(conn) != OK && conn->broken == OK)
		conn->broken = ERR_CLOSED;
}

AWAITS static enum err finish_write(struct write *write, struct pg_conn *conn, int64_t timeout_ms)
{
	enum err err, at_commit;

	if (!has_counts(write)) {
		pg_add(conn, &commit, NULL);
		write->commit_sent = true;
		pg_sync(conn);
		return pg_finish(conn);
	}
	err = pg_finish(conn);
	if (conn->broken != OK)
		return err;
	write->remedy = conn->remedy;
	pg_begin(conn, timeout_ms);
	write->commit_sent = err == OK;
	pg_add(conn, err == OK ? &commit : &rollback, NULL);
	pg_sync(conn);
	at_commit = pg_finish(conn);
	return err != OK ? err : at_commit;
}

AWAITS static enum err write_on(struct write *write, struct pg_conn *conn, int64_t timeout_ms)
{
	int64_t patience_ms = timeout_ms + PG_GRACE_MS;
	enum err err;

	pg_begin(conn, patience_ms);
	pg_add(conn, &begin, NULL);
	add_scope(conn, write_scope, write->scope, timeout_ms);
	for (size_t i = 0; i < write->count; i++)
		pg_add(conn, &write->statements[i], NULL);
	err = finish_write(write, conn, patience_ms);
	if (write->remedy == PG_REMEDY_NONE)
		write->remedy = conn->remedy;
	if (conn->broken == OK && conn->step_at == conn->step_count && PQtransactionStatus(conn->pq) != PQTRANS_IDLE)
		roll_back(conn, patience_ms);
	return err;
}

/* Sent once, a write is waited for, however long the server is given: its outcome counts, not that
 * the fiber was canceled meanwhile. */
AWAITS static enum err write_once(struct write *write)
{
	int64_t timeout_ms = statement_ms(write->db);
	struct fiber_shield shield;
	struct pg_conn *conn;
	enum err err;

	write->commit_sent = false;
	write->remedy = PG_REMEDY_NONE;
	TRY(pg_pool_take(pool_here(write->db, false), &conn));
	shield = fiber_shield_begin(3 * (timeout_ms + 2 * PG_GRACE_MS));
	err = write_on(write, conn, timeout_ms);
	if (conn->broken != OK) {
		log_warn(write->commit_sent ? "db.commit_unknown" : "db.write_lost", LOG_ERR(conn->broken));
		write->remedy = PG_REMEDY_NONE;
		err = ERR_DB;
	}
	pg_pool_give(conn);
	fiber_shield_end(shield);
	return err == ERR_CLOSED ? ERR_DB : err;
}

AWAITS enum err postgres_write(struct db *base, struct str scope, const struct db_statement *statements, size_t count)
{
	struct write write = {.db = postgres_of(base), .scope = scope, .statements = statements, .count = count};
	enum err err = ERR_BUSY;

	TRY(fiber_status());
	if (count > DB_QUEUE_MAX)
		return ERR_BUSY;
	for (int attempt = 1; attempt <= PG_ATTEMPTS_MAX; attempt++) {
		err = write_once(&write);
		if (err == OK)
			atomic_fetch_add_explicit(&base->writes, 1, memory_order_relaxed);
		if (write.remedy == PG_REMEDY_NONE || write.remedy == PG_REMEDY_RECONNECT)
			return err;
		TRY(pause_after(attempt));
	}
	return err;
}
