/* Side databases: one connection each, with the settings of the main one but for its promise: what the last moments
 * before a power cut wrote may be gone, since its owner compares it with the original anyway. */
#include "db/side.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/check.h"
#include "base/log.h"
#include "db/sqlite_private.h"

#define SIDE_MAGIC 0x73696465u /* "side" */

static const char settings_write[] = "PRAGMA synchronous=NORMAL;"
				     "PRAGMA cache_size=-4096;";

/* Ranking looks at the length of each row that matches: those pages stay at hand. */
static const char settings_read[] = "PRAGMA cache_size=-16384;";

struct side {
	uint32_t magic;
	struct sql *sql;
};

static struct side *side_of(struct sql *sql)
{
	struct side *side = calloc(1, sizeof(*side));

	CHECK(side != NULL);
	*side = (struct side){.magic = SIDE_MAGIC, .sql = sql};
	return side;
}

static enum err make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0) {
		log_error("db.side_file", LOG_CSTR("path", path), LOG_INT("errno", errno));
		return ERR_DB;
	}
	(void)close(fd);
	return OK;
}

static void remove_files(const char *path)
{
	static const char *const endings[] = {"", "-wal", "-shm"};

	for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
		char name[4096];

		if ((size_t)snprintf(name, sizeof(name), "%s%s", path, endings[i]) < sizeof(name))
			(void)unlink(name);
	}
}

/* Another process may make the same file at the same time: the number is read again under the lock. */
static enum err make_schema(struct sql *sql, const char *schema, int number)
{
	AUTO_BUF mark = {0};
	int64_t found;
	enum err err;

	TRY(sql_exec(sql, "BEGIN IMMEDIATE"));
	err = sql_int(sql, "PRAGMA user_version", &found);
	if (err == OK && found == 0) {
		buf_put_fmt(&mark, "PRAGMA user_version=%d", number);
		buf_put_byte(&mark, '\0');
		err = sql_exec(sql, schema);
		if (err == OK)
			err = sql_exec(sql, mark.p);
	}
	if (err == OK)
		return sql_exec(sql, "COMMIT");
	(void)sql_exec(sql, "ROLLBACK");
	return err;
}

/* ERR_CONFIG: the file is of another number. */
static enum err open_once(const char *path, const char *schema, int number, struct sql **ret_sql)
{
	struct sql *sql;
	int64_t found = 0;
	enum err err;

	TRY(make_file(path));
	TRY(sql_open(path, SQL_WRITE, NULL, &sql));
	err = sql_exec(sql, settings_write);
	if (err == OK)
		err = make_schema(sql, schema, number);
	if (err == OK)
		err = sql_int(sql, "PRAGMA user_version", &found);
	if (err == OK && found != number)
		err = ERR_CONFIG;
	if (err != OK) {
		sql_close(sql);
		return err;
	}
	*ret_sql = sql;
	return OK;
}

enum err side_open(const char *path, const char *schema, int number, struct side **ret_side)
{
	struct sql *sql;
	enum err err;

	CHECK(number != 0);
	err = open_once(path, schema, number, &sql);
	if (err == ERR_CONFIG || err == ERR_DB_CORRUPT) {
		log_info("db.side_anew", LOG_CSTR("path", path), LOG_ERR(err));
		remove_files(path);
		err = open_once(path, schema, number, &sql);
	}
	if (err != OK)
		return err == ERR_CONFIG ? ERR_DB : err;
	*ret_side = side_of(sql);
	return OK;
}

enum err side_open_reader(const char *path, struct side **ret_side)
{
	struct sql *sql;
	enum err err;

	TRY(sql_open(path, SQL_READ, NULL, &sql));
	err = sql_exec(sql, settings_read);
	if (err != OK) {
		sql_close(sql);
		return err;
	}
	*ret_side = side_of(sql);
	return OK;
}

void side_close(struct side *side)
{
	if (side == NULL)
		return;
	CHECK_OBJ(side, SIDE_MAGIC);
	sql_close(side->sql);
	side->magic = 0;
	free(side);
}

enum err side_run(struct side *side, const char *sql, const struct db_value *params, size_t count, int64_t *ret_changes)
{
	CHECK_OBJ(side, SIDE_MAGIC);
	return sql_run(side->sql, sql, params, count, ret_changes);
}

enum err side_query(struct side *side, struct arena *arena, const char *sql, const struct db_value *params,
		    size_t count, struct db_rows **ret_rows)
{
	CHECK_OBJ(side, SIDE_MAGIC);
	return sql_query(side->sql, arena, sql, params, count, ret_rows);
}

int64_t side_last_id(const struct side *side)
{
	CHECK_OBJ(side, SIDE_MAGIC);
	return sqlite3_last_insert_rowid(side->sql->handle);
}
