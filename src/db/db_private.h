/* What a backend is: the functions behind db.h, and the beginning that both kinds of database
 * object and of transaction share. Each function is the one of its name in db.h. */
#ifndef GATEHOUSE_DB_DB_PRIVATE_H
#define GATEHOUSE_DB_DB_PRIVATE_H

#include "db/db.h"

#define DB_MAGIC 0x64625f31u

struct db_question {
	struct str scope;
	struct arena *arena;
	const char *sql;
	const struct db_value *params;
	size_t count;
	bool stale; /* a replica may answer */
};

struct db_backend {
	enum db_engine engine;
	enum err (*open)(const struct db_spec *spec, struct buf *problem, struct db **ret_db);		 /* AWAITS */
	void (*close)(struct db *db);									 /* AWAITS */
	enum err (*query)(struct db *db, const struct db_question *question, struct db_rows **ret_rows); /* AWAITS */
	enum err (*write)(struct db *db, struct str scope, const struct db_statement *statements,
			  size_t count);		  /* AWAITS */
	enum err (*scrub)(struct db *db);		  /* AWAITS */
	enum err (*ping)(struct db *db, int64_t *ret_us); /* AWAITS */
	void (*feed_set)(struct db *db, const struct db_feed *feed);
	void (*feed_clear)(struct db *db); /* AWAITS */
	void (*feed_ring)(struct db *db, bool now);
	enum err (*tx_run)(struct db_tx *tx, const char *sql, const struct db_value *params, size_t count);
	enum err (*tx_insert)(struct db_tx *tx, const struct db_load *load,
			      bool (*next)(void *arg, struct db_value *cells), void *arg);
	enum err (*tx_query)(struct db_tx *tx, struct arena *arena, const char *sql, const struct db_value *params,
			     size_t count, struct db_rows **ret_rows);
	struct db_stats (*stats)(struct db *db);
};

extern const struct db_backend sqlite_backend; /* sqlite_open.c */

/* The first member of a backend's database object. */
struct db {
	uint32_t magic;
	const struct db_backend *backend;
};

/* The first member of a backend's transaction. */
struct db_tx {
	const struct db_backend *backend;
};

#endif
