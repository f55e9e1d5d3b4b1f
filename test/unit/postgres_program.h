/* PostgreSQL's programs on this machine: found where Debian puts them or in PATH, run as somebody they
 * agree to run as. */
#ifndef GATEHOUSE_TEST_POSTGRES_PROGRAM_H
#define GATEHOUSE_TEST_POSTGRES_PROGRAM_H

#include "unit.h"

#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define TEST_NOBODY 65534

static char test_postgres_bin[256]; /* where initdb and postgres are; empty: not installed */

static inline bool test_postgres_find(void)
{
	glob_t found = {0};
	const char *path = getenv("PATH");

	if (glob("/usr/lib/postgresql/*/bin/postgres", 0, NULL, &found) == 0) {
		const char *last = found.gl_pathv[found.gl_pathc - 1];

		(void)snprintf(test_postgres_bin, sizeof(test_postgres_bin), "%.*s", (int)(strrchr(last, '/') - last),
			       last);
	}
	globfree(&found);
	while (test_postgres_bin[0] == '\0' && path != NULL && *path != '\0') {
		size_t n = strcspn(path, ":");
		char program[300];

		(void)snprintf(program, sizeof(program), "%.*s/postgres", (int)n, path);
		if (access(program, X_OK) == 0)
			(void)snprintf(test_postgres_bin, sizeof(test_postgres_bin), "%.*s", (int)n, path);
		path += n + (path[n] == ':');
	}
	return test_postgres_bin[0] != '\0';
}

/* In a child: become somebody PostgreSQL runs as, end with the parent, become the program. */
static inline void test_postgres_become(const char *name, const char *const *argv)
{
	char program[300];
	int null = open("/dev/null", O_RDWR);

	(void)dup2(null, STDIN_FILENO);
	(void)dup2(null, STDOUT_FILENO);
	if (getenv("GATEHOUSE_TEST_VERBOSE") == NULL)
		(void)dup2(null, STDERR_FILENO);
	for (int i = STDERR_FILENO + 1; i < 256; i++)
		(void)close(i);
	if (geteuid() == 0 &&
	    (syscall(SYS_setgroups, 0, NULL) != 0 || setgid(TEST_NOBODY) != 0 || setuid(TEST_NOBODY) != 0))
		_exit(1);
	(void)prctl(PR_SET_PDEATHSIG, SIGQUIT);
	(void)snprintf(program, sizeof(program), "%s/%s", test_postgres_bin, name);
	if (chdir("/") == 0)
		(void)execv(program, (char *const *)argv);
	_exit(1);
}

#endif
