/* The owner's connection: pg_link and pg_address with a command's patience. What serves goes another way; this is for
 * work that takes a moment or an hour and that nobody else waits for. Texts are made as they are needed, so nothing
 * is prepared. What the server says goes to whoever runs the command, in its own words. */
#include "db/owner.h"

#include <stdlib.h>

#include "base/check.h"
#include "db/postgres_private.h"

#define OWNER_MAGIC 0x6f776e72u
#define PATIENCE_MS (24 * 3600 * 1000) /* a large COPY, an index; a machine that is gone is noticed by keepalives */

struct owner {
	uint32_t magic;
	struct pg_address *address;
	struct pg_link *link;
};

/* What went wrong, on one line's end. */
static enum err said(struct owner *owner, enum err err, struct buf *problem)
{
	if (err != OK)
		buf_put(problem, str_trim(str_of(pg_link_problem(owner->link))));
	return err;
}

enum err owner_open(const struct db_server *server, struct buf *problem, struct owner **ret_owner)
{
	struct owner *owner = calloc(1, sizeof(*owner));
	enum err err;

	CHECK(owner != NULL);
	owner->magic = OWNER_MAGIC;
	err = pg_address_new(server->url, server, problem, &owner->address);
	if (err == OK)
		err = pg_link_open(owner->address, true, problem, &owner->link);
	if (err != OK) {
		owner_close(owner);
		return err;
	}
	owner->link->timeout_ms = PATIENCE_MS;
	*ret_owner = owner;
	return OK;
}

void owner_close(struct owner *owner)
{
	if (owner == NULL)
		return;
	CHECK_OBJ(owner, OWNER_MAGIC);
	pg_link_close(owner->link);
	pg_address_free(owner->address);
	owner->magic = 0;
	free(owner);
}

enum err owner_runtime_name(const struct owner *owner, struct buf *problem, struct str *ret_name)
{
	CHECK_OBJ(owner, OWNER_MAGIC);
	*ret_name = str_of(pg_address_url_user(owner->address));
	if (ret_name->n > 0)
		return OK;
	buf_put(problem, STR("the URL of the database names no user: write postgresql://USER@HOST:PORT/NAME"));
	return ERR_CONFIG;
}

enum err owner_run(struct owner *owner, const char *sql, struct buf *problem)
{
	CHECK_OBJ(owner, OWNER_MAGIC);
	return said(owner, pg_link_exec(owner->link, sql), problem);
}

enum err owner_int(struct owner *owner, const char *sql, const struct db_value *params, size_t count,
		   struct buf *problem, int64_t *ret_value)
{
	const struct db_statement statement = {sql, params, count, -1};
	AUTO(arena) *arena = arena_new(4096);
	struct pg_reader reader;

	CHECK_OBJ(owner, OWNER_MAGIC);
	TRY(pg_reader_init(&reader, arena));
	TRY(said(owner, pg_link_ask(owner->link, &statement, &reader), problem));
	if (reader.rows->rows == 0 || reader.rows->cells[0].kind != DB_INT)
		return ERR_NOT_FOUND;
	*ret_value = reader.rows->cells[0].num;
	return OK;
}

enum err owner_load_begin(struct owner *owner, const char *sql, struct buf *problem)
{
	CHECK_OBJ(owner, OWNER_MAGIC);
	return said(owner, pg_link_copy_begin(owner->link, sql), problem);
}

enum err owner_load_row(struct owner *owner, const struct db_value *cells, size_t count, struct buf *problem)
{
	return said(owner, pg_link_copy_row(owner->link, cells, count), problem);
}

enum err owner_load_end(struct owner *owner, struct buf *problem)
{
	return said(owner, pg_link_copy_end(owner->link), problem);
}
