/* What a server is asked to tell: watches of both eras over every transport, counted, bounded, told
 * again to a server that comes back; the log level of legacy ones; lists that nobody announces. */
#include "bench.h"

#include "upstream/watch.h"

#define LEGACY "--era", "legacy"
#define URI "test://watched"
#define STR_INIT(text)                                                                                                 \
	{                                                                                                              \
		text, sizeof(text) - 1                                                                                 \
	}

/* Knobs and counters lie beside the protocol, so a child is not asked: those run over HTTP. */
#define WATCH_TEST(name, script_, loops, change, ...)                                                                  \
	START_TEST(test_##name)                                                                                        \
	{                                                                                                              \
		struct fixture fixture = fixture_start(__VA_ARGS__);                                                   \
		struct bench bench = {.spec = bench_http(&fixture), .script = script_, .fixture = &fixture};           \
                                                                                                                       \
		change;                                                                                                \
		bench_run(&bench, loops);                                                                              \
		fixture_stop(&fixture);                                                                                \
	}                                                                                                              \
	END_TEST

static void use_sse(struct bench *bench)
{
	snprintf(bench->fixture->url, sizeof(bench->fixture->url), "http://127.0.0.1:%u/sse", bench->fixture->port);
	bench->spec.url = str_of(bench->fixture->url);
	bench->spec.kind = UPSTREAM_SSE;
}

/* Say that the resource has changed until it is heard; the stream may open a moment later. */
AWAITS static void expect_update(struct bench *bench)
{
	unsigned before = atomic_load(&bench->updates);

	bench_until((fixture_control(bench->fixture, "{\"resource_updated\":\"" URI "\"}"),
		     atomic_load(&bench->updates) > before));
}

AWAITS static void legacy_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_ok(upstream_watch(bench->upstream, STR(URI)));
	ck_ok(upstream_watch(bench->upstream, STR(URI)));
	ck_ok(upstream_watch(bench->upstream, STR("test://other")));
	ck_assert_uint_eq(fixture_stat(bench->fixture, "subscribes"), 2);
	expect_update(bench);
	upstream_unwatch(bench->upstream, STR(URI));
	upstream_unwatch(bench->upstream, STR("test://other"));
	bench_until(fixture_stat(bench->fixture, "unsubscribes") == 1);
	expect_update(bench);
	upstream_unwatch(bench->upstream, STR(URI));
	bench_until(fixture_stat(bench->fixture, "unsubscribes") == 2);
	upstream_unwatch(bench->upstream, STR(URI)); /* one too many is nothing */
	ck_ok(upstream_watch(bench->upstream, STR(URI)));
	ck_assert_uint_eq(fixture_stat(bench->fixture, "subscribes"), 3);
}
WATCH_TEST(legacy, legacy_script, 2, , LEGACY, "--sessions")
WATCH_TEST(legacy_over_sse, legacy_script, 2, use_sse(&bench), LEGACY, "--http-sse", "/messages")

AWAITS static void modern_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_ok(upstream_watch(bench->upstream, STR(URI)));
	ck_ok(upstream_watch(bench->upstream, STR(URI)));
	expect_update(bench);
	bench_until(fixture_stat(bench->fixture, "in_flight") == 1); /* the stream before it has ended */
	ck_ok(upstream_watch(bench->upstream, STR("test://other")));
	expect_update(bench);
	upstream_unwatch(bench->upstream, STR("test://other"));
	upstream_unwatch(bench->upstream, STR(URI));
	expect_update(bench);
	bench_until(fixture_stat(bench->fixture, "in_flight") == 1);
	/* Lists are heard as before. */
	fixture_control(bench->fixture, "{\"add_tools\":5}");
	bench_until(atomic_load(&bench->offers) == 2);
}
WATCH_TEST(modern, modern_script, 2, , "--era", "modern")

/* A task is named in the same stream; a server without the extension is not asked. */
AWAITS static void task_script(struct bench *bench)
{
	unsigned before;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_ok(upstream_watch(bench->upstream, STR(URI)));
	ck_ok(upstream_watch_task(bench->upstream, STR("task \"1\"")));
	before = atomic_load(&bench->updates);
	fixture_control(bench->fixture, "{\"task_updated\":\"task \\\"1\\\"\"}");
	bench_until(atomic_load(&bench->updates) == before + 1);
	expect_update(bench);
	upstream_unwatch_task(bench->upstream, STR("task \"1\""));
	expect_update(bench);
}
WATCH_TEST(task, task_script, 2, , "--era", "modern", "--with", "tasks")

/* A child: heard on its pipes, told again when it was started anew. */
AWAITS static void child_script(struct bench *bench)
{
	const char *knob = "{\"resource_updated\":\"" URI "\"}";
	unsigned before;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_ok(upstream_watch(bench->upstream, STR(URI)));
	if (!bench->spec.warm) { /* on demand: it is kept while something is watched */
		int64_t idle_until_ms = clock_ms() + 4 * bench->spec.idle_ms;

		bench_until(clock_ms() > idle_until_ms);
		ck_assert_uint_eq(upstream_health(bench->upstream).children, 1);
	}
	before = atomic_load(&bench->updates);
	expect_answer(bench, "fixture_control", knob, "subscribes");
	bench_until(atomic_load(&bench->updates) > before);
	before = atomic_load(&bench->updates);
	expect_err(bench, "fixture_control", "{\"exit\":true}", ERR_UPSTREAM_DOWN);
	bench_until(atomic_load(&bench->updates) > before); /* "look again", once it is back */
	before = atomic_load(&bench->updates);
	expect_answer(bench, "fixture_control", knob, "subscribes");
	bench_until(atomic_load(&bench->updates) > before);
}

#define CHILD_TEST(name, change, ...)                                                                                  \
	START_TEST(test_##name)                                                                                        \
	{                                                                                                              \
		static const struct str args[] = {STR_INIT("--stdio"), __VA_ARGS__};                                   \
		struct fixture none = {0};                                                                             \
		struct bench bench = {.spec = bench_http(&none), .script = child_script};                              \
                                                                                                                       \
		bench.spec.kind = UPSTREAM_STDIO;                                                                      \
		bench.spec.command = str_of(getenv("FIXTURE_MCP"));                                                    \
		bench.spec.args = args;                                                                                \
		bench.spec.arg_count = ARRAY_LEN(args);                                                                \
		bench.spec.children_max = 8;                                                                           \
		change;                                                                                                \
		bench_run(&bench, 2);                                                                                  \
	}                                                                                                              \
	END_TEST
CHILD_TEST(child_legacy, bench.spec.warm = true, STR_INIT("--era"), STR_INIT("legacy"))
CHILD_TEST(child_modern, bench.spec.warm = true, STR_INIT("--era"), STR_INIT("modern"))
CHILD_TEST(child_watched, bench.spec.idle_ms = 200, STR_INIT("--era"), STR_INIT("legacy"))

/* The bound holds, and each of them is told. */
AWAITS static void bound_script(struct bench *bench)
{
	char uri[32], large[UPSTREAM_WATCH_BYTES_MAX + 1];

	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (unsigned i = 0; i < UPSTREAM_WATCHES_MAX; i++) {
		snprintf(uri, sizeof(uri), "test://%u", i);
		ck_ok(upstream_watch(bench->upstream, str_of(uri)));
	}
	ck_err(upstream_watch(bench->upstream, STR("test://one-more")), ERR_LIMIT);
	upstream_unwatch(bench->upstream, STR("test://7"));
	bench_until(upstream_watch(bench->upstream, STR("test://one-more")) == OK);
	upstream_unwatch(bench->upstream, STR("test://one-more"));
	memset(large, 'a', sizeof(large));
	ck_err(upstream_watch(bench->upstream, (struct str){large, sizeof(large)}), ERR_LIMIT);
}
WATCH_TEST(bound, bound_script, 1, , LEGACY)

/* What a server refuses, does not honour, or has not. */
AWAITS static void refused_script(struct bench *bench)
{
	bool modern = bench->spec.revision == MCP_2026_07_28;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_err(upstream_watch(bench->upstream, STR("test://deaf")), modern ? ERR_RPC_METHOD : ERR_RPC_PARAMS);
	ck_err(upstream_watch_task(bench->upstream, STR("t1")), ERR_RPC_METHOD);
	ck_ok(upstream_watch(bench->upstream, STR(URI)));
	ck_err(upstream_watch(bench->upstream, STR("test://deaf")), modern ? ERR_RPC_METHOD : ERR_RPC_PARAMS);
	expect_update(bench);
}
WATCH_TEST(refused_legacy, refused_script, 1, , LEGACY)
WATCH_TEST(refused_modern, refused_script, 1, bench.spec.revision = MCP_2026_07_28, "--era", "modern")

AWAITS static void isolated_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_err(upstream_watch(bench->upstream, STR(URI)), ERR_RPC_METHOD);
	ck_assert_uint_eq(fixture_stat(bench->fixture, "subscribes"), 0);
}
WATCH_TEST(isolated, isolated_script, 1, bench.spec.isolation = ISOLATION_USER, LEGACY)
WATCH_TEST(isolated_modern, modern_script, 1, bench.spec.isolation = ISOLATION_USER, "--era", "modern")

/* Many at once, from two loops, wanted and not, end as they should. */
struct swarm {
	struct bench *bench;
	unsigned ended;
};

AWAITS static void swarm_main(void *arg)
{
	struct swarm *swarm = arg;

	for (int i = 0; i < 10; i++) {
		ck_ok(upstream_watch(swarm->bench->upstream, STR(URI)));
		upstream_unwatch(swarm->bench->upstream, STR(URI));
	}
	swarm->ended++;
}

AWAITS static void swarm_script(struct bench *bench)
{
	struct swarm swarm = {bench, 0};

	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (int i = 0; i < 20; i++)
		ck_ok(fiber_spawn(loop_self(), "swarm", swarm_main, &swarm, 0, NULL));
	bench_until(swarm.ended == 20);
	ck_ok(upstream_watch(bench->upstream, STR(URI)));
	expect_update(bench);
	upstream_unwatch(bench->upstream, STR(URI));
}
WATCH_TEST(swarm_legacy, swarm_script, 2, , LEGACY)
WATCH_TEST(swarm_modern, swarm_script, 2, , "--era", "modern")

/* A server that comes back is told everything again, and those who watch are told to look. */
AWAITS static void back_script(struct bench *bench)
{
	bool modern = bench->spec.revision == MCP_2026_07_28;
	uint16_t port = bench->fixture->port;

	unsigned before;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_ok(upstream_watch(bench->upstream, STR(URI)));
	upstream_want_log_level(bench->upstream, 3);
	before = atomic_load(&bench->updates);
	fixture_stop(bench->fixture);
	*bench->fixture = fixture_start_at(
		port, (const char *const[]){"--era", modern ? "modern" : "legacy", "--http-sse", "/messages", NULL});
	if (!modern) {
		bench_until(fixture_stat(bench->fixture, "subscribes") == 1);
		bench_until(fixture_stat(bench->fixture, "level_changes") == 1);
	}
	bench_until(atomic_load(&bench->updates) > before);
	expect_update(bench);
}
WATCH_TEST(back_modern, back_script, 2, bench.spec.revision = MCP_2026_07_28, "--era", "modern")
WATCH_TEST(back_legacy, back_script, 2, , LEGACY)
WATCH_TEST(back_over_sse, back_script, 1, use_sse(&bench), LEGACY, "--http-sse", "/messages")

AWAITS static void forgotten_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_ok(upstream_watch(bench->upstream, STR(URI)));
	fixture_control(bench->fixture, "{\"drop_sessions\":true}");
	expect_answer(bench, "echo", "{\"b\":2}", "\"b\"");
	bench_until(fixture_stat(bench->fixture, "subscribes") == 2);
	expect_update(bench);
}
WATCH_TEST(forgotten, forgotten_script, 2, , LEGACY, "--sessions")

/* The lowest level that anybody wants, told once. */
AWAITS static void level_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	upstream_want_log_level(bench->upstream, 5);
	bench_until(fixture_stat(bench->fixture, "level_changes") == 1);
	ck_assert_uint_eq(fixture_stat(bench->fixture, "level_last"), 5);
	upstream_want_log_level(bench->upstream, 6);
	upstream_want_log_level(bench->upstream, 5);
	upstream_want_log_level(bench->upstream, 2);
	bench_until(fixture_stat(bench->fixture, "level_changes") == 2);
	ck_assert_uint_eq(fixture_stat(bench->fixture, "level_last"), 2);
	fixture_control(bench->fixture, "{\"drop_sessions\":true}");
	expect_answer(bench, "echo", "{\"b\":2}", "\"b\"");
	ck_assert_uint_eq(fixture_stat(bench->fixture, "level_changes"), 3);
}
WATCH_TEST(level, level_script, 2, , LEGACY, "--sessions")

AWAITS static void level_isolated_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_answer(bench, "echo", "{\"a\":1}", "\"a\"");
	upstream_want_log_level(bench->upstream, 1);
	bench_until(fixture_stat(bench->fixture, "level_changes") == 2);
}
WATCH_TEST(level_isolated, level_isolated_script, 2, bench.spec.isolation = ISOLATION_USER, LEGACY, "--sessions")

/* A modern server that announces nothing is asked again when its time is over. */
AWAITS static void ttl_script(struct bench *bench)
{
	size_t before;

	bench_until(atomic_load(&bench->offer) != NULL);
	before = atomic_load(&bench->offer)->list[OFFER_TOOLS].count;
	fixture_control(bench->fixture, "{\"add_tools\":5}");
	bench_until(atomic_load(&bench->offer)->list[OFFER_TOOLS].count == before + 5);
	ck_assert_uint_eq(atomic_load(&bench->offers), 2);
}
WATCH_TEST(ttl, ttl_script, 1, , "--era", "modern", "--no-list-changed", "--ttl", "10")

UNIT_MAIN("upstream/watch", test_legacy, test_legacy_over_sse, test_modern, test_task, test_child_legacy,
	  test_child_modern, test_child_watched, test_bound, test_refused_legacy, test_refused_modern, test_isolated,
	  test_isolated_modern, test_swarm_legacy, test_swarm_modern, test_back_modern, test_back_legacy,
	  test_back_over_sse, test_forgotten, test_level, test_level_isolated, test_ttl)
