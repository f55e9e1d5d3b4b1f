/* The shared backend against a real server: what the doors promise, exact counting by several loops and processes, the
 * same verdicts as in memory, passwords, TLS, scripts that the server forgot. */
#include "doors.h"
#include "server.h"

#include <arpa/inet.h>

#include "base/random.h"
#include "rt/loop.h"

static struct server server;

AWAITS static struct state *open_state(void)
{
	struct state_spec spec = server_spec(&server);
	AUTO_BUF problem = {0};
	struct state *state;
	enum err err = state_open(&spec, &problem, &state);

	ck_assert_msg(err == OK, "%.*s", STR_ARG(buf_str(&problem)));
	return state;
}

static void run(unsigned loops, fiber_main *body)
{
	server_start(&server);
	ck_ok(rt_run(loops, body, NULL));
	server_end(&server);
}

AWAITS_ENTRY static void doors_body(void *arg)
{
	struct state *state = open_state();

	ck_assert(state_stats(state).shared);
	ck_assert(!state_stats(state).down);
	doors_values(state);
	doors_leases(state);
	doors_members(state);
	doors_member_bound(state);
	ck_assert_uint_eq(state_stats(state).failures, 0);
	ck_assert_uint_eq(state_stats(state).entries, 0); /* nothing fell back */
	state_free(state);
}

START_TEST(doors_hold)
{
	run(1, doors_body);
}
END_TEST

AWAITS_ENTRY static void kinds_body(void *arg)
{
	struct state *state = open_state(), *here = state_here(state);
	struct rate rate = {2, 60000}, none = {0, 60000};
	struct rate_verdict verdict;
	int64_t left, begun_ms;
	uint32_t count;

	ck_ok(state_take(state, STR("a"), &rate, &verdict));
	ck_ok(state_take(state, STR("a"), &rate, &verdict));
	ck_ok(state_take(state, STR("a"), &rate, &verdict));
	ck_assert(!verdict.allowed);
	ck_assert_uint_eq(verdict.limit, 2);
	ck_ok(state_take(state, STR("a"), &none, &verdict));
	ck_assert(verdict.allowed);
	ck_ok(state_marked(state, STR("a"), &left));
	ck_assert_int_eq(left, 0);
	for (uint32_t i = 1; i <= 3; i++) {
		ck_ok(state_count(state, STR("a"), 60000, &count));
		ck_assert_uint_eq(count, i);
	}
	ck_ok(state_mark(state, STR("a"), 60000));
	ck_ok(state_marked(state, STR("a"), &left));
	ck_assert_int_gt(left, 50000);
	ck_assert_int_le(left, 60000);
	ck_ok(state_marked(here, STR("a"), &left)); /* the process's own is another one */
	ck_assert_int_eq(left, 0);
	ck_assert(!state_is_shared(here));
	ck_ok(state_clear(state, STR("a")));
	ck_ok(state_marked(state, STR("a"), &left));
	ck_assert_int_eq(left, 0);
	ck_ok(state_count(state, STR("a"), 60000, &count));
	ck_assert_uint_eq(count, 1);
	ck_ok(state_take(state, STR("a"), &rate, &verdict));
	ck_assert(!verdict.allowed); /* the rate stays */

	begun_ms = clock_ms();
	ck_ok(state_mark(state, STR("b"), 30));
	ck_ok(state_count(state, STR("b"), 30, &count));
	do {
		ck_ok(state_marked(state, STR("b"), &left));
	} while (left > 0);
	ck_assert_int_ge(clock_ms() - begun_ms, 29);
	ck_ok(fiber_sleep(60));
	ck_ok(state_count(state, STR("b"), 60000, &count));
	ck_assert_uint_eq(count, 1);
	ck_ok(state_mark(state, STR("b"), 0)); /* a life that has ended */
	state_free(state);
}

START_TEST(kinds_dont_meet)
{
	run(1, kinds_body);
}
END_TEST

AWAITS_ENTRY static void each_body(void *arg)
{
	struct state *state = open_state();
	struct rate wide = {10, 3600000}, narrow = {2, 3600000}, none = {0, 0};
	struct state_take takes[] = {{STR("w"), &wide, {0}}, {STR("x"), &none, {0}}, {STR("n"), &narrow, {0}}};
	struct rate_verdict verdict;
	size_t allowed;

	for (int i = 0; i < 2; i++) {
		ck_ok(state_take_each(state, takes, 3, &allowed));
		ck_assert_uint_eq(allowed, 3);
	}
	ck_assert_uint_eq(takes[0].verdict.remaining, 8);
	ck_ok(state_take_each(state, takes, 3, &allowed));
	ck_assert_uint_eq(allowed, 2);
	ck_assert(!takes[2].verdict.allowed);
	ck_assert_int_gt(takes[2].verdict.retry_ms, 1700000);
	ck_assert_uint_eq(takes[0].verdict.remaining, 7);
	takes[0].rate = &(struct rate){1, 3600000}; /* lowered meanwhile: it refuses, and the last one is not asked */
	takes[2].rate = &wide;
	ck_ok(state_take_each(state, takes, 3, &allowed));
	ck_assert_uint_eq(allowed, 0);
	ck_ok(state_take(state, STR("n"), &wide, &verdict));
	ck_assert_uint_eq(verdict.remaining, 0); /* two of 2 an hour are ten of 10 */
	ck_ok(state_take_each(state, takes, 0, &allowed));
	ck_assert_uint_eq(allowed, 0);
	state_free(state);
}

START_TEST(several_rates_are_one_request)
{
	run(1, each_body);
}
END_TEST

/* ---- exactness ------------------------------------------------------------------- */

#define LOOPS 3
#define TAKES 200
#define LIMIT 350

struct taking {
	struct state *state;
	unsigned loop, allowed;
};

AWAITS_ENTRY static enum err take_work(void *arg)
{
	const struct rate rate = {LIMIT, 86400000};
	struct taking *taking = arg;
	struct rate_verdict verdict;

	for (int i = 0; i < TAKES; i++) {
		ck_ok(state_take(taking->state, STR("all"), &rate, &verdict));
		taking->allowed += verdict.allowed;
	}
	return OK;
}

AWAITS_ENTRY static void take_main(void *arg)
{
	struct taking *taking = arg;

	ck_ok(loop_call(loop_at(taking->loop), "take", take_work, taking));
}

AWAITS_ENTRY static void exact_body(void *arg)
{
	struct state *state = open_state();
	struct taking takings[LOOPS];
	struct group group;
	unsigned *allowed = arg;

	group_init(&group, loop_self());
	for (unsigned i = 0; i < LOOPS; i++) {
		takings[i] = (struct taking){.state = state, .loop = i};
		ck_ok(group_spawn(&group, "take", take_main, &takings[i]));
	}
	ck_ok(group_join(&group));
	for (unsigned i = 0; i < LOOPS; i++)
		*allowed += takings[i].allowed;
	ck_assert_uint_eq(state_stats(state).failures, 0);
	state_free(state);
}

START_TEST(processes_count_exactly)
{
	int pipes[2];
	unsigned total = 0;
	pid_t children[3];

	ck_assert_int_eq(pipe(pipes), 0);
	server_start(&server);
	for (size_t i = 0; i < ARRAY_LEN(children); i++) {
		children[i] = fork();
		if (children[i] == 0) {
			unsigned allowed = 0;

			if (rt_run(LOOPS, exact_body, &allowed) != OK)
				_exit(1);
			_exit(write(pipes[1], &allowed, sizeof(allowed)) != sizeof(allowed));
		}
	}
	for (size_t i = 0; i < ARRAY_LEN(children); i++) {
		unsigned allowed;
		int status;

		ck_assert_int_eq(waitpid(children[i], &status, 0), children[i]);
		ck_assert_int_eq(status, 0);
		ck_assert_int_eq(read(pipes[0], &allowed, sizeof(allowed)), sizeof(allowed));
		total += allowed;
	}
	ck_assert_uint_eq(total, LIMIT); /* of 1800 */
	server_end(&server);
}
END_TEST

/* Both backends say the same of the same takes. Windows are so long that the moments between the two don't count. */
AWAITS_ENTRY static void same_body(void *arg)
{
	struct state *shared = open_state(), *memory = state_memory_new(10000);

	for (uint32_t round = 0; round < 60; round++) {
		struct rate rate;
		uint32_t dice[3];
		struct str key = {(char *)&round, sizeof(round)};

		random_bytes(dice, sizeof(dice));
		rate = (struct rate){1 + dice[0] % (dice[1] % 2 ? 7 : 60), 3600000 + dice[2] % 86400000};
		for (uint32_t i = 0; i < rate.limit + 3; i++) {
			struct rate_verdict a, b;

			if (i == rate.limit / 2 && dice[1] % 3 == 0)
				rate.limit = 1 + rate.limit / 2; /* a reload */
			ck_ok(state_take(shared, key, &rate, &a));
			ck_ok(state_take(memory, key, &rate, &b));
			ck_assert_int_eq(a.allowed, b.allowed);
			ck_assert_uint_eq(a.limit, b.limit);
			ck_assert_uint_eq(a.remaining, b.remaining);
			ck_assert_int_lt(llabs(a.reset_ms - b.reset_ms), 2000);
			ck_assert_int_lt(llabs(a.retry_ms - b.retry_ms), 2000);
		}
	}
	state_free(memory);
	state_free(shared);
}

START_TEST(verdicts_are_those_of_memory)
{
	run(1, same_body);
}
END_TEST

AWAITS_ENTRY static void draw_body(void *arg)
{
	struct state *state = open_state();
	struct state_draw draw = {.least = -1, .max = 100, .wanted = 30, .share = 1, .life_ms = 60000};
	int64_t drawn, total = 0;

	ck_ok(state_draw(state, STR("q"), &draw, &drawn));
	ck_assert_int_eq(drawn, -1);
	draw.least = 25;
	ck_ok(state_draw(state, STR("q"), &draw, &drawn));
	ck_assert_int_eq(drawn, 30);
	draw.least = -1;
	do {
		ck_ok(state_draw(state, STR("q"), &draw, &drawn));
		total += drawn;
	} while (drawn > 0);
	ck_assert_int_eq(total, 45);
	draw.max = 50; /* lowered */
	ck_ok(state_draw(state, STR("q"), &draw, &drawn));
	ck_assert_int_eq(drawn, 0);
	draw.max = 100;
	draw.wanted = -40; /* put back */
	ck_ok(state_draw(state, STR("q"), &draw, &drawn));
	ck_assert_int_eq(drawn, 0);
	draw.wanted = 30;
	draw.share = 8; /* of 40 */
	ck_ok(state_draw(state, STR("q"), &draw, &drawn));
	ck_assert_int_eq(drawn, 5);
	draw.least = 99; /* others know more */
	ck_ok(state_draw(state, STR("q"), &draw, &drawn));
	ck_assert_int_eq(drawn, 1);
	draw.least = 10; /* less than is known */
	ck_ok(state_draw(state, STR("q"), &draw, &drawn));
	ck_assert_int_eq(drawn, 0);
	draw.wanted = -200;
	ck_ok(state_draw(state, STR("q"), &draw, &drawn));
	ck_assert_int_eq(drawn, 0);
	draw.wanted = draw.max = 200;
	draw.share = 1;
	ck_ok(state_draw(state, STR("q"), &draw, &drawn));
	ck_assert_int_eq(drawn, 190); /* never below the least */
	draw.wanted = -1;
	draw.least = -1;
	ck_ok(state_draw(state, STR("nothing"), &draw, &drawn));
	ck_assert_int_eq(drawn, -1);
	state_free(state);
}

START_TEST(draws_end_at_the_maximum)
{
	run(1, draw_body);
}
END_TEST

/* ---- hints ----------------------------------------------------------------------- */

static void on_hint(void *arg, struct str hint)
{
	unsigned *seen = arg;

	ck_assert(str_eq(hint, STR("look")));
	ck_assert_ptr_eq(loop_self(), loop_at(0));
	++*seen;
}

AWAITS_ENTRY static void hints_body(void *arg)
{
	struct state *one = open_state(), *other = open_state();
	unsigned seen[2] = {0};

	state_listen(one, on_hint, &seen[0]);
	state_listen(other, on_hint, &seen[1]);
	ck_ok(state_hint(one, STR("look")));
	doors_await(&seen[0], 1);
	doors_await(&seen[1], 1);
	state_free(one);
	state_free(other);
}

START_TEST(hints_reach_everybody)
{
	run(2, hints_body);
}
END_TEST

/* ---- the ways in ----------------------------------------------------------------- */

AWAITS_ENTRY static void forgot_body(void *arg)
{
	struct state *state = open_state();
	uint32_t count;

	ck_ok(state_count(state, STR("n"), 60000, &count));
	server_run((const char *const[]){"redis-cli", "-s", server.place + 5, "SCRIPT", "FLUSH", NULL});
	ck_ok(state_count(state, STR("n"), 60000, &count));
	ck_assert_uint_eq(count, 2);
	ck_assert_uint_eq(state_stats(state).failures, 0);
	state_free(state);
}

START_TEST(forgotten_scripts_are_sent_again)
{
	run(1, forgot_body);
}
END_TEST

AWAITS_ENTRY static void password_body(void *arg)
{
	const bool *good = arg;
	struct state *state = open_state();
	uint32_t count;
	bool held;

	ck_assert_int_eq(state_stats(state).down, !*good);
	ck_ok(state_count(state, STR("n"), 60000, &count)); /* here or there */
	ck_assert_uint_eq(count, 1);
	ck_assert_int_eq(state_lease(state, STR("l"), 1, 1000, &held), *good ? OK : ERR_BUSY);
	state_free(state);
}

START_TEST(password_opens)
{
	bool yes = true, no = false;

	server.more[0] = "--requirepass";
	server.more[1] = "right";
	server_start(&server);
	server_password(&server, "right", 0600);
	ck_ok(rt_run(1, password_body, &yes));
	server_password(&server, "wrong", 0600);
	ck_ok(rt_run(1, password_body, &no));
	server_end(&server);
}
END_TEST

AWAITS_ENTRY static void refused_body(void *arg)
{
	struct state_spec spec = server_spec(&server);
	AUTO_BUF problem = {0};
	struct state *state;

	ck_err(state_open(&spec, &problem, &state), ERR_CONFIG);
	ck_assert_ptr_nonnull(memmem(problem.p, problem.n, arg, strlen(arg)));
}

START_TEST(password_files_are_checked)
{
	snprintf(server.directory, sizeof(server.directory), "/tmp/gatehouse-state-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(server.directory));
	snprintf(server.place, sizeof(server.place), "unix:%s/s", server.directory);
	server_password(&server, "x", 0644);
	ck_ok(rt_run(1, refused_body, (char *)"chmod 600"));
	server_password(&server, "", 0600);
	ck_ok(rt_run(1, refused_body, (char *)"empty"));
	unlink(server.password_file);
	ck_ok(rt_run(1, refused_body, (char *)"no such file"));
	server_end(&server);
}
END_TEST

static unsigned free_port(void)
{
	struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t n = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, n), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &n), 0);
	close(fd);
	return ntohs(address.sin_port);
}

AWAITS_ENTRY static void tls_body(void *arg)
{
	char ca_file[96], place[96];
	struct state_spec spec = server_spec(&server);
	AUTO_BUF problem = {0};
	struct state *state;
	bool held;

	snprintf(ca_file, sizeof(ca_file), "%s/cert.pem", server.directory);
	snprintf(place, sizeof(place), "rediss://someone@127.0.0.1:%s/3", (const char *)arg);
	spec.place = str_of(place);
	spec.ca_file = str_of(ca_file);
	ck_ok(state_open(&spec, &problem, &state));
	ck_ok(state_lease(state, STR("l"), 1, 60000, &held));
	ck_assert(held);
	state_free(state);

	spec.place = str_of(server.place); /* another database of the same server */
	spec.password_file = STR("");
	ck_ok(state_open(&spec, &problem, &state));
	ck_ok(state_lease(state, STR("l"), 2, 60000, &held));
	ck_assert(held);
	state_free(state);
	spec.place = str_of(place);
	spec.password_file = str_of(server.password_file);

	spec.ca_file = STR("/etc/ssl/certs/ca-certificates.crt"); /* not its own */
	if (access(spec.ca_file.p, R_OK) == 0) {
		ck_ok(state_open(&spec, &problem, &state));
		ck_err(state_lease(state, STR("l"), 1, 60000, &held), ERR_BUSY);
		state_free(state);
	}
	spec.ca_file = STR("/nonexistent");
	ck_err(state_open(&spec, &problem, &state), ERR_TLS);
}

START_TEST(tls_is_verified)
{
	char cert[96], key[96], port[16];

	snprintf(server.directory, sizeof(server.directory), "/tmp/gatehouse-state-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(server.directory));
	snprintf(server.place, sizeof(server.place), "unix:%s/s", server.directory);
	snprintf(cert, sizeof(cert), "%s/cert.pem", server.directory);
	snprintf(key, sizeof(key), "%s/key.pem", server.directory);
	server_run((const char *const[]){"openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
					 "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=state",
					 "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", key, "-out", cert, NULL});
	snprintf(port, sizeof(port), "%u", free_port());
	memcpy(server.more,
	       (const char *const[]){"--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key,
				     "--tls-auth-clients", "no", "--user", "someone", "on", ">secret", "~*", "&*",
				     "+@all"},
	       15 * sizeof(char *));
	server_start(&server);
	server_password(&server, "secret", 0600);
	ck_ok(rt_run(1, tls_body, port));
	server_end(&server);
}
END_TEST

START_TEST(places_are_read)
{
	static const char *const good[] = {"memory",
					   "redis://h",
					   "redis://h:1",
					   "redis://u@h:65535/15",
					   "rediss://[::1]:6380/0",
					   "redis://[::1]",
					   "unix:/run/redis.sock",
					   "redis://h/"};
	static const char *const bad[] = {"",
					  "redis",
					  "redis://",
					  "redis://:pw@h",
					  "redis://u:pw@h",
					  "redis://h:0",
					  "redis://h:x",
					  "redis://h:65536",
					  "redis://h/x",
					  "redis://h/65536",
					  "redis://[::1",
					  "redis://[::1]x",
					  "unix:",
					  "http://h",
					  "redis://@h",
					  "memory "};

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		AUTO_BUF problem = {0};

		ck_assert_msg(state_place_check(str_of(good[i]), &problem) == OK, "%s", good[i]);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		AUTO_BUF problem = {0};

		ck_assert_msg(state_place_check(str_of(bad[i]), &problem) == ERR_CONFIG, "%s", bad[i]);
		ck_assert_uint_gt(problem.n, 20);
	}
}
END_TEST

int main(void)
{
	const TTest *const cases[] = {doors_hold,
				      kinds_dont_meet,
				      several_rates_are_one_request,
				      processes_count_exactly,
				      verdicts_are_those_of_memory,
				      draws_end_at_the_maximum,
				      hints_reach_everybody,
				      forgotten_scripts_are_sent_again,
				      password_opens,
				      password_files_are_checked,
				      tls_is_verified,
				      places_are_read};
	TCase *tcase = tcase_create("valkey");

	if (server_program() == NULL) {
		puts("skipped: neither redis-server nor valkey-server is installed (./dev deps)");
		return 77;
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tcase_add_test(tcase, cases[i]);
	return unit_run("valkey", tcase);
}
