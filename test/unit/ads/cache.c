/* Reports from a source of our own: one fetch for many, old ones while the platform is silent, none of another shape.
 */
#include "../store_database.h"

#include "ads/private.h"

#define HOUR_MS 3600000LL

static struct ads_account account = {
	.place = {.tenant_id = {"T", 1}, .upstream = {"google-ads", 10}, .account = {"", 0}, .holder = {"", 0}},
	.platform = ADS_GOOGLE,
	.account = {.id = {"123", 3}, .currency = {"EUR", 3}, .time_zone = {"UTC", 3}},
};

/* What the platform does. */
static struct {
	unsigned calls;
	int64_t delay_ms;
	enum err err;
	const char *class, *page;
	int64_t retry_after_s;
	struct buf asked;
} host;
static int64_t now_ms = 1795305600000; /* 2026-11-22 */

static int64_t test_now(void)
{
	return now_ms;
}

#define PAGE(id)                                                                                                       \
	"{\"rows\":[{\"campaign_id\":\"" id                                                                            \
	"\",\"date\":\"2026-11-14\",\"cost_micros\":1,\"impressions\":1,\"clicks\":1,"                                 \
	"\"conversions\":1}]}"

AWAITS static enum err host_call(void *arg, const struct ads_place *place, const char *tool, struct str arguments,
				 struct arena *arena, struct str *ret_result, struct ads_failure *ret_failure)
{
	(void)arg;
	(void)place;
	(void)tool;
	host.calls++;
	buf_put(&host.asked, arguments);
	if (host.delay_ms > 0)
		TRY(fiber_sleep(host.delay_ms));
	if (host.err != OK) {
		*ret_failure = (struct ads_failure){.class = arena_str(arena, str_of(host.class)),
						    .message = STR("no"),
						    .retry_after_s = host.retry_after_s};
		return host.err;
	}
	*ret_result = arena_str(arena, str_of(host.page));
	return OK;
}

AWAITS static enum err host_places(void *arg, struct str tenant_id, struct str holder, enum ads_platform platform,
				   struct arena *arena, struct ads_place **ret_places, size_t *ret_count)
{
	struct ads_place *places = arena_zalloc(arena, 2 * sizeof(*places));

	(void)arg;
	(void)platform;
	(void)holder;
	places[0] = (struct ads_place){tenant_id, STR("google-ads"), STR("a"), STR("")};
	places[1] = (struct ads_place){tenant_id, STR("google-ads"), STR("b"), STR("")};
	*ret_places = places;
	*ret_count = 2;
	return OK;
}

static struct ads *room(struct db *db)
{
	host.page = PAGE("1");
	return ads_new(
		&(struct ads_spec){.db = db, .source = {.call = host_call, .places = host_places}, .now_ms = test_now});
}

AWAITS static enum err get(struct ads *ads, struct cached *ret_cached, struct ads_failure *ret_failure)
{
	static struct arena *arena;

	if (arena != NULL)
		arena_free(arena);
	arena = arena_new(1 << 22);
	*ret_failure = (struct ads_failure){0};
	return cache_get(ads, &account, REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS, arena, ret_cached, ret_failure);
}

/* Until nothing is fetched behind anybody. */
AWAITS static void settle(struct ads *ads)
{
	while (atomic_load(&ads->behind) > 0)
		ck_ok(fiber_sleep(1));
}

static AWAITS void many_main(void *arg)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct ads_failure failure = {0};
	struct cached cached;

	ck_ok(cache_get(arg, &account, REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS, arena, &cached, &failure));
	ck_assert_int_eq(cached.row.row_count, 1);
}

AWAITS static enum err many_on_loop(void *ads)
{
	struct group group;

	group_init(&group, loop_self());
	for (int i = 0; i < 50; i++)
		TRY(group_spawn(&group, "caller", many_main, ads));
	return group_join(&group);
}

static AWAITS void crowd_main(void *ads)
{
	ck_ok(loop_call(loop_at(1), "crowd", many_on_loop, ads));
}

/* Two loops share nothing but the row, as two replicas do. */
static AWAITS void one_fetch_body(struct db *db)
{
	struct ads *ads = room(db);
	struct group group;

	host.delay_ms = 50;
	group_init(&group, loop_self());
	ck_ok(group_spawn(&group, "crowd", crowd_main, ads));
	ck_ok(many_on_loop(ads));
	ck_ok(group_join(&group));
	ck_assert_uint_eq(host.calls, 1);
	ck_assert_uint_eq(ads_stats(ads).fetches, 1);
	ck_assert_ptr_nonnull(
		memmem(host.asked.p, host.asked.n, "\"start\":\"2026-08-24\",\"end\":\"2026-11-21\"", 39));
	ads_free(ads);
}

START_TEST(a_hundred_callers_are_one_fetch)
{
	test_with_store(2, one_fetch_body);
}
END_TEST

static AWAITS void stale_body(struct db *db)
{
	struct ads *ads = room(db);
	struct ads_failure failure;
	struct cached cached;
	int64_t first_ms = now_ms;

	ck_ok(get(ads, &cached, &failure));
	ck_assert_int_eq(cached.state, CACHE_MISS);
	now_ms += HOUR_MS - 1;
	ck_ok(get(ads, &cached, &failure));
	ck_assert_int_eq(cached.state, CACHE_HIT);
	now_ms++;
	ck_ok(get(ads, &cached, &failure)); /* the old one, and one fetch behind it */
	ck_assert_int_eq(cached.state, CACHE_STALE);
	ck_assert_int_eq(cached.row.fetched_ms, first_ms);
	settle(ads);
	ck_assert_uint_eq(host.calls, 2);
	ck_ok(get(ads, &cached, &failure));
	ck_assert_int_eq(cached.state, CACHE_HIT);

	/* The platform is dead: the old one, which says why, and it is left alone for a while. */
	now_ms += 2 * HOUR_MS;
	host.err = ERR_TOOL_FAILED;
	host.class = "transient";
	ck_ok(get(ads, &cached, &failure));
	settle(ads);
	ck_ok(get(ads, &cached, &failure));
	settle(ads);
	ck_assert_int_eq(cached.state, CACHE_STALE);
	ck_str(cached.failure.class, "transient");
	ck_assert_uint_eq(host.calls, 3);
	now_ms += 31000;
	ck_ok(get(ads, &cached, &failure));
	settle(ads);
	ck_assert_uint_eq(host.calls, 4);

	/* After a day nothing is left to be said but that it failed. */
	now_ms += 26 * HOUR_MS;
	ck_err(get(ads, &cached, &failure), ERR_TOOL_FAILED);
	ck_str(failure.class, "transient");
	ck_assert_uint_eq(host.calls, 5);
	ck_err(get(ads, &cached, &failure), ERR_TOOL_FAILED);
	ck_assert_uint_eq(host.calls, 5);
	host.err = OK;
	now_ms += 31000;
	ck_ok(get(ads, &cached, &failure));
	ck_assert_int_eq(cached.state, CACHE_MISS);
	ads_free(ads);
}

START_TEST(what_is_old_is_better_than_nothing)
{
	test_with_store(1, stale_body);
}
END_TEST

static AWAITS void shape_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 22);
	struct ads *ads = room(db);
	struct ads_failure failure;
	struct cached cached;

	ck_ok(get(ads, &cached, &failure));
	host.page = "{\"rows\":[{\"campaign_id\":\"1\",\"date\":\"2026-11-14\",\"cost_micros\":\"1\"}]}";
	now_ms += 2 * HOUR_MS;
	ck_ok(get(ads, &cached, &failure));
	settle(ads);
	ck_ok(get(ads, &cached, &failure));
	ck_assert_int_eq(cached.state, CACHE_STALE);
	ck_str(cached.failure.class, "unexpected_shape");
	ck_assert_ptr_nonnull(memmem(cached.failure.message.p, cached.failure.message.n, "rows[0].cost_micros", 19));
	ck_ok(cache_read(ads, &cached, arena));
	ck_assert_ptr_nonnull(memmem(cached.row.document.p, cached.row.document.n, "\"cost_micros\":1", 15));
	ads_free(ads);
}

START_TEST(another_shape_leaves_the_old_report)
{
	test_with_store(1, shape_body);
}
END_TEST

static AWAITS void lease_body(struct db *db)
{
	struct ads *ads = room(db);
	const struct metric_key key = report_key(&account, REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS);
	struct ads_failure failure;
	struct cached cached;

	/* Whoever had the lease has died: it ends, and the next one fetches. */
	ck_ok(metric_lease(db, &key, STR("dead"), now_ms - 40000, now_ms - 1));
	ck_ok(get(ads, &cached, &failure));
	ck_assert_int_eq(cached.state, CACHE_MISS);
	ck_assert_uint_eq(host.calls, 1);
	/* The account is gone: the error as it is, and nothing is remembered that a new sign-in would wait for. */
	ck_ok(metric_forget(db, STR("T"), STR(""), &(int64_t){0}));
	host.err = ERR_CREDENTIAL_REAUTH;
	host.class = "";
	ck_err(get(ads, &cached, &failure), ERR_CREDENTIAL_REAUTH);
	host.err = OK;
	ck_ok(get(ads, &cached, &failure));
	ck_assert_uint_eq(host.calls, 3);
	ads_free(ads);
}

START_TEST(a_lease_ends)
{
	test_with_store(1, lease_body);
}
END_TEST

static AWAITS void refresh_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 22);
	struct ads *ads = room(db);
	struct ads_failure failure = {0};
	struct ads_fetched fetched;
	int64_t count;
	bool wanted;

	ck_ok(ads_refresh(ads, &account, REPORT_KEYWORDS, RANGE_7_DAYS, now_ms, arena, NULL, &failure) ==
			      ERR_TOOL_FAILED
		      ? OK
		      : ERR_INTERNAL); /* rows of another report */
	ck_ok(ads_refresh(ads, &account, REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS, now_ms, arena, &fetched, &failure));
	ck_assert(fetched.fetched);
	ck_assert_int_eq(fetched.rows, 1);
	ck_ok(ads_refresh(ads, &account, REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS, now_ms, arena, &fetched, &failure));
	ck_assert(!fetched.fetched);
	ck_assert_uint_eq(host.calls, 2);
	now_ms += 10;
	ck_ok(ads_refresh(ads, &account, REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS, now_ms, arena, &fetched, &failure));
	ck_assert_uint_eq(host.calls, 3);
	ck_ok(ads_is_wanted(ads, &account, REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS, 0, &wanted));
	ck_assert(!wanted); /* nobody but background work has asked */
	ck_ok(get(ads, &(struct cached){0}, &failure));
	ck_ok(ads_is_wanted(ads, &account, REPORT_CAMPAIGN_DAYS, RANGE_90_DAYS, now_ms, &wanted));
	ck_assert(wanted);

	/* It said when to come again: background work keeps to it. */
	host.err = ERR_TOOL_FAILED;
	host.class = "rate_limited";
	host.retry_after_s = 120;
	ck_err(ads_refresh(ads, &account, REPORT_CAMPAIGNS, RANGE_NONE, now_ms, arena, NULL, &failure),
	       ERR_TOOL_FAILED);
	ck_str(failure.class, "rate_limited");
	ck_err(ads_refresh(ads, &account, REPORT_CAMPAIGNS, RANGE_NONE, now_ms, arena, NULL, &failure),
	       ERR_TOOL_FAILED);
	ck_assert_int_eq(failure.retry_after_s, 120);
	ck_assert_uint_eq(host.calls, 4);
	host.err = ERR_TOOL_FAILED;
	host.class = "unsupported"; /* allow-listed: that it is not given is kept as a report */
	ck_ok(ads_refresh(ads, &account, REPORT_COMPETITORS, RANGE_7_DAYS, now_ms, arena, &fetched, &failure));
	ck_ok(ads_invalidate(ads, STR("T"), ADS_PLATFORMS, &count));
	ck_assert_int_eq(count, 4);
	ads_free(ads);
}

START_TEST(background_work_fetches_what_is_old)
{
	test_with_store(1, refresh_body);
}
END_TEST

static AWAITS void accounts_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 22);
	struct ads *ads = room(db);
	struct ads_failure failure = {0};
	struct ads_account *accounts;
	size_t count;

	host.page = "{\"rows\":[{\"id\":\"9\",\"currency\":\"JPY\",\"time_zone\":\"Asia/Tokyo\",\"login_id\":\"77\"},"
		    "{\"id\":\"10\",\"currency\":\"EUR\"},{\"id\":\"8\",\"currency\":\"EUR\",\"status\":\"removed\"}]}";
	ck_ok(ads_accounts(ads, STR("T"), STR(""), ADS_GOOGLE, 0, arena, &accounts, &count, &failure));
	ck_assert_uint_eq(count, 2); /* both places reach both; the first is taken */
	ck_str(accounts[0].account.id, "10");
	ck_str(accounts[1].account.id, "9");
	ck_str(accounts[1].account.login_id, "77");
	ck_str(accounts[1].place.account, "a");
	ck_assert_uint_eq(host.calls, 2);
	ck_ok(ads_accounts(ads, STR("T"), STR(""), ADS_GOOGLE, 0, arena, &accounts, &count, &failure));
	ck_assert_uint_eq(host.calls, 2);
	ads_free(ads);
}

START_TEST(accounts_are_listed_once)
{
	test_with_store(1, accounts_body);
}
END_TEST

UNIT_MAIN("cache", a_hundred_callers_are_one_fetch, what_is_old_is_better_than_nothing,
	  another_shape_leaves_the_old_report, a_lease_ends, background_work_fetches_what_is_old,
	  accounts_are_listed_once)
