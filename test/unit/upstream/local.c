/* A server within the process: its offer, resources and who may watch them, calls from several loops, places, the
 * breaker, and that it is held until the upstream has ended. */
#include "bench.h"

#include "upstream/watch.h"

struct upstream_local {
	atomic_int refs;
	atomic_uint calls;
	atomic_uint inside, most_inside;
	atomic_bool sick;
	const char *info;
	bool silent; /* it has no resources */
};

static struct upstream_local *local_ref(struct upstream_local *local)
{
	atomic_fetch_add(&local->refs, 1);
	return local;
}

static void local_unref(struct upstream_local *local)
{
	atomic_fetch_sub(&local->refs, 1);
}

static void local_offer(const struct upstream_spec *spec, struct arena *arena, struct local_offer *ret_offer)
{
	static const struct offer_item tools[] = {
		{{"one", 3}, {"{\"name\":\"one\",\"inputSchema\":{\"type\":\"object\"}}", 46}},
		{{"two", 3}, {"{\"name\":\"two\",\"inputSchema\":{\"type\":\"object\"}}", 46}},
	};
	static const struct offer_item resources[] = {
		{{"here://news", 11}, {"{\"uri\":\"here://news\",\"name\":\"news\"}", 36}},
	};

	*ret_offer = (struct local_offer){
		.server_info = arena_fmt(arena, "{\"name\":\"%s\",\"version\":\"1\"}", spec->local->info),
		.instructions = STR_NONE,
		.tools = tools,
		.tool_count = ARRAY_LEN(tools),
		.resources = resources,
		.resource_count = spec->local->silent ? 0 : ARRAY_LEN(resources)};
}

AWAITS static enum err local_call(void *arg, const struct upstream_spec *spec, struct upstream_call *call,
				  const struct local_request *request, struct local_answer *ret_answer)
{
	struct upstream_local *local = spec->local;
	unsigned inside = atomic_fetch_add(&local->inside, 1) + 1;
	enum err err = fiber_sleep(2);

	ck_assert_ptr_eq(arg, local);
	if (inside > atomic_load(&local->most_inside))
		atomic_store(&local->most_inside, inside);
	atomic_fetch_sub(&local->inside, 1);
	atomic_fetch_add(&local->calls, 1);
	if (err != OK)
		return err;
	ck_ok(upstream_local_progress(call, 1, 2, STR("half \"way\"")));
	ret_answer->result =
		arena_fmt(call->arena, "{\"content\":[],\"structuredContent\":{\"tool\":\"%.*s\",\"arguments\":%.*s}}",
			  STR_ARG(request->tool), STR_ARG(request->arguments));
	ret_answer->sick = atomic_load(&local->sick);
	ret_answer->bytes_in = 7;
	return OK;
}

AWAITS static enum err local_read(void *arg, const struct upstream_spec *spec, struct upstream_call *call,
				  struct str uri, struct str *ret_result)
{
	if (!str_eq(uri, STR("here://news")))
		return ERR_NOT_FOUND;
	*ret_result = arena_fmt(call->arena, "{\"contents\":[{\"uri\":\"%.*s\",\"text\":\"%.*s\"}]}", STR_ARG(uri),
				STR_ARG(call->tenant_id));
	return OK;
}

static struct bench bench_local(struct upstream_local *local, void (*script)(struct bench *bench))
{
	return (struct bench){.spec = {.name = STR("local"),
				       .kind = UPSTREAM_LOCAL,
				       .local = local,
				       .timeout_ms = 5000,
				       .connect_timeout_ms = 2000,
				       .idle_ms = 60000,
				       .concurrency = 2,
				       .queue_max = 64,
				       .answer_bytes_max = 1 << 20,
				       .breaker_failures = 3,
				       .breaker_rest_ms = 50},
			      .locals = {local_ref, local_unref, local_offer, local_call, local_read, local},
			      .script = script};
}

/* ---- offer and calls -------------------------------------------------------------- */

struct heard {
	unsigned count;
	struct buf text;
};

AWAITS static enum err on_notification(void *arg, const struct mcp_message *message)
{
	struct heard *heard = arg;

	heard->count++;
	buf_put(&heard->text, message->params->value);
	return OK;
}

AWAITS static void offers_script(struct bench *bench)
{
	struct heard heard = {0};
	struct try try = try_of("one", "{\"a\":[1,2.50]}");
	struct offer *offer;

	bench_until(bench_state(bench) == UPSTREAM_UP && atomic_load(&bench->offer) != NULL);
	offer = atomic_load(&bench->offer);
	ck_assert_uint_eq(offer->list[OFFER_TOOLS].count, 2);
	ck_assert(str_eq(offer->list[OFFER_TOOLS].items[1].name, STR("two")));
	ck_assert(mcp_is_modern(offer->revision));
	ck_assert(str_has(offer->server_info, "\"name\":\"me\""));
	try.call.on_notification = on_notification;
	try.call.arg = &heard;
	try.call.outgoing.wants_progress = true;
	ck_ok(try_make(bench, &try));
	ck_assert(str_eq(try_result(&try), STR("{\"content\":[],\"structuredContent\":{\"tool\":\"one\",\"arguments\":"
					       "{\"a\":[1,2.50]}}}")));
	ck_assert_uint_eq(try.call.bytes_in, 7);
	ck_assert_uint_eq(heard.count, 1);
	ck_assert(str_has(buf_str(&heard.text), "\"progress\":1,\"total\":2,\"message\":\"half \\\"way\\\"\""));
	buf_free(&heard.text);
	try_end(&try);
}

START_TEST(it_offers_and_is_called)
{
	struct upstream_local local = {.info = "me"};
	struct bench bench = bench_local(&local, offers_script);

	bench_run(&bench, 2);
	ck_assert_int_eq(atomic_load(&local.refs), 0);
}
END_TEST

/* ---- resources --------------------------------------------------------------------- */

static struct try read_of(const char *uri)
{
	struct try try = try_of(uri, "{}");

	try.call.outgoing.method = STR("resources/read");
	return try;
}

AWAITS static void resources_script(struct bench *bench)
{
	struct try good = read_of("here://news"), bad = read_of("here://olds");
	const struct offer *offer;

	bench_until(atomic_load(&bench->offer) != NULL);
	offer = atomic_load(&bench->offer);
	ck_assert(offer->subscribe);
	ck_assert_uint_eq(offer->list[OFFER_RESOURCES].count, 1);
	ck_assert(str_has(offer->capabilities, "\"subscribe\":true"));
	ck_ok(try_make(bench, &good));
	ck_assert(str_eq(try_result(&good), STR("{\"contents\":[{\"uri\":\"here://news\",\"text\":\"tenant\"}]}")));
	ck_ok(try_make(bench, &bad));
	ck_assert(str_has(try_result(&bad), "-32002"));
	ck_ok(upstream_watch(bench->upstream, STR("here://news")));
	ck_err(upstream_watch(bench->upstream, STR("here://olds")), ERR_RPC_PARAMS);
	ck_err(upstream_watch_task(bench->upstream, STR("here://news")), ERR_RPC_METHOD);
	upstream_unwatch(bench->upstream, STR("here://news"));
	try_end(&good);
	try_end(&bad);
}

START_TEST(it_has_resources)
{
	struct upstream_local local = {.info = "me"};
	struct bench bench = bench_local(&local, resources_script);

	bench_run(&bench, 2);
}
END_TEST

AWAITS static void silent_script(struct bench *bench)
{
	struct try try = read_of("here://news");

	bench_until(atomic_load(&bench->offer) != NULL);
	ck_assert(!((const struct offer *)atomic_load(&bench->offer))->subscribe);
	bench->upstream->events.locals.read = NULL;
	ck_ok(try_make(bench, &try));
	ck_assert(str_has(try_result(&try), "-32002"));
	ck_err(upstream_watch(bench->upstream, STR("here://news")), ERR_RPC_PARAMS);
	try_end(&try);
}

START_TEST(it_may_have_none)
{
	struct upstream_local local = {.info = "me", .silent = true};
	struct bench bench = bench_local(&local, silent_script);

	bench_run(&bench, 1);
}
END_TEST

/* ---- places ------------------------------------------------------------------------ */

AWAITS static void one_call(void *arg)
{
	struct bench *bench = arg;
	struct try try = try_of("two", "{}");

	ck_ok(try_make(bench, &try));
	try_end(&try);
}

AWAITS static void places_script(struct bench *bench)
{
	struct upstream_local *local = bench->spec.local;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	for (unsigned i = 0; i < 12; i++)
		ck_ok(fiber_spawn(loop_at(0), "call", one_call, bench, 0, NULL));
	bench_until(atomic_load(&local->calls) == 12);
	ck_assert_uint_eq(atomic_load(&local->most_inside), 2);
	bench_until(upstream_health(bench->upstream).in_flight == 0);
	ck_assert_uint_eq(upstream_health(bench->upstream).calls, 12);
}

START_TEST(its_places_are_counted)
{
	struct upstream_local local = {.info = "me"};
	struct bench bench = bench_local(&local, places_script);

	bench_run(&bench, 1);
}
END_TEST

/* ---- what stands behind it ----------------------------------------------------------- */

AWAITS static void sick_script(struct bench *bench)
{
	struct upstream_local *local = bench->spec.local;

	bench_until(bench_state(bench) == UPSTREAM_UP);
	atomic_store(&local->sick, true);
	for (int i = 0; i < 3; i++)
		one_call(bench); /* an answer each time, which says what is wrong */
	ck_assert_int_eq(bench_state(bench), UPSTREAM_RESTING);
	for (int i = 0; i < 2; i++) {
		struct try try = try_of("one", "{}");

		ck_assert_int_eq(try_make(bench, &try), ERR_UPSTREAM_OPEN);
		try_end(&try);
	}
	ck_assert_uint_eq(atomic_load(&local->calls), 3);
	atomic_store(&local->sick, false);
	bench_until(bench_state(bench) == UPSTREAM_UP);
	one_call(bench);
}

START_TEST(a_sick_platform_is_left_alone)
{
	struct upstream_local local = {.info = "me"};
	struct bench bench = bench_local(&local, sick_script);

	bench_run(&bench, 1);
}
END_TEST

AWAITS static void nobody_main(void *arg)
{
	struct bench *bench = arg;
	struct upstream_events events = {0};
	AUTO_BUF problem = {0};

	ck_assert_int_eq(upstream_new(&bench->spec, &events, &problem, &bench->upstream), ERR_CONFIG);
	ck_assert(str_has(buf_str(&problem), "nobody serves it"));
}

START_TEST(somebody_must_serve_it)
{
	struct upstream_local local = {.info = "me"};
	struct bench bench = bench_local(&local, NULL);

	ck_ok(rt_run(1, nobody_main, &bench));
	ck_assert_int_eq(atomic_load(&local.refs), 0);
}
END_TEST

UNIT_MAIN("upstream/local", it_offers_and_is_called, it_has_resources, it_may_have_none, its_places_are_counted,
	  a_sick_platform_is_left_alone, somebody_must_serve_it)
