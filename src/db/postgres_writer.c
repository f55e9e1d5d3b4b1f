/* PostgreSQL's transactions for the feed, on the writer thread with a connection of its own: what
 * fibers write goes over the loops' pools instead. The feed locks what it chains its rows to, so
 * that several processes take turns; whoever stops in the middle loses the lock after a while.
 *
 * A connection that breaks before COMMIT was sent takes the transaction with it. One that breaks
 * after it leaves us without an answer: the rows are then neither committed nor failed until the
 * feed has looked for them on a new connection (DB_FATE_UNKNOWN, settle).
 *
 *     drain, COMMIT --answer--> committed or failed
 *           |
 *           +--no answer--> UNKNOWN --reconnected, settle: there--> committed
 *                            ^  |             settle: not there --> failed, drained again
 *                            +--+ no connection */
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "db/postgres_private.h"

/* The server's patience with us is less than ours with it; 3 s: another replica waits for the lock. */
#define BEGIN_FEED                                                                                                     \
	"BEGIN; SELECT set_config('app.current_tenant_id', '*', true),"                                                \
	" set_config('statement_timeout', '4000', true),"                                                              \
	" set_config('idle_in_transaction_session_timeout', '3000', true)"

struct postgres_tx {
	struct db_tx base;
	struct pg_link *link;
};

static struct pg_link *link_of(struct db_tx *base)
{
	return CONTAINER_OF(base, struct postgres_tx, base)->link;
}

enum err postgres_tx_run(struct db_tx *base, const char *sql, const struct db_value *params, size_t count)
{
	const struct db_statement statement = {sql, params, count, -1};

	return pg_link_run(link_of(base), &statement, NULL);
}

enum err postgres_tx_query(struct db_tx *base, struct arena *arena, const char *sql, const struct db_value *params,
			   size_t count, struct db_rows **ret_rows)
{
	const struct db_statement statement = {sql, params, count, -1};
	struct pg_reader reader;

	TRY(pg_reader_init(&reader, arena));
	TRY(pg_link_run(link_of(base), &statement, &reader));
	*ret_rows = reader.rows;
	return OK;
}

enum err postgres_tx_insert(struct db_tx *base, const struct db_load *load,
			    bool (*next)(void *arg, struct db_value *cells), void *arg)
{
	return pg_link_load(link_of(base), load, next, arg);
}

static enum err reconnect(struct postgres *db)
{
	AUTO_BUF problem = {0};
	enum err err;

	if (db->link != NULL)
		return OK;
	err = pg_link_open(db->address, db->unprepared, &problem, &db->link);
	if (err != OK && db->base.feed_backoff_ms == 0)
		log_warn("db.unreachable", LOG_STR("text", buf_str(&problem)));
	return err;
}

static void disconnect(struct postgres *db)
{
	pg_link_close(db->link);
	db->link = NULL;
}

/* Nothing was committed: end the transaction, or the connection if that is not possible. */
static void give_up(struct postgres *db)
{
	if (db->link->remedy >= PG_REMEDY_REPLAN || PQstatus(db->link->pq) != CONNECTION_OK ||
	    pg_link_exec(db->link, "ROLLBACK") != OK || PQtransactionStatus(db->link->pq) != PQTRANS_IDLE)
		disconnect(db);
}

static enum err fill(struct postgres *db, bool *ret_there)
{
	struct postgres_tx tx = {{&postgres_backend}, db->link};
	struct db_feed *feed = &db->base.feed;

	*ret_there = true;
	TRY(pg_link_exec(db->link, BEGIN_FEED));
	if (db->base.unsettled)
		return feed->settle(feed->arg, &tx.base, ret_there);
	return feed->drain(feed->arg, &tx.base);
}

static enum err transact(struct postgres *db, enum db_fate *ret_fate)
{
	bool was_unsettled = db->base.unsettled, there;
	enum err err;

	*ret_fate = was_unsettled ? DB_FATE_UNKNOWN : DB_FATE_KNOWN;
	TRY(reconnect(db));
	err = fill(db, &there);
	if (err != OK) {
		give_up(db);
		return err == ERR_CLOSED ? ERR_DB : err;
	}
	if (was_unsettled) {
		log_info("db.settled", LOG_BOOL("committed", there));
		*ret_fate = DB_FATE_KNOWN;
		give_up(db); /* it has only looked */
		return there ? OK : ERR_DB;
	}
	err = pg_link_exec(db->link, "COMMIT");
	if (err == OK)
		return OK;
	if (PQtransactionStatus(db->link->pq) != PQTRANS_IDLE) {
		log_warn("db.commit_unknown", LOG_ERR(err));
		*ret_fate = DB_FATE_UNKNOWN;
		disconnect(db);
	}
	return err == ERR_CLOSED ? ERR_DB : err;
}

/* The writes here are barriers: they hold nothing. */
enum err postgres_transact(struct db *base, struct db_pending *writes, bool with_feed, enum db_fate *ret_fate)
{
	int64_t start_ns = clock_ns();
	enum err err;

	*ret_fate = DB_FATE_KNOWN;
	if (!with_feed)
		return OK;
	CHECK(base->feed.settle != NULL);
	err = transact(postgres_of(base), ret_fate);
	if (err == OK)
		writer_committed(base, start_ns);
	return err;
}

void postgres_writer_end(struct db *base)
{
	disconnect(postgres_of(base));
}
