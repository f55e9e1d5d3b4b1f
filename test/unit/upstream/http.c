/* Upstreams over streamable HTTP: both eras, as JSON and as event streams, through the real
 * fixture server; lost sessions, changed lists, faults, cancel, the breaker, a restart. */
#include "bench.h"

#define HTTP_TEST(name, script_, loops, change, ...)                                                                   \
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

AWAITS static void calls(struct bench *bench, enum mcp_revision revision)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (int i = 0; i < 20; i++)
		expect_answer(bench, "echo", "{\"big\":12345678901234567890,\"u\":\"\\u00e9\"}",
			      "12345678901234567890");
	expect_answer(bench, "size", "{\"bytes\":700000}", "fox");
	expect_answer(bench, "echo", "{\"after\":1}", "after");
	ck_assert_int_eq(upstream_health(bench->upstream).revision, revision);
	ck_assert_uint_eq(upstream_health(bench->upstream).failures, 0);
}

AWAITS static void modern_calls(struct bench *bench)
{
	calls(bench, MCP_2026_07_28);
}

AWAITS static void legacy_calls(struct bench *bench)
{
	calls(bench, MCP_2025_11_25);
}

AWAITS static void old_calls(struct bench *bench)
{
	calls(bench, MCP_2025_03_26);
}

HTTP_TEST(modern, modern_calls, 1, , "--era", "modern")
HTTP_TEST(modern_sse, modern_calls, 1, , "--era", "modern", "--sse")
HTTP_TEST(modern_chunked_two_loops, modern_calls, 2, , "--era", "modern", "--chunked")
HTTP_TEST(modern_isolated, modern_calls, 2, bench.spec.isolation = ISOLATION_USER, "--era", "modern")
HTTP_TEST(legacy, legacy_calls, 1, , "--era", "legacy", "--sessions")
HTTP_TEST(legacy_sse_two_loops, legacy_calls, 2, , "--era", "legacy", "--sessions", "--sse")
HTTP_TEST(legacy_isolated, legacy_calls, 2, bench.spec.isolation = ISOLATION_USER, "--era", "legacy", "--sessions")
HTTP_TEST(old, old_calls, 1, , "--era", "legacy", "--protocol", "2025-03-26", "--no-get")
HTTP_TEST(both, modern_calls, 1, , "--era", "both")
HTTP_TEST(few_places, modern_calls, 2, bench.spec.concurrency = 1, "--era", "modern")
HTTP_TEST(pinned_modern, modern_calls, 1, bench.spec.revision = MCP_2026_07_28, "--era", "both")
HTTP_TEST(pinned_legacy, legacy_calls, 1, bench.spec.revision = MCP_2025_11_25, "--era", "both")

/* What it offers: all pages, raw. */
AWAITS static void lists_script(struct bench *bench)
{
	struct offer *offer;
	unsigned generated = 0;

	bench_until(bench_state(bench) == UPSTREAM_UP && atomic_load(&bench->offer) != NULL);
	offer = atomic_load(&bench->offer);
	ck_assert_int_eq(offer->magic, OFFER_MAGIC);
	for (size_t i = 0; i < offer->list[OFFER_TOOLS].count; i++) {
		ck_assert_int_eq(offer->list[OFFER_TOOLS].items[i].json.p[0], '{');
		generated += str_starts(offer->list[OFFER_TOOLS].items[i].name, STR("tool_"));
	}
	ck_assert_uint_eq(generated, 57);
	ck_assert_uint_gt(offer->list[OFFER_PROMPTS].count, 0);
	ck_assert_uint_gt(offer->list[OFFER_RESOURCES].count, 0);
	ck_assert_uint_gt(offer->list[OFFER_TEMPLATES].count, 0);
	ck_assert(offer->completions && offer->server_info.p != NULL);
}
HTTP_TEST(lists_modern, lists_script, 1, , "--era", "modern", "--tools", "57", "--page", "10")
HTTP_TEST(lists_legacy, lists_script, 1, , "--era", "legacy", "--tools", "57", "--page", "7")

/* list_changed is heard and the lists read anew. */
AWAITS static void changed_script(struct bench *bench)
{
	size_t before;

	bench_until(atomic_load(&bench->offer) != NULL);
	before = atomic_load(&bench->offer)->list[OFFER_TOOLS].count;
	/* The stream opens a moment after the lists: until then nobody could be told. */
	bench_until((fixture_control(bench->fixture, "{\"list_changed\":\"tools\"}"),
		     fixture_stat(bench->fixture, "list_changed")) > 0);
	fixture_control(bench->fixture, "{\"add_tools\":5}");
	bench_until(atomic_load(&bench->offer)->list[OFFER_TOOLS].count == before + 5);
}
HTTP_TEST(changed_modern, changed_script, 1, , "--era", "modern")
HTTP_TEST(changed_legacy, changed_script, 2, , "--era", "legacy", "--sessions")

/* The server forgets its sessions: initialized anew, and the call sent once more. */
AWAITS static void session_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (int i = 0; i < 3; i++) {
		expect_answer(bench, "echo", "{\"a\":1}", "\"a\"");
		fixture_control(bench->fixture, "{\"drop_sessions\":true}");
		expect_answer(bench, "echo", "{\"b\":2}", "\"b\"");
	}
	ck_assert_uint_eq(upstream_health(bench->upstream).failures, 0);
}
HTTP_TEST(session_lost, session_script, 2, , "--era", "legacy", "--sessions")
HTTP_TEST(session_lost_isolated, session_script, 2, bench.spec.isolation = ISOLATION_SESSION, "--era", "legacy",
	  "--sessions", "--no-get")

/* The server changes its era under us: asked anew, and the call sent once more. */
AWAITS static void era_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_answer(bench, "echo", "{\"a\":1}", "\"a\"");
	ck_assert_int_eq(upstream_health(bench->upstream).revision, MCP_2025_11_25);
	fixture_control(bench->fixture, "{\"era\":\"modern\"}");
	expect_answer(bench, "echo", "{\"b\":1}", "\"b\"");
	ck_assert_int_eq(upstream_health(bench->upstream).revision, MCP_2026_07_28);
}
HTTP_TEST(era_changes, era_script, 1, , "--era", "legacy")
HTTP_TEST(era_changes_session, era_script, 2, , "--era", "legacy", "--sessions")

/* Every kind of bad answer has its own error, quickly, and harms no later call. */
AWAITS static void faults_script(struct bench *bench)
{
	int64_t start_ms = clock_ms();

	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_err(bench, "garbage", "{\"how\":\"syntax\"}", ERR_UPSTREAM_GARBAGE);
	expect_err(bench, "garbage", "{\"how\":\"id\"}", ERR_UPSTREAM_GARBAGE);
	expect_err(bench, "garbage", "{\"how\":\"empty\"}", ERR_UPSTREAM_GARBAGE);
	expect_err(bench, "garbage", "{\"how\":\"html\"}", ERR_UPSTREAM_GARBAGE);
	expect_err(bench, "garbage", "{\"how\":\"http\"}", ERR_UPSTREAM_GARBAGE);
	expect_err(bench, "garbage", "{\"how\":\"sse\"}", ERR_UPSTREAM_GARBAGE);
	expect_err(bench, "garbage", "{\"how\":\"status\"}", ERR_UPSTREAM_GARBAGE);
	expect_err(bench, "truncate", "{}", ERR_UPSTREAM_DOWN);
	expect_err(bench, "size", "{\"bytes\":3000000}", ERR_UPSTREAM_TOO_LARGE);
	expect_err(bench, "hang", "{}", ERR_UPSTREAM_TIMEOUT);
	ck_assert_int_lt(clock_ms() - start_ms, 5000);
	expect_answer(bench, "echo", "{\"still\":1}", "still");
	ck_assert_uint_eq(upstream_health(bench->upstream).failures, 10);
}
HTTP_TEST(faults_modern, faults_script, 1, bench.spec.timeout_ms = 300, "--era", "modern")
HTTP_TEST(faults_legacy, faults_script, 1, bench.spec.timeout_ms = 300, "--era", "legacy", "--sessions")

/* A caller that goes away: the server hears of it in its era's way. */
struct victim {
	struct bench *bench;
	enum err err;
};

AWAITS static void victim_main(void *arg)
{
	struct victim *victim = arg;
	struct try try = try_of("slow", "{\"ms\":30000}");

	victim->err = try_make(victim->bench, &try);
	try_end(&try);
}

AWAITS static void cancel_script(struct bench *bench)
{
	struct victim victim = {bench, OK};
	struct group group;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	group_init(&group, loop_self());
	ck_ok(group_spawn(&group, "victim", victim_main, &victim));
	bench_until(fixture_stat(bench->fixture, "in_flight") > 0);
	group_cancel(&group);
	ck_ok(group_join(&group));
	ck_err(victim.err, ERR_CANCELED);
	bench_until(fixture_stat(bench->fixture, bench->fixture->cancel_stat) == 1);
	expect_answer(bench, "echo", "{\"still\":1}", "still");
}
HTTP_TEST(cancel_modern, cancel_script, 1, fixture.cancel_stat = "cancel_closes", "--era", "modern")
HTTP_TEST(cancel_legacy, cancel_script, 1, fixture.cancel_stat = "cancel_notices", "--era", "legacy", "--sessions")

/* Progress comes on the caller's fiber, with our token; the answer behind it. */
AWAITS static enum err count_progress(void *arg, const struct mcp_message *message)
{
	unsigned *count = arg;

	ck_bytes(message->method, STR("notifications/progress"));
	(*count)++;
	return OK;
}

AWAITS static void progress_script(struct bench *bench)
{
	struct try try = try_of("progress", "{\"steps\":5,\"ms\":2}");
	unsigned count = 0;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	try.call.outgoing.wants_progress = true;
	try.call.on_notification = count_progress;
	try.call.arg = &count;
	ck_ok(try_make(bench, &try));
	ck_assert_uint_eq(count, 5);
	ck_assert(str_has(try_result(&try), "all steps done"));
	try_end(&try);
}
HTTP_TEST(progress_modern, progress_script, 1, , "--era", "modern")
HTTP_TEST(progress_legacy, progress_script, 2, , "--era", "legacy", "--sessions")

/* A client that goes during the relay ends the call with its own error. */
AWAITS static enum err refuse(void *arg, const struct mcp_message *message)
{
	return ERR_CLOSED;
}

AWAITS static void relay_fails_script(struct bench *bench)
{
	struct try try = try_of("progress", "{\"steps\":500,\"ms\":20}");

	bench_until(bench_state(bench) == UPSTREAM_UP);
	try.call.outgoing.wants_progress = true;
	try.call.on_notification = refuse;
	ck_err(try_make(bench, &try), ERR_CLOSED);
	try_end(&try);
	bench_until(fixture_stat(bench->fixture, "cancel_notices") == 1);
}
HTTP_TEST(relay_fails, relay_fails_script, 1, , "--era", "legacy", "--sessions")

/* The server dies and comes back: calls fail fast, the breaker rests, the keeper mends it. */
AWAITS static void restart_script(struct bench *bench)
{
	uint16_t port = bench->fixture->port;
	int64_t start_ms;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_answer(bench, "echo", "{\"a\":1}", "\"a\"");
	fixture_stop(bench->fixture);
	start_ms = clock_ms();
	for (int i = 0; i < 3; i++)
		expect_err(bench, "echo", "{}", ERR_UPSTREAM_DOWN);
	expect_err(bench, "echo", "{}", ERR_UPSTREAM_OPEN);
	ck_assert_int_lt(clock_ms() - start_ms, 2000);
	ck_assert(bench_state(bench) == UPSTREAM_RESTING || bench_state(bench) == UPSTREAM_DOWN);
	*bench->fixture = fixture_start_at(port, (const char *const[]){"--era", "modern", NULL});
	bench_until(bench_state(bench) == UPSTREAM_UP);
	expect_answer(bench, "echo", "{\"b\":1}", "\"b\"");
}
HTTP_TEST(restart, restart_script, 2, bench.spec.breaker_failures = 3, "--era", "modern")

UNIT_MAIN("upstream/http", test_modern, test_modern_sse, test_modern_chunked_two_loops, test_modern_isolated,
	  test_legacy, test_legacy_sse_two_loops, test_legacy_isolated, test_old, test_both, test_few_places,
	  test_pinned_modern, test_pinned_legacy, test_lists_modern, test_lists_legacy, test_changed_modern,
	  test_changed_legacy, test_session_lost, test_session_lost_isolated, test_era_changes,
	  test_era_changes_session, test_faults_modern, test_faults_legacy, test_cancel_modern, test_cancel_legacy,
	  test_progress_modern, test_progress_legacy, test_relay_fails, test_restart)
