/* What tests with a database share: a directory of their own that goes when they end, and a
 * fiber that runs with an open database on some loops. DATABASE_MAIN runs every case on both
 * engines; test_engine says on which one now. */
#ifndef GATEHOUSE_TEST_DATABASE_H
#define GATEHOUSE_TEST_DATABASE_H

#include "postgres.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "db/db.h"

static enum db_engine test_engine;

static char test_directory[64];
static pid_t test_directory_owner;

static inline void test_directory_remove(void)
{
	static const char *const names[] = {"gatehouse.db", "gatehouse.db-wal", "gatehouse.db-shm"};
	char path[128];

	if (getpid() != test_directory_owner)
		return; /* a child */
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", test_directory, names[i]);
		(void)unlink(path);
	}
	(void)rmdir(test_directory);
}

/* The running case's directory; each case is a process of its own. */
static inline const char *test_data(void)
{
	if (test_directory_owner != 0)
		return test_directory;
	(void)snprintf(test_directory, sizeof(test_directory), "/tmp/gatehouse-test-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(test_directory));
	test_directory_owner = getpid();
	(void)atexit(test_directory_remove);
	return test_directory;
}

/* A database with tables for this case: those of the migrations in SQLite, of `tables` (statements, run as the
 * owner) in PostgreSQL. */
static inline struct db_spec test_spec(const struct db_migration *migrations, size_t count, const char *tables,
				       int64_t commit_ms)
{
	struct db_spec spec = {test_data(), migrations, count, commit_ms};

	if (test_engine == DB_SQLITE)
		return spec;
	if (test_postgres_database[0] == '\0')
		test_postgres_run("gatehouse_owner", test_postgres_name(), tables);
	spec.migration_count = 0;
	spec.server.url = test_postgres_url("gatehouse_owner");
	return spec;
}

/* No file may grow beyond `bytes`: to a process that looks like a full disk. */
static inline void test_disk_limit(rlim_t bytes)
{
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct rlimit limit;

	ck_assert_int_eq(sigaction(SIGXFSZ, &ignore, NULL), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* One integer, by a query without parameters. */
AWAITS static inline int64_t test_int(struct db *db, const char *sql)
{
	AUTO(arena) *arena = arena_new(4096);
	struct db_rows *rows;

	ck_ok(db_query(db, DB_ALL_TENANTS, arena, sql, NULL, 0, &rows));
	ck_assert_uint_eq(rows->rows, 1);
	ck_assert_int_eq(rows->cells[0].kind, DB_INT);
	return rows->cells[0].num;
}

AWAITS static inline enum err test_write(struct db *db, const char *sql)
{
	return db_write(db, DB_ALL_TENANTS, &(struct db_statement){.sql = sql, .changes_expected = -1}, 1);
}

struct test_run {
	const struct db_spec *spec;
	void (*body)(struct db *db); /* AWAITS */
};

AWAITS_ENTRY static inline void test_run_main(void *arg)
{
	const struct test_run *run = arg;
	AUTO_BUF problem = {0};
	struct db *db;
	enum err err = db_open(run->spec, &problem, &db);

	ck_assert_msg(err == OK, "%.*s", STR_ARG(buf_str(&problem)));
	run->body(db);
	db_close(db);
}

/* Open, run `body` on a fiber of loop 0, close. */
static inline void test_with_db(unsigned loops, const struct db_spec *spec, void (*body)(struct db *db))
{
	struct test_run run = {spec, body};

	ck_ok(rt_run(loops, test_run_main, &run));
}

/* Run `body(arg)` in a child, which keeps only the descriptor `fd` (-1: none) besides the standard
 * ones: Check notes each assertion in a file that two processes must not share. A failed
 * assertion still ends the child with status 1. Returns its pid. */
static inline pid_t test_fork(void (*body)(void *arg), void *arg, int fd)
{
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		int null = open("/dev/null", O_RDWR | O_CLOEXEC);

		for (int i = STDERR_FILENO + 1; i < 256; i++) {
			if (i != fd && i != null && fcntl(i, F_GETFD) >= 0)
				(void)dup2(null, i);
		}
		body(arg);
		_exit(0);
	}
	return pid;
}

static inline void test_join(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}

static inline void test_use_postgres(void)
{
	test_engine = DB_POSTGRES;
}

/* Run the cases on SQLite, then on a PostgreSQL of the program's own. */
static inline int test_on_both(const char *name, const TTest *const *cases, size_t count)
{
	TCase *sqlite = tcase_create("sqlite"), *postgres = tcase_create("postgres");
	bool installed = test_postgres_init();
	Suite *suite = suite_create(name);
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(sqlite, 60);
	tcase_set_timeout(postgres, 60);
	tcase_add_checked_fixture(postgres, test_use_postgres, NULL);
	for (size_t i = 0; i < count; i++) {
		tcase_add_test(sqlite, cases[i]);
		tcase_add_test(postgres, cases[i]);
	}
	suite_add_tcase(suite, sqlite);
	suite_add_tcase(suite, postgres);
	if (installed) {
		test_postgres_launch();
		test_postgres_roles();
	} else {
		fprintf(stderr, "PostgreSQL is not installed: only SQLite is tested\n");
	}
	srunner_set_fork_status(runner, CK_FORK);
	srunner_run(runner, NULL, installed ? NULL : "sqlite", CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	test_postgres_end();
	return failed != 0;
}

#define DATABASE_MAIN(name, ...)                                                                                       \
	int main(void)                                                                                                 \
	{                                                                                                              \
		const TTest *const cases[] = {__VA_ARGS__};                                                            \
                                                                                                                       \
		return test_on_both(name, cases, ARRAY_LEN(cases));                                                    \
	}

#endif
