/* Requests of legacy servers to clients, on every way that they can come: a call's own stream, the GET
 * stream of its session, a child's pipe, the stream of HTTP+SSE. Who is asked, how the answer gets
 * back, taking back, what is dropped, and how long the call waits. */
#include "bench.h"

#include "mcp/session.h"

#define ASKED_MAX 64

/* ---- a client -------------------------------------------------------------------- */

enum reaction { ANSWER, REFUSE, DROP, KEEP };

struct client {
	enum reaction reaction;
	struct server_request *asked[ASKED_MAX];
	unsigned asked_count, gone_count;
	uint64_t last_serial;
};

AWAITS static void on_request(void *arg, struct server_request *request)
{
	struct client *client = arg;

	ck_assert_int_eq(server_request_method(request), MCP_M_ELICITATION_CREATE);
	ck_str(server_request_params(request), "{\"message\":\"Who?\"}");
	ck_assert_uint_ne(server_request_serial(request), 0);
	ck_assert_uint_ne(server_request_serial(request), client->last_serial);
	client->last_serial = server_request_serial(request);
	ck_assert_uint_lt(client->asked_count, ASKED_MAX);
	client->asked[client->asked_count++] = request;
	if (client->reaction == KEEP)
		return;
	if (client->reaction == ANSWER)
		server_request_answer(request, STR("{\"action\":\n\"accept\"}"));
	if (client->reaction == REFUSE)
		server_request_refuse(request, STR("{\"code\":-1,\"message\":\"no\"}"));
	/* Only the first one counts. */
	if (client->reaction != DROP)
		server_request_refuse(request, STR("{\"code\":-7,\"message\":\"twice\"}"));
	server_request_unref(request);
}

AWAITS static void on_request_gone(void *arg, struct server_request *request)
{
	struct client *client = arg;

	for (unsigned i = 0; i < client->asked_count; i++)
		if (client->asked[i] == request)
			client->gone_count++;
}

static void answer_kept(struct client *client, unsigned i)
{
	server_request_answer(client->asked[i], STR("{\"action\":\"accept\"}"));
	server_request_unref(client->asked[i]);
	client->asked[i] = NULL;
}

/* ---- the ways -------------------------------------------------------------------- */

struct way {
	const char *name;
	const char *via; /* of tool `ask` */
	const char *options[8];
	bool child, sse;
};

static const struct way ways[] = {
	{.name = "stream", .via = "post", .options = {"--era", "legacy", "--sessions", "--with", "asks"}},
	{.name = "get", .via = "get", .options = {"--era", "legacy", "--sessions", "--with", "asks"}},
	{.name = "child", .via = "post", .options = {"--era", "legacy", "--with", "asks"}, .child = true},
	{.name = "sse",
	 .via = "post",
	 .options = {"--era", "legacy", "--http-sse", "/messages", "--with", "asks"},
	 .sse = true},
};

static const struct way *way; /* of this test's process */

static struct upstream_spec spec_of_child(void)
{
	static struct str args[8] = {{"--stdio", 7}};
	struct fixture nowhere = {.url = ""};
	struct upstream_spec spec = bench_http(&nowhere);

	spec.kind = UPSTREAM_STDIO;
	spec.url = STR_NONE;
	spec.command = str_of(getenv("FIXTURE_MCP"));
	spec.args = args;
	for (spec.arg_count = 1; way->options[spec.arg_count - 1] != NULL; spec.arg_count++)
		args[spec.arg_count] = str_of(way->options[spec.arg_count - 1]);
	spec.children_max = 8;
	spec.warm = true;
	return spec;
}

static void run(void (*script)(struct bench *bench), int way_index, int64_t timeout_ms,
		enum upstream_isolation isolation)
{
	struct bench bench = {.script = script};
	struct fixture fixture = {0};

	way = &ways[way_index];
	if (way->child) {
		bench.spec = spec_of_child();
	} else {
		fixture = fixture_start_at(0, way->options);
		if (way->sse)
			snprintf(fixture.url, sizeof(fixture.url), "http://127.0.0.1:%u/sse", fixture.port);
		bench.spec = bench_http(&fixture);
		bench.spec.kind = way->sse ? UPSTREAM_SSE : UPSTREAM_HTTP;
		bench.fixture = &fixture;
	}
	bench.spec.timeout_ms = timeout_ms;
	bench.spec.isolation = isolation;
	bench_run(&bench, 2);
	if (!way->child)
		fixture_stop(&fixture);
}

#define WAYS_TEST(name, timeout_ms)                                                                                    \
	START_TEST(test_##name)                                                                                        \
	{                                                                                                              \
		run(name##_script, _i, timeout_ms, ISOLATION_SHARED);                                                  \
	}                                                                                                              \
	END_TEST

/* A session's GET stream is open a moment after its upstream is up. */
AWAITS static void wait_ready(struct bench *bench)
{
	bench_until(bench_state(bench) == UPSTREAM_UP);
	if (strcmp(way->via, "get") == 0)
		bench_until(fixture_stat(bench->fixture, "streams_live") == 1);
}

static struct try ask_try(const char *members, struct client *client)
{
	AUTO_BUF arguments = {0};
	struct try try;

	buf_put_fmt(&arguments, "{\"via\":\"%s\"%s}%c", way->via, members, '\0');
	try = try_of("ask", arguments.p);
	if (client != NULL) {
		try.call.on_request = on_request;
		try.call.on_request_gone = on_request_gone;
		try.call.arg = client;
	}
	return try;
}

AWAITS static void expect_asked(struct bench *bench, struct client *client, const char *members, unsigned asked,
				const char *want)
{
	struct try try = ask_try(members, client);
	unsigned before = client == NULL ? 0 : client->asked_count;

	ck_ok(try_make(bench, &try));
	ck_assert_msg(str_has(try_result(&try), want), "ask %s answered %.*s", members, STR_ARG(try_result(&try)));
	if (client != NULL)
		ck_assert_uint_eq(client->asked_count - before, asked);
	try_end(&try);
}

/* ---- answers --------------------------------------------------------------------- */

AWAITS static void answers_script(struct bench *bench)
{
	struct client client = {.reaction = ANSWER};

	wait_ready(bench);
	expect_asked(bench, &client, "", 1, "accept");
	expect_asked(bench, &client, ",\"count\":3", 3, "accept\\\"}{\\\"action");
	client.reaction = REFUSE;
	expect_asked(bench, &client, "", 1, "-1");
	client.reaction = DROP;
	expect_asked(bench, &client, "", 1, "the client did not answer");
	expect_asked(bench, NULL, "", 0, "-32601");
	expect_asked(bench, NULL, ",\"method\":\"ping\"", 0, "{}");
	expect_asked(bench, &client, ",\"method\":\"ping\"", 0, "{}");
	ck_assert_uint_eq(client.gone_count, 0);
}
WAYS_TEST(answers, 5000)

AWAITS static enum err answers_there(void *arg)
{
	answers_script(arg);
	return OK;
}

/* From the loop that is not the home, and from the one that is. */
AWAITS static void other_loop_script(struct bench *bench)
{
	ck_ok(loop_call(loop_at(1), "test", answers_there, bench));
}
WAYS_TEST(other_loop, 5000)

AWAITS static void bound_script(struct bench *bench)
{
	struct client client = {.reaction = KEEP};
	struct try try = ask_try(",\"count\":40,\"leave\":true", &client);

	wait_ready(bench);
	ck_ok(try_make(bench, &try));
	ck_assert_uint_le(client.asked_count, 32);
	ck_assert_uint_eq(client.gone_count, client.asked_count);
	try_end(&try);
	for (unsigned i = 0; i < client.asked_count; i++)
		server_request_unref(client.asked[i]);
}
WAYS_TEST(bound, 5000)

/* ---- taking back, and the call's end ---------------------------------------------- */

AWAITS static void gone_script(struct bench *bench)
{
	struct client client = {.reaction = KEEP};

	wait_ready(bench);
	expect_asked(bench, &client, ",\"cancel\":true", 1, "gone");
	ck_assert_uint_eq(client.gone_count, 1);
	answer_kept(&client, 0); /* goes nowhere */
	client.reaction = ANSWER;
	expect_asked(bench, &client, "", 1, "accept");
	/* On a GET stream the call's answer may overtake the word that it is taken back. */
	if (bench->fixture != NULL && strcmp(way->name, "get") != 0)
		ck_assert_uint_eq(fixture_stat(bench->fixture, "late_responses"), 0);
}
WAYS_TEST(gone, 5000)

AWAITS static enum err answer_there(void *arg)
{
	answer_kept(arg, 0);
	return OK;
}

/* The call is given up while its client is being asked. */
struct leaver {
	struct bench *bench;
	struct client client;
	struct try try;
	bool done;
};

AWAITS static void leaver_main(void *arg)
{
	struct leaver *leaver = arg;

	(void)!try_make(leaver->bench, &leaver->try);
	leaver->done = true;
}

AWAITS static void leave_script(struct bench *bench)
{
	struct leaver leaver = {.bench = bench, .client.reaction = KEEP};
	struct fiber *fiber;

	wait_ready(bench);
	leaver.try = ask_try("", &leaver.client);
	ck_ok(fiber_spawn(loop_self(), "leaver", leaver_main, &leaver, 0, &fiber));
	bench_until(leaver.client.asked_count == 1);
	fiber_cancel(fiber);
	bench_until(leaver.done);
	ck_err(leaver.try.err, ERR_CANCELED);
	ck_assert_uint_eq(leaver.client.gone_count, 1);
	ck_ok(loop_call(loop_at(1), "test", answer_there, &leaver.client));
	try_end(&leaver.try);
	leaver.client.reaction = ANSWER;
	expect_asked(bench, &leaver.client, "", 1, "accept");
	if (bench->fixture != NULL)
		bench_until(fixture_stat(bench->fixture, "cancel_notices") == 1);
}
WAYS_TEST(leave, 5000)

/* ---- time ------------------------------------------------------------------------ */

/* Answered long after the upstream's own time; and one who has answered is waited for no longer. */
AWAITS static void patience_script(struct bench *bench)
{
	struct leaver leaver = {.bench = bench, .client.reaction = KEEP};

	wait_ready(bench);
	leaver.try = ask_try("", &leaver.client);
	ck_ok(fiber_spawn(loop_self(), "patient", leaver_main, &leaver, 0, NULL));
	bench_until(leaver.client.asked_count == 1);
	ck_ok(fiber_sleep(1000));
	ck_assert(!leaver.done);
	ck_ok(loop_call(loop_at(1), "test", answer_there, &leaver.client));
	bench_until(leaver.done);
	ck_ok(leaver.try.err);
	try_end(&leaver.try);

	leaver = (struct leaver){.bench = bench, .client.reaction = DROP};
	leaver.try = ask_try(",\"hang\":true", &leaver.client);
	ck_ok(fiber_spawn(loop_self(), "impatient", leaver_main, &leaver, 0, NULL));
	bench_until(leaver.done);
	ck_err(leaver.try.err, ERR_UPSTREAM_TIMEOUT);
	ck_assert_uint_eq(leaver.client.asked_count, 1);
	try_end(&leaver.try);
}
WAYS_TEST(patience, 300)

/* ---- whose is it? ----------------------------------------------------------------- */

AWAITS static bool server_has(struct bench *bench, const char *what)
{
	struct try try = try_of("stats", "{}");
	bool has;

	ck_ok(try_make(bench, &try));
	has = str_has(try_result(&try), what);
	try_end(&try);
	return has;
}

/* While another call hangs, a request is given to nobody who may be the wrong one. A call's own stream
 * leaves no doubt. */
AWAITS static void whose_script_ready(struct bench *bench)
{
	static const struct {
		const char *principal, *session;
		bool askable;
		unsigned asked;
	} other[] = {
		{"user", "", true, 1}, /* the same client: the latest call is meant */
		{"user", "s1", true, 0},
		{"mallory", "", true, 0},
		{"mallory", "", false, 0},
	};
	bool doubt = strcmp(way->name, "stream") != 0;

	for (size_t i = 0; i < ARRAY_LEN(other); i++) {
		struct leaver leaver = {.bench = bench};
		struct client client = {.reaction = ANSWER};
		struct fiber *fiber;

		leaver.try = try_of("hang", "{}");
		leaver.try.call.principal = str_of(other[i].principal);
		leaver.try.call.session = str_of(other[i].session);
		leaver.try.call.on_request = other[i].askable ? on_request : NULL;
		leaver.try.call.arg = &leaver.client;
		ck_ok(fiber_spawn(loop_self(), "other", leaver_main, &leaver, 0, &fiber));
		bench_until(server_has(bench, "\"in_flight\":1,"));
		if (other[i].asked == 1 || !doubt)
			expect_asked(bench, &client, "", 1, "accept");
		else
			expect_asked(bench, &client, "", 0, "cannot be told");
		ck_assert_uint_eq(leaver.client.asked_count, 0);
		fiber_cancel(fiber);
		bench_until(leaver.done);
		try_end(&leaver.try);
		bench_until(server_has(bench, "\"in_flight\":0,"));
	}
}

AWAITS static void whose_script(struct bench *bench)
{
	wait_ready(bench);
	whose_script_ready(bench);
}
WAYS_TEST(whose, 5000)

/* ---- instances of their own ------------------------------------------------------- */

/* An instance that is kept for a session: its own GET stream is heard, it declares what that client
 * declared, and is told when its roots change. One for nobody in particular promises none of that. */
AWAITS static void own_call(struct bench *bench, const char *session, uint16_t can, const char *tool,
			    struct client *client, const char *want)
{
	struct try try = ask_try("", client);

	if (strcmp(tool, "ask") != 0) {
		try_end(&try);
		try = try_of(tool, "{}");
	}
	try.call.session = str_of(session);
	try.call.client_capabilities = can;
	ck_ok(try_make(bench, &try));
	ck_assert_msg(str_has(try_result(&try), want), "%s answered %.*s", tool, STR_ARG(try_result(&try)));
	try_end(&try);
}

AWAITS static bool session_has(struct bench *bench, const char *session, const char *what)
{
	struct try try = try_of("stats", "{}");
	bool has;

	try.call.session = str_of(session);
	ck_ok(try_make(bench, &try));
	has = str_has(try_result(&try), what);
	try_end(&try);
	return has;
}

AWAITS static void own_script(struct bench *bench)
{
	struct client client = {.reaction = ANSWER};
	bool get = strcmp(way->via, "get") == 0;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	own_call(bench, "s1", MCP_CAN_ROOTS | MCP_CAN_ROOTS_CHANGED, "client", NULL,
		 "{\"roots\":{\"listChanged\":true}}");
	if (get)
		bench_until(fixture_stat(bench->fixture, "streams_live") == 2);
	own_call(bench, "s1", MCP_CAN_ROOTS, "ask", &client, "accept");
	own_call(bench, "", 0, "client", NULL, "\"roots\":{},");
	upstream_roots_changed(bench->upstream, STR("s2"));
	upstream_roots_changed(bench->upstream, STR(""));
	upstream_roots_changed(bench->upstream, STR("s1"));
	if (way->child) {
		bench_until(session_has(bench, "s1", "\"roots_changes\":1"));
		ck_assert(session_has(bench, "", "\"roots_changes\":0"));
		return;
	}
	bench_until(fixture_stat(bench->fixture, "roots_changes") == 1);
	/* Forgotten: its stream ends with it. The shared one's, and that of no session, stay. */
	if (get)
		bench_until(fixture_stat(bench->fixture, "streams_live") == 3);
	upstream_forget(bench->upstream, STR("s1"));
	if (get)
		bench_until(fixture_stat(bench->fixture, "streams_live") == 2);
	ck_assert_uint_eq(fixture_stat(bench->fixture, "roots_changes"), 1);
}

START_TEST(test_own)
{
	run(own_script, _i, 5000, ISOLATION_SESSION);
}
END_TEST

/* Two principals of one tenant share an instance: a request on its stream while both call is nobody's. */
AWAITS static void tenant_script(struct bench *bench)
{
	if (strcmp(way->via, "get") == 0) {
		expect_answer(bench, "echo", "{\"a\":1}", "\"a\"");
		bench_until(fixture_stat(bench->fixture, "streams_live") == 2);
	}
	whose_script_ready(bench);
}

START_TEST(test_tenant)
{
	run(tenant_script, _i, 5000, ISOLATION_TENANT);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("upstream/asks");
	const TTest *const cases[] = {test_answers,  test_other_loop, test_bound, test_gone,  test_leave,
				      test_patience, test_whose,      test_own,	  test_tenant};

	for (size_t i = 0; i < ARRAY_LEN(cases); i++)
		tcase_add_loop_test(tcase, cases[i], 0, ARRAY_LEN(ways));
	return unit_run("upstream/asks", tcase);
}
