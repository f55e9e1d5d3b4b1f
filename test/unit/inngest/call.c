/* Calls of functions: what is done, what is answered, and what is refused before anything is done. */
#include "../unit.h"

#include "inngest/private.h"
#include "rt/loop.h"

#define KEY STR("signkey-test-0123456789abcdef")
#define OTHER_KEY STR("signkey-test-fedcba9876543210")
#define NOW_MS 1700000000123
#define LIST "ed0810b6cc0edb86fda1680f8bb2d3a9a4520508" /* list-tenants */

static const struct inngest_function functions[] = {
	{.id = "scheduled", .cron = "0 * * * *", .retries = 4},
	{.id = "refresh",
	 .event = "sync/refresh-tenant",
	 .retries = 3,
	 .concurrency = 5,
	 .concurrency_key = "event.data.tenantId"},
};

/* What the steps of this test do, and what they have seen. */
static struct {
	size_t runs, failures;
	size_t index;
	char found[64], tenant[64], id[64];
	bool last;
	enum err err;
	const char *problem, *out;
	bool final;
	int64_t retry_after_s;
} world;

static size_t steps(void *arg, struct inngest_run *run, const char *ret_ids[INNGEST_STEPS_MAX])
{
	ret_ids[0] = "list-tenants";
	ret_ids[1] = "fan-out";
	run->problem = STR("no such tenant");
	return run->function == 0 ? 2 : json_str(json_get(run->data, "tenantId")).n > 0 ? 1 : 0;
}

static enum err step(void *arg, struct inngest_run *run, size_t index, struct buf *out)
{
	world.runs++;
	world.index = index;
	world.last = run->last;
	(void)snprintf(world.found, sizeof(world.found), "%.*s", STR_ARG(run->found));
	(void)snprintf(world.tenant, sizeof(world.tenant), "%.*s", STR_ARG(json_str(json_get(run->data, "tenantId"))));
	(void)snprintf(world.id, sizeof(world.id), "%.*s", STR_ARG(run->id));
	run->problem = str_of(world.problem);
	run->final = world.final;
	run->retry_after_s = world.retry_after_s;
	buf_put(out, str_of(world.out));
	return world.err;
}

static void failed(void *arg, struct inngest_run *run, enum err err)
{
	world.failures++;
}

static struct inngest_spec spec = {
	.signing_key = {"signkey-test-0123456789abcdef", 29},
	.event_key = {"event", 5},
	.origin = {"https://gw.example", 18},
	.api_url = {INNGEST_API_URL, sizeof(INNGEST_API_URL) - 1},
	.event_url = {INNGEST_EVENT_URL, sizeof(INNGEST_EVENT_URL) - 1},
	.app_id = {"gatehouse", 9},
	.functions = functions,
	.function_count = ARRAY_LEN(functions),
	.steps = steps,
	.step = step,
	.failed = failed,
};

struct asked {
	struct arena *arena;
	struct inngest_answer answer;
};

static void asked_free(struct asked *asked)
{
	arena_free(asked->arena);
}
#define AUTO_ASKED __attribute__((cleanup(asked_free))) struct asked

/* Ask as Inngest does; without a key unsigned. Each signed request is of a moment of its own. */
AWAITS static struct asked ask(enum inngest_method method, const char *query, const char *body, struct str key)
{
	static int64_t now_ms = NOW_MS;
	struct asked asked = {.arena = arena_new(1 << 20)};
	AUTO_BUF signature = {0};
	struct http_field field = {.name = STR("X-Inngest-Signature")};
	struct http_fields fields = {.field = &field, .count = key.n > 0};
	struct inngest_request request = {.method = method,
					  .query = str_of(query),
					  .body = str_of(body),
					  .fields = &fields,
					  .now_ms = now_ms += 1000};

	if (key.n > 0)
		signature_put(&signature, key, request.body, now_ms / 1000);
	field.value = buf_str(&signature);
	ck_ok(inngest_serve(&spec, &request, inngest_prove(&spec, &request), asked.arena, &asked.answer));
	return asked;
}

AWAITS static struct asked call(const char *query, const char *body)
{
	return ask(INNGEST_POST, query, body, KEY);
}

static bool has(const struct asked *asked, const char *header)
{
	return memmem(asked->answer.headers.p, asked->answer.headers.n, header, strlen(header)) != NULL;
}

#define QUERY "fnId=gatehouse-scheduled&stepId=step"
#define CALL(steps_, rest_)                                                                                            \
	"{\"event\":{\"name\":\"x\",\"data\":{\"tenantId\":\"T1\"}},\"steps\":{" steps_                                \
	"},\"ctx\":{\"run_id\":\"01JRUN\",\"attempt\":0,\"max_attempts\":4" rest_ "},\"version\":1}"

static void in_rt(void (*body)(void *arg))
{
	memset(&world, 0, sizeof(world));
	spec.signing_key_fallback = STR_NONE;
	ck_ok(rt_run(1, body, NULL));
}

AWAITS_ENTRY static void run_body(void *arg)
{
	spec.state = state_memory_new(1024);
	{
		AUTO_ASKED first = ((world.out = "[\"T1\",\"T2\"]"), call(QUERY, CALL("", "")));

		ck_assert_int_eq(first.answer.status, 206);
		ck_str(first.answer.body, "[{\"id\":\"" LIST "\",\"op\":\"StepRun\",\"name\":\"list-tenants\","
					  "\"displayName\":\"list-tenants\",\"data\":[\"T1\",\"T2\"]}]");
		ck_assert(has(&first, "X-Inngest-Sdk: gatehouse:v") && has(&first, "X-Inngest-Req-Version: 2\r\n"));
		ck_assert(has(&first, "X-Inngest-Signature: t=17000000"));
		ck_assert(world.index == 0 && !world.last);
		ck_assert_str_eq(world.found, "");
		ck_assert_str_eq(world.id, "01JRUN");
	}
	{
		AUTO_ASKED second = ((world.out = ""),
				     call(QUERY, CALL("\"" LIST "\":{\"data\":[\"T1\",\"T2\"]}", ",\"attempt\":3")));

		/* a name twice is no JSON of Inngest's */
		ck_assert_int_eq(second.answer.status, 400);
		ck_assert_uint_eq(world.runs, 1);
	}
	{
		AUTO_ASKED second = call(QUERY, CALL("\"" LIST "\":{\"data\":[\"T1\",\"T2\"]}", ""));

		ck_assert(world.runs == 2 && world.index == 1);
		ck_assert_str_eq(world.found, "[\"T1\",\"T2\"]");
		ck_assert_str_eq(world.tenant, "T1");
		ck_assert(str_ends(second.answer.body, STR("\"displayName\":\"fan-out\",\"data\":null}]")));
	}
	{
		AUTO_BUF steps_text = {0};
		AUTO_BUF body = {0};

		buf_put(&steps_text, STR("fan-out"));
		buf_put(&body, STR("{\"event\":{},\"steps\":{\"" LIST "\":null,\""));
		step_hash_put(&body, buf_str(&steps_text));
		buf_put(&body, STR("\":{\"data\":{\"sent\":2.50}}},\"ctx\":{\"run_id\":\"01JRUN\"}}"));
		buf_put_byte(&body, '\0');
		AUTO_ASKED end = call(QUERY, body.p);

		ck_assert_int_eq(end.answer.status, 200);
		ck_str(end.answer.body, "{\"sent\":2.50}");
		ck_assert_uint_eq(world.runs, 2);
	}
	state_free(spec.state);
}

START_TEST(steps_are_done_in_turn)
{
	in_rt(run_body);
}
END_TEST

AWAITS_ENTRY static void failure_body(void *arg)
{
	spec.state = state_memory_new(1024);
	world.err = ERR_TOOL_FAILED;
	world.problem = "the platform says 429";
	world.retry_after_s = 40;
	{
		AUTO_ASKED again = call(QUERY, CALL("", ""));

		ck_assert_int_eq(again.answer.status, 206);
		ck_str(again.answer.body,
		       "[{\"id\":\"" LIST
		       "\",\"op\":\"StepError\",\"name\":\"list-tenants\",\"displayName\":\"list-tenants\","
		       "\"error\":{\"name\":\"TOOL_FAILED\",\"message\":\"the platform says 429\"}}]");
		ck_assert(has(&again, "X-Inngest-No-Retry: false\r\n") && has(&again, "Retry-After: 40\r\n"));
		ck_assert_uint_eq(world.failures, 0);
	}
	{
		AUTO_ASKED last =
			call(QUERY,
			     "{\"event\":{},\"steps\":{},\"ctx\":{\"run_id\":\"R\",\"attempt\":3,\"max_attempts\":4}}");

		ck_assert(world.last);
		ck_assert(memmem(last.answer.body.p, last.answer.body.n, "\"StepFailed\"", 12) != NULL);
		ck_assert(has(&last, "X-Inngest-No-Retry: true\r\n") && !has(&last, "Retry-After"));
		ck_assert_uint_eq(world.failures, 1);
	}
	world.final = true;
	{
		AUTO_ASKED final = call(QUERY, CALL("", ""));

		ck_assert(memmem(final.answer.body.p, final.answer.body.n, "\"StepFailed\"", 12) != NULL);
		ck_assert_uint_eq(world.failures, 2);
	}
	{
		AUTO_ASKED over =
			call(QUERY, CALL("\"" LIST "\":{\"error\":{\"name\":\"TOOL_FAILED\",\"message\":\"m\"}}", ""));

		ck_assert_int_eq(over.answer.status, 400);
		ck_str(over.answer.body, "{\"name\":\"TOOL_FAILED\",\"message\":\"m\"}");
		ck_assert(has(&over, "X-Inngest-No-Retry: true\r\n"));
		ck_assert_uint_eq(world.runs, 3);
	}
	state_free(spec.state);
}

START_TEST(failures_are_told)
{
	in_rt(failure_body);
}
END_TEST

static const struct {
	const char *query, *body;
	int status;
	const char *want;
} odd[] = {
	{QUERY, CALL("", ",\"disable_immediate_execution\":true"), 206,
	 "[{\"id\":\"" LIST "\",\"op\":\"StepPlanned\",\"name\":\"list-tenants\",\"displayName\":\"list-tenants\"}]"},
	{"fnId=gatehouse-scheduled&stepId=" LIST, CALL("\"" LIST "\":{\"data\":1}", ""), 500, "StepNotFound"},
	{"fnId=gatehouse-scheduled&stepId=0000", CALL("", ""), 500, "StepNotFound"},
	{"fnId=gatehouse-nothing&stepId=step", CALL("", ""), 500, "FunctionNotFound"},
	{"fnId=scheduled&stepId=step", CALL("", ""), 500, "FunctionNotFound"},
	{"stepId=step", CALL("", ""), 500, "FunctionNotFound"},
	{"fnId=gatehouse-refresh&stepId=step", "{\"event\":{\"data\":{}},\"steps\":{},\"ctx\":{\"run_id\":\"R\"}}", 400,
	 "no such tenant"},
	{QUERY, "", 400, "BadRequest"},
	{QUERY, "[]", 400, "BadRequest"},
	{QUERY, "{\"ctx\":{\"run_id\":\"../x\"}}", 400, "BadRequest"},
	{QUERY, "{\"ctx\":{\"run_id\":5}}", 400, "BadRequest"},
	{"probe=other", "", 400, "BadRequest"},
	{"%zz", "", 400, "BadRequest"},
};

AWAITS_ENTRY static void odd_body(void *arg)
{
	spec.state = state_memory_new(1024);
	for (size_t i = 0; i < ARRAY_LEN(odd); i++) {
		AUTO_ASKED asked = call(odd[i].query, odd[i].body);

		ck_assert_msg(asked.answer.status == odd[i].status, "%zu: %d", i, asked.answer.status);
		ck_assert_msg(memmem(asked.answer.body.p, asked.answer.body.n, odd[i].want, strlen(odd[i].want)) !=
				      NULL,
			      "%zu: %.*s", i, STR_ARG(asked.answer.body));
	}
	ck_assert_uint_eq(world.runs, 0);
	{
		AUTO_ASKED target = call("fnId=gatehouse-scheduled&stepId=" LIST,
					 CALL("", ",\"disable_immediate_execution\":true"));

		ck_assert_int_eq(target.answer.status, 206);
		ck_assert_uint_eq(world.runs, 1);
	}
	state_free(spec.state);
}

START_TEST(what_is_asked_for_oddly)
{
	in_rt(odd_body);
}
END_TEST

AWAITS static void check_refused(struct inngest_request *request, enum inngest_proof proof)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct inngest_answer answer;

	ck_assert_int_eq(inngest_prove(&spec, request), proof);
	ck_ok(inngest_serve(&spec, request, inngest_prove(&spec, request), arena, &answer));
	ck_assert_int_eq(answer.status, 401);
	ck_str(answer.body, "{\"message\":\"Unauthorized\"}");
	ck_str(answer.headers, "X-Inngest-Sdk-Handled: true\r\n");
}

AWAITS_ENTRY static void refused_body(void *arg)
{
	AUTO_BUF signature = {0};
	struct http_field field[2] = {{.name = STR("x-inngest-signature")}, {.name = STR("X-Inngest-Signature")}};
	struct http_fields fields = {.field = field, .count = 0};
	struct inngest_request request = {.method = INNGEST_POST,
					  .query = STR(QUERY),
					  .body = STR(CALL("", "")),
					  .fields = &fields,
					  .now_ms = NOW_MS};
	AUTO(arena) *arena = arena_new(1 << 20);
	struct inngest_answer answer;

	spec.state = state_memory_new(1024);
	check_refused(&request, INNGEST_UNSIGNED);
	signature_put(&signature, OTHER_KEY, request.body, NOW_MS / 1000);
	field[0].value = field[1].value = buf_str(&signature);
	fields.count = 1;
	check_refused(&request, INNGEST_FALSE);
	spec.signing_key_fallback = OTHER_KEY;
	fields.count = 2; /* which of them would it be? */
	check_refused(&request, INNGEST_FALSE);
	fields.count = 1;
	ck_assert_uint_eq(world.runs, 0);
	ck_ok(inngest_serve(&spec, &request, inngest_prove(&spec, &request), arena, &answer));
	ck_assert_int_eq(answer.status, 206);
	ck_assert_uint_eq(world.runs, 1);
	/* once: not again with another query, not while its time lasts */
	check_refused(&request, INNGEST_PROVEN_FALLBACK);
	request.query = STR("probe=trust");
	request.now_ms += 299000;
	check_refused(&request, INNGEST_PROVEN_FALLBACK);
	request.now_ms += 2000;
	check_refused(&request, INNGEST_FALSE);
	ck_assert_uint_eq(world.runs, 1);
	request.method = INNGEST_PUT;
	check_refused(&request, INNGEST_FALSE);
	request.method = INNGEST_OTHER;
	ck_err(inngest_serve(&spec, &request, INNGEST_UNSIGNED, arena, &answer), ERR_HTTP_METHOD);
	state_free(spec.state);
}

START_TEST(strangers_run_nothing)
{
	in_rt(refused_body);
}
END_TEST

AWAITS_ENTRY static void introspect_body(void *arg)
{
	spec.state = state_memory_new(1024);
	{
		AUTO_ASKED stranger = ask(INNGEST_GET, "", "", STR_NONE);

		ck_assert_int_eq(stranger.answer.status, 200);
		ck_str(stranger.answer.body,
		       "{\"authentication_succeeded\":null,\"function_count\":2,\"has_event_key\":true,"
		       "\"has_signing_key\":true,\"has_signing_key_fallback\":false,\"mode\":\"cloud\","
		       "\"schema_version\":\"2024-05-24\"}");
		ck_assert(!has(&stranger, "X-Inngest-Signature"));
	}
	{
		AUTO_ASKED wrong = ask(INNGEST_GET, "", "", OTHER_KEY);

		ck_assert(str_starts(wrong.answer.body, STR("{\"authentication_succeeded\":false,")));
		ck_assert(memmem(wrong.answer.body.p, wrong.answer.body.n, "app_id", 6) == NULL);
	}
	{
		AUTO_ASKED known = ask(INNGEST_GET, "", "", KEY);

		ck_assert(str_starts(known.answer.body, STR("{\"authentication_succeeded\":true,")));
		ck_assert(memmem(known.answer.body.p, known.answer.body.n, "\"app_id\":\"gatehouse\"", 20) != NULL);
		ck_assert(memmem(known.answer.body.p, known.answer.body.n, "0123456789abcdef", 16) == NULL);
		ck_assert(has(&known, "X-Inngest-Signature"));
	}
	{
		AUTO_ASKED probe = call("probe=trust", "");

		ck_assert_int_eq(probe.answer.status, 200);
		ck_assert_uint_eq(probe.answer.body.n, 0);
		ck_assert(has(&probe, "X-Inngest-Signature"));
	}
	state_free(spec.state);
}

START_TEST(who_may_know_what)
{
	in_rt(introspect_body);
}
END_TEST

UNIT_MAIN("call", steps_are_done_in_turn, failures_are_told, what_is_asked_for_oddly, strangers_run_nothing,
	  who_may_know_what)
