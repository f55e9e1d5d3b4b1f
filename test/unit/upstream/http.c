/* Upstreams over streamable HTTP: both eras, as JSON and as event streams, through the real
 * fixture server. */
#include "bench.h"

AWAITS static void call_a_few(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (int i = 0; i < 20; i++)
		expect_answer(bench, "echo", "{\"big\":12345678901234567890,\"u\":\"\\u00e9\"}",
			      "12345678901234567890");
	ck_assert_uint_eq(upstream_health(bench->upstream).failures, 0);
}

#define CALLS_TEST(name, revision_, loops, ...)                                                                        \
	AWAITS static void name##_script(struct bench *bench)                                                          \
	{                                                                                                              \
		call_a_few(bench);                                                                                     \
		ck_assert_int_eq(upstream_health(bench->upstream).revision, revision_);                                \
	}                                                                                                              \
	START_TEST(test_##name)                                                                                        \
	{                                                                                                              \
		struct fixture fixture = fixture_start(__VA_ARGS__);                                                   \
		struct bench bench = {.spec = bench_http(&fixture), .script = name##_script, .fixture = &fixture};     \
                                                                                                                       \
		bench_run(&bench, loops);                                                                              \
		fixture_stop(&fixture);                                                                                \
	}                                                                                                              \
	END_TEST

CALLS_TEST(modern, MCP_2026_07_28, 1, "--era", "modern")
CALLS_TEST(modern_sse, MCP_2026_07_28, 1, "--era", "modern", "--sse")
CALLS_TEST(modern_chunked_two_loops, MCP_2026_07_28, 2, "--era", "modern", "--chunked")
CALLS_TEST(legacy, MCP_2025_11_25, 1, "--era", "legacy", "--sessions")
CALLS_TEST(legacy_sse_two_loops, MCP_2025_11_25, 2, "--era", "legacy", "--sessions", "--sse")
CALLS_TEST(legacy_old, MCP_2025_03_26, 1, "--era", "legacy", "--protocol", "2025-03-26", "--no-get")
CALLS_TEST(both, MCP_2026_07_28, 1, "--era", "both")

UNIT_MAIN("upstream/http", test_modern, test_modern_sse, test_modern_chunked_two_loops, test_legacy,
	  test_legacy_sse_two_loops, test_legacy_old, test_both)
