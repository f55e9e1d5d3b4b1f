/* The server dies, stalls and comes back: calls go on, none waits twice, nothing is counted too generously, and the
 * shared counting returns by itself. */
#include "doors.h"
#include "server.h"

#define TIMEOUT_MS 300	/* without an answer */
#define SLOWEST_MS 1000 /* of the one call that notices; the machine may be busy */
#define RETURN_MS 10000 /* far more than it takes */
#define CALLS 200

static struct server server;

AWAITS static struct state *open_state(void)
{
	struct state_spec spec = server_spec(&server);
	AUTO_BUF problem = {0};
	struct state *state;

	spec.timeout_ms = TIMEOUT_MS;
	ck_ok(state_open(&spec, &problem, &state));
	return state;
}

/* Many calls while it is down: how long all of them took. */
AWAITS static int64_t calls_while_down(struct state *state)
{
	const struct rate rate = {1000000, 3600000};
	int64_t begun_ms = clock_ms();

	for (int i = 0; i < CALLS; i++) {
		struct rate_verdict verdict;
		uint32_t count;

		ck_ok(state_take(state, STR("r"), &rate, &verdict));
		ck_assert(verdict.allowed);
		ck_ok(state_count(state, STR("c"), 60000, &count));
	}
	return clock_ms() - begun_ms;
}

AWAITS static void await_return(struct state *state)
{
	int64_t until_ms = clock_ms() + RETURN_MS;

	while (state_stats(state).down) {
		ck_assert_int_lt(clock_ms(), until_ms);
		ck_ok(fiber_sleep(20));
	}
}

AWAITS static void check_down(struct state *state)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct state_member *members;
	struct str value;
	int64_t left;
	size_t count;
	bool held;

	ck_assert_int_lt(calls_while_down(state), SLOWEST_MS); /* one waited, the others did not */
	ck_assert(state_stats(state).down);
	ck_assert_int_lt(calls_while_down(state), SLOWEST_MS);
	ck_assert_uint_gt(state_stats(state).failures, 0);
	ck_err(state_lease(state, STR("l"), 1, 60000, &held), ERR_BUSY);
	ck_err(state_lease_end(state, STR("l"), 1), ERR_BUSY);
	ck_err(state_put(state, STR("v"), STR("x"), 60000), ERR_BUSY);
	ck_err(state_get(state, arena, STR("v"), &value), ERR_BUSY);
	ck_err(state_members(state, arena, STR("m"), &members, &count), ERR_BUSY);
	ck_ok(state_hint(state, STR("x")));
	ck_ok(state_mark(state, STR("ended"), 60000));
	ck_ok(state_marked(state, STR("ended"), &left));
	ck_assert_int_gt(left, 0);
}

AWAITS_ENTRY static void killed_body(void *arg)
{
	struct state *state = open_state();
	int64_t left;
	uint32_t count;
	bool held;

	ck_ok(state_count(state, STR("c"), 60000, &count));
	server_kill(&server);
	check_down(state);
	server_start(&server);
	await_return(state);
	ck_ok(state_lease(state, STR("l"), 1, 60000, &held));
	ck_assert(held);
	ck_ok(state_count(state, STR("c"), 60000, &count));
	ck_assert_uint_eq(count, 1); /* the server's, which is new */
	ck_ok(state_marked(state, STR("ended"), &left));
	ck_assert_int_gt(left, 0); /* what was said meanwhile still holds */
	state_free(state);
}

START_TEST(killed_and_started_again)
{
	server_start(&server);
	ck_ok(rt_run(1, killed_body, NULL));
	server_end(&server);
}
END_TEST

/* It accepts and never answers. */
AWAITS_ENTRY static void stalled_body(void *arg)
{
	struct state *state = open_state();

	ck_ok(kill(server.pid, SIGSTOP) == 0 ? OK : ERR_SYSTEM);
	check_down(state);
	ck_ok(kill(server.pid, SIGCONT) == 0 ? OK : ERR_SYSTEM);
	await_return(state);
	state_free(state);
}

START_TEST(stalled)
{
	server_start(&server);
	ck_ok(rt_run(2, stalled_body, NULL));
	server_end(&server);
}
END_TEST

/* Not there when we start, and in the middle of an attempt when we end. */
AWAITS_ENTRY static void late_body(void *arg)
{
	struct state *state = open_state();

	ck_assert(state_stats(state).down);
	ck_assert_int_lt(calls_while_down(state), SLOWEST_MS);
	server_start(&server);
	await_return(state);
	server_kill(&server);
	ck_assert_int_lt(calls_while_down(state), SLOWEST_MS);
	state_free(state);
}

START_TEST(later_than_we)
{
	server_start(&server);
	server_kill(&server);
	ck_ok(rt_run(2, late_body, NULL));
	server_end(&server);
}
END_TEST

/* Two processes that each count for themselves allow no more than one would; a limit is never cut down to nothing. */
AWAITS_ENTRY static void share_body(void *arg)
{
	struct state *one = open_state(), *other = open_state();
	const struct rate rate = {100, 86400000}, little = {1, 86400000};
	struct rate_verdict verdict;
	unsigned allowed = 0;

	ck_ok(fiber_sleep(2500)); /* both have looked who is there */
	server_kill(&server);
	for (int i = 0; i < 100; i++) {
		ck_ok(state_take(one, STR("r"), &rate, &verdict));
		allowed += verdict.allowed;
		ck_ok(state_take(other, STR("r"), &rate, &verdict));
		allowed += verdict.allowed;
	}
	ck_assert_uint_eq(allowed, 100);
	ck_ok(state_take(one, STR("s"), &little, &verdict));
	ck_assert(verdict.allowed);
	state_free(one);
	state_free(other);
}

START_TEST(limits_are_shared_out)
{
	server_start(&server);
	ck_ok(rt_run(1, share_body, NULL));
	server_end(&server);
}
END_TEST

/* Requests in flight whose askers leave must not confuse who asks next. */
AWAITS_ENTRY static void impatient_main(void *arg)
{
	uint32_t count;

	(void)!state_count(arg, STR("impatient"), 60000, &count);
}

AWAITS_ENTRY static void impatient_body(void *arg)
{
	struct state *state = open_state();
	AUTO(arena) *arena = arena_new(1 << 20);
	struct str value;

	ck_ok(state_put(state, STR("v"), STR("mine"), 60000));
	for (int i = 0; i < 50; i++) {
		struct fiber *fiber;

		ck_ok(fiber_spawn(loop_self(), "impatient", impatient_main, state, 0, &fiber));
		if (i % 2 == 0)
			fiber_cancel(fiber);
		else
			ck_ok(fiber_yield());
		if (i % 2 == 1 && i % 3 == 0)
			fiber_cancel(fiber); /* while it waits */
		ck_ok(state_get(state, arena, STR("v"), &value));
		ck_assert(str_eq(value, STR("mine")));
	}
	state_free(state);
}

START_TEST(impatient)
{
	server_start(&server);
	ck_ok(rt_run(1, impatient_body, NULL));
	server_end(&server);
}
END_TEST

int main(void)
{
	const TTest *const cases[] = {killed_and_started_again, stalled, later_than_we, limits_are_shared_out,
				      impatient};
	TCase *tcase = tcase_create("outage");

	if (server_program() == NULL) {
		puts("skipped: neither redis-server nor valkey-server is installed (./dev deps)");
		return 77;
	}
	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tcase_add_test(tcase, cases[i]);
	return unit_run("outage", tcase);
}
