/* Forward-only migrations: the file's number is SQLite's user_version, which changes in the same
 * transaction as the schema. application_id marks the file as ours, so that a foreign database
 * is not migrated by mistake.
 *
 * Each step takes the write lock first and reads the number again under it: two processes that
 * start at once apply every step once. */
#include "base/check.h"
#include "db/sqlite_private.h"

#define APPLICATION_ID 0x47544855 /* "GTHU" */

static enum err refuse(struct buf *problem, const char *text)
{
	if (problem != NULL)
		buf_put(problem, str_of(text));
	return ERR_CONFIG;
}

static enum err check_file(struct sql *sql, const struct db_spec *spec, int64_t *ret_number, struct buf *problem)
{
	int64_t application, number;

	/* In this order: another process may be making the file between the two. */
	TRY(sql_int(sql, "PRAGMA user_version", &number));
	TRY(sql_int(sql, "PRAGMA application_id", &application));
	if (application != APPLICATION_ID && (application != 0 || number != 0))
		return refuse(problem, "this SQLite file was not made by Gatehouse; choose another data directory");
	if (number < 0 || (uint64_t)number > spec->migration_count)
		return refuse(problem, "the database was written by a newer Gatehouse; install that version "
				       "or restore a backup made with this one");
	*ret_number = number;
	return OK;
}

/* One step inside its transaction. */
static enum err apply(struct sql *sql, const struct db_migration *migration)
{
	AUTO_BUF mark = {0};

	buf_put_fmt(&mark, "PRAGMA application_id=%d; PRAGMA user_version=%d;", APPLICATION_ID, migration->number);
	buf_put_byte(&mark, '\0');
	TRY(sql_exec(sql, migration->sql));
	return sql_exec(sql, mark.p);
}

static enum err step(struct sql *sql, const struct db_spec *spec, int64_t *ret_number, struct buf *problem)
{
	enum err err;
	int64_t number;

	TRY(sql_exec(sql, "BEGIN IMMEDIATE"));
	err = check_file(sql, spec, &number, problem);
	if (err == OK && (uint64_t)number < spec->migration_count) {
		const struct db_migration *migration = &spec->migrations[number];

		err = apply(sql, migration);
		if (err != OK && problem != NULL)
			buf_put_fmt(problem, "migration %d (%s) failed: %s", migration->number, migration->name,
				    sql_problem(sql));
		number++;
	}
	if (err == OK)
		err = sql_exec(sql, "COMMIT");
	if (err != OK)
		(void)sqlite3_exec(sql->handle, "ROLLBACK", NULL, NULL, NULL);
	else
		*ret_number = number;
	return err;
}

enum err sql_migrate(struct sql *sql, const struct db_spec *spec, struct buf *problem)
{
	int64_t number;

	for (size_t i = 0; i < spec->migration_count; i++)
		CHECK(spec->migrations[i].number == (int)i + 1);
	TRY(check_file(sql, spec, &number, problem));
	while ((uint64_t)number < spec->migration_count)
		TRY(step(sql, spec, &number, problem));
	return OK;
}
