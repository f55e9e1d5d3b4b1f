/* Background work over reports: what is kept fresh, what a crash repeats and what not, what becomes of each kind of
 * failure, who is asked for each hour. The reports themselves are played here: ads_accounts, ads_refresh and
 * ads_is_wanted are this file's. */
#include "../store_database.h"

#include "ads/sync_jobs.h"
#include "audit/audit.h"
#include "base/clock.h"
#include "store/job.h"
#include "store/sync_log.h"
#include "store/tenant.h"

/* ---- the reports that are played --------------------------------------------------- */

static struct play {
	unsigned accounts; /* ad accounts; 0: no place */
	bool wanted[REPORT_KINDS][REPORT_RANGES];
	unsigned fetched[REPORT_KINDS]; /* how often */
	int64_t fetched_ms[8][REPORT_KINDS][REPORT_RANGES];
	enum report_kind holds; /* this one never comes; REPORT_KINDS: all do */
	bool held;		/* somebody waits for it */
	enum report_kind fails; /* this one does, in this way; REPORT_ACCOUNTS: all */
	unsigned fails_at;	/* of this ad account on */
	enum err err;
	struct ads_failure failure;
	unsigned asked; /* calls of a platform */
} play;

static void play_begin(void)
{
	play = (struct play){.accounts = 2, .holds = REPORT_KINDS, .fails = REPORT_KINDS};
}

AWAITS static enum err answer(unsigned at, enum report_kind kind, struct ads_failure *ret_failure)
{
	play.asked++;
	if (play.holds == kind) {
		play.held = true;
		TRY(fiber_sleep(600000));
	}
	if (play.fails != kind || at < play.fails_at)
		return OK;
	*ret_failure = play.failure;
	return play.err;
}

AWAITS enum err ads_accounts(struct ads *ads, struct str tenant_id, struct str holder, enum ads_platform platform,
			     int64_t not_before_ms, struct arena *arena, struct ads_account **ret_accounts,
			     size_t *ret_count, struct ads_failure *ret_failure)
{
	struct ads_account *accounts = arena_zalloc(arena, 8 * sizeof(*accounts));
	int64_t *at_ms = &play.fetched_ms[0][REPORT_ACCOUNTS][RANGE_NONE];

	ck_assert_uint_eq(holder.n, 0);
	if (play.accounts == 0)
		return ERR_NOT_FOUND;
	if (*at_ms < not_before_ms) {
		TRY(answer(0, REPORT_ACCOUNTS, ret_failure));
		*at_ms = clock_wall_ms();
		play.fetched[REPORT_ACCOUNTS]++;
	}
	for (unsigned i = 0; i < play.accounts; i++) {
		accounts[i].place = (struct ads_place){.tenant_id = tenant_id, .upstream = STR("google-ads")};
		accounts[i].platform = platform;
		accounts[i].account.id = arena_fmt(arena, "%u", i);
		accounts[i].account.status = STR("active");
	}
	*ret_accounts = accounts;
	*ret_count = play.accounts;
	return OK;
}

AWAITS enum err ads_refresh(struct ads *ads, const struct ads_account *of, enum report_kind kind,
			    enum report_range range, int64_t not_before_ms, struct arena *arena,
			    struct ads_fetched *ret_fetched, struct ads_failure *ret_failure)
{
	unsigned at = (unsigned)(of->account.id.p[0] - '0');
	int64_t *at_ms = &play.fetched_ms[at][kind][range];

	ck_assert_int_eq(range, !report_types[kind].ranged ? RANGE_NONE : kind == REPORT_CAMPAIGN_DAYS ? 3 : range);
	*ret_fetched = (struct ads_fetched){0};
	if (*at_ms >= not_before_ms)
		return OK;
	TRY(answer(at, kind, ret_failure));
	*at_ms = clock_wall_ms();
	play.fetched[kind]++;
	*ret_fetched = (struct ads_fetched){.fetched = true, .rows = 10, .bytes = 100};
	return OK;
}

AWAITS enum err ads_is_wanted(struct ads *ads, const struct ads_account *of, enum report_kind kind,
			      enum report_range range, int64_t since_ms, bool *ret_wanted)
{
	ck_assert_int_lt(llabs(clock_wall_ms() - SYNC_WANTED_MS - since_ms), 5000);
	*ret_wanted = play.wanted[kind][range];
	return OK;
}

/* ---- the stage --------------------------------------------------------------------- */

struct stage {
	struct db *db;
	struct audit *audit;
	struct sync *sync;
	struct jobs *jobs;
	struct arena *arena;
	struct tenant acme;
	unsigned cleared[RETENTION_KINDS], archived;
};

static enum err on_places(void *arg, struct str tenant_id, struct str holder, enum ads_platform platform,
			  struct arena *arena, struct ads_place **ret_places, size_t *ret_count)
{
	*ret_places = ARENA_NEW(arena, struct ads_place);
	(*ret_places)->connected = platform != ADS_TIKTOK;
	*ret_count = 1;
	return OK;
}

/* All of the store's, one at a time. */
static AWAITS enum err on_tenants(void *arg, struct str after, size_t limit, struct arena *arena,
				  struct str **ret_tenants, size_t *ret_count)
{
	struct stage *stage = arg;
	struct tenant *tenants;
	struct str *ids = arena_alloc(arena, (limit + 1) * sizeof(*ids));

	TRY(tenant_page(stage->db, arena, after, limit, &tenants, ret_count));
	for (size_t i = 0; i < *ret_count; i++)
		ids[i] = tenants[i].id;
	*ret_tenants = ids;
	return OK;
}

static enum err on_clear(void *arg, enum retention_kind kind, struct buf *words)
{
	((struct stage *)arg)->cleared[kind]++;
	return OK;
}

static enum err on_archive(void *arg, struct buf *words)
{
	((struct stage *)arg)->archived++;
	buf_put(words, STR("2 files"));
	return OK;
}

static struct str schedule_of(void *arg, struct str name)
{
	return STR("");
}

AWAITS static void begin_jobs(struct stage *stage, bool driven)
{
	const struct sync_spec spec = {.source = {.places = on_places, .tenants = on_tenants, .arg = stage},
				       .db = stage->db,
				       .audit = stage->audit,
				       .clear = on_clear,
				       .archive = on_archive,
				       .arg = stage};

	stage->sync = sync_new(&spec);
	stage->jobs = jobs_new(stage->db, 7);
	ck_ok(sync_jobs_add(stage->jobs, stage->sync, driven, schedule_of, NULL));
	ck_ok(jobs_start(stage->jobs));
}

AWAITS static void end_jobs(struct stage *stage)
{
	jobs_stop(stage->jobs);
	jobs_free(stage->jobs);
	sync_free(stage->sync);
}

AWAITS static void stage_begin(struct stage *stage, struct db *db)
{
	*stage = (struct stage){.db = db, .arena = arena_new(1 << 20)};
	play_begin();
	ck_ok(audit_start(db, secret_random(), AUDIT_STRICT, &stage->audit));
	stage->acme = test_tenant(db, stage->arena, "acme");
	begin_jobs(stage, true);
}

AWAITS static void stage_end(struct stage *stage)
{
	end_jobs(stage);
	audit_stop(stage->audit);
	arena_free(stage->arena);
}

AWAITS static void await_number(struct db *db, const char *sql, int64_t number)
{
	int64_t until_ms = clock_ms() + 20000;

	while (test_int(db, sql) != number) {
		ck_assert_msg(clock_ms() < until_ms, "%s: never %lld", sql, (long long)number);
		ck_ok(fiber_sleep(5));
	}
}

AWAITS static void await_runs(struct stage *stage, int64_t count)
{
	await_number(stage->db, "SELECT count(*) FROM job_run", count);
}

/* Nobody looks for jobs while some are made, or one would be begun and stopped at once; then what is due begins without
 * waiting for a second. */
AWAITS static void pause_jobs(struct stage *stage)
{
	jobs_stop(stage->jobs);
}

AWAITS static void look_now(struct stage *stage)
{
	ck_ok(jobs_start(stage->jobs));
}

AWAITS static struct str ask(struct stage *stage, enum ads_platform platform)
{
	struct str id;

	pause_jobs(stage);
	ck_ok(sync_ask(stage->db, stage->arena, stage->acme.id, platform, &id));
	look_now(stage);
	return id;
}

AWAITS static struct sync_log row_of(struct stage *stage, struct str id)
{
	struct sync_log row;

	ck_ok(sync_log_get(stage->db, stage->arena, stage->acme.id, id, &row));
	return row;
}

static bool holds(struct str text, const char *what)
{
	return memmem(text.p, text.n, what, strlen(what)) != NULL;
}

/* ---- a tenant's run ---------------------------------------------------------------- */

static AWAITS void fresh_body(struct db *db)
{
	struct stage stage;
	struct sync_log row;
	struct str id;

	stage_begin(&stage, db);
	play.wanted[REPORT_SEARCH_TERMS][RANGE_30_DAYS] = true;
	play.wanted[REPORT_SIMULATIONS][RANGE_NONE] = true;
	id = ask(&stage, ADS_GOOGLE);
	await_runs(&stage, 1);
	row = row_of(&stage, id);
	ck_str(row.outcome, "ok");
	ck_str(row.place, "google-ads");
	ck_str(row.driver, "jobs");
	ck_assert(row.steps_done == row.steps_total && row.steps_total == 12 && row.ended_ms >= row.started_ms);
	ck_assert_int_eq(row.reports, 1 + 2 * 4); /* of two ad accounts: days, campaigns and what was asked for */
	ck_assert(row.rows == 80 && row.bytes == 800);
	ck_assert_uint_eq(play.asked, 9);
	ck_assert_uint_eq(play.fetched[REPORT_KEYWORDS], 0);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM job WHERE schedule = ''"), 0);
	await_number(db,
		     "SELECT count(*) FROM audit WHERE event = 'sync.completed' AND outcome = 'ok'"
		     " AND upstream = 'google-ads'",
		     1);
	ck_assert_uint_eq(sync_stats(stage.sync, ADS_GOOGLE).runs, 1);
	ck_assert_uint_eq(sync_stats(stage.sync, ADS_GOOGLE).reports, 9);
	stage_end(&stage);
}

START_TEST(what_is_asked_for_is_kept_fresh)
{
	test_with_store(1, fresh_body);
}
END_TEST

/* The process goes after two steps and in the middle of the third: of two ad accounts one was done. */
static AWAITS void crash_body(struct db *db)
{
	struct stage stage;
	struct sync_log row;
	struct str id;
	int64_t started_ms;

	stage_begin(&stage, db);
	play.holds = REPORT_CAMPAIGNS;
	play.fetched_ms[0][REPORT_CAMPAIGNS][RANGE_NONE] = INT64_MAX;
	id = ask(&stage, ADS_GOOGLE);
	while (!play.held)
		ck_ok(fiber_sleep(5));
	started_ms = row_of(&stage, id).started_ms;
	ck_assert_int_eq(row_of(&stage, id).steps_done, 2);
	end_jobs(&stage);
	ck_str(row_of(&stage, id).outcome, "running");

	play.holds = REPORT_KINDS;
	begin_jobs(&stage, true);
	await_runs(&stage, 2);
	row = row_of(&stage, id);
	ck_str(row.outcome, "ok");
	ck_assert_int_eq(row.started_ms, started_ms);
	ck_assert_uint_eq(play.fetched[REPORT_ACCOUNTS], 1);
	ck_assert_uint_eq(play.fetched[REPORT_CAMPAIGN_DAYS], 2);
	ck_assert_uint_eq(play.fetched[REPORT_CAMPAIGNS], 1);
	ck_assert_uint_eq(play.asked, 1 + 2 + 2);
	stage_end(&stage);
}

START_TEST(a_crash_repeats_no_finished_step)
{
	test_with_store(1, crash_body);
}
END_TEST

/* ---- failures ---------------------------------------------------------------------- */

static AWAITS void revoked_body(struct db *db)
{
	struct stage stage;
	struct sync_log row;
	struct str id;

	stage_begin(&stage, db);
	play.fails = REPORT_ACCOUNTS;
	play.err = ERR_CREDENTIAL_REAUTH;
	id = ask(&stage, ADS_GOOGLE);
	await_runs(&stage, 1);
	row = row_of(&stage, id);
	ck_str(row.outcome, "failed");
	ck_assert(holds(row.error, "CREDENTIAL_REAUTH"));
	ck_assert_uint_eq(play.asked, 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM job WHERE schedule = ''"), 0);
	await_number(db,
		     "SELECT count(*) FROM audit WHERE event = 'sync.failed' AND outcome = 'CREDENTIAL_REAUTH'"
		     " AND tenant_id <> ''",
		     1);
	ck_assert_uint_eq(sync_stats(stage.sync, ADS_GOOGLE).failures, 1);

	play.accounts = 0; /* it was disconnected meanwhile */
	id = ask(&stage, ADS_META);
	await_runs(&stage, 2);
	ck_assert(holds(row_of(&stage, id).error, "not_connected"));
	id = ask(&stage, ADS_TIKTOK); /* where nothing was ever connected */
	await_runs(&stage, 3);
	ck_err(sync_log_get(db, stage.arena, stage.acme.id, id, &row), ERR_NOT_FOUND);
	stage_end(&stage);
}

START_TEST(an_account_that_is_refused_is_not_tried_again)
{
	test_with_store(1, revoked_body);
}
END_TEST

/* Of one ad account one report cannot be had; what a platform does not have at all is no failure. */
static AWAITS void partial_body(struct db *db)
{
	struct stage stage;
	struct sync_log row;
	struct str id;

	stage_begin(&stage, db);
	play.fails = REPORT_CAMPAIGNS;
	play.fails_at = 1;
	play.err = ERR_TOOL_FAILED;
	play.failure = (struct ads_failure){.class = STR("permission"), .message = STR("not yours")};
	id = ask(&stage, ADS_GOOGLE);
	await_runs(&stage, 1);
	row = row_of(&stage, id);
	ck_str(row.outcome, "partial");
	ck_str(row.error, "campaigns of ad account 1: permission: not yours");
	ck_assert_int_eq(row.reports, 4);

	play.failure.class = STR("unsupported");
	id = ask(&stage, ADS_GOOGLE);
	await_runs(&stage, 2);
	ck_str(row_of(&stage, id).outcome, "ok");
	stage_end(&stage);
}

START_TEST(one_ad_account_does_not_keep_the_others_back)
{
	test_with_store(1, partial_body);
}
END_TEST

static AWAITS void limited_body(struct db *db)
{
	struct stage stage;
	struct str id, other;
	int64_t wait_ms;

	stage_begin(&stage, db);
	play.fails = REPORT_CAMPAIGNS;
	play.err = ERR_TOOL_FAILED;
	play.failure =
		(struct ads_failure){.class = STR("rate_limited"), .message = STR("slowly"), .retry_after_s = 1800};
	id = ask(&stage, ADS_GOOGLE);
	await_runs(&stage, 1);
	ck_str(row_of(&stage, id).outcome, "waiting");
	wait_ms = row_of(&stage, id).again_ms - clock_wall_ms();
	ck_assert(wait_ms > 1790000 && wait_ms <= 1800000);
	ck_assert_int_eq(test_int(db, "SELECT next_ms FROM job WHERE schedule = ''"), row_of(&stage, id).again_ms);
	ck_assert_int_eq(test_int(db, "SELECT attempts FROM job WHERE schedule = ''"), 0);

	other = ask(&stage, ADS_GOOGLE); /* the next hour's */
	await_runs(&stage, 2);
	ck_assert_uint_eq(play.asked, 4);
	ck_err(sync_log_get(db, stage.arena, stage.acme.id, other, &(struct sync_log){0}), ERR_NOT_FOUND);

	play.fails = REPORT_KINDS;
	pause_jobs(&stage);
	ck_ok(job_hurry(db, id, 0));
	look_now(&stage);
	await_runs(&stage, 3);
	ck_str(row_of(&stage, id).outcome, "ok");
	ck_assert_uint_eq(play.fetched[REPORT_ACCOUNTS] + play.fetched[REPORT_CAMPAIGN_DAYS], 3);

	play.fails = REPORT_ACCOUNTS; /* longer than a run may take */
	play.failure.retry_after_s = INT64_MAX / 2;
	id = ask(&stage, ADS_GOOGLE);
	await_runs(&stage, 4);
	ck_str(row_of(&stage, id).outcome, "failed");
	stage_end(&stage);
}

START_TEST(a_platform_that_is_asked_too_often_is_left_alone)
{
	test_with_store(1, limited_body);
}
END_TEST

static AWAITS void again_body(struct db *db)
{
	struct stage stage;
	struct sync_log row;
	struct str id;

	stage_begin(&stage, db);
	play.fails = REPORT_CAMPAIGN_DAYS;
	play.err = ERR_UPSTREAM_DOWN;
	id = ask(&stage, ADS_META);
	for (int i = 1; i <= 4; i++) {
		await_runs(&stage, i);
		if (i < 4) {
			ck_str(row_of(&stage, id).outcome, "waiting");
			pause_jobs(&stage);
			ck_ok(test_write(db, "UPDATE job SET next_ms = 0 WHERE schedule = ''"));
			look_now(&stage);
		}
	}
	row = row_of(&stage, id);
	ck_str(row.outcome, "failed");
	ck_assert(holds(row.error, "UPSTREAM_DOWN") && row.steps_done == 1);
	ck_assert_uint_eq(play.asked, 1 + 4);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM job WHERE schedule = ''"), 0); /* no dead letter */
	stage_end(&stage);
}

START_TEST(what_may_get_better_is_tried_four_times)
{
	test_with_store(1, again_body);
}
END_TEST

/* ---- rounds ------------------------------------------------------------------------ */

static struct sync_wish wishes[8];
static size_t wish_count;

static enum err note_wishes(struct sync_run *run, const struct sync_wish *asked, size_t count)
{
	for (size_t i = 0; i < count; i++)
		wishes[wish_count++] = asked[i];
	return OK;
}

AWAITS static void run_round(struct stage *stage)
{
	struct sync_run run = {
		.sync = stage->sync, .id = STR("r"), .driver = STR("test"), .arena = stage->arena, .ask = note_wishes};
	AUTO_BUF out = {0};

	wish_count = 0;
	ck_ok(sync_begin(&run, &sync_functions[0]));
	ck_ok(sync_step(&run, &sync_functions[0], 0, &out));
	run.found = arena_str(stage->arena, buf_str(&out));
	out.n = 0;
	ck_ok(sync_step(&run, &sync_functions[0], 1, &out));
	ck_str(buf_str(&out), "{\"asked\":4}");
}

static AWAITS void round_body(struct db *db)
{
	struct sync_wish first[4];
	struct stage stage;
	struct tenant shut;
	struct str want;
	char hour[CLOCK_ISO_LEN + 1];

	stage_begin(&stage, db);
	shut = test_tenant(db, stage.arena, "shut");
	shut.disabled = true;
	ck_ok(tenant_update(db, &shut, shut.changed_ms));
	pause_jobs(&stage);
	ck_ok(sync_ask(db, stage.arena, shut.id, ADS_GOOGLE, &want));
	look_now(&stage);
	await_runs(&stage, 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM sync_log"), 0);
	test_tenant(db, stage.arena, "third");

	run_round(&stage);
	memcpy(first, wishes, sizeof(first));
	run_round(&stage);
	for (size_t i = 0; i < 4; i++) {
		int64_t hour_ms = wishes[i].at_ms - wishes[i].at_ms % 3600000;

		clock_iso(hour_ms, hour);
		hour[13] = '\0';
		want = sync_run_id(stage.arena, wishes[i].tenant_id, wishes[i].platform, str_of(hour));
		ck_bytes(wishes[i].id, want);
		ck_assert_int_eq((wishes[i].at_ms - first[i].at_ms) % 3600000, 0);
		ck_assert(!str_eq(wishes[i].tenant_id, shut.id) && wishes[i].platform != ADS_TIKTOK);
		ck_assert(i == 0 || wishes[i].at_ms % 3600000 != wishes[0].at_ms % 3600000);
	}

	/* As jobs: those whose minute has passed have run, the others wait. */
	pause_jobs(&stage);
	ck_ok(job_hurry(db, STR("sync-scheduled-refresh"), 0));
	look_now(&stage);
	await_number(db,
		     "SELECT (SELECT count(*) FROM job WHERE schedule = '') + (SELECT count(*) FROM sync_log"
		     " WHERE ended_ms > 0)",
		     4);
	stage_end(&stage);
}

START_TEST(each_tenant_is_asked_for_once_an_hour)
{
	test_with_store(1, round_body);
}
END_TEST

static AWAITS void night_body(struct db *db)
{
	struct stage stage;
	AUTO(arena) *arena = arena_new(1 << 20);
	struct job_run *runs;
	size_t count;

	stage_begin(&stage, db);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM job WHERE schedule = 'never'"), 3); /* driven by another */
	end_jobs(&stage);
	begin_jobs(&stage, false);
	ck_assert_int_eq(
		test_int(db, "SELECT count(*) FROM job WHERE schedule IN ('0 * * * *', '0 2 * * *', '0 3 * * *')"), 3);
	pause_jobs(&stage);
	ck_ok(job_hurry(db, STR("gdpr-purge-cache"), 0));
	ck_ok(job_hurry(db, STR("archive-audit-log"), 0));
	look_now(&stage);
	await_runs(&stage, 2);
	ck_assert(stage.cleared[RETENTION_METRICS] == 1 && stage.cleared[RETENTION_SYNC_LOG] == 1);
	ck_assert_uint_eq(stage.archived, 1);
	ck_ok(job_runs(db, arena, STR("archive-audit-log"), 1, &runs, &count));
	ck_str(runs[0].outcome, "ok");
	stage_end(&stage);
}

START_TEST(at_night_what_is_old_goes)
{
	test_with_store(1, night_body);
}
END_TEST

UNIT_MAIN("sync", what_is_asked_for_is_kept_fresh, a_crash_repeats_no_finished_step,
	  an_account_that_is_refused_is_not_tried_again, one_ad_account_does_not_keep_the_others_back,
	  a_platform_that_is_asked_too_often_is_left_alone, what_may_get_better_is_tried_four_times,
	  each_tenant_is_asked_for_once_an_hour, at_night_what_is_old_goes)
