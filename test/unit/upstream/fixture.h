/* fixture-mcp as a process of its own, serving HTTP, and its knobs and counters. */
#ifndef GATEHOUSE_TEST_UPSTREAM_FIXTURE_H
#define GATEHOUSE_TEST_UPSTREAM_FIXTURE_H

#include "../unit.h"

#include <signal.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "http/client.h"

struct fixture {
	pid_t pid;
	uint16_t port;
	char url[64];
	const char *cancel_stat; /* for tests of both eras: which of them counts */
};

/* Start it with these options besides --http, NULL at the end; listening when we return. */
static inline struct fixture fixture_start_at(uint16_t port, const char *const *options)
{
	struct fixture fixture = {0};
	const char *args[24] = {getenv("FIXTURE_MCP"), "--http"};
	char address[32], line[512] = "";
	int out[2];
	size_t n = 2;

	ck_assert_msg(args[0] != NULL, "FIXTURE_MCP is not set");
	snprintf(address, sizeof(address), "127.0.0.1:%u", port);
	args[n++] = address;
	for (; options != NULL && *options != NULL; options++)
		args[n++] = *options;
	ck_assert_int_eq(pipe(out), 0);
	fixture.pid = fork();
	if (fixture.pid == 0) {
		dup2(out[1], 1);
		close(out[0]);
		execv(args[0], (char **)args);
		_exit(127);
	}
	close(out[1]);
	for (size_t at = 0; at + 1 < sizeof(line) && read(out[0], line + at, 1) == 1 && line[at] != '\n';)
		at++;
	close(out[0]);
	ck_assert_msg(strstr(line, "\"port\":") != NULL, "the fixture said '%s'", line);
	fixture.port = (uint16_t)strtoul(strstr(line, "\"port\":") + 7, NULL, 10);
	snprintf(fixture.url, sizeof(fixture.url), "http://127.0.0.1:%u/mcp", fixture.port);
	return fixture;
}

#define fixture_start(...) fixture_start_at(0, (const char *const[]){__VA_ARGS__, NULL})

static inline void fixture_stop(struct fixture *fixture)
{
	kill(fixture->pid, SIGKILL);
	waitpid(fixture->pid, NULL, 0);
}

/* ---- the fixture's knobs --------------------------------------------------------- */

/* POST /control or GET /stats, from a fiber; the answer is in the arena. */
AWAITS static inline struct str fixture_ask(const struct fixture *fixture, struct arena *arena, const char *path,
					    const char *knobs)
{
	struct http_pool_spec spec = {
		.guard = {.allow_private = true}, .connections_max = 1, .idle_ms = 100, .connect_timeout_ms = 2000};
	const struct piece piece = {.str = str_of(knobs)};
	struct http_call call = {.method = knobs == NULL ? STR("GET") : STR("POST"),
				 .path = str_of(path),
				 .headers = STR("Content-Type: application/json\r\n"),
				 .body = &piece,
				 .body_count = knobs == NULL ? 0 : 1};
	struct http_answer *answer;
	struct http_pool *pool;
	struct str body;

	ck_ok(url_parse(str_of(fixture->url), &spec.url));
	pool = http_pool_new(loop_self(), &spec);
	ck_ok(http_call(pool, arena, &call, &answer));
	ck_ok(http_answer_body(answer, 65536, &body));
	ck_assert_int_eq(answer->status, 200);
	http_answer_end(answer);
	http_pool_free(pool);
	return body;
}

AWAITS static inline void fixture_control(const struct fixture *fixture, const char *knobs)
{
	AUTO(arena) *arena = arena_new(1 << 20);

	(void)fixture_ask(fixture, arena, "/control", knobs);
}

AWAITS static inline uint64_t fixture_stat(const struct fixture *fixture, const char *name)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct str stats = fixture_ask(fixture, arena, "/stats", NULL);
	char key[64];

	snprintf(key, sizeof(key), "\"%s\":", name);
	for (; stats.n > 0; stats = str_skip(stats, 1))
		if (str_starts(stats, str_of(key)))
			return strtoull(stats.p + strlen(key), NULL, 10);
	ck_abort_msg("no such stat: %s", name);
	return 0;
}

#endif
