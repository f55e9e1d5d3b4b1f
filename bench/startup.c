/* startup: how long from exec until a server's first answer. Starts the command again and
 * again, asks GET PATH until the answer's head is there, stops it with SIGTERM and waits.
 * Prints the milliseconds of every run as one JSON array.
 *
 *   startup PORT PATH RUNS COMMAND [ARGUMENT...] */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"

#define GIVE_UP_MS 20000
#define RETRY_NS 200000 /* between attempts to connect; also the resolution */

/* One attempt: true when the server said anything that starts like HTTP. */
static bool answers(int port, const char *path)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	char request[256], answer[16];
	bool ok = false;
	int n;

	if (fd < 0)
		return false;
	n = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 && write(fd, request, (size_t)n) == n)
		ok = read(fd, answer, sizeof(answer)) >= 8 && memcmp(answer, "HTTP/1.1", 8) == 0;
	close(fd);
	return ok;
}

static pid_t start(char **command)
{
	pid_t pid = fork();

	if (pid == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, 0);
		dup2(null, 1);
		dup2(null, 2);
		execvp(command[0], command);
		_exit(127);
	}
	return pid;
}

static double measure(int port, const char *path, char **command)
{
	const struct timespec pause = {0, RETRY_NS};
	int64_t started = clock_ns();
	pid_t pid = start(command);
	double ms;

	while (!answers(port, path)) {
		if (clock_ns() - started > (int64_t)GIVE_UP_MS * 1000000 || waitpid(pid, NULL, WNOHANG) != 0) {
			fprintf(stderr, "startup: no answer\n");
			kill(pid, SIGKILL);
			exit(1);
		}
		nanosleep(&pause, NULL);
	}
	ms = (double)(clock_ns() - started) / 1e6;
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return ms;
}

int main(int argc, char **argv)
{
	int runs;

	if (argc < 5) {
		fprintf(stderr, "startup PORT PATH RUNS COMMAND [ARGUMENT...]\n");
		return 2;
	}
	runs = (int)strtol(argv[3], NULL, 10);
	putchar('[');
	for (int i = 0; i < runs; i++)
		printf("%s%.3f", i > 0 ? "," : "", measure((int)strtol(argv[1], NULL, 10), argv[2], argv + 4));
	puts("]");
	return 0;
}
