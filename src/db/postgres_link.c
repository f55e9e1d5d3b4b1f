/* A connection of a thread that may block: the writer's, and that of the owner's commands. Each command has a
 * time-out of its own, kept with poll(): a server that has fallen silent must not hold the
 * audit trail for as long as TCP is patient. After one the connection is of no more use.
 *
 * Statements are prepared as on the loops. The owner's rows go by COPY in its binary form; those of who serves, whom
 * row-level security allows none, by postgres_load.c. */
#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "db/postgres_private.h"

#define LINK_TIMEOUT_MS 5000
#define COPY_BYTES (64 * 1024) /* handed to libpq at a time */

static void ignore_notice(void *arg, const PGresult *result)
{
}

enum err pg_link_open(const struct pg_address *address, bool unprepared, struct buf *problem, struct pg_link **ret_link)
{
	struct pg_link *link = calloc(1, sizeof(*link));
	struct pg_options options;
	enum err err = pg_address_resolve(address, &options);

	CHECK(link != NULL);
	link->timeout_ms = LINK_TIMEOUT_MS;
	link->unprepared = unprepared;
	if (err == OK) {
		link->pq = PQconnectdbParams(options.keys, options.values, 0);
		pg_options_free(&options);
		CHECK(link->pq != NULL);
		(void)PQsetNoticeReceiver(link->pq, ignore_notice, NULL);
	}
	if (err == OK && (PQstatus(link->pq) != CONNECTION_OK || PQsetnonblocking(link->pq, 1) != 0))
		err = ERR_DB;
	if (err != OK) {
		if (problem != NULL && err == ERR_DNS)
			buf_put(problem, STR("cannot connect to PostgreSQL: no host of the URL has an address"));
		else if (problem != NULL)
			pg_address_explain(address, link->pq, problem);
		pg_link_close(link);
		return err == ERR_DNS ? ERR_DB : err;
	}
	*ret_link = link;
	return OK;
}

void pg_link_close(struct pg_link *link)
{
	if (link == NULL)
		return;
	PQfinish(link->pq);
	pg_texts_free(&link->texts);
	buf_free(&link->copy_piece);
	for (size_t i = 0; i < DB_SOURCE_COLUMNS_MAX; i++)
		buf_free(&link->arrays[i]);
	free(link);
}

const char *pg_link_problem(const struct pg_link *link)
{
	return PQerrorMessage(link->pq);
}

/* Until the socket is ready for what libpq wants, or the time is over. */
static bool wait_socket(struct pg_link *link, bool write, int64_t until_ms)
{
	struct pollfd fd = {.fd = PQsocket(link->pq), .events = (short)(POLLIN | (write ? POLLOUT : 0))};
	int64_t left_ms = until_ms - clock_ms();

	return fd.fd >= 0 && left_ms > 0 && (poll(&fd, 1, (int)left_ms) > 0 || errno == EINTR);
}

static enum err lost(struct pg_link *link)
{
	link->remedy = PG_REMEDY_RECONNECT;
	return ERR_CLOSED;
}

/* The next result, NULL at the end of a command's. */
static enum err next_result(struct pg_link *link, int64_t until_ms, PGresult **ret_result)
{
	int unsent;

	while ((unsent = PQflush(link->pq)) > 0 || PQisBusy(link->pq)) {
		if (!wait_socket(link, unsent > 0, until_ms) || PQconsumeInput(link->pq) == 0)
			return lost(link);
	}
	*ret_result = PQgetResult(link->pq);
	return OK;
}

/* Read the results of one command; the first error counts. */
static enum err finish(struct pg_link *link, struct pg_reader *reader, int64_t *ret_changes)
{
	int64_t until_ms = clock_ms() + link->timeout_ms;
	enum err err = OK;
	PGresult *result;

	link->remedy = PG_REMEDY_NONE;
	for (;;) {
		TRY(next_result(link, until_ms, &result));
		if (result == NULL)
			return err;
		if (PQresultStatus(result) == PGRES_FATAL_ERROR && err == OK)
			err = pg_error(result, &link->remedy);
		else if (PQresultStatus(result) == PGRES_TUPLES_OK && reader != NULL && err == OK)
			err = pg_reader_add(reader, result);
		else if (PQresultStatus(result) == PGRES_COPY_IN) {
			PQclear(result);
			return err;
		}
		if (ret_changes != NULL)
			*ret_changes = pg_changes(result);
		PQclear(result);
		if (PQstatus(link->pq) != CONNECTION_OK)
			return lost(link);
	}
}

enum err pg_link_exec(struct pg_link *link, const char *text)
{
	return PQsendQuery(link->pq, text) == 1 ? finish(link, NULL, NULL) : lost(link);
}

/* The statement is there under entry->name, for now and later. */
static enum err prepare(struct pg_link *link, struct pg_prepared *entry, const struct pg_text *text,
			const struct pg_values *values)
{
	enum err err;

	if (entry->state == PG_PREPARED && entry->sql == text->sql &&
	    memcmp(entry->kinds, values->kinds, sizeof(entry->kinds)) == 0)
		return OK;
	if (entry->state == PG_PREPARED) {
		AUTO_BUF drop = {0};

		buf_put_fmt(&drop, "DEALLOCATE %s", entry->name);
		buf_put_byte(&drop, '\0');
		TRY(pg_link_exec(link, drop.p));
	}
	pg_cache_take(entry, text, values);
	err = PQsendPrepare(link->pq, entry->name, text->text, values->count, values->types) == 1
		      ? finish(link, NULL, NULL)
		      : lost(link);
	entry->state = err == OK ? PG_PREPARED : PG_UNPREPARED;
	return err;
}

static enum err send_text(struct pg_link *link, const struct pg_text *text, const struct pg_values *values)
{
	return PQsendQueryParams(link->pq, text->text, values->count, values->types, values->values, values->lengths,
				 values->formats, 1) == 1
		       ? OK
		       : lost(link);
}

static enum err send_prepared(struct pg_link *link, const struct pg_text *text, const struct pg_values *values)
{
	struct pg_prepared *entry = pg_cache_find(&link->cache, text, values);

	TRY(prepare(link, entry, text, values));
	return PQsendQueryPrepared(link->pq, entry->name, values->count, values->values, values->lengths,
				   values->formats, 1) == 1
		       ? OK
		       : lost(link);
}

static enum err run_values(struct pg_link *link, const struct pg_text *text, const struct pg_values *values,
			   struct pg_reader *reader, int64_t *ret_changes)
{
	TRY(link->unprepared ? send_text(link, text, values) : send_prepared(link, text, values));
	return finish(link, reader, ret_changes);
}

enum err pg_link_run(struct pg_link *link, const struct db_statement *statement, struct pg_reader *reader)
{
	struct pg_text *text = pg_text(&link->texts, statement->sql);
	struct pg_values values;
	int64_t changes = -1;

	TRY(pg_values_set(&values, text, statement->params, statement->count));
	TRY(run_values(link, text, &values, reader, &changes));
	return statement->changes_expected < 0 || changes == statement->changes_expected ? OK : ERR_NOT_FOUND;
}

enum err pg_link_send(struct pg_link *link, const char *sql, const struct pg_values *values)
{
	return run_values(link, pg_text(&link->texts, sql), values, NULL, NULL);
}

enum err pg_link_ask(struct pg_link *link, const struct db_statement *statement, struct pg_reader *reader)
{
	struct pg_text text = {.sql = statement->sql};
	struct pg_values values;
	enum err err;

	text.text = pg_translate(statement->sql, &text.params);
	err = pg_values_set(&values, &text, statement->params, statement->count);
	if (err == OK)
		err = send_text(link, &text, &values);
	free(text.text);
	return err == OK ? finish(link, reader, NULL) : err;
}

/* --- COPY: a signature, then for each row its number of fields, and length and bytes of each --- */

static void put_be(struct buf *out, uint64_t value, size_t n)
{
	while (n-- > 0)
		buf_put_byte(out, (char)(value >> (n * 8)));
}

static void put_cell(struct buf *out, const struct db_value *cell)
{
	switch (cell->kind) {
	case DB_NULL:
		put_be(out, UINT32_MAX, 4);
		break;
	case DB_INT:
		put_be(out, 8, 4);
		put_be(out, (uint64_t)cell->num, 8);
		break;
	case DB_TEXT:
	case DB_BLOB:
		put_be(out, cell->str.n, 4);
		buf_put(out, cell->str);
	}
}

static enum err put_copy(struct pg_link *link, struct buf *bytes, int64_t until_ms)
{
	int put;

	while ((put = PQputCopyData(link->pq, bytes->p, (int)bytes->n)) == 0) {
		if (PQflush(link->pq) < 0 || !wait_socket(link, true, until_ms))
			return lost(link);
	}
	buf_drop_front(bytes, bytes->n);
	return put == 1 ? OK : lost(link);
}

/* libpq keeps what the socket does not take, without bound: so it goes out piece by piece. */
static enum err flush_copy(struct pg_link *link, int64_t until_ms)
{
	int unsent;

	while ((unsent = PQflush(link->pq)) > 0) {
		if (!wait_socket(link, true, until_ms) || PQconsumeInput(link->pq) == 0)
			return lost(link);
	}
	return unsent == 0 ? OK : lost(link);
}

enum err pg_link_copy_begin(struct pg_link *link, const char *sql)
{
	static const char signature[19] = "PGCOPY\n\377\r\n"; /* a zero; four for no flags, four for no extension */

	link->copy_piece.n = 0;
	if (PQsendQuery(link->pq, sql) != 1)
		return lost(link);
	TRY(finish(link, NULL, NULL));
	link->copy_until_ms = clock_ms() + link->timeout_ms;
	buf_put(&link->copy_piece, (struct str){signature, sizeof(signature)});
	return OK;
}

enum err pg_link_copy_row(struct pg_link *link, const struct db_value *cells, size_t count)
{
	struct buf *piece = &link->copy_piece;

	put_be(piece, count, 2);
	for (size_t i = 0; i < count; i++)
		put_cell(piece, &cells[i]);
	if (piece->n < COPY_BYTES)
		return OK;
	TRY(put_copy(link, piece, link->copy_until_ms));
	return flush_copy(link, link->copy_until_ms);
}

enum err pg_link_copy_end(struct pg_link *link)
{
	put_be(&link->copy_piece, UINT16_MAX, 2);
	TRY(put_copy(link, &link->copy_piece, link->copy_until_ms));
	return PQputCopyEnd(link->pq, NULL) == 1 ? finish(link, NULL, NULL) : lost(link);
}
