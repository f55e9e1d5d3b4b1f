/* The tools, from the arguments to the answer: what is computed is for room analytics' tests; here is whose figures,
 * from where, how old, and how a tool says no. */
#include "../store_database.h"

#include "ads/tool.h"

#define HOUR_MS 3600000LL

static struct {
	unsigned calls, lists;
	enum err err;
	const char *class;
	const char *broken; /* a tool that fails */
	size_t places;
} host = {.places = 1};
static int64_t now_ms = 1795305600000; /* 2026-11-22 */

static int64_t test_now(void)
{
	return now_ms;
}

static const char accounts_page[] =
	"{\"rows\":[{\"id\":\"20\",\"name\":\"Shop \\\"B\\\"\",\"currency\":\"EUR\","
	"\"time_zone\":\"Europe/Berlin\"},{\"id\":\"10\",\"name\":\"A\",\"currency\":\"JPY\","
	"\"time_zone\":\"No/Where\"}]}";
static const char days_page[] =
	"{\"rows\":["
	"{\"campaign_id\":\"1\",\"name\":\"One\",\"status\":\"active\",\"channel\":\"SEARCH\",\"date\":\"2026-11-20\","
	"\"cost_micros\":12340000,\"impressions\":1000,\"clicks\":50,\"conversions\":2,\"value_micros\":80000000},"
	/* the same day again: a page that came twice */
	"{\"campaign_id\":\"1\",\"name\":\"One\",\"status\":\"active\",\"channel\":\"SEARCH\",\"date\":\"2026-11-20\","
	"\"cost_micros\":12350000,\"impressions\":1000,\"clicks\":50,\"conversions\":2,\"value_micros\":80000000},"
	"{\"campaign_id\":\"2\",\"name\":\"Two\",\"date\":\"2026-11-12\",\"cost_micros\":5000000,\"impressions\":10,"
	"\"clicks\":1,\"conversions\":0,\"value_micros\":0},"
	/* not one of the report's days */
	"{\"campaign_id\":\"2\",\"name\":\"Two\",\"date\":\"2025-11-12\",\"cost_micros\":777000000,\"impressions\":10,"
	"\"clicks\":1,\"conversions\":0,\"value_micros\":0}]}";
static const char terms_page[] =
	"{\"rows\":[{\"term\":\"free shoes\",\"campaign_id\":\"1\",\"cost_micros\":9000000,\"impressions\":300,"
	"\"clicks\":40,\"conversions\":0},{\"term\":\"mail "
	"jane@example.org\",\"campaign_id\":\"1\",\"cost_micros\":1000000,"
	"\"impressions\":3,\"clicks\":1,\"conversions\":0}]}";

AWAITS static enum err host_call(void *arg, const struct ads_place *place, const char *tool, struct str arguments,
				 struct arena *arena, struct str *ret_result, struct ads_failure *ret_failure)
{
	(void)arg;
	(void)place;
	(void)arguments;
	host.calls++;
	if (host.err != OK && (host.broken == NULL || strcmp(host.broken, tool) == 0)) {
		*ret_failure = (struct ads_failure){.class = arena_str(arena, str_of(host.class)),
						    .message = STR("the platform's words"),
						    .retry_after_s = 0};
		return host.err;
	}
	*ret_result = strcmp(tool, "accounts") == 0	   ? STR(accounts_page)
		      : strcmp(tool, "campaign_days") == 0 ? STR(days_page)
		      : strcmp(tool, "search_terms") == 0  ? STR(terms_page)
							   : STR("{\"rows\":[]}");
	return OK;
}

AWAITS static enum err host_places(void *arg, struct str tenant_id, struct str holder, enum ads_platform platform,
				   struct arena *arena, struct ads_place **ret_places, size_t *ret_count)
{
	(void)arg;
	(void)holder;
	(void)platform;
	host.lists++;
	*ret_places = arena_zalloc(arena, sizeof(**ret_places));
	**ret_places = (struct ads_place){tenant_id, STR("google-ads"), STR("main"), STR("")};
	*ret_count = host.places;
	return OK;
}

struct asked {
	struct arena *arena;
	struct native_call call;
	yyjson_val *answer;
};

static struct asked asked;
static struct ads *ads;

AWAITS static enum err ask_as(const char *principal, const char *tool, const char *with)
{
	struct native_table table = ads_natives(ads);
	enum err err = ERR_NOT_FOUND;

	if (asked.arena != NULL)
		arena_free(asked.arena);
	asked = (struct asked){.arena = arena_new(1 << 22)};
	asked.call = (struct native_call){
		.arena = asked.arena, .tenant_id = STR("T"), .principal = str_of(principal), .upstream = STR("ads")};
	ck_ok(json_read(asked.arena, str_of(with), &asked.call.with));
	for (const struct native_op *op = table.ops; op->name != NULL; op++)
		if (strcmp(op->name + 4, tool) == 0)
			err = op->run(table.room, &asked.call);
	if (err == OK)
		ck_ok(json_read(asked.arena, asked.call.result, &asked.answer));
	return err;
}

AWAITS static enum err ask(const char *tool, const char *with)
{
	return ask_as("u1", tool, with);
}

static yyjson_val *at(const char *path)
{
	return yyjson_ptr_get(asked.answer, path);
}

static void check_text(const char *path, const char *want)
{
	AUTO_BUF got = {0};

	if (at(path) != NULL)
		json_write(&got, at(path));
	ck_bytes(buf_str(&got), str_of(want));
}

static bool is_warned(const char *code)
{
	yyjson_val *warning;
	size_t i, max;

	yyjson_arr_foreach(at("/warnings"), i, max, warning)
	{
		if (str_eq(json_str(json_get(warning, "code")), str_of(code)))
			return true;
	}
	return false;
}

static void begin(struct db *db)
{
	ads = ads_new(
		&(struct ads_spec){.db = db, .source = {.call = host_call, .places = host_places}, .now_ms = test_now});
}

#define HEALTH "{\"platform\":\"google\",\"dateRange\":\"last_7_days\",\"accountIndex\":\"1\"}"

static AWAITS void envelope_body(struct db *db)
{
	begin(db);
	ck_ok(ask("get_account_health", HEALTH));
	ck_assert(!asked.call.refused);
	check_text("/status", "\"ok\"");
	check_text("/tool", "\"get_account_health\"");
	check_text("/account", "{\"index\":\"1\",\"id\":\"20\",\"name\":\"Shop \\\"B\\\"\"}");
	check_text("/currency", "\"EUR\"");
	check_text("/time_zone", "\"Europe/Berlin\"");
	check_text("/range", "{\"key\":\"last_7_days\",\"start\":\"2026-11-15\",\"end\":\"2026-11-21\",\"days\":7}");
	check_text("/conversion_event", "\"conversions\"");
	check_text("/freshness", "{\"fetched_at\":\"2026-11-22T00:00:00.000Z\",\"cache\":\"miss\",\"age_s\":0,"
				 "\"complete_until\":\"2026-11-18\"}");
	check_text("/coverage/reports/0/start", "\"2026-08-24\"");
	check_text("/data/totals/spend_amount", "12.35");
	check_text("/data/previous/spend_amount", "5");
	ck_assert(is_warned("conversions_incomplete"));
	ck_assert(!is_warned("time_zone_unknown"));
	ck_assert_uint_eq(host.calls, 3); /* accounts, campaign_days, campaigns */

	ck_ok(ask("get_account_health", "{\"platform\":\"google\",\"dateRange\":\"last_90_days\"}"));
	check_text("/account/id", "\"10\"");
	check_text("/data/previous", "null");
	ck_assert(is_warned("time_zone_unknown"));
	ads_free(ads);
}

START_TEST(an_answer_says_whose_and_how_old)
{
	test_with_store(1, envelope_body);
}
END_TEST

static AWAITS void kept_body(struct db *db)
{
	unsigned lists;

	begin(db);
	ck_ok(ask("get_account_health", HEALTH));
	now_ms += 5000;
	lists = host.lists;
	ck_ok(ask("get_account_health", HEALTH)); /* from memory: nobody is asked */
	check_text("/freshness/cache", "\"hit\"");
	check_text("/freshness/age_s", "5");
	check_text("/data/totals/spend_amount", "12.35");
	ck_assert_uint_eq(host.lists, lists);
	ck_assert_ptr_null(asked.call.picture.bytes.p);
	now_ms += 6000;
	ck_ok(ask("get_account_health", HEALTH)); /* the table still has the same */
	ck_assert_uint_eq(host.lists, lists + 1);
	check_text("/freshness/cache", "\"hit\"");
	ck_assert_uint_eq(ads_stats(ads).fetches, 3);

	/* Another replica has forgotten it: that is seen at the next look. */
	ck_ok(metric_forget(db, STR("T"), STR(""), &(int64_t){0}));
	now_ms += 5000;
	ck_ok(ask("get_account_health", HEALTH));
	ck_assert_uint_eq(ads_stats(ads).fetches, 3);
	now_ms += 6000;
	ck_ok(ask("get_account_health", HEALTH));
	check_text("/freshness/cache", "\"miss\"");
	ck_assert_uint_eq(ads_stats(ads).fetches, 6);
	/* This one has: at once. */
	ck_ok(ads_invalidate(ads, STR("T"), ADS_GOOGLE, &(int64_t){0}));
	ck_ok(ask("get_account_health", HEALTH));
	check_text("/freshness/cache", "\"miss\"");

	/* The account was disconnected: nothing of it is answered to anybody after the next look. */
	host.places = 0;
	now_ms += 11000;
	ck_ok(ask("get_account_health", HEALTH));
	ck_assert(asked.call.refused);
	check_text("/status", "\"not_connected\"");
	host.places = 1;

	/* Past its time: the old figures, and they say so. */
	ck_ok(ask("get_account_health", HEALTH));
	host.err = ERR_TOOL_FAILED;
	host.class = "transient";
	now_ms += 2 * HOUR_MS;
	ck_ok(ask("get_account_health", HEALTH));
	check_text("/freshness/cache", "\"stale\"");
	ck_assert(is_warned("stale"));
	ads_free(ads);
}

START_TEST(answers_are_kept_and_looked_at_again)
{
	test_with_store(1, kept_body);
}
END_TEST

static AWAITS void refusals_body(struct db *db)
{
	begin(db);
	ck_ok(ask("get_pmax_breakdown", "{\"platform\":\"meta\",\"dateRange\":\"last_7_days\"}"));
	ck_assert(asked.call.refused);
	check_text("/status", "\"unsupported_platform\"");
	check_text("/supported_platforms", "[\"google\"]");
	check_text("/message", "\"Performance Max exists only on Google Ads.\"");
	ck_assert_uint_eq(host.calls, 0);
	ck_ok(ask("get_account_health",
		  "{\"platform\":\"google\",\"dateRange\":\"last_7_days\",\"accountIndex\":\"7\"}"));
	check_text("/status", "\"not_connected\"");
	ck_ok(ask("get_quality_score", "{\"platform\":\"google\",\"dateRange\":\"last_7_days\"}"));
	check_text("/status", "\"no_data\"");
	ck_err(ask("get_account_health", "{\"platform\":\"google\",\"dateRange\":\"last_8_days\"}"), ERR_RPC_PARAMS);

	host.err = ERR_TOOL_FAILED;
	host.class = "rate_limited";
	ck_ok(ask("get_account_health", HEALTH));
	check_text("/status", "\"rate_limited\"");
	check_text("/retry_after_s", "60");
	check_text("/message", "\"the platform's words\"");
	now_ms += 61000;
	host.class = "permission";
	ck_ok(ask("get_account_health", HEALTH));
	check_text("/status", "\"permission_denied\"");
	now_ms += 61000;
	host.err = ERR_CREDENTIAL_REAUTH; /* up as it is, with the place that a link is wanted for */
	ck_err(ask("get_account_health", HEALTH), ERR_CREDENTIAL_REAUTH);
	ck_str(asked.call.wanted.upstream, "google-ads");
	ck_str(asked.call.wanted.account, "main");
	ck_ok(ads_invalidate(ads, STR("T"), ADS_PLATFORMS, &(int64_t){0}));
	ck_err(ask("get_account_health", HEALTH), ERR_CREDENTIAL_REAUTH); /* not even the list of ad accounts */
	ck_str(asked.call.wanted.upstream, "google-ads");

	host.err = ERR_TOOL_FAILED; /* what is optional may fail */
	host.class = "invalid";
	host.broken = "campaigns";
	ck_ok(ask("get_account_health", HEALTH));
	check_text("/status", "\"ok\"");
	ck_assert(is_warned("report_unavailable"));
	ads_free(ads);
}

START_TEST(a_tool_says_no_in_words)
{
	test_with_store(1, refusals_body);
}
END_TEST

static AWAITS void others_body(struct db *db)
{
	static const char *const tools[] = {"get_search_term_waste", "get_budget_optimizer", "get_auction_insights",
					    "get_weekly_anomaly",    "get_pmax_breakdown",   "get_quality_score"};
	static const char *const platforms[] = {"google", "meta", "tiktok"};

	begin(db);
	ck_ok(ask("get_search_term_waste", "{\"platform\":\"google\",\"dateRange\":\"last_30_days\","
					   "\"threshold\":\"any_spend\",\"chart\":true}"));
	check_text("/status", "\"ok\"");
	check_text("/coverage/dropped_rows", "1");
	ck_assert(is_warned("personal_terms_dropped"));
	ck_assert_ptr_null(memmem(asked.call.result.p, asked.call.result.n, "jane", 4));
	ck_assert_ptr_nonnull(memmem(asked.call.result.p, asked.call.result.n, "free shoes", 10));
	ck_ok(ask("get_weekly_anomaly", "{\"platform\":\"tiktok\",\"chart\":true}"));
	check_text("/range/key", "\"last_7_days\"");
	ck_ok(ask("get_account_health", "{\"platform\":\"meta\",\"dateRange\":\"last_30_days\",\"chart\":true}"));
	ck_str(asked.call.picture.mime, "image/svg+xml");
	ck_assert(str_starts(asked.call.picture.bytes, STR("<svg")));
	ck_ok(ask("get_account_health", "{\"platform\":\"meta\",\"dateRange\":\"last_30_days\",\"chart\":true}"));
	check_text("/freshness/cache", "\"hit\"");
	ck_assert(str_starts(asked.call.picture.bytes, STR("<svg")));
	/* Every pair is answered with an object, whatever there is. */
	for (size_t i = 0; i < ARRAY_LEN(tools); i++) {
		for (size_t j = 0; j < ARRAY_LEN(platforms); j++) {
			char with[128];

			snprintf(with, sizeof(with), "{\"platform\":\"%s\",\"dateRange\":\"last_7_days\"}",
				 platforms[j]);
			ck_ok(ask(tools[i], with));
			ck_assert(yyjson_is_str(at("/status")));
		}
	}
	ads_free(ads);
}

START_TEST(every_tool_answers)
{
	test_with_store(1, others_body);
}
END_TEST

static void keep_one(struct answers *answers, unsigned number, size_t bytes)
{
	char key[32], *head = malloc(bytes);
	struct answer answer = {.head = {head, bytes}, .fetched_ms = number};

	memset(head, 'x', bytes);
	snprintf(key, sizeof(key), "k%u", number);
	answer.key = str_of(key);
	answers_keep(answers, &answer);
	free(head);
}

static bool has(struct answers *answers, const char *key)
{
	AUTO(answer) *answer = answers_find(answers, str_of(key));

	return answer != NULL;
}

START_TEST(answers_have_bounds)
{
	struct answers *answers = answers_new();
	struct answer *held;

	keep_one(answers, 0, ANSWER_BYTES_MAX); /* with its key it is larger */
	ck_assert(!has(answers, "k0"));
	for (unsigned i = 1; i <= ANSWERS_MAX; i++)
		keep_one(answers, i, 10);
	ck_assert(has(answers, "k1")); /* used: the next to go is the second */
	keep_one(answers, ANSWERS_MAX + 1, 10);
	ck_assert(has(answers, "k1"));
	ck_assert(!has(answers, "k2"));
	held = answers_find(answers, STR("k3"));
	for (unsigned i = 0; i < 80; i++)
		keep_one(answers, 10000 + i, ANSWER_BYTES_MAX - 4096);
	ck_assert_uint_le(answers_bytes(answers), ANSWERS_BYTES_MAX);
	ck_assert(!has(answers, "k3"));
	ck_str(held->key, "k3"); /* whoever has it has it */
	answer_unref(held);
	keep_one(answers, 10079, 5);
	held = answers_find(answers, STR("k10079"));
	ck_assert_uint_eq(held->head.n, 5);
	answers_drop(answers, held);
	ck_assert(!has(answers, "k10079"));
	answer_unref(held);
	answers_free(answers);
}
END_TEST

UNIT_MAIN("tool", an_answer_says_whose_and_how_old, answers_are_kept_and_looked_at_again, a_tool_says_no_in_words,
	  every_tool_answers, answers_have_bounds)
