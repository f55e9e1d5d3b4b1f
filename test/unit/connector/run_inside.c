/* Calls from within the process, whose results are the objects alone; and what native steps pass on as it is: a refusal
 * in words of their own, a picture. */
#include "bench.h"

static const char yaml[] =
	"connector: inside\n"
	"title: Inside\n"
	"about: For tests.\n"
	"internal: true\n"
	"settings: { base: { default: 'https://api.inside.example', url: true, about: Where } }\n"
	"auth: [{ type: bearer }]\n"
	"rate: { used: [ \"{{header.x-used|peak:'calls'}}\" ], reset_s: \"{{header.x-used|peak:'regain'|times:60}}\" "
	"}\n"
	"errors: [ { status: [429], class: rate_limited, retry_after: '{{body.wait}}', hint: Slowly } ]\n"
	"tools:\n"
	"  days:\n"
	"    title: T\n"
	"    description: A tool of a test.\n"
	"    kind: read\n"
	"    input: { at: { type: string }, cursor: { $cursor: true } }\n"
	"    steps:\n"
	"      - http: { method: GET, url: '{{set.base}}/days', query: { at: '{{args.at}}', page: '{{cursor}}' } }\n"
	"    result: { rows: { $each: '{{body.rows}}', do: { cost_micros: '{{it.cost|micros}}' } } }\n"
	"    page: { next: '{{body.next}}' }\n"
	"  more:\n"
	"    title: T\n"
	"    description: A tool of a test.\n"
	"    kind: read\n"
	"    steps:\n"
	"      - http: { method: GET, url: '{{set.base}}/more' }\n"
	"    result: { status: '{{status}}' }\n"
	"  draw:\n"
	"    title: T\n"
	"    description: A tool of a test.\n"
	"    kind: read_local\n"
	"    input: { how: { type: string } }\n"
	"    steps:\n"
	"      - native: test.draw\n"
	"        with: { how: '{{args.how}}' }\n"
	"    result: \"{{body}}\"\n";

/* ---- bare calls ---- */

static char *answer(struct platform *platform, const struct asked *asked)
{
	(void)platform;
	if (strstr(asked->text, "at=busy") != NULL)
		return answer_with("429 Busy", JSON_TYPE, "{\"message\":\"too \\\"fast\\\"\",\"wait\":40}");
	if (strstr(asked->text, "at=away") != NULL)
		return answer_with("500 Broken", JSON_TYPE, "{}");
	if (strstr(asked->text, "page=2") != NULL)
		return answer_json("{\"rows\":[]}");
	return answer_json("{\"rows\":[{\"cost\":\"12.34\"}],\"next\":2}");
}

AWAITS static struct str bare(struct bench *bench, const char *arguments)
{
	bench->bare = true;
	ck_ok(bench_call(bench, "days", arguments));
	return bench->call.result;
}

AWAITS static void bare_script(struct bench *bench)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct str got = bare(bench, "{}"), arguments;
	yyjson_val *root;

	ck_assert(str_starts(got, STR("{\"rows\":[{\"cost_micros\":12340000}],\"next_cursor\":\"")));
	ck_assert(!bench->call.failed);
	ck_ok(json_read(arena, got, &root));
	arguments = arena_fmt(arena, "{\"cursor\":\"%.*s\"}", STR_ARG(json_str(json_get(root, "next_cursor"))));
	ck_bytes(bare(bench, arguments.p), STR("{\"rows\":[],\"next_cursor\":null}"));
	ck_bytes(bare(bench, "{\"at\":\"busy\"}"),
		 STR("{\"error\":{\"class\":\"rate_limited\",\"message\":\"Inside says (HTTP 429): too \\\"fast\\\". "
		     "Slowly.\",\"retry_after_s\":40}}"));
	ck_assert(bench->call.failed);
	/* Now it is paused, and says so without asking. */
	got = bare(bench, "{}");
	ck_assert(str_starts(got, STR("{\"error\":{\"class\":\"rate_limited\",\"message\":\"the platform wants this "
				      "account to wait.\",\"retry_after_s\":")));
	ck_assert_uint_eq(bench->platform.count, 3);
}

START_TEST(who_asks_from_within_gets_the_object)
{
	static struct bench bench = {.platform = {.answer = answer}, .token = "token-of-the-account"};

	bench_run(&bench, yaml, bare_script);
}
END_TEST

AWAITS static void away_script(struct bench *bench)
{
	struct str got = bare(bench, "{\"at\":\"away\"}");

	ck_assert_msg(
		str_starts(got, STR("{\"error\":{\"class\":\"transient\",\"message\":\"Inside says (HTTP 500): ")),
		"%.*s", STR_ARG(got));
	ck_assert(bench->call.failed && bench->call.sick);
}

START_TEST(a_bare_refusal_names_its_class)
{
	static struct bench bench = {.platform = {.answer = answer}, .token = "token-of-the-account"};

	bench_run(&bench, yaml, away_script);
}
END_TEST

/* ---- large answers ---- */

#define ROWS 40000 /* 800 KB: the result is written by another thread */

static char *large_answer(struct platform *platform, const struct asked *asked)
{
	AUTO_BUF body = {0};

	(void)platform, (void)asked;
	buf_put(&body, STR("{\"rows\":["));
	for (int i = 0; i < ROWS; i++)
		buf_put_fmt(&body, "%s{\"cost\":\"0.%06d\"}", i == 0 ? "" : ",", i);
	buf_put_fmt(&body, "]}%c", 0);
	return answer_json(body.p);
}

AWAITS static void large_script(struct bench *bench)
{
	AUTO(arena) *arena = arena_new(1 << 26);
	struct str got = bare(bench, "{}");
	yyjson_val *root;
	int64_t micros;

	ck_ok(json_read(arena, got, &root));
	root = json_get(root, "rows");
	ck_assert_uint_eq(yyjson_arr_size(root), ROWS);
	ck_assert(json_int(json_get(yyjson_arr_get_last(root), "cost_micros"), &micros));
	ck_assert_int_eq(micros, ROWS - 1);
}

START_TEST(large_reports_are_read_elsewhere)
{
	static struct bench bench = {.platform = {.answer = large_answer}, .token = "token-of-the-account"};

	bench_run(&bench, yaml, large_script);
}
END_TEST

/* ---- how much of the limits is used ---- */

static const char *used;

static char *used_answer(struct platform *platform, const struct asked *asked)
{
	char headers[128];

	(void)platform, (void)asked;
	snprintf(headers, sizeof(headers), JSON_TYPE "X-Used: {\"a\":[{\"calls\":%s,\"regain\":2}]}\r\n", used);
	return answer_with("200 OK", headers, "{\"rows\":[]}");
}

AWAITS static void used_script(struct bench *bench)
{
	int64_t began_ms;

	used = "74.2"; /* rounded up: from now on there is a moment between requests */
	(void)bare(bench, "{}");
	began_ms = clock_ms();
	used = "95";
	ck_bytes(bare(bench, "{}"), STR("{\"rows\":[],\"next_cursor\":null}"));
	ck_assert_int_ge(clock_ms() - began_ms, 300);
	/* And now it is left alone, by its other tools, too. */
	bench->bare = false;
	bench_bad(bench, "more", "{}",
		  "rate_limited: the platform wants this account to wait. Come again in 120 seconds.");
	ck_assert_uint_eq(bench->platform.count, 2);
}

START_TEST(limits_are_kept_before_they_are_used_up)
{
	static struct bench bench = {.platform = {.answer = used_answer}, .token = "token-of-the-account"};

	bench_run(&bench, yaml, used_script);
}
END_TEST

/* ---- what native steps give ---- */

/* AWAITS */
static enum err draw(void *room, struct native_call *call)
{
	struct str how = json_str(json_get(call->with, "how"));

	(void)room;
	call->refused = str_eq(how, STR("refuse"));
	if (str_eq(how, STR("picture")))
		call->picture = (struct native_picture){STR("image/svg+xml"), STR("<svg/>")};
	if (!str_eq(how, STR("nothing")))
		call->result = STR("{\"a\" : 1.50}"); /* as it stands, spaces and digits */
	return OK;
}

AWAITS static void native_script(struct bench *bench)
{
	ck_ok(bench_call(bench, "draw", "{}"));
	ck_bytes(bench->call.result, STR("{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"a\\\" : 1.50}\"}],"
					 "\"structuredContent\":{\"a\" : 1.50},\"isError\":false}"));
	ck_ok(bench_call(bench, "draw", "{\"how\":\"picture\"}"));
	ck_bytes(bench->call.result,
		 STR("{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"a\\\" : 1.50}\"},{\"type\":\"image\",\"data\":"
		     "\"PHN2Zy8+\",\"mimeType\":\"image/svg+xml\"}],\"structuredContent\":{\"a\" : 1.50},"
		     "\"isError\":false}"));
	ck_ok(bench_call(bench, "draw", "{\"how\":\"refuse\"}"));
	ck_bytes(bench->call.result, STR("{\"content\":[{\"type\":\"text\",\"text\":\"{\\\"a\\\" : 1.50}\"}],"
					 "\"structuredContent\":{\"a\" : 1.50},\"isError\":true}"));
	ck_assert(bench->call.failed);
	ck_ok(bench_call(bench, "draw", "{\"how\":\"nothing\"}"));
	ck_bytes(bench->call.result, STR("{\"content\":[{\"type\":\"text\",\"text\":\"{}\"}],\"structuredContent\":{},"
					 "\"isError\":false}"));
	ck_assert(connector_is_internal(bench->connector));
}

START_TEST(a_native_step_is_passed_on)
{
	static const struct native_op ops[] = {{"test.draw", draw}, {NULL, NULL}};
	static struct bench bench = {
		.platform = {.answer = answer}, .token = "token-of-the-account", .natives = {ops, NULL}};

	bench_run(&bench, yaml, native_script);
}
END_TEST

UNIT_MAIN("connector/run_inside", who_asks_from_within_gets_the_object, a_bare_refusal_names_its_class,
	  large_reports_are_read_elsewhere, limits_are_kept_before_they_are_used_up, a_native_step_is_passed_on)
