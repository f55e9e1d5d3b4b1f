/* A connection of the role that owns the tables of a PostgreSQL: for making them and for filling them, by
 * `gatehouse migrate` and `gatehouse db copy`. Serving never uses it. */
#ifndef GATEHOUSE_DB_OWNER_H
#define GATEHOUSE_DB_OWNER_H

#include "db/db.h"

struct owner;

/* Connect, under the same rules of TLS as serving: another machine must prove its name.
 *   server     url, user, password_file and ca_file count; their strings must outlive the owner
 *   problem    a sentence, without the password
 *   Errors     ERR_CONFIG (the URL, the password's file), ERR_DB
 *   Runs on    a worker thread, as all of these: they block */
NODISCARD enum err owner_open(const struct db_server *server, struct buf *problem, struct owner **ret_owner);

/* Whatever transaction is open is rolled back. */
void owner_close(struct owner *owner);
DEFINE_AUTO(owner, owner_close);

/* Who serves, by the server's URL; lives as long as the owner.   Errors     ERR_CONFIG: the URL names nobody */
NODISCARD enum err owner_runtime_name(const struct owner *owner, struct buf *problem, struct str *ret_name);

/* Run statements between ; without parameters.
 *   problem    what the server said */
NODISCARD enum err owner_run(struct owner *owner, const char *sql, struct buf *problem);

/* One number, or true as 1; `?` for parameters.
 *   Errors     ERR_NOT_FOUND: no row, or NULL; ERR_DB */
NODISCARD enum err owner_int(struct owner *owner, const char *sql, const struct db_value *params, size_t count,
			     struct buf *problem, int64_t *ret_value);

/* COPY ... FROM STDIN (FORMAT binary): begin, many rows, end. After an error only owner_close is of use. */
NODISCARD enum err owner_load_begin(struct owner *owner, const char *sql, struct buf *problem);
NODISCARD enum err owner_load_row(struct owner *owner, const struct db_value *cells, size_t count, struct buf *problem);
NODISCARD enum err owner_load_end(struct owner *owner, struct buf *problem);

#endif
