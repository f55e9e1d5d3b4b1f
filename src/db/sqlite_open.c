/* Opening and closing the database: directory and file with modes that keep others out, the
 * writer's connection, migrations, the writer thread; at the end the same in reverse.
 *
 * Everything that touches the disk runs on a worker thread. What goes wrong here is met by a
 * person who starts the gateway, so each failure also gets a sentence in `problem`. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/check.h"
#include "db/sqlite_private.h"

#define DB_FILE "gatehouse.db"

struct opening {
	const struct db_spec *spec;
	struct buf *problem;
	struct sqlite *db;
};

static enum err refuse(struct buf *problem, const char *what, const char *path, int code)
{
	char text[128];

	if (problem != NULL)
		buf_put_fmt(problem, "cannot %s %s: %s", what, path, strerror_r(code, text, sizeof(text)));
	return ERR_DB;
}

static enum err make_directory(const char *path, struct buf *problem)
{
	if (mkdir(path, 0700) == 0 || errno == EEXIST)
		return OK;
	return refuse(problem, "make the data directory", path, errno);
}

/* SQLite would make the file readable by all, and its WAL takes the same mode. An existing file
 * must not be opened and closed here: close() drops this process's locks on it. */
static enum err make_file(const char *path, struct buf *problem)
{
	int fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd >= 0) {
		(void)close(fd);
		return OK;
	}
	if (errno != EEXIST)
		return refuse(problem, "make the database", path, errno);
	if (access(path, R_OK | W_OK) != 0)
		return refuse(problem, "write to the database", path, errno);
	(void)chmod(path, 0600); /* not ours to change when somebody else owns it */
	return OK;
}

static enum err open_work(void *arg)
{
	struct opening *opening = arg;
	struct sqlite *db = opening->db;

	TRY(make_directory(opening->spec->directory, opening->problem));
	TRY(make_file(db->path, opening->problem));
	TRY(sql_open(db->path, SQL_WRITE, opening->problem, &db->writer));
	return sql_migrate(db->writer, opening->spec, opening->problem);
}

/* The connection goes last: it may checkpoint. */
static enum err close_work(void *arg)
{
	struct sqlite *db = arg;

	readers_close(db);
	sql_close(db->writer);
	return OK;
}

static void db_free(struct sqlite *db)
{
	(void)pthread_mutex_destroy(&db->lock);
	(void)pthread_cond_destroy(&db->freed);
	db->base.magic = 0;
	free(db->path);
	free(db);
}

AWAITS static enum err sqlite_open(const struct db_spec *spec, struct buf *problem, struct db **ret_db)
{
	struct sqlite *db = calloc(1, sizeof(*db));
	struct opening opening = {.spec = spec, .problem = problem, .db = db};
	enum err err;

	CHECK(db != NULL && spec->directory != NULL);
	db->base.magic = DB_MAGIC;
	db->base.backend = &sqlite_backend;
	db->base.commit_ms = spec->commit_ms;
	CHECK(asprintf(&db->path, "%s/" DB_FILE, spec->directory) > 0);
	CHECK(pthread_mutex_init(&db->lock, NULL) == 0 && pthread_cond_init(&db->freed, NULL) == 0);
	err = work_run(open_work, &opening);
	if (err == OK)
		err = writer_start(&db->base);
	if (err != OK) {
		sql_close(db->writer);
		db_free(db);
		return err;
	}
	*ret_db = &db->base;
	return OK;
}

AWAITS static void sqlite_shut(struct db *base)
{
	struct sqlite *db = sqlite_of(base);
	struct fiber_shield shield = fiber_shield_begin(INT32_MAX);

	writer_stop(base);
	if (work_run(close_work, db) != OK)
		(void)close_work(db); /* the queue of work is full: blocking a moment is the lesser evil */
	fiber_shield_end(shield);
	db_free(db);
}

const struct db_backend sqlite_backend = {
	.engine = DB_SQLITE,
	.open = sqlite_open,
	.close = sqlite_shut,
	.query = sqlite_query,
	.write = sqlite_write,
	.scrub = sqlite_scrub,
	.ping = sqlite_ping,
	.tx_run = sqlite_tx_run,
	.tx_insert = sqlite_tx_insert,
	.tx_query = sqlite_tx_query,
	.transact = sqlite_transact,
	.writer_end = sqlite_writer_end,
};
