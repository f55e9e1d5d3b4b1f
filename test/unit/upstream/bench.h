/* A place to test upstreams: fixture-mcp as a process of its own, an upstream object in
 * rt_run's loops, and fibers that call it. */
#ifndef GATEHOUSE_TEST_UPSTREAM_BENCH_H
#define GATEHOUSE_TEST_UPSTREAM_BENCH_H

#include "fixture.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "upstream/upstream_private.h"

/* ---- the upstream ---------------------------------------------------------------- */

struct bench {
	struct upstream_spec spec;
	struct upstream_locals locals;	     /* of UPSTREAM_LOCAL */
	void (*script)(struct bench *bench); /* AWAITS */
	struct fixture *fixture;
	struct upstream *upstream;
	/* from the events, which come on the home loop */
	atomic_uint changes, offers, updates;
	struct offer *_Atomic offer;
};

static inline struct upstream_spec bench_http(const struct fixture *fixture)
{
	return (struct upstream_spec){
		.name = STR("fixture"),
		.kind = UPSTREAM_HTTP,
		.url = str_of(fixture->url),
		.allow_private = true,
		.timeout_ms = 5000,
		.connect_timeout_ms = 2000,
		.idle_ms = 60000,
		.concurrency = 64,
		.queue_max = 64,
		.answer_bytes_max = 1 << 20,
		.breaker_failures = 1000,
		.breaker_rest_ms = 200,
	};
}

static inline void bench_on_change(void *arg, struct upstream *upstream, struct offer *offer)
{
	struct bench *bench = arg;
	struct offer *old;

	if (offer != NULL && offer != atomic_load(&bench->offer)) {
		old = atomic_exchange(&bench->offer, offer_ref(offer));
		offer_unref(old);
		atomic_fetch_add(&bench->offers, 1);
	}
	atomic_fetch_add(&bench->changes, 1);
}

static inline void bench_on_notification(void *arg, struct upstream *upstream, const struct mcp_message *message)
{
	struct bench *bench = arg;

	atomic_fetch_add(&bench->updates, 1);
}

/* Yield to the loop until a condition holds; a test that waits in vain fails by this limit. */
#define BENCH_WAIT_MS 15000
#define bench_until(condition)                                                                                         \
	do {                                                                                                           \
		int64_t until_ms_ = clock_ms() + BENCH_WAIT_MS;                                                        \
                                                                                                                       \
		while (!(condition)) {                                                                                 \
			ck_assert_msg(clock_ms() < until_ms_, "in vain: %s", #condition);                              \
			ck_ok(fiber_sleep(5));                                                                         \
		}                                                                                                      \
	} while (0)

static inline enum upstream_state bench_state(struct bench *bench)
{
	return upstream_health(bench->upstream).state;
}

AWAITS static inline void bench_main(void *arg)
{
	struct bench *bench = arg;
	struct upstream_events events = {bench_on_change, bench_on_notification, bench, .locals = bench->locals};
	AUTO_BUF problem = {0};

	ck_ok(upstream_new(&bench->spec, &events, &problem, &bench->upstream));
	bench->script(bench);
	upstream_stop(bench->upstream, 1000);
	ck_assert_uint_eq(upstream_health(bench->upstream).instances, 0);
	ck_assert_uint_eq(upstream_health(bench->upstream).children, 0);
	ck_assert_uint_eq(atomic_load(&bench->upstream->helpers), 0);
	upstream_unref(bench->upstream);
	offer_unref(atomic_load(&bench->offer));
}

static inline void bench_run(struct bench *bench, unsigned loops)
{
	log_setup(getenv("UNIT_LOG") != NULL ? LOG_DEBUG : LOG_LEVELS, LOG_TEXT);
	ck_ok(rt_run(loops, bench_main, bench));
}

/* ---- calls ----------------------------------------------------------------------- */

/* One tools/call and what came of it. */
struct
try {
	struct arena *arena;
	struct mcp_message from;
	struct upstream_call call;
	enum err err;
};

static inline struct try try_of(const char *tool, const char *arguments)
{
	struct try try = {.arena = arena_new(64 << 20)};

	try.call = (struct upstream_call){
		.arena = try.arena,
		.outgoing = {.method = STR("tools/call"), .name = str_of(tool)},
		.mcp_name = str_of(tool),
		.tenant_id = STR("tenant"),
		.principal = STR("user"),
		.request_id = STR("req-1"),
	};
	ck_ok(mcp_message_read(try.arena,
			       arena_fmt(try.arena,
					 "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"tools/call\",\"params\":{"
					 "\"name\":\"%s\",\"arguments\":%s}}",
					 tool, arguments),
			       &try.from));
	return try;
}

AWAITS static inline enum err try_make(struct bench *bench, struct try *try)
{
	try->call.outgoing.from = &try->from;
	try->err = upstream_call(bench->upstream, &try->call);
	return try->err;
}

/* The answer's result (or error) as text; valid until try_end. */
static inline struct str try_result(const struct try *try)
{
	const struct mcp_message *answer = &try->call.answer;

	return answer->result != NULL ? answer->result->value : answer->error != NULL ? answer->error->value : STR("");
}

static inline bool str_has(struct str text, const char *what)
{
	for (; text.n > 0; text = str_skip(text, 1))
		if (str_starts(text, str_of(what)))
			return true;
	return false;
}

static inline void try_end(struct try *try)
{
	arena_free(try->arena);
}

/* Call a tool and expect this in its answer. */
AWAITS static inline void expect_answer(struct bench *bench, const char *tool, const char *arguments, const char *want)
{
	struct try try = try_of(tool, arguments);

	ck_ok(try_make(bench, &try));
	ck_assert_msg(str_has(try_result(&try), want), "%s answered %.*s", tool, STR_ARG(try_result(&try)));
	try_end(&try);
}

AWAITS static inline void expect_err(struct bench *bench, const char *tool, const char *arguments, enum err want)
{
	struct try try = try_of(tool, arguments);

	ck_err(try_make(bench, &try), want);
	try_end(&try);
}

#endif
