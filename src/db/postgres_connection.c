/* One connection to PostgreSQL on a loop, in libpq's pipeline mode: the loop says when the socket is
 * ready, libpq reads and writes, nothing blocks. A fiber adds commands and waits for all of
 * their answers at once; the callback reads them as they come, row by row into the fiber's arena.
 *
 *     CONNECTING --> IDLE <--> BUSY --canceled--> DRAINING --answered--> IDLE
 *                     |         |                    |
 *                     +---------+---- broken --------+----> closed
 *
 * A fiber that is canceled, or out of time, goes away at once; what it asked for is read to its
 * end without it (DRAINING) and then the connection is as good as before. A timer bounds every
 * phase: a server that does not answer in time is taken for dead and the connection closed. */
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "db/postgres_private.h"
#include "rt/fd_watch.h"

#define PG_CONN_MAGIC 0x7067636eu
#define STEPS_MAX (2 * DB_QUEUE_MAX + 16)

static struct pg_conn *conn_of(void *arg)
{
	struct pg_conn *conn = arg;

	CHECK_OBJ(conn, PG_CONN_MAGIC);
	return conn;
}

static void wake(struct pg_conn *conn, enum err err)
{
	struct wait *waiter = conn->waiter;

	conn->waiter = NULL;
	if (waiter != NULL)
		wait_done(waiter, err);
}

/* The connection is lost; whoever has it is told, or it goes at once. May free it. */
static void break_off(struct pg_conn *conn, enum err why)
{
	if (conn->broken == OK)
		conn->broken = why;
	fd_watch_free(conn->watch);
	conn->watch = NULL;
	timer_stop(&conn->timer);
	if (conn->state == PG_BUSY || conn->state == PG_CONNECTING)
		wake(conn, why);
	else
		pg_pool_back(conn);
}

static void on_time(struct timer *timer)
{
	break_off(CONTAINER_OF(timer, struct pg_conn, timer), ERR_TIMEOUT);
}

/* --- answers --- */

static void step_failed(struct pg_conn *conn, const struct pg_step *step, PGresult *result)
{
	enum pg_remedy remedy;
	enum err err;

	if (conn->err != OK)
		return;
	err = pg_error(result, &remedy);
	if (remedy == PG_REMEDY_RETYPE && step->text != NULL && step->text->null_is_text)
		remedy = PG_REMEDY_NONE; /* that was the second attempt */
	else if (remedy == PG_REMEDY_RETYPE && step->text != NULL)
		step->text->null_is_text = true;
	if (remedy == PG_REMEDY_NONE && err == ERR_DB && step->text != NULL)
		log_error("db.statement", LOG_CSTR("sql", step->text->text));
	conn->err = err;
	conn->remedy = remedy;
}

static void step_succeeded(struct pg_conn *conn, struct pg_step *step, PGresult *result)
{
	if (step->prepares != NULL)
		step->prepares->state = PG_PREPARED;
	else if (step->reader != NULL && conn->err == OK)
		conn->err = pg_reader_add(step->reader, result);
	else if (step->changes_expected >= 0 && pg_changes(result) != step->changes_expected && conn->err == OK)
		conn->err = ERR_NOT_FOUND;
}

/* A result of the command at hand; false when it was its last. */
static bool step_result(struct pg_conn *conn, struct pg_step *step, PGresult *result)
{
	switch (PQresultStatus(result)) {
	case PGRES_PIPELINE_SYNC:
		return false;
	case PGRES_COMMAND_OK:
	case PGRES_TUPLES_OK:
	case PGRES_SINGLE_TUPLE:
		step_succeeded(conn, step, result);
		return true;
	case PGRES_PIPELINE_ABORTED:
		break;
	default:
		step_failed(conn, step, result);
	}
	if (step->prepares != NULL)
		step->prepares->state = PG_UNPREPARED;
	return true;
}

/* Read what has come. True: everything was answered, or the connection is broken. */
static bool read_answers(struct pg_conn *conn)
{
	while (conn->step_at < conn->step_count) {
		struct pg_step *step = &conn->steps[conn->step_at];
		PGresult *result;

		if (!step->begun && step->reader != NULL)
			(void)PQsetSingleRowMode(conn->pq);
		step->begun = true;
		if (PQisBusy(conn->pq))
			return false;
		result = PQgetResult(conn->pq);
		if (result == NULL && step->sync) {
			conn->broken = ERR_CLOSED; /* libpq and we do not agree on where we are */
			return true;
		}
		if (result == NULL || !step_result(conn, step, result))
			conn->step_at++;
		PQclear(result);
	}
	return true;
}

static void want(struct pg_conn *conn)
{
	int unsent = PQflush(conn->pq);

	if (unsent < 0 && conn->broken == OK)
		conn->broken = ERR_CLOSED;
	fd_watch_want(conn->watch, true, unsent > 0);
}

static void answered(struct pg_conn *conn)
{
	if (conn->state == PG_BUSY) {
		wake(conn, OK);
	} else if (conn->state == PG_DRAINING) {
		timer_stop(&conn->timer);
		pg_pool_back(conn);
	}
}

/* An idle connection has nothing to say but goodbye (or that a setting has changed). */
static void on_ready(void *arg, struct fd_ready ready)
{
	struct pg_conn *conn = conn_of(arg);

	if (ready.readable && PQconsumeInput(conn->pq) == 0) {
		(void)read_answers(conn); /* what came before the end */
		break_off(conn, ERR_CLOSED);
		return;
	}
	if (conn->state == PG_IDLE) {
		if (!PQisBusy(conn->pq) && PQstatus(conn->pq) == CONNECTION_OK)
			return;
		break_off(conn, ERR_CLOSED);
		return;
	}
	want(conn);
	if (conn->broken == OK && !read_answers(conn))
		return;
	if (conn->broken != OK)
		break_off(conn, conn->broken);
	else
		answered(conn);
}

static bool forget(void *arg)
{
	struct pg_conn *conn = conn_of(arg);

	conn->waiter = NULL;
	return true;
}

/* --- commands --- */

void pg_begin(struct pg_conn *conn, int64_t timeout_ms)
{
	CHECK_OBJ(conn, PG_CONN_MAGIC);
	CHECK(conn->state == PG_BUSY && conn->step_at == conn->step_count);
	conn->step_at = conn->step_count = 0;
	conn->err = OK;
	conn->remedy = PG_REMEDY_NONE;
	timer_set(loop_self(), &conn->timer, timeout_ms, on_time);
}

static struct pg_step *add_step(struct pg_conn *conn, bool sent)
{
	struct pg_step *step;

	if (!sent && conn->broken == OK)
		conn->broken = ERR_CLOSED;
	if (conn->step_count == conn->steps_capacity) {
		conn->steps_capacity = conn->steps_capacity == 0 ? 16 : 2 * conn->steps_capacity;
		conn->steps = reallocarray(conn->steps, conn->steps_capacity, sizeof(*conn->steps));
		CHECK(conn->steps != NULL && conn->step_count < STEPS_MAX);
	}
	step = &conn->steps[conn->step_count++];
	*step = (struct pg_step){.changes_expected = -1};
	return step;
}

/* Prepare it, in place of what the entry was before. */
static void add_prepare(struct pg_conn *conn, struct pg_prepared *entry, struct pg_text *text,
			const struct pg_values *values)
{
	struct pg_step *step;

	if (entry->state == PG_PREPARED) {
		char drop[32] = "DEALLOCATE ";

		memcpy(drop + 11, entry->name, sizeof(entry->name));
		add_step(conn, PQsendQueryParams(conn->pq, drop, 0, NULL, NULL, NULL, NULL, 1) == 1);
	}
	pg_cache_take(entry, text, values);
	step = add_step(conn, PQsendPrepare(conn->pq, entry->name, text->text, values->count, values->types) == 1);
	step->prepares = entry;
	step->text = text;
}

void pg_add(struct pg_conn *conn, const struct db_statement *statement, struct pg_reader *reader)
{
	struct pg_text *text = pg_text(&conn->pool->texts, statement->sql);
	struct pg_prepared *entry = NULL;
	struct pg_values values;
	struct pg_step *step;
	int sent;

	if (conn->broken != OK || conn->err != OK)
		return;
	conn->err = pg_values_set(&values, text, statement->params, statement->count);
	if (conn->err != OK)
		return;
	if (!conn->pool->unprepared)
		entry = pg_cache_find(&conn->cache, text, &values);
	if (entry != NULL && (entry->state == PG_UNPREPARED || entry->sql != text->sql ||
			      memcmp(entry->kinds, values.kinds, sizeof(values.kinds)) != 0))
		add_prepare(conn, entry, text, &values);
	if (entry != NULL)
		sent = PQsendQueryPrepared(conn->pq, entry->name, values.count, values.values, values.lengths,
					   values.formats, 1);
	else
		sent = PQsendQueryParams(conn->pq, text->text, values.count, values.types, values.values,
					 values.lengths, values.formats, 1);
	step = add_step(conn, sent == 1);
	step->text = text;
	step->reader = reader;
	step->changes_expected = statement->changes_expected;
}

void pg_sync(struct pg_conn *conn)
{
	if (conn->broken == OK)
		add_step(conn, PQpipelineSync(conn->pq) == 1)->sync = true;
}

/* Without the fiber nobody reads rows. */
static void abandon_answers(struct pg_conn *conn)
{
	for (size_t i = conn->step_at; i < conn->step_count; i++)
		conn->steps[i].reader = NULL;
	if (conn->err == OK)
		conn->err = ERR_CANCELED;
}

AWAITS enum err pg_finish(struct pg_conn *conn)
{
	struct wait wait = WAIT_INIT;
	enum err err = OK;

	CHECK_OBJ(conn, PG_CONN_MAGIC);
	if (conn->broken == OK && conn->step_count > 0 && !conn->steps[conn->step_count - 1].sync &&
	    PQsendFlushRequest(conn->pq) != 1)
		conn->broken = ERR_CLOSED;
	if (conn->broken == OK)
		want(conn);
	if (conn->broken == OK && !read_answers(conn)) {
		conn->waiter = &wait;
		err = wait_for(&wait, forget, conn);
		if (err != OK && conn->broken == OK)
			abandon_answers(conn);
	}
	if (conn->broken != OK)
		return conn->broken;
	if (err == OK)
		timer_stop(&conn->timer);
	return err == OK ? conn->err : err;
}

/* --- connecting --- */

struct resolving {
	const struct pg_address *address;
	struct pg_options *options;
};

static enum err resolve_work(void *arg)
{
	struct resolving *resolving = arg;

	return pg_address_resolve(resolving->address, resolving->options);
}

static void on_connecting(void *arg, struct fd_ready ready)
{
	wake(conn_of(arg), OK);
}

/* One turn of libpq's way to a connection, which may take another socket each time. */
AWAITS static enum err await_socket(struct pg_conn *conn, PostgresPollingStatusType status)
{
	struct wait wait = WAIT_INIT;
	enum err err;

	conn->waiter = &wait;
	conn->watch = fd_watch_new(PQsocket(conn->pq), on_connecting, conn);
	fd_watch_want(conn->watch, status == PGRES_POLLING_READING, status == PGRES_POLLING_WRITING);
	err = wait_for(&wait, forget, conn);
	fd_watch_free(conn->watch);
	conn->watch = NULL;
	return conn->broken != OK ? conn->broken : err;
}

AWAITS static enum err poll_connection(struct pg_conn *conn)
{
	PostgresPollingStatusType status = PGRES_POLLING_WRITING;

	while (status == PGRES_POLLING_READING || status == PGRES_POLLING_WRITING) {
		if (PQstatus(conn->pq) == CONNECTION_BAD)
			return ERR_DB;
		TRY(await_socket(conn, status));
		status = PQconnectPoll(conn->pq);
	}
	if (status != PGRES_POLLING_OK || PQsetnonblocking(conn->pq, 1) != 0 || PQenterPipelineMode(conn->pq) != 1)
		return ERR_DB;
	return OK;
}

static void ignore_notice(void *arg, const PGresult *result)
{
}

AWAITS static enum err open_connection(struct pg_conn *conn)
{
	struct pg_options options;
	struct resolving resolving = {conn->pool->address, &options};

	if (pg_address_blocks(conn->pool->address))
		TRY(work_run(resolve_work, &resolving));
	else
		TRY(resolve_work(&resolving));
	timer_set(loop_self(), &conn->timer, PG_CONNECT_MS, on_time);
	conn->pq = PQconnectStartParams(options.keys, options.values, 0);
	pg_options_free(&options);
	CHECK(conn->pq != NULL);
	(void)PQsetNoticeReceiver(conn->pq, ignore_notice, NULL);
	TRY(poll_connection(conn));
	timer_stop(&conn->timer);
	conn->watch = fd_watch_new(PQsocket(conn->pq), on_ready, conn);
	fd_watch_want(conn->watch, true, false);
	return OK;
}

AWAITS enum err pg_conn_new(struct pg_pool *pool, struct pg_conn **ret_conn)
{
	struct pg_conn *conn = calloc(1, sizeof(*conn));
	enum err err;

	CHECK(conn != NULL);
	conn->magic = PG_CONN_MAGIC;
	conn->pool = pool;
	conn->state = PG_CONNECTING;
	list_init(&conn->link);
	list_add_tail(&pool->all, &conn->pool_link);
	err = open_connection(conn);
	if (err != OK) {
		bool canceled = conn->broken == OK && (err == ERR_CANCELED || err == ERR_TIMEOUT);

		if (!canceled && pool->backoff_ms == 0)
			log_warn("db.unreachable",
				 LOG_CSTR("text", conn->broken == ERR_TIMEOUT ? "no answer in time"
						  : conn->pq == NULL	      ? "no host of the URL has an address"
									      : PQerrorMessage(conn->pq)));
		pg_conn_free(conn);
		return canceled ? err : ERR_DB;
	}
	conn->state = PG_BUSY;
	*ret_conn = conn;
	return OK;
}

void pg_conn_free(struct pg_conn *conn)
{
	CHECK_OBJ(conn, PG_CONN_MAGIC);
	CHECK(conn->waiter == NULL);
	timer_stop(&conn->timer);
	fd_watch_free(conn->watch);
	PQfinish(conn->pq);
	list_remove(&conn->link);
	list_remove(&conn->pool_link);
	conn->magic = 0;
	free(conn->steps);
	free(conn);
}
