/* Upstreams of the HTTP+SSE transport, as configured and found out: calls, notifications, isolation,
 * a stream that ends under running calls, a session that the server forgot, an endpoint elsewhere,
 * a server that learns the new transport. */
#include "bench.h"

#define SSE_ARGS "--era", "legacy", "--http-sse"

static struct upstream_spec bench_sse(struct fixture *fixture, enum upstream_kind kind)
{
	struct upstream_spec spec = bench_http(fixture);

	snprintf(fixture->url, sizeof(fixture->url), "http://127.0.0.1:%u/sse", fixture->port);
	spec.kind = kind;
	spec.url = str_of(fixture->url);
	return spec;
}

#define SSE_TEST(name, script_, loops, kind, change, ...)                                                              \
	START_TEST(test_##name)                                                                                        \
	{                                                                                                              \
		struct fixture fixture = fixture_start(__VA_ARGS__);                                                   \
		struct bench bench = {.script = script_, .fixture = &fixture};                                         \
                                                                                                                       \
		bench.spec = bench_sse(&fixture, kind);                                                                \
		change;                                                                                                \
		bench_run(&bench, loops);                                                                              \
		fixture_stop(&fixture);                                                                                \
	}                                                                                                              \
	END_TEST

AWAITS static void calls_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (int i = 0; i < 20; i++)
		expect_answer(bench, "echo", "{\"big\":12345678901234567890}", "12345678901234567890");
	expect_answer(bench, "size", "{\"bytes\":700000}", "fox");
	expect_err(bench, "size", "{\"bytes\":1200000}", ERR_UPSTREAM_TOO_LARGE);
	expect_answer(bench, "echo", "{\"after\":1}", "after");
	expect_err(bench, "size", "{\"bytes\":3000000}", ERR_UPSTREAM_TOO_LARGE); /* ends the stream */
	expect_answer(bench, "echo", "{\"after\":2}", "after");
	ck_assert_int_eq(upstream_health(bench->upstream).revision, MCP_2025_11_25);
	ck_assert_uint_eq(fixture_stat(bench->fixture, "discovers"), 0);
}
SSE_TEST(calls, calls_script, 1, UPSTREAM_SSE, , SSE_ARGS, "/messages")
SSE_TEST(calls_two_loops, calls_script, 2, UPSTREAM_SSE, , SSE_ARGS, "messages")
SSE_TEST(fallback, calls_script, 1, UPSTREAM_HTTP, , SSE_ARGS, "/messages")
SSE_TEST(fallback_two_loops, calls_script, 2, UPSTREAM_HTTP, , SSE_ARGS, "/messages")
SSE_TEST(fallback_isolated, calls_script, 2, UPSTREAM_HTTP, bench.spec.isolation = ISOLATION_USER, SSE_ARGS,
	 "/messages")
SSE_TEST(isolated, calls_script, 2, UPSTREAM_SSE, bench.spec.isolation = ISOLATION_SESSION, SSE_ARGS, "/messages")
SSE_TEST(one_place, calls_script, 2, UPSTREAM_HTTP, bench.spec.concurrency = 1, SSE_ARGS, "/messages")

/* Relayed while the call runs; list_changed between calls. */
static enum err count_progress(void *arg, const struct mcp_message *message)
{
	*(unsigned *)arg += mcp_method_of(message->method) == MCP_M_N_PROGRESS;
	return OK;
}

AWAITS static void events_script(struct bench *bench)
{
	struct try try = try_of("progress", "{\"steps\":5,\"ms\":5}");
	unsigned progress = 0;
	size_t before;

	bench_until(atomic_load(&bench->offer) != NULL);
	try.call.outgoing.wants_progress = true;
	try.call.on_notification = count_progress;
	try.call.arg = &progress;
	ck_ok(try_make(bench, &try));
	ck_assert_uint_gt(progress, 0);
	try_end(&try);
	before = atomic_load(&bench->offer)->list[OFFER_TOOLS].count;
	fixture_control(bench->fixture, "{\"add_tools\":5}");
	bench_until(atomic_load(&bench->offer)->list[OFFER_TOOLS].count == before + 5);
}
SSE_TEST(events, events_script, 2, UPSTREAM_SSE, , SSE_ARGS, "/messages")

/* A caller that gives up is told of to the server. */
AWAITS static void cancel_script(struct bench *bench)
{
	struct try try = try_of("hang", "{}");

	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_err(try_make(bench, &try), ERR_UPSTREAM_TIMEOUT);
	try_end(&try);
	bench_until(fixture_stat(bench->fixture, "cancel_notices") == 1);
	bench_until(fixture_stat(bench->fixture, "in_flight") == 0);
}
SSE_TEST(cancel, cancel_script, 2, UPSTREAM_SSE, bench.spec.timeout_ms = 300, SSE_ARGS, "/messages")

/* The stream ends under running calls: they fail at once, once, and the next one works. */
struct victim {
	struct bench *bench;
	enum err err;
	bool done;
};

AWAITS static void victim_main(void *arg)
{
	struct victim *victim = arg;
	struct try try = try_of("hang", "{}");

	victim->err = try_make(victim->bench, &try);
	try_end(&try);
	victim->done = true;
}

AWAITS static void lost_script(struct bench *bench)
{
	struct victim victim[3];

	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (size_t i = 0; i < ARRAY_LEN(victim); i++) {
		victim[i] = (struct victim){.bench = bench};
		ck_ok(fiber_spawn(loop_self(), "victim", victim_main, &victim[i], 0, NULL));
	}
	bench_until(fixture_stat(bench->fixture, "in_flight") == 3);
	fixture_control(bench->fixture, "{\"drop_sessions\":true}");
	bench_until(victim[0].done && victim[1].done && victim[2].done);
	for (size_t i = 0; i < ARRAY_LEN(victim); i++)
		ck_err(victim[i].err, ERR_UPSTREAM_DOWN);
	ck_assert_uint_eq(fixture_stat(bench->fixture, "tool_calls"), 3);
	expect_answer(bench, "echo", "{\"after\":1}", "after");
	bench_until(fixture_stat(bench->fixture, "sessions_live") == 1);
}
SSE_TEST(lost, lost_script, 2, UPSTREAM_SSE, , SSE_ARGS, "/messages")
SSE_TEST(lost_fallback, lost_script, 1, UPSTREAM_HTTP, , SSE_ARGS, "/messages")

/* The server comes back as another process, with streamable HTTP at the same URL or without. */
AWAITS static void restart_script(struct bench *bench)
{
	uint16_t port = bench->fixture->port;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_answer(bench, "echo", "{\"a\":1}", "\"a\"");
	fixture_stop(bench->fixture);
	expect_err(bench, "echo", "{\"b\":1}", ERR_UPSTREAM_DOWN);
	bench_until(bench_state(bench) == UPSTREAM_DOWN);
	*bench->fixture = fixture_start_at(port, (const char *const[]){SSE_ARGS, "/messages", NULL});
	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_answer(bench, "echo", "{\"c\":1}", "\"c\"");
}
SSE_TEST(restart, restart_script, 2, UPSTREAM_SSE, , SSE_ARGS, "/messages")
SSE_TEST(restart_fallback, restart_script, 1, UPSTREAM_HTTP, , SSE_ARGS, "/messages")

/* An endpoint of another origin is refused, and nothing sent there. */
AWAITS static void foreign_script(struct bench *bench)
{
	struct upstream_health health;

	bench_until(bench_state(bench) == UPSTREAM_DOWN);
	health = upstream_health(bench->upstream);
	ck_assert_msg(strstr(health.last_error_text, "another origin") != NULL, "%s", health.last_error_text);
	expect_err(bench, "echo", "{}", ERR_UPSTREAM_GARBAGE);
	ck_assert_uint_eq(fixture_stat(bench->fixture, "initializes"), 0);
}
SSE_TEST(foreign, foreign_script, 1, UPSTREAM_SSE, , SSE_ARGS, "http://localhost/messages")

/* A server that learns streamable HTTP at the same URL, and forgets it again. */
AWAITS static void learns_script(struct bench *bench)
{
	uint16_t port = bench->fixture->port;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (int i = 0; i < 2; i++) {
		struct fixture *fixture = bench->fixture;

		expect_answer(bench, "echo", "{\"a\":1}", "\"a\"");
		bench_until(fixture_stat(fixture, "sessions_live") == 1);
		fixture_stop(fixture);
		*fixture = fixture_start_at(port, (const char *const[]){"--era", "legacy", NULL});
		bench_until(fixture_stat(fixture, "initializes") > 0);
		expect_answer(bench, "echo", "{\"b\":1}", "\"b\"");
		ck_assert_uint_eq(fixture_stat(fixture, "sessions_opened"), 0);
		fixture_stop(fixture);
		*fixture = fixture_start_at(port, (const char *const[]){SSE_ARGS, "/messages", NULL});
		bench_until(fixture_stat(fixture, "sessions_live") > 0);
	}
	expect_answer(bench, "echo", "{\"c\":1}", "\"c\"");
}
SSE_TEST(learns, learns_script, 2, UPSTREAM_HTTP, , SSE_ARGS, "/messages")

static void use_path(struct bench *bench, const char *path)
{
	snprintf(bench->fixture->url, sizeof(bench->fixture->url), "http://127.0.0.1:%u%s", bench->fixture->port, path);
	bench->spec.url = str_of(bench->fixture->url);
}

/* The guard of addresses stands before the stream as before everything. */
AWAITS static void guarded_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_DOWN);
	ck_assert_int_eq(upstream_health(bench->upstream).last_error, ERR_REFUSED_ADDRESS);
	expect_err(bench, "echo", "{}", ERR_REFUSED_ADDRESS);
	ck_assert_uint_eq(fixture_stat(bench->fixture, "sessions_opened"), 0);
}
SSE_TEST(guarded, guarded_script, 1, UPSTREAM_SSE, bench.spec.allow_private = false, SSE_ARGS, "/messages")

/* A URL that knows neither transport fails with what it said at first. */
AWAITS static void neither_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_DOWN);
	expect_err(bench, "echo", "{}", ERR_UPSTREAM_GARBAGE);
}
SSE_TEST(neither, neither_script, 1, UPSTREAM_HTTP, use_path(&bench, "/other"), "--era", "legacy")
SSE_TEST(no_stream, neither_script, 1, UPSTREAM_SSE, use_path(&bench, "/other"), "--era", "legacy")

UNIT_MAIN("upstream/sse", test_calls, test_calls_two_loops, test_fallback, test_fallback_two_loops,
	  test_fallback_isolated, test_isolated, test_one_place, test_events, test_cancel, test_lost,
	  test_lost_fallback, test_restart, test_restart_fallback, test_foreign, test_learns, test_guarded,
	  test_neither, test_no_stream)
