/* Runs of background work: one at a time for a tenant's platform, gone on with after a crash, given up when nobody
 * comes back; listed by the page, each tenant's for itself. */
#include "../store_database.h"

#include "store/sync_log.h"

#define HELD_MS 1000

static struct sync_log run_of(const char *id, const char *tenant, const char *platform, int64_t now_ms)
{
	return (struct sync_log){.id = str_of(id),
				 .tenant_id = str_of(tenant),
				 .platform = str_of(platform),
				 .driver = STR("jobs"),
				 .started_ms = now_ms,
				 .held_ms = now_ms + HELD_MS,
				 .steps_total = 5};
}

AWAITS static struct sync_log get(struct db *db, struct arena *arena, const char *id)
{
	struct sync_log run;

	ck_ok(sync_log_get(db, arena, STR_NONE, str_of(id), &run));
	return run;
}

static AWAITS void one_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct sync_log first = run_of("a", "T", "google", 100), second = run_of("b", "T", "google", 200), run;
	struct sync_log meta = run_of("c", "T", "meta", 200), rival = run_of("d", "U", "google", 200);

	ck_ok(sync_log_open(db, arena, &first, &run));
	ck_str(run.outcome, "running");
	ck_err(sync_log_open(db, arena, &second, &run), ERR_BUSY);
	ck_ok(sync_log_open(db, arena, &meta, &run));
	ck_ok(sync_log_open(db, arena, &rival, &run));

	first.steps_done = 2;
	first.reports = 1;
	first.rows = 90;
	first.error = STR("a report did not come");
	ck_ok(sync_log_note(db, &first));
	first.steps_done = 1; /* noted again by who did not hear that it was */
	first.error = STR("another");
	ck_ok(sync_log_note(db, &first));
	first.started_ms = 900; /* the process died; the job is run again */
	first.held_ms = 1900;
	ck_ok(sync_log_open(db, arena, &first, &run));
	ck_assert(run.started_ms == 100 && run.steps_done == 2 && run.held_ms == 1900);
	ck_assert(run.reports == 2 && run.rows == 180 && run.ended_ms == 0);
	ck_str(run.error, "a report did not come");

	first.outcome = STR("partial");
	first.ended_ms = 1000;
	ck_ok(sync_log_close(db, &first));
	ck_err(sync_log_note(db, &first), ERR_NOT_FOUND);
	ck_ok(sync_log_open(db, arena, &first, &run)); /* it is done, and stays so */
	ck_assert_int_eq(run.ended_ms, 1000);
	ck_ok(sync_log_open(db, arena, &second, &run));
	ck_err(sync_log_get(db, arena, STR("U"), STR("a"), &run), ERR_NOT_FOUND);
}

START_TEST(one_run_at_a_time)
{
	test_with_store(1, one_body);
}
END_TEST

static AWAITS void abandoned_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct sync_log first = run_of("a", "T", "google", 100), second = run_of("b", "T", "google", 1100), run;

	ck_ok(sync_log_open(db, arena, &first, &run));
	first.again_ms = 5000;
	first.held_ms = 6000;
	ck_ok(sync_log_put_off(db, &first));
	ck_str(get(db, arena, "a").outcome, "waiting");
	ck_err(sync_log_open(db, arena, &second, &run), ERR_BUSY); /* the platform said so: it holds for all */
	second.started_ms = 6001;
	ck_ok(sync_log_open(db, arena, &second, &run));
	ck_str(get(db, arena, "a").outcome, "abandoned");
	ck_err(sync_log_close(db, &(struct sync_log){.id = STR("a"), .tenant_id = STR("T"), .outcome = STR("ok")}),
	       ERR_NOT_FOUND);
}

START_TEST(who_does_not_come_back_is_given_up)
{
	test_with_store(1, abandoned_body);
}
END_TEST

static AWAITS void list_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct sync_log_query query = {.tenant_id = STR("T"), .limit = 2};
	struct sync_log *runs, run;
	size_t count;

	for (int i = 0; i < 5; i++) {
		char id[2] = {(char)('a' + i), '\0'};
		struct sync_log one = run_of(id, "T", "google", 100 + i / 2);

		ck_ok(sync_log_open(db, arena, &one, &run));
		one.outcome = STR("ok");
		one.ended_ms = 1;
		ck_ok(sync_log_close(db, &one));
	}
	ck_ok(sync_log_open(db, arena,
			    &(struct sync_log){.id = STR("x"),
					       .tenant_id = STR("U"),
					       .platform = STR("meta"),
					       .driver = STR("jobs"),
					       .started_ms = 9999},
			    &run));
	ck_ok(sync_log_list(db, arena, &query, &runs, &count));
	ck_assert_uint_eq(count, 2);
	ck_str(runs[0].id, "e");
	ck_str(runs[1].id, "d");
	query.before_ms = runs[1].started_ms;
	query.before_id = runs[1].id;
	query.limit = 10;
	ck_ok(sync_log_list(db, arena, &query, &runs, &count));
	ck_assert_uint_eq(count, 3);
	ck_str(runs[0].id, "c");
	ck_ok(sync_log_list(db, arena, &(struct sync_log_query){.tenant_id = STR_NONE, .limit = 10}, &runs, &count));
	ck_assert_uint_eq(count, 6);
	ck_ok(sync_log_list(
		db, arena,
		&(struct sync_log_query){
			.tenant_id = STR_NONE, .platform = STR("meta"), .outcome = STR("running"), .limit = 10},
		&runs, &count));
	ck_assert_uint_eq(count, 1);
}

START_TEST(the_latest_first)
{
	test_with_store(1, list_body);
}
END_TEST

DATABASE_MAIN("sync_log", one_run_at_a_time, who_does_not_come_back_is_given_up, the_latest_first)
