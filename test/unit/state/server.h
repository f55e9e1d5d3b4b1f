/* A Redis or Valkey of a test's own: a throw-away directory, a Unix socket in it, nothing on disk. It dies with the
 * test, however that ends. */
#ifndef GATEHOUSE_TEST_STATE_SERVER_H
#define GATEHOUSE_TEST_STATE_SERVER_H

#include "../unit.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "state/state.h"

#define SERVER_START_MS 20000

struct server {
	pid_t pid;
	char directory[64], place[96], password_file[96];
	const char *more[20]; /* arguments, NULL-terminated */
};

/* The program, or NULL. */
static inline const char *server_program(void)
{
	static const char *const names[] = {"/usr/bin/redis-server", "/usr/bin/valkey-server",
					    "/usr/local/bin/redis-server", "/usr/local/bin/valkey-server"};
	const char *given = getenv("REDIS_SERVER");

	if (given != NULL)
		return given;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (access(names[i], X_OK) == 0)
			return names[i];
	return NULL;
}

static inline void server_exec(const struct server *server)
{
	const char *args[40] = {
		server_program(), "--port",	     "0",	  "--unixsocket", server->place + 5, "--save", "",
		"--dir",	  server->directory, "--logfile", "log",	  "--daemonize",     "no"};
	size_t n = 0;

	while (args[n] != NULL)
		n++;
	for (size_t i = 0; server->more[i] != NULL; i++)
		args[n++] = server->more[i];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getenv("LD_PRELOAD") != NULL)
		unsetenv("LD_PRELOAD");
	execv(args[0], (char *const *)args);
	_exit(127);
}

/* Run a program to its end, without its chatter. */
static inline void server_run(const char *const *args)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		int quiet = open("/dev/null", O_WRONLY);

		dup2(quiet, STDOUT_FILENO);
		dup2(quiet, STDERR_FILENO);
		execvp(args[0], (char *const *)args);
		_exit(127);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(status == 0, "%s: status %d", args[0], status);
}

static inline bool server_answers(const struct server *server)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool good;

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", server->place + 5);
	good = connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0;
	close(fd);
	return good;
}

static inline void server_start(struct server *server)
{
	int64_t until_ms = clock_ms() + SERVER_START_MS;

	if (server->directory[0] == '\0') {
		snprintf(server->directory, sizeof(server->directory), "/tmp/gatehouse-state-XXXXXX");
		ck_assert_ptr_nonnull(mkdtemp(server->directory));
		snprintf(server->place, sizeof(server->place), "unix:%s/s", server->directory);
	}
	server->pid = fork();
	if (server->pid == 0)
		server_exec(server);
	while (!server_answers(server)) {
		ck_assert_int_lt(clock_ms(), until_ms);
		ck_assert_int_eq(waitpid(server->pid, NULL, WNOHANG), 0);
		poll(NULL, 0, 2);
	}
}

static inline void server_kill(struct server *server)
{
	char socket_file[96];

	if (server->pid == 0)
		return;
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
	snprintf(socket_file, sizeof(socket_file), "%s/s", server->directory);
	unlink(socket_file);
}

static inline void server_end(struct server *server)
{
	server_kill(server);
	server_run((const char *const[]){"rm", "-rf", server->directory, NULL});
}

/* A file with the password in it. */
static inline void server_password(struct server *server, const char *password, mode_t mode)
{
	FILE *file;

	snprintf(server->password_file, sizeof(server->password_file), "%s/password", server->directory);
	file = fopen(server->password_file, "w");
	ck_assert_ptr_nonnull(file);
	fprintf(file, "%s\n", password);
	fclose(file);
	ck_assert_int_eq(chmod(server->password_file, mode), 0);
}

static inline struct state_spec server_spec(const struct server *server)
{
	return (struct state_spec){
		.place = str_of(server->place),
		.password_file = str_of(server->password_file[0] == '\0' ? NULL : server->password_file),
		.prefix = STR("test:"),
		.timeout_ms = 1000, /* the machine may be busy */
		.entries_max = 1000,
	};
}

#endif
