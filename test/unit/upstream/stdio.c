/* Stdio children: both eras, noise, crash and restart, huge and broken answers, servers that
 * never answer, cancel, and two loops at one child. */
#include "bench.h"

static struct upstream_spec bench_stdio(const char *const *args, size_t count)
{
	static struct str strs[16];

	for (size_t i = 0; i < count; i++)
		strs[i] = str_of(args[i]);
	return (struct upstream_spec){
		.name = STR("child"),
		.kind = UPSTREAM_STDIO,
		.command = str_of(getenv("FIXTURE_MCP")),
		.args = strs,
		.arg_count = count,
		.timeout_ms = 5000,
		.connect_timeout_ms = 2000,
		.idle_ms = 60000,
		.concurrency = 64,
		.queue_max = 64,
		.children_max = 8,
		.answer_bytes_max = 1 << 20,
		.breaker_failures = 1000,
		.breaker_rest_ms = 200,
		.warm = true,
	};
}

#define CHILD_TEST(name, script_, loops, change, ...)                                                                  \
	START_TEST(test_##name)                                                                                        \
	{                                                                                                              \
		const char *args[] = {"--stdio", __VA_ARGS__};                                                         \
		struct bench bench = {.spec = bench_stdio(args, ARRAY_LEN(args)), .script = script_};                  \
                                                                                                                       \
		change;                                                                                                \
		bench_run(&bench, loops);                                                                              \
	}                                                                                                              \
	END_TEST

AWAITS static void few_calls(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (int i = 0; i < 10; i++)
		expect_answer(bench, "echo", "{\n\"a\": [1,\r\n 2]}", "\"a\"");
	expect_answer(bench, "size", "{\"bytes\":300000}", "quick brown fox");
	ck_assert_uint_eq(upstream_health(bench->upstream).children, 1);
}

AWAITS static void modern_calls(struct bench *bench)
{
	few_calls(bench);
	ck_assert_int_eq(upstream_health(bench->upstream).revision, MCP_2026_07_28);
}

AWAITS static void legacy_calls(struct bench *bench)
{
	few_calls(bench);
	ck_assert_int_eq(upstream_health(bench->upstream).revision, MCP_2025_11_25);
}

CHILD_TEST(modern, modern_calls, 1, , "--era", "modern")
CHILD_TEST(legacy, legacy_calls, 1, , "--era", "legacy")
CHILD_TEST(both_two_loops, modern_calls, 2, , "--era", "both")
CHILD_TEST(legacy_noise, legacy_calls, 2, , "--era", "legacy", "--noise", "--stderr", "password=hunter2")

/* A tool that kills the child: that call fails at once, the child comes back. */
AWAITS static void crash_script(struct bench *bench)
{
	int64_t start_ms;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (int i = 0; i < 2; i++) {
		start_ms = clock_ms();
		expect_err(bench, "crash", "{}", ERR_UPSTREAM_DOWN);
		ck_assert_int_lt(clock_ms() - start_ms, 3000);
		expect_answer(bench, "echo", "{\"back\":1}", "back");
	}
	ck_assert_uint_ge(upstream_health(bench->upstream).restarts, 2);
	ck_assert_uint_eq(upstream_health(bench->upstream).children, 1);
}
CHILD_TEST(crash, crash_script, 1, , "--era", "legacy")
CHILD_TEST(crash_two_loops, crash_script, 2, , "--era", "modern")

AWAITS static void faults_script(struct bench *bench)
{
	int64_t start_ms = clock_ms();

	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_err(bench, "garbage", "{\"how\":\"syntax\"}", ERR_UPSTREAM_GARBAGE);
	expect_err(bench, "garbage", "{\"how\":\"empty\"}", ERR_UPSTREAM_GARBAGE);
	ck_assert_int_lt(clock_ms() - start_ms, 4000);
	expect_err(bench, "hang", "{}", ERR_UPSTREAM_TIMEOUT);
	expect_err(bench, "garbage", "{\"how\":\"id\"}", ERR_UPSTREAM_TIMEOUT);
	expect_err(bench, "truncate", "{\"exit\":true}", ERR_UPSTREAM_GARBAGE);
	bench_until(upstream_health(bench->upstream).restarts == 1);
	expect_answer(bench, "echo", "{\"still\":1}", "still");
}
CHILD_TEST(faults, faults_script, 1, bench.spec.timeout_ms = 300, "--era", "legacy")

AWAITS static void huge_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_answer(bench, "size", "{\"bytes\":900000}", "fox");
	expect_err(bench, "size", "{\"bytes\":1100000}", ERR_UPSTREAM_TOO_LARGE);
	expect_answer(bench, "echo", "{\"still\":1}", "still");
	/* Far over the bound nobody reads on: the child is ended, and started anew. */
	expect_err(bench, "size", "{\"bytes\":9000000}", ERR_UPSTREAM_DOWN);
	expect_answer(bench, "echo", "{\"again\":1}", "again");
}
CHILD_TEST(huge, huge_script, 1, , "--era", "legacy")

/* A child that never says anything is given up, started again with backoff, and harms nobody. */
AWAITS static void missing_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_DOWN);
	expect_err(bench, "echo", "{}", ERR_UPSTREAM_DOWN);
	ck_assert_uint_eq(upstream_health(bench->upstream).children, 0);
	ck_assert_str_ne(upstream_health(bench->upstream).last_error_text, "");
}
CHILD_TEST(missing, missing_script, 1, bench.spec.command = STR("/nonexistent/server"), "--era", "legacy")
CHILD_TEST(exits_at_once, missing_script, 1, bench.spec.command = STR("/bin/false"), "--era", "legacy")

/* Started when wanted, ended when idle, started again. */
AWAITS static void idle_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	bench_until(upstream_health(bench->upstream).children == 0);
	ck_assert_int_eq(bench_state(bench), UPSTREAM_UP);
	expect_answer(bench, "echo", "{\"again\":1}", "again");
	ck_assert_uint_eq(upstream_health(bench->upstream).children, 1);
	bench_until(upstream_health(bench->upstream).children == 0);
}
CHILD_TEST(idle, idle_script, 1, (bench.spec.warm = false, bench.spec.idle_ms = 200), "--era", "legacy")
CHILD_TEST(idle_modern, idle_script, 2, (bench.spec.warm = false, bench.spec.idle_ms = 200), "--era", "modern")

/* The environment is what the config names and nothing else. */
AWAITS static void env_script(struct bench *bench)
{
	struct try try = try_of("env", "{\"name\":\"GIVEN\"}");

	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_ok(try_make(bench, &try));
	ck_assert(str_has(try_result(&try), "\"value\":\"yes\""));
	ck_assert(!str_has(try_result(&try), "SECRET_OF_OURS"));
	try_end(&try);
}
static const struct upstream_pair given[] = {{{"GIVEN", 5}, {"yes", 3}}};
CHILD_TEST(env, env_script, 1, (setenv("SECRET_OF_OURS", "x", 1), bench.spec.env = given, bench.spec.env_count = 1),
	   "--era", "legacy")

/* Calls of two loops at once, each with its own answer. */
struct crowd {
	struct bench *bench;
	unsigned first;
};

AWAITS static enum err crowd_work(void *arg)
{
	struct crowd *crowd = arg;

	for (unsigned i = 0; i < 50; i++) {
		char arguments[64], want[64];

		snprintf(arguments, sizeof(arguments), "{\"n\":%u}", crowd->first + i);
		snprintf(want, sizeof(want), "\"n\":%u}", crowd->first + i);
		expect_answer(crowd->bench, "echo", arguments, want);
	}
	return OK;
}

AWAITS static void crowd_member(void *arg)
{
	struct crowd *crowd = arg;

	ck_ok(loop_call(loop_at(crowd->first / 1000 % loop_count()), "crowd", crowd_work, crowd));
}

AWAITS static void crowd_script(struct bench *bench)
{
	struct crowd crowd[8];
	struct group group;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	group_init(&group, loop_self());
	for (unsigned i = 0; i < ARRAY_LEN(crowd); i++) {
		crowd[i] = (struct crowd){bench, i * 1000};
		ck_ok(group_spawn(&group, "crowd", crowd_member, &crowd[i]));
	}
	ck_ok(group_join(&group));
	ck_assert_uint_eq(upstream_health(bench->upstream).children, 1);
	ck_assert_uint_eq(upstream_health(bench->upstream).calls, 400);
	ck_assert_uint_eq(upstream_health(bench->upstream).failures, 0);
}
CHILD_TEST(crowd, crowd_script, 2, , "--era", "modern")
CHILD_TEST(crowd_few_places, crowd_script, 2, bench.spec.concurrency = 2, "--era", "legacy")

UNIT_MAIN("upstream/stdio", test_modern, test_legacy, test_both_two_loops, test_legacy_noise, test_crash,
	  test_crash_two_loops, test_faults, test_huge, test_missing, test_exits_at_once, test_idle, test_idle_modern,
	  test_env, test_crowd, test_crowd_few_places)
