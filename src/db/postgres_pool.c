/* The connections of one loop: opened when they are needed, kept, at most so many; who finds all of
 * them taken waits in a bounded line. When the server does not answer, one caller at a time finds
 * out whether it is back, ever more rarely; the others are told at once that it is not. */
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "db/postgres_private.h"

#define PG_POOL_MAGIC 0x7067706fu

struct pg_pool *pg_pool_new(const struct pg_address *address, unsigned connections, bool unprepared)
{
	struct pg_pool *pool = calloc(1, sizeof(*pool));

	CHECK(pool != NULL);
	pool->magic = PG_POOL_MAGIC;
	pool->address = address;
	pool->unprepared = unprepared;
	gate_init(&pool->gate, connections, PG_POOL_WAITERS_MAX);
	list_init(&pool->idle);
	list_init(&pool->all);
	return pool;
}

void pg_pool_free(struct pg_pool *pool)
{
	CHECK_OBJ(pool, PG_POOL_MAGIC);
	while (!list_empty(&pool->all)) {
		struct pg_conn *conn = LIST_OBJ(pool->all.next, struct pg_conn, pool_link);

		CHECK(conn->state == PG_IDLE || conn->state == PG_DRAINING); /* whose fiber is gone */
		pg_conn_free(conn);
	}
	pg_texts_free(&pool->texts);
	pool->magic = 0;
	free(pool);
}

/* Between half of it and all of it. */
static int64_t jittered(int64_t ms)
{
	uint32_t random;

	random_bytes(&random, sizeof(random));
	return ms / 2 + random % (ms / 2 + 1);
}

static void connected(struct pg_pool *pool, enum err err)
{
	int64_t backoff_ms = pool->backoff_ms * 2;

	if (err == OK) {
		if (pool->backoff_ms != 0)
			log_info("db.reachable");
		pool->backoff_ms = 0;
		atomic_fetch_add_explicit(&pool->open, 1, memory_order_relaxed);
	} else if (err == ERR_DB) {
		if (backoff_ms < PG_BACKOFF_MS_MIN)
			backoff_ms = PG_BACKOFF_MS_MIN;
		pool->backoff_ms = backoff_ms > PG_BACKOFF_MS_MAX ? PG_BACKOFF_MS_MAX : backoff_ms;
		pool->retry_at_ms = loop_now(loop_self()) + jittered(pool->backoff_ms);
	}
}

AWAITS static enum err new_connection(struct pg_pool *pool, struct pg_conn **ret_conn)
{
	bool away = pool->backoff_ms != 0;
	enum err err;

	if (away && (pool->probing || loop_now(loop_self()) < pool->retry_at_ms))
		return ERR_BUSY;
	if (away)
		pool->probing = true;
	err = pg_conn_new(pool, ret_conn);
	if (away)
		pool->probing = false;
	connected(pool, err);
	return err;
}

AWAITS enum err pg_pool_take(struct pg_pool *pool, struct pg_conn **ret_conn)
{
	struct list *first;
	enum err err;

	CHECK_OBJ(pool, PG_POOL_MAGIC);
	atomic_fetch_add_explicit(&pool->waiting, 1, memory_order_relaxed);
	err = gate_enter(&pool->gate);
	atomic_fetch_sub_explicit(&pool->waiting, 1, memory_order_relaxed);
	TRY(err);
	atomic_fetch_add_explicit(&pool->busy, 1, memory_order_relaxed);
	first = list_pop(&pool->idle);
	if (first != NULL) {
		*ret_conn = LIST_OBJ(first, struct pg_conn, link);
		(*ret_conn)->state = PG_BUSY;
		return OK;
	}
	err = new_connection(pool, ret_conn);
	if (err != OK) {
		atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_relaxed);
		gate_leave(&pool->gate);
	}
	return err;
}

void pg_pool_back(struct pg_conn *conn)
{
	struct pg_pool *pool = conn->pool;
	bool was_idle = conn->state == PG_IDLE;

	if (conn->broken == OK && conn->remedy < PG_REMEDY_REPLAN && PQtransactionStatus(conn->pq) == PQTRANS_IDLE) {
		conn->state = PG_IDLE;
		list_add_head(&pool->idle, &conn->link);
	} else {
		pg_conn_free(conn);
		atomic_fetch_sub_explicit(&pool->open, 1, memory_order_relaxed);
	}
	if (was_idle)
		return;
	atomic_fetch_sub_explicit(&pool->busy, 1, memory_order_relaxed);
	gate_leave(&pool->gate);
}

void pg_pool_give(struct pg_conn *conn)
{
	bool answered = conn->step_at == conn->step_count;

	if (conn->broken == OK && !answered && conn->steps[conn->step_count - 1].sync)
		conn->state = PG_DRAINING; /* pg_pool_back follows; its timer runs already */
	else {
		if (!answered && conn->broken == OK)
			conn->broken = ERR_CANCELED; /* in the middle of a transaction */
		pg_pool_back(conn);
	}
}
