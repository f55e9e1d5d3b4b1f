/* Opening: modes, migrations forward, refusal of newer, foreign and damaged files, and a
 * sentence for the operator in each case. */
#include "../database.h"

static const struct db_migration migrations[] = {
	{1, "one", "CREATE TABLE one (id INTEGER PRIMARY KEY); INSERT INTO one VALUES (11)"},
	{2, "two", "ALTER TABLE one ADD COLUMN name TEXT DEFAULT 'old'; CREATE TABLE two (id INTEGER)"},
};
static const struct db_migration bad[] = {
	{1, "one", "CREATE TABLE one (id INTEGER PRIMARY KEY); INSERT INTO one VALUES (11)"},
	{2, "bad", "CREATE TABLE three (id INTEGER); INSERT INTO nowhere VALUES (1)"},
};

static struct db_spec spec(const struct db_migration *list, size_t count)
{
	return (struct db_spec){test_data(), list, count, 5};
}

struct attempt {
	struct db_spec spec;
	struct buf problem;
	enum err err;
};

AWAITS_ENTRY static void attempt_main(void *arg)
{
	struct attempt *attempt = arg;
	struct db *db;

	attempt->err = db_open(&attempt->spec, &attempt->problem, &db);
	if (attempt->err == OK)
		db_close(db);
}

static void refused(struct db_spec s, enum err want, const char *words)
{
	struct attempt attempt = {.spec = s};

	ck_ok(rt_run(1, attempt_main, &attempt));
	ck_err(attempt.err, want);
	buf_put_byte(&attempt.problem, '\0');
	ck_assert_msg(strstr(attempt.problem.p, words) != NULL, "problem: %s", attempt.problem.p);
	buf_free(&attempt.problem);
}

static mode_t mode_of(const char *name)
{
	struct stat status;
	char path[128];

	(void)snprintf(path, sizeof(path), "%s/%s", test_data(), name);
	ck_assert_int_eq(stat(path, &status), 0);
	return status.st_mode & 0777;
}

static AWAITS void modes_body(struct db *db)
{
	ck_assert_uint_eq(mode_of("gatehouse.db"), 0600);
	ck_assert_uint_eq(mode_of("gatehouse.db-wal"), 0600);
	ck_assert_uint_eq(mode_of("gatehouse.db-shm"), 0600);
	ck_assert_uint_eq(mode_of("."), 0700);
}

START_TEST(others_are_kept_out)
{
	struct db_spec s = spec(migrations, 1);
	char path[128];

	ck_assert_int_eq(rmdir(test_data()), 0);
	(void)umask(0);
	test_with_db(1, &s, modes_body);
	(void)snprintf(path, sizeof(path), "%s/gatehouse.db", test_data());
	ck_assert_int_eq(chmod(path, 0644), 0); /* as an older version or a restore may leave it */
	test_with_db(1, &s, modes_body);
}
END_TEST

static AWAITS void first_body(struct db *db)
{
	ck_assert_int_eq(test_int(db, "SELECT id FROM one"), 11);
	ck_ok(test_write(db, "INSERT INTO one VALUES (12)"));
}

static AWAITS void second_body(struct db *db)
{
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM one WHERE name = 'old'"), 2);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM two"), 0);
}

#define RACES 25
#define RACERS 3

static AWAITS void race_body(struct db *db)
{
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM one"), 1);
}

static void race_run(void *arg)
{
	struct db_spec s = spec(migrations, 2);

	test_with_db(1, &s, race_body);
}

/* Processes that come at once to a file that is not there yet: all get in, one makes it. */
START_TEST(many_may_open_a_new_file)
{
	static const char *const files[] = {"gatehouse.db", "gatehouse.db-wal", "gatehouse.db-shm"};
	pid_t pids[RACERS];
	char path[128];

	(void)test_data();
	for (int race = 0; race < RACES; race++) {
		for (int i = 0; i < RACERS; i++)
			pids[i] = test_fork(race_run, NULL, -1);
		for (int i = 0; i < RACERS; i++)
			test_join(pids[i]);
		for (size_t i = 0; i < ARRAY_LEN(files); i++) {
			(void)snprintf(path, sizeof(path), "%s/%s", test_data(), files[i]);
			(void)unlink(path);
		}
	}
}
END_TEST

START_TEST(older_file_is_migrated_newer_refused)
{
	struct db_spec one = spec(migrations, 1), two = spec(migrations, 2);

	test_with_db(1, &one, first_body);
	test_with_db(1, &two, second_body);
	test_with_db(1, &two, second_body); /* nothing left to do */
	refused(one, ERR_CONFIG, "newer");
	test_with_db(1, &two, second_body); /* and refusing harmed nothing */
}
END_TEST

static AWAITS void after_bad_body(struct db *db)
{
	ck_assert_int_eq(test_int(db, "PRAGMA user_version"), 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM sqlite_schema WHERE name = 'three'"), 0);
}

START_TEST(failed_step_leaves_the_one_before)
{
	struct db_spec one = spec(migrations, 1);

	test_with_db(1, &one, first_body);
	refused(spec(bad, 2), ERR_DB, "migration 2 (bad) failed: no such table");
	test_with_db(1, &one, after_bad_body);
}
END_TEST

static void put_file(const void *bytes, size_t n)
{
	char path[128];
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/gatehouse.db", test_data());
	file = fopen(path, "w");
	ck_assert_ptr_nonnull(file);
	ck_assert_uint_eq(fwrite(bytes, 1, n, file), n);
	ck_assert_int_eq(fclose(file), 0);
}

START_TEST(garbage_is_refused)
{
	char garbage[8192];

	memset(garbage, 'x', sizeof(garbage));
	put_file(garbage, sizeof(garbage));
	refused(spec(migrations, 1), ERR_DB_CORRUPT, "not a database");
}
END_TEST

static AWAITS void foreign_body(struct db *db)
{
	ck_ok(test_write(db, "PRAGMA application_id = 7"));
}

START_TEST(foreign_file_is_refused)
{
	struct db_spec one = spec(migrations, 1);

	test_with_db(1, &one, foreign_body);
	refused(one, ERR_CONFIG, "not made by Gatehouse");
}
END_TEST

START_TEST(unusable_places_are_named)
{
	struct db_spec s = spec(migrations, 1);

	put_file("", 0); /* an empty file is a new database: no refusal */
	test_with_db(1, &s, first_body);
	s.directory = "/proc/gatehouse-test";
	refused(s, ERR_DB, "cannot make the data directory /proc/gatehouse-test: ");
	s.directory = "/dev/null";
	refused(s, ERR_DB, "cannot make the database /dev/null/gatehouse.db: Not a directory");
	if (geteuid() != 0) { /* root writes everywhere */
		s.directory = "/";
		refused(s, ERR_DB, "cannot make the database //gatehouse.db: Permission denied");
	}
}
END_TEST

UNIT_MAIN("migrate", others_are_kept_out, many_may_open_a_new_file, older_file_is_migrated_newer_refused,
	  failed_step_leaves_the_one_before, garbage_is_refused, foreign_file_is_refused, unusable_places_are_named)
