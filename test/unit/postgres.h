/* A throw-away PostgreSQL for a unit test program: initdb once, a server on a Unix socket in a directory
 * of its own, without fsync, a database for each case. It refuses to run as root, so then as nobody.
 *
 * The server ends with the process that started it. Roles: postgres (superuser), gatehouse_owner, gatehouse. */
#ifndef GATEHOUSE_TEST_POSTGRES_H
#define GATEHOUSE_TEST_POSTGRES_H

#include "postgres_program.h"

#include <ftw.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TEST_POSTGRES_TRIES 3000 /* of 10 ms, until it answers */

static char test_postgres_directory[64]; /* data/ and the socket */
static pid_t test_postgres_pid;
static unsigned test_postgres_port;	      /* 0: the usual one */
static const char *test_postgres_options[16]; /* words for the server's command line, besides the usual ones */
static char test_postgres_database[64];	      /* the case's */

static inline PGconn *test_postgres_connect(const char *user, const char *database)
{
	char port[16] = "";
	const char *const keys[] = {"host", "user", "dbname", "port", NULL};
	const char *const values[] = {test_postgres_directory, user, database, port, NULL};

	if (test_postgres_port != 0)
		(void)snprintf(port, sizeof(port), "%u", test_postgres_port);
	return PQconnectdbParams(keys, values, 0);
}

/* Run statements as a user in a database; they must succeed. */
static inline void test_postgres_run(const char *user, const char *database, const char *sql)
{
	PGconn *pq = test_postgres_connect(user, database);
	PGresult *result;

	ck_assert_msg(PQstatus(pq) == CONNECTION_OK, "%s", PQerrorMessage(pq));
	result = PQexec(pq, sql);
	ck_assert_msg(PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK, "%s: %s",
		      sql, PQerrorMessage(pq));
	PQclear(result);
	PQfinish(pq);
}

/* Start the server on what initdb made; also after test_postgres_kill. */
static inline void test_postgres_launch(void)
{
	const struct timespec step = {.tv_nsec = 10000000};
	char data[80];
	const char *argv[48] = {"postgres",
				"-D",
				data,
				"-k",
				test_postgres_directory,
				"-c",
				"listen_addresses=",
				"-c",
				"fsync=off",
				"-c",
				"full_page_writes=off",
				"-c",
				"max_connections=200",
				"-c",
				"shared_buffers=16MB",
				"-c",
				"max_wal_senders=2",
				"-c",
				"wal_level=replica",
				NULL};
	size_t count = 0;
	PGconn *pq;
	int tries = 0;

	(void)snprintf(data, sizeof(data), "%s/data", test_postgres_directory);
	while (argv[count] != NULL)
		count++;
	for (size_t i = 0; test_postgres_options[i] != NULL; i++)
		argv[count + i] = test_postgres_options[i];
	test_postgres_pid = fork();
	if (test_postgres_pid == 0)
		test_postgres_become("postgres", argv);
	while ((pq = test_postgres_connect("postgres", "template1")), PQstatus(pq) != CONNECTION_OK) {
		PQfinish(pq);
		if (++tries == TEST_POSTGRES_TRIES)
			abort();
		(void)nanosleep(&step, NULL);
	}
	PQfinish(pq);
}

/* SIGQUIT: as if it had crashed; SIGINT: an orderly end at once. */
static inline void test_postgres_kill(int signal)
{
	if (test_postgres_pid > 0) {
		(void)kill(test_postgres_pid, signal);
		(void)waitpid(test_postgres_pid, NULL, 0);
	}
	test_postgres_pid = 0;
}

static inline int test_remove_entry(const char *path, const struct stat *status, int kind, struct FTW *at)
{
	return remove(path);
}

/* Make a data directory; false: PostgreSQL is not installed here. */
static inline bool test_postgres_init(void)
{
	char data[80];
	const char *const argv[] = {"initdb", "-D",   data,	    "-U",	 "postgres",	      "-A", "trust",
				    "-E",     "UTF8", "--locale=C", "--no-sync", "--no-instructions", NULL};
	int status = 1;
	pid_t pid;

	if (!test_postgres_find())
		return false;
	(void)snprintf(test_postgres_directory, sizeof(test_postgres_directory), "/tmp/gatehouse-test-XXXXXX");
	if (mkdtemp(test_postgres_directory) == NULL)
		abort();
	(void)snprintf(data, sizeof(data), "%s/data", test_postgres_directory);
	if (geteuid() == 0 && chown(test_postgres_directory, TEST_NOBODY, TEST_NOBODY) != 0)
		abort();
	pid = fork();
	if (pid == 0)
		test_postgres_become("initdb", argv);
	if (waitpid(pid, &status, 0) != pid || status != 0) {
		fprintf(stderr, "initdb failed\n");
		abort();
	}
	return true;
}

/* Roles, once the server runs for the first time. */
static inline void test_postgres_roles(void)
{
	PGconn *pq = test_postgres_connect("postgres", "postgres");

	PQclear(PQexec(pq, "CREATE ROLE gatehouse_owner LOGIN CREATEDB; CREATE ROLE gatehouse LOGIN"));
	PQfinish(pq);
}

static inline void test_postgres_end(void)
{
	test_postgres_kill(SIGQUIT);
	if (test_postgres_directory[0] != '\0')
		(void)nftw(test_postgres_directory, test_remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* The case's database, made when it is first asked for; children of the case share it. */
static inline const char *test_postgres_name(void)
{
	char sql[128];

	if (test_postgres_database[0] != '\0')
		return test_postgres_database;
	(void)snprintf(test_postgres_database, sizeof(test_postgres_database), "case_%d", (int)getpid());
	(void)snprintf(sql, sizeof(sql), "CREATE DATABASE %s OWNER gatehouse_owner", test_postgres_database);
	test_postgres_run("postgres", "postgres", sql);
	return test_postgres_database;
}

/* Its URL for a role; valid until the next call. */
static inline const char *test_postgres_url(const char *user)
{
	static char url[256];

	(void)snprintf(url, sizeof(url), "postgresql://%s@/%s?host=%s", user, test_postgres_name(),
		       test_postgres_directory);
	return url;
}

#endif
