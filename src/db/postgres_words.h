/* Below connections: where PostgreSQL is, statements and parameters on their way to it, results and
 * errors on their way back. Used on loops and on threads that block alike. */
#ifndef GATEHOUSE_DB_POSTGRES_WORDS_H
#define GATEHOUSE_DB_POSTGRES_WORDS_H

#include <libpq-fe.h>

#include "db/db_private.h"

#define PG_PARAMS_MAX 64    /* of one statement; two bits each in a signature */
#define PG_TEXTS_MAX 1024   /* translated texts a loop; the store has some 400 */
#define PG_PREPARED_MAX 128 /* a connection: some 15 KB of the server's memory each */

/* --- postgres_address.c: where the server is and how to speak to it --- */

struct pg_address;

/* Check and complete a URL.
 *   problem    what is wrong and what to do
 *   Errors     ERR_CONFIG */
NODISCARD enum err pg_address_new(const char *url, const struct db_server *server, struct buf *problem,
				  struct pg_address **ret_address);
void pg_address_free(struct pg_address *address);

/* libpq's parameters, with names resolved; NULL-terminated. Blocks while a name is resolved: see pg_address_blocks.
 *   Errors     ERR_DNS */
#define PG_OPTIONS_MAX 48
struct pg_options {
	const char *keys[PG_OPTIONS_MAX + 1], *values[PG_OPTIONS_MAX + 1];
	char *hosts, *addresses, *ports; /* owned */
};
NODISCARD enum err pg_address_resolve(const struct pg_address *address, struct pg_options *ret_options);
bool pg_address_blocks(const struct pg_address *address);

/* Say why a connection was not made, and what to do about it; without the password. */
void pg_address_explain(const struct pg_address *address, const PGconn *pq, struct buf *problem);

/* Whom the URL names, whoever connects; NULL: nobody. */
const char *pg_address_url_user(const struct pg_address *address);
void pg_options_free(struct pg_options *options);

/* --- postgres_statement.c: texts, parameters, what is prepared --- */

struct pg_text {
	const char *sql; /* as the store wrote it: static, the key */
	char *text;	 /* with $n for ? */
	unsigned params;
	bool null_is_text; /* the server could not tell the type of a NULL in it */
};

struct pg_texts {
	size_t count;
	struct pg_text slots[PG_TEXTS_MAX];
};

/* The translation of a statement, made at its first use; stays where it is until pg_texts_free. */
struct pg_text *pg_text(struct pg_texts *texts, const char *sql);
void pg_texts_free(struct pg_texts *texts);

/* `?` becomes $1, $2 ...; ?N becomes $N. Quoted texts and comments stay. Returns a new string.
 *   ret_params  how many there are: the highest number */
char *pg_translate(const char *sql, unsigned *ret_params);

/* Parameters as libpq wants them; they borrow the values' bytes. */
struct pg_values {
	int count;
	Oid types[PG_PARAMS_MAX];
	const char *values[PG_PARAMS_MAX];
	int lengths[PG_PARAMS_MAX], formats[PG_PARAMS_MAX];
	uint64_t numbers[PG_PARAMS_MAX]; /* in network order */
	uint64_t kinds[2];		 /* the signature: two bits a parameter */
};

/* Errors     ERR_LIMIT: a text with a NUL byte, which PostgreSQL cannot hold */
NODISCARD enum err pg_values_set(struct pg_values *values, const struct pg_text *text, const struct db_value *params,
				 size_t count);

/* What a connection has prepared, by text and kinds of parameters. */
enum pg_prepared_state { PG_UNPREPARED, PG_PREPARING, PG_PREPARED };
struct pg_prepared {
	const char *sql;
	uint64_t kinds[2], used;
	enum pg_prepared_state state;
	char name[12];
};

struct pg_cache {
	uint64_t clock;
	struct pg_prepared entries[PG_PREPARED_MAX];
};

/* The entry for a text and signature: PREPARED, PREPARING, or the least recently used one, still as it was. NULL: all
 * of them are in use by what is under way. */
struct pg_prepared *pg_cache_find(struct pg_cache *cache, const struct pg_text *text, const struct pg_values *values);

/* Make the entry the text's: PREPARING, under its name. */
void pg_cache_take(struct pg_prepared *entry, const struct pg_text *text, const struct pg_values *values);

/* --- postgres_result.c --- */

/* Rows on their way into an arena. */
struct pg_reader {
	struct arena *arena;
	struct db_rows *rows;
	size_t capacity;
};

/* Begin with no rows; append those of a result.
 *   Errors     ERR_LIMIT, ERR_DB (a type that we do not read) */
NODISCARD enum err pg_reader_init(struct pg_reader *reader, struct arena *arena);
NODISCARD enum err pg_reader_add(struct pg_reader *reader, const PGresult *result);

/* How many rows a command changed; -1 when it is of no such kind. */
int64_t pg_changes(PGresult *result);

/* --- postgres_error.c: the only translation of SQLSTATEs --- */

/* What may help besides telling the caller. */
enum pg_remedy {
	PG_REMEDY_NONE,
	PG_REMEDY_REPEAT,    /* the transaction lost against another: once more */
	PG_REMEDY_RETYPE,    /* a NULL whose type the server cannot tell */
	PG_REMEDY_REPLAN,    /* what was prepared is of no more use: once more on another connection */
	PG_REMEDY_RECONNECT, /* the connection is of no more use */
};
enum err pg_error(const PGresult *result, enum pg_remedy *ret_remedy);

#endif
