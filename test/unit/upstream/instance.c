/* Isolation: whose calls meet in one child or session, the caps, and that nothing is left
 * behind when clients vanish without goodbye. */
#include "bench.h"

static const struct str child_args[] = {{"--stdio", 7}, {"--era", 5}, {"legacy", 6}};

static struct upstream_spec child_spec(enum upstream_isolation isolation)
{
	return (struct upstream_spec){
		.name = STR("child"),
		.kind = UPSTREAM_STDIO,
		.isolation = isolation,
		.command = str_of(getenv("FIXTURE_MCP")),
		.args = child_args,
		.arg_count = ARRAY_LEN(child_args),
		.timeout_ms = 5000,
		.connect_timeout_ms = 2000,
		.idle_ms = 60000,
		.concurrency = 64,
		.queue_max = 64,
		.children_max = 64,
		.answer_bytes_max = 1 << 20,
		.breaker_failures = 1000,
		.breaker_rest_ms = 200,
	};
}

/* The process id of the child that serves this owner. */
AWAITS static long pid_for(struct bench *bench, const char *tenant, const char *user, const char *session)
{
	struct try try = try_of("env", "{}");
	struct str text;
	long pid = 0;

	try.call.tenant_id = str_of(tenant);
	try.call.principal = str_of(user);
	try.call.session = str_of(session);
	ck_ok(try_make(bench, &try));
	for (text = try_result(&try); text.n > 0 && pid == 0; text = str_skip(text, 1))
		if (str_starts(text, STR("\"pid\":")))
			pid = strtol(text.p + 6, NULL, 10);
	try_end(&try);
	ck_assert_int_gt(pid, 0);
	return pid;
}

#define ISOLATION_TEST(name, isolation_, loops, script_, change)                                                       \
	START_TEST(test_##name)                                                                                        \
	{                                                                                                              \
		struct bench bench = {.spec = child_spec(isolation_), .script = script_};                              \
                                                                                                                       \
		change;                                                                                                \
		bench_run(&bench, loops);                                                                              \
	}                                                                                                              \
	END_TEST

AWAITS static void keys_script(struct bench *bench)
{
	enum upstream_isolation isolation = bench->spec.isolation;
	long a, b, c, d;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	a = pid_for(bench, "t1", "u1", "s1");
	ck_assert_int_eq(pid_for(bench, "t1", "u1", "s1"), a);
	b = pid_for(bench, "t1", "u1", "s2");
	c = pid_for(bench, "t1", "u2", "s1");
	d = pid_for(bench, "t2", "u1", "s1");
	ck_assert_int_eq(a == b, isolation != ISOLATION_SESSION);
	ck_assert_int_eq(a == c, isolation < ISOLATION_USER);
	ck_assert_int_eq(a == d, isolation == ISOLATION_SHARED);
	/* Names that would be equal when run together are not. */
	if (isolation == ISOLATION_SESSION)
		ck_assert_int_ne(pid_for(bench, "t", "1u", "x"), pid_for(bench, "t1", "u", "x"));
}
ISOLATION_TEST(shared, ISOLATION_SHARED, 1, keys_script, )
ISOLATION_TEST(tenant, ISOLATION_TENANT, 2, keys_script, )
ISOLATION_TEST(user, ISOLATION_USER, 2, keys_script, )
ISOLATION_TEST(session, ISOLATION_SESSION, 2, keys_script, )

/* A tenant at its cap loses its own longest idle child; while those are busy it is refused,
 * and other tenants are not touched. */
AWAITS static enum err call_as(struct bench *bench, const char *tenant, const char *session)
{
	struct try try = try_of("echo", "{}");

	try.call.tenant_id = str_of(tenant);
	try.call.session = str_of(session);
	ck_assert_int_ge(try_make(bench, &try), OK);
	try_end(&try);
	return try.err;
}

AWAITS static void caps_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_ok(call_as(bench, "t1", "s1"));
	ck_ok(call_as(bench, "t1", "s2"));
	ck_err(call_as(bench, "t1", "s3"), ERR_LIMIT); /* both are fresh from a conversation */
	ck_ok(call_as(bench, "t2", "s1"));
	ck_ok(fiber_sleep(2100));
	ck_ok(call_as(bench, "t1", "s2"));
	ck_ok(call_as(bench, "t1", "s3")); /* s1 was idle long enough to give way */
	ck_err(call_as(bench, "t1", "s1"), ERR_LIMIT);
	bench_until(upstream_health(bench->upstream).children <= 4);
}
ISOLATION_TEST(tenant_cap, ISOLATION_SESSION, 1, caps_script, bench.spec.children_per_tenant_max = 2)

AWAITS static void total_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_ok(call_as(bench, "t1", "s1"));
	ck_ok(call_as(bench, "t2", "s1"));
	ck_err(call_as(bench, "t3", "s1"), ERR_LIMIT);
	ck_ok(call_as(bench, "t1", "s1"));
	ck_assert_uint_eq(upstream_health(bench->upstream).children, 3); /* the keeper's too */
}
ISOLATION_TEST(total_cap, ISOLATION_SESSION, 1, total_script, bench.spec.children_max = 3)

/* Clients come and never say goodbye: their children go all the same. */
AWAITS static void churn_script(struct bench *bench)
{
	char session[32];

	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (int i = 0; i < 60; i++) {
		snprintf(session, sizeof(session), "s%d", i);
		ck_ok(call_as(bench, "t1", session));
		ck_assert_uint_le(upstream_health(bench->upstream).children, 64);
	}
	bench_until(upstream_health(bench->upstream).children == 0);
	ck_assert_uint_eq(upstream_health(bench->upstream).instances, 0);
}
ISOLATION_TEST(churn, ISOLATION_SESSION, 2, churn_script, bench.spec.idle_ms = 100)

AWAITS static void forget_script(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	ck_ok(call_as(bench, "t1", "s1"));
	ck_ok(call_as(bench, "t1", "s2"));
	ck_assert_uint_eq(upstream_health(bench->upstream).children, 3);
	upstream_forget(bench->upstream, STR("s1"));
	bench_until(upstream_health(bench->upstream).children == 2);
	upstream_forget(bench->upstream, STR("nobody"));
	ck_ok(call_as(bench, "t1", "s2"));
	ck_assert_uint_eq(upstream_health(bench->upstream).children, 2);
}
ISOLATION_TEST(forget, ISOLATION_SESSION, 2, forget_script, )

/* Sessions with a legacy HTTP server: opened per owner, DELETEd when idle and at the stop. */
AWAITS static void sessions_script(struct bench *bench)
{
	char session[32];

	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (int i = 0; i < 30; i++) {
		snprintf(session, sizeof(session), "s%d", i);
		ck_ok(call_as(bench, "t1", session));
	}
	ck_assert_uint_eq(fixture_stat(bench->fixture, "sessions_opened"), 31);
	bench_until(fixture_stat(bench->fixture, "sessions_live") == 1); /* the keeper's */
	ck_assert_uint_eq(upstream_health(bench->upstream).instances, 1);
}

START_TEST(test_http_sessions)
{
	struct fixture fixture = fixture_start("--era", "legacy", "--sessions");
	struct bench bench = {.spec = bench_http(&fixture), .script = sessions_script, .fixture = &fixture};

	bench.spec.isolation = ISOLATION_SESSION;
	bench.spec.idle_ms = 200;
	bench_run(&bench, 2);
	fixture_stop(&fixture);
}
END_TEST

UNIT_MAIN("upstream/instance", test_shared, test_tenant, test_user, test_session, test_tenant_cap, test_total_cap,
	  test_churn, test_forget, test_http_sessions)
