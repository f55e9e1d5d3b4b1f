/* Writing the trail: several loops, strict commits, kill -9, a database that takes
 * nothing, canceled callers. */
#include "trail.h"

#include "base/clock.h"
#include "base/limits.h"

#define LOOPS 3
#define PER_LOOP 3000

static AWAITS void append_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 16);
	struct audit *audit = trail_start(db, AUDIT_GROUP);
	char text[300];
	struct audit_record record = {.event = STR("api_key.auth_failure"), .target = {text, sizeof(text)}};
	int64_t now_ms = clock_wall_ms();
	struct db_rows *rows;

	memset(text, 'x', sizeof(text));
	memcpy(text + 255, "\xc3\xa4", 2); /* must not be cut through */
	ck_ok(audit_append(audit, &record));
	record.target = STR_NONE;
	ck_ok(audit_append(audit, &record));
	audit_stop(audit);
	ck_assert_int_eq(trail_rows(db), 2);
	ck_ok(db_query(db, DB_ALL_TENANTS, arena, "SELECT event, length(target), at_ms, tenant_id FROM audit", NULL, 0,
		       &rows));
	ck_str(rows->cells[0].str, "api_key.auth_failure");
	ck_assert_int_eq(rows->cells[1].num, 255);
	ck_assert_int_ge(rows->cells[2].num, now_ms);
	ck_assert_int_le(rows->cells[2].num, clock_wall_ms());
	ck_str(rows->cells[3].str, "");
}

static AWAITS int64_t kept_bytes(struct db *db, struct str target)
{
	struct audit *audit = trail_start(db, AUDIT_STRICT);
	const struct audit_record record = {.event = STR("mcp.tool_called"), .target = target};

	ck_ok(audit_append(audit, &record));
	audit_stop(audit);
	return test_int(db, "SELECT length(CAST(target AS BLOB)) FROM audit ORDER BY seq DESC LIMIT 1");
}

/* Wherever it stands in texts of all lengths around a word's: what is behind it goes. */
static AWAITS void check_cut(struct db *db, char odd)
{
	for (size_t n = 1; n < 20; n += 3) {
		for (size_t at = 0; at < n; at += n < 8 ? 1 : 2) {
			char text[20];

			memset(text, 'x', sizeof(text));
			text[at] = odd;
			ck_assert_int_eq(kept_bytes(db, (struct str){text, n}), (int64_t)at);
		}
	}
}

static AWAITS void text_body(struct db *db)
{
	check_cut(db, '\0');
	check_cut(db, '\xff');
	ck_assert_int_eq(kept_bytes(db, STR("twenty bytes of text")), 20);
	ck_assert_int_eq(kept_bytes(db, STR("a\xc3\xa4\xe2\x82\xac")), 6);
	ck_assert_int_eq(kept_bytes(db, STR("ab\0c")), 2);
	ck_assert_int_eq(kept_bytes(db, STR("ab\xc3(c")), 2);
	ck_assert_int_eq(kept_bytes(db, STR("\xff")), 0);
}

START_TEST(rows_are_text)
{
	test_with_store(1, text_body);
}
END_TEST

START_TEST(rows_say_what_was_said)
{
	test_with_store(1, append_body);
}
END_TEST

struct remote {
	struct audit *audit;
	unsigned loop;
};

AWAITS_ENTRY static enum err remote_append(void *arg)
{
	struct remote *remote = arg;

	trail_append(remote->audit, (int64_t)remote->loop * PER_LOOP, PER_LOOP);
	return OK;
}

AWAITS_ENTRY static void remote_main(void *arg)
{
	struct remote *remote = arg;

	ck_ok(loop_call(loop_at(remote->loop), "append", remote_append, remote));
}

AWAITS static void append_everywhere(struct audit *audit)
{
	struct remote remotes[LOOPS];
	struct group group;

	group_init(&group, loop_self());
	for (unsigned i = 0; i < LOOPS; i++) {
		remotes[i] = (struct remote){audit, i};
		ck_ok(group_spawn(&group, "remote", remote_main, &remotes[i]));
	}
	ck_ok(group_join(&group));
}

static AWAITS void loops_body(struct db *db)
{
	struct audit *audit = trail_start(db, AUDIT_GROUP);

	append_everywhere(audit);
	audit_stop(audit);
	ck_assert_int_eq(trail_rows(db), LOOPS * PER_LOOP);
	ck_assert_int_eq(test_int(db, "SELECT count(DISTINCT bytes_out) FROM audit"), LOOPS * PER_LOOP);
}

START_TEST(loops_share_one_chain)
{
	test_with_store(LOOPS, loops_body);
}
END_TEST

/* When audit_append returns, the row is there for everybody to read. */
static AWAITS void strict_body(struct db *db)
{
	struct audit *audit = trail_start(db, AUDIT_STRICT);

	for (int64_t n = 0; n < 20; n++) {
		trail_append(audit, n, 1);
		ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit"), n + 1);
		ck_assert_uint_eq(audit_stats(audit).waiting, 0);
	}
	append_everywhere(audit);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM audit"), 20 + LOOPS * PER_LOOP);
	ck_assert_uint_eq(audit_stats(audit).rows, 20 + LOOPS * PER_LOOP);
	audit_stop(audit);
	ck_assert_int_eq(trail_rows(db), 20 + LOOPS * PER_LOOP);
}

START_TEST(strict_waits_for_its_commit)
{
	test_with_store(LOOPS, strict_body);
}
END_TEST

/* --- kill -9 --- */

struct victim {
	int fd;
	enum audit_durability durability;
};

static struct victim victim;

static AWAITS void victim_body(struct db *db)
{
	struct audit *audit = trail_start(db, victim.durability);

	for (int64_t n = 0;; n++) {
		struct audit_record record = trail_record(n);

		if (audit_append(audit, &record) != OK || write(victim.fd, &n, sizeof(n)) != sizeof(n))
			_exit(1);
	}
}

static void victim_run(void *arg)
{
	victim = *(struct victim *)arg;
	test_with_store(1, victim_body);
}

static int64_t acked;

static AWAITS void strict_survivors(struct db *db)
{
	ck_assert_int_ge(trail_rows(db), acked + 1);
	trail_write(db, 0, 10); /* and it goes on */
	ck_assert_int_ge(trail_rows(db), acked + 11);
}

static AWAITS void group_survivors(struct db *db)
{
	int64_t rows = trail_rows(db);

	ck_assert_int_gt(rows, 0);
	ck_assert_int_eq(test_int(db, "SELECT max(bytes_out) + 1 FROM audit"), rows); /* none left out */
	trail_write(db, rows, 10);
	ck_assert_int_eq(trail_rows(db), rows + 10);
}

typedef void survivors_body(struct db *db); /* AWAITS */

static void survivors_run(void *arg)
{
	test_with_store(1, *(survivors_body **)arg);
}

/* The case's own process starts no thread, so that it may fork again. */
static void kill_after(enum audit_durability durability, int acks, survivors_body *survivors)
{
	struct victim spec = {.durability = durability};
	int fds[2], status;
	pid_t pid;

	(void)test_data();
	ck_assert_int_eq(pipe(fds), 0);
	spec.fd = fds[1];
	pid = test_fork(victim_run, &spec, fds[1]);
	(void)close(fds[1]);
	for (int i = 0; i < acks; i++)
		ck_assert_int_eq(read(fds[0], &acked, sizeof(acked)), sizeof(acked));
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	while (read(fds[0], &acked, sizeof(acked)) == sizeof(acked))
		;
	(void)close(fds[0]);
	test_join(test_fork(survivors_run, &survivors, -1));
	test_directory_remove();
	ck_assert_int_eq(mkdir(test_directory, 0700), 0);
}

START_TEST(strict_rows_survive_kill)
{
	for (int round = 0; round < 4; round++)
		kill_after(AUDIT_STRICT, 50 + 31 * round, strict_survivors);
}
END_TEST

START_TEST(chain_survives_kill)
{
	for (int round = 0; round < 4; round++)
		kill_after(AUDIT_GROUP, 20000 + 3777 * round, group_survivors);
}
END_TEST

/* --- a database that takes nothing --- */

#define DISK_BYTES 1000000 /* some 4000 rows of WAL */

AWAITS_ENTRY static void canceled_append(void *arg)
{
	struct audit_record record = trail_record(99);

	ck_assert_int_eq(fiber_status(), ERR_CANCELED);
	ck_ok(audit_append(arg, &record));
}

/* The disk is full until we say so: a full ring holds callers up, then refuses; every row that
 * was taken is there in the end. */
static AWAITS void full_body(struct db *db)
{
	struct audit *audit = trail_start(db, AUDIT_GROUP);
	struct audit_record record = trail_record(1);
	int64_t taken = 0, start_ms;
	enum err err = audit_append(audit, &record);

	/* A slow writer may fill the ring before the disk is full: go on until nothing helps any more. */
	test_disk_limit(DISK_BYTES);
	for (start_ms = clock_ms(); err == OK; taken++) { /* by hand: Check's notes need disk too */
		start_ms = clock_ms();
		err = audit_append(audit, &record);
	}
	ck_err(err, ERR_BUSY);
	ck_assert_int_ge(clock_ms() - start_ms, 4900);
	ck_assert_int_lt(clock_ms() - start_ms, 9000);
	ck_assert_uint_ge(audit_stats(audit).waits, 1);
	test_disk_limit(RLIM_INFINITY);
	ck_ok(audit_append(audit, &record)); /* waits for the next try, which works */
	audit_stop(audit);
	ck_assert_int_eq(trail_rows(db), taken + 1);
}

START_TEST(full_queue_slows_and_loses_nothing)
{
	test_with_store(1, full_body);
}
END_TEST

static AWAITS void canceled_body(struct db *db)
{
	struct audit *audit = trail_start(db, AUDIT_STRICT);
	struct group group;

	group_init(&group, loop_self());
	ck_ok(group_spawn(&group, "canceled", canceled_append, audit));
	group_cancel(&group);
	ck_ok(group_join(&group));
	ck_assert_int_eq(test_int(db, "SELECT bytes_out FROM audit"), 99);
	audit_stop(audit);
}

START_TEST(canceled_callers_are_recorded)
{
	test_with_store(1, canceled_body);
}
END_TEST

UNIT_MAIN("audit", rows_say_what_was_said, rows_are_text, loops_share_one_chain, strict_waits_for_its_commit,
	  strict_rows_survive_kill, chain_survives_kill, full_queue_slows_and_loses_nothing,
	  canceled_callers_are_recorded)
