/* Meters of two processes on one server and one database: a quota is met exactly by both together, nothing that one
 * holds is lost to the other, and what the server forgets or does not see is told to it again. */
#include "../store_database.h"
#include "../state/server.h"

#include "gateway/meters.h"

#define MONTH 202611
#define RETURN_MS 20000

struct process {
	struct state *state;
	struct meters *meters;
	struct meter *meter;
};

static struct server server;

AWAITS static void process_start(struct process *process, struct db *db)
{
	struct state_spec spec = server_spec(&server);
	AUTO_BUF problem = {0};

	ck_ok(state_open(&spec, &problem, &process->state));
	ck_ok(meters_start(db, process->state, &process->meters));
	ck_ok(meters_get(process->meters, STR("T"), STR("P"), MONTH, &process->meter));
}

AWAITS static void process_end(struct process *process)
{
	meter_unref(process->meter);
	meters_stop(process->meters);
	state_free(process->state);
}

/* Take until one is refused or `most` are taken. */
AWAITS static int take(struct process *process, int64_t quota, int most)
{
	for (int n = 0; n < most; n++) {
		enum err err = meters_take(process->meters, process->meter, quota);

		if (err == ERR_QUOTA)
			return n;
		ck_ok(err);
	}
	return most;
}

AWAITS static void await_up(struct process *process, bool up)
{
	int64_t until_ms = clock_ms() + RETURN_MS;

	while (state_stats(process->state).down == up) {
		ck_assert_int_lt(clock_ms(), until_ms);
		ck_ok(fiber_sleep(10));
	}
}

/* Each has told the row, and has told the server what the row said then. */
AWAITS static void settle(struct process *two, size_t count)
{
	for (int turn = 0; turn < 4; turn++)
		for (size_t i = 0; i < count; i++)
			ck_ok(meters_write(two[i].meters));
}

AWAITS static void prepare(struct db *db, struct process *two)
{
	ck_ok(test_write(db, "INSERT INTO tenant (id, name, created_ms) VALUES ('T', 't', 1)"));
	process_start(&two[0], db);
	process_start(&two[1], db);
	while (state_processes(two[0].state) < 2 || state_processes(two[1].state) < 2)
		ck_ok(fiber_sleep(10));
}

static AWAITS void exact_body(struct db *db)
{
	struct process two[2];
	int taken = 0, now;

	prepare(db, two);
	do {
		now = take(&two[0], 12345, 100) + take(&two[1], 12345, 7);
		taken += now;
	} while (now > 0);
	ck_assert_int_eq(taken, 12345);
	process_end(&two[0]);
	process_end(&two[1]);
	ck_assert_int_eq(test_int(db, "SELECT calls FROM usage_month"), 12345);
}

/* One round trip for many calls: most are answered while the server is stopped. */
static AWAITS void cheap_body(struct db *db)
{
	struct process two[2];
	int here = 0;

	prepare(db, two);
	ck_assert_int_eq(take(&two[0], 1000000, 1), 1);
	while (meter_take(two[0].meter, 1000000))
		here++;
	ck_assert_int_eq(here, 63);
	ck_assert_int_eq(take(&two[1], 100, 1), 1); /* another quota, nearly used up */
	ck_assert(!meter_take(two[1].meter, 100));
	process_end(&two[0]);
	process_end(&two[1]);
}

/* What one holds and does not need. */
static AWAITS void back_body(struct db *db)
{
	struct process two[2];

	prepare(db, two);
	ck_assert_int_eq(take(&two[0], 10000, 1), 1);
	ck_assert_int_eq(take(&two[1], 10000, 10000), 10000 - 64);
	settle(two, 2);
	ck_assert_int_eq(take(&two[1], 10000, 10000), 63);
	ck_assert_int_eq(take(&two[0], 10000, 10000), 0);
	ck_assert_int_eq(take(&two[0], 20000, 1), 1); /* a larger one */
	process_end(&two[0]);			      /* puts back what it holds */
	ck_assert_int_eq(take(&two[1], 20000, 20000), 9999);
	process_end(&two[1]);
}

/* The server comes back without a memory. */
static AWAITS void lost_body(struct db *db)
{
	struct process two[2];

	prepare(db, two);
	ck_assert_int_eq(take(&two[0], 1000, 300), 300);
	ck_assert_int_eq(take(&two[1], 1000, 300), 300);
	settle(two, 2);
	server_kill(&server);
	await_up(&two[0], false);
	await_up(&two[1], false);
	server_start(&server);
	await_up(&two[0], true);
	await_up(&two[1], true);
	ck_assert_int_eq(take(&two[0], 1000, 50), 50); /* begins it anew from the row */
	settle(two, 2);
	ck_assert_int_eq(take(&two[1], 1000, 1000) + take(&two[0], 1000, 1000), 350);
	process_end(&two[0]);
	process_end(&two[1]);
	ck_assert_int_eq(test_int(db, "SELECT calls FROM usage_month"), 1000);
}

/* The server is away: shares, which the counter is told of afterwards although it was not lost. */
static AWAITS void alone_body(struct db *db)
{
	struct process two[2];
	int alone;

	prepare(db, two);
	ck_assert_int_eq(take(&two[0], 1000, 200), 200);
	ck_assert_int_eq(take(&two[1], 1000, 200), 200);
	settle(two, 2);
	ck_assert_int_eq(kill(server.pid, SIGSTOP), 0);
	alone = take(&two[0], 1000, 1000);
	ck_assert_int_ge(alone, 300); /* its half; a second one when the clock begins a window meanwhile */
	ck_assert_int_le(alone, 450);
	alone += take(&two[1], 1000, 100);
	ck_assert_int_eq(kill(server.pid, SIGCONT), 0);
	await_up(&two[0], true);
	await_up(&two[1], true);
	settle(two, 2);
	ck_assert_int_eq(take(&two[0], 1000, 1), 1);
	settle(two, 2);
	ck_assert_int_eq(take(&two[1], 1000, 1000) + take(&two[0], 1000, 1000), 600 - alone - 1);
	process_end(&two[0]);
	process_end(&two[1]);
	ck_assert_int_eq(test_int(db, "SELECT calls FROM usage_month"), 1000);
}

/* Calls without a quota are nobody's to draw; one that is set later knows of them. */
static AWAITS void later_body(struct db *db)
{
	struct process two[2];

	prepare(db, two);
	ck_assert_int_eq(take(&two[0], 0, 100), 100);
	ck_assert_int_eq(take(&two[1], 0, 100), 100);
	settle(two, 2);
	ck_assert_int_eq(take(&two[0], 250, 250) + take(&two[1], 250, 250), 50);
	process_end(&two[0]);
	process_end(&two[1]);
}

static void (*const bodies[])(struct db *db) = {exact_body, cheap_body, back_body, lost_body, alone_body, later_body};

START_TEST(two_processes_keep_one_quota)
{
	server_start(&server);
	test_with_store(1, bodies[_i]);
	server_end(&server);
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("meters_shared");

	tcase_add_loop_test(tcase, two_processes_keep_one_quota, 0, ARRAY_LEN(bodies));
	return unit_run("meters_shared", tcase);
}
