/* Rotation of data keys: under load, with values that cannot be read, and with processes that die in the middle of it
 * at any point. */
#include "vault_fixture.h"

#include "base/clock.h"

#define ROWS 200 /* some pages */

static char name[ROWS][8];

static void make_names(void)
{
	for (int i = 0; i < ROWS; i++)
		(void)snprintf(name[i], sizeof(name[i]), "c%03d", i);
}

AWAITS static struct str make_rows(struct db *db, struct vault *vault, struct arena *arena, int rows)
{
	struct tenant acme = test_tenant(db, arena, "acme");

	make_names();
	for (int i = 0; i < rows; i++)
		ck_ok(test_keep(db, vault, acme.id, name[i], name[i], str_of(name[i])));
	return acme.id;
}

static AWAITS void rotated_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct vault_rotation rotation = {0};
	struct replica replica;
	struct str tenant_id;

	replica_start(&replica, db, 1);
	tenant_id = make_rows(db, replica.vault, arena, ROWS);
	rotation.made_before_ms = clock_wall_ms() + 1;
	ck_ok(vault_rotate(replica.vault, &rotation));
	ck_assert_uint_eq(rotation.values_sealed, ROWS);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM data_key WHERE version <> 2"), 0);
	ck_assert_int_eq(test_int(db, "SELECT seals FROM data_key"), ROWS);
	for (int i = 0; i < ROWS; i++)
		ck_reads(db, replica.vault, tenant_id, name[i], name[i]);

	/* a value that is not what it says keeps its key, and does not keep others from theirs */
	ck_ok(test_write(db, "UPDATE credential SET sealed = (SELECT sealed FROM credential WHERE id = 'c001')"
			     " WHERE id = 'c000'"));
	rotation = (struct vault_rotation){.made_before_ms = clock_wall_ms() + 2}; /* than the key of a moment ago */
	ck_ok(vault_rotate(replica.vault, &rotation));
	ck_assert_uint_eq(rotation.values_unreadable, 1);
	ck_assert_uint_eq(rotation.values_sealed, ROWS - 1);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM data_key"), 2);
	ck_reads(db, replica.vault, tenant_id, name[1], name[1]);

	/* younger keys are left alone */
	rotation = (struct vault_rotation){.made_before_ms = 1};
	ck_ok(vault_rotate(replica.vault, &rotation));
	ck_assert_uint_eq(rotation.keys_made + rotation.values_sealed, 0);
	replica_stop(&replica);
}

START_TEST(values_are_sealed_anew)
{
	test_with_store(1, rotated_body);
}
END_TEST

/* --- under load --- */

static struct {
	struct db *db;
	struct str tenant_id;
	struct replica replicas[2];
	int running;
	bool stop;
	uint64_t reads, writes;
} load;

AWAITS static void follow(struct replica *replica)
{
	int64_t generation;

	if (store_generation(load.db, &generation) == OK)
		replica->generation = generation;
}

/* Reads every row, over and over; none may ever be missing or wrong. */
AWAITS_ENTRY static void reader_main(void *arg)
{
	struct replica *replica = arg;

	for (int i = 0; !load.stop; i = (i + 7) % ROWS) {
		ck_reads(load.db, replica->vault, load.tenant_id, name[i], name[i]);
		load.reads++;
		follow(replica);
	}
	load.running--;
}

/* Puts the same value anew, sealed with whatever key this replica believes to be the newest. */
AWAITS static enum err rewrite(struct replica *replica, const char *id)
{
	const struct vault_place place = test_place(load.tenant_id, str_of(id));
	AUTO(arena) *arena = arena_new(1 << 20);
	struct credential_row credential;
	AUTO_BUF sealed = {0};
	int64_t before_ms;

	TRY(credential_get(load.db, arena, load.tenant_id, str_of(id), &credential));
	TRY(vault_seal(replica->vault, &place, str_of(id), &sealed));
	before_ms = credential.changed_ms;
	credential.sealed = buf_str(&sealed);
	return credential_update(load.db, &credential, before_ms);
}

AWAITS_ENTRY static void writer_main(void *arg)
{
	struct replica *replica = arg;

	for (int i = 0; !load.stop; i = (i + 11) % ROWS) {
		enum err err = rewrite(replica, name[i]);

		if (err == ERR_NOT_FOUND)
			vault_forget(replica->vault, load.tenant_id);
		else
			ck_ok(err);
		load.writes++;
	}
	load.running--;
}

static AWAITS void load_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);

	load.db = db;
	for (int i = 0; i < 2; i++)
		replica_start(&load.replicas[i], db, 1);
	load.tenant_id = make_rows(db, load.replicas[0].vault, arena, ROWS);
	load.running = 3;
	ck_ok(fiber_spawn(loop_at(0), "reader", reader_main, &load.replicas[0], 0, NULL));
	ck_ok(fiber_spawn(loop_at(0), "reader", reader_main, &load.replicas[1], 0, NULL));
	ck_ok(fiber_spawn(loop_at(0), "writer", writer_main, &load.replicas[1], 0, NULL));
	for (int i = 0; i < 3; i++) {
		struct vault_rotation rotation = {.made_before_ms = clock_wall_ms() + 1};

		ck_ok(vault_rotate(load.replicas[0].vault, &rotation));
		ck_assert_uint_eq(rotation.values_unreadable, 0);
	}
	load.stop = true;
	while (load.running > 0)
		ck_ok(fiber_sleep(1));
	ck_assert_uint_gt(load.reads, 0);
	ck_assert_uint_gt(load.writes, 0);
	for (int i = 0; i < ROWS; i++)
		ck_reads(db, load.replicas[i % 2].vault, load.tenant_id, name[i], name[i]);
	for (int i = 0; i < 2; i++)
		replica_stop(&load.replicas[i]);
}

START_TEST(under_load_every_value_can_be_read)
{
	test_with_store(1, load_body);
}
END_TEST

/* --- processes that die --- */

static int told_fd;

/* Rows the first time; then rotations without end, telling of each wrapped key. */
static enum err telling_wrap(void *arg, struct str plain, struct str bound, struct buf *out,
			     char ret_name[VAULT_KEK_NAME_MAX + 1])
{
	struct vault_kek kek = keks_source(arg);

	if (write(told_fd, "k", 1) != 1)
		_exit(1);
	return kek.wrap(kek.arg, plain, bound, out, ret_name);
}

static AWAITS void victim_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct keks *keks = keks_new(test_kek(1));
	struct vault_kek kek = keks_source(keks);
	struct tenant acme;
	struct vault *vault;

	kek.wrap = telling_wrap;
	vault = vault_new(&(struct vault_spec){.db = db, .kek = kek});
	if (tenant_find(db, arena, STR("acme"), &acme) != OK)
		make_rows(db, vault, arena, ROWS / 2);
	for (;;) {
		struct vault_rotation rotation = {.made_before_ms = clock_wall_ms() + 1};

		ck_ok(vault_rotate(vault, &rotation));
	}
}

static void victim_run(void *arg)
{
	told_fd = *(int *)arg;
	test_with_store(1, victim_body);
}

/* What the dead process has left is whole, and the next one finishes it. */
static AWAITS void survivors_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct vault_rotation rotation = {.made_before_ms = 1};
	struct replica replica;
	struct tenant acme;

	make_names();
	replica_start(&replica, db, 1);
	ck_ok(tenant_find(db, arena, STR("acme"), &acme));
	for (int i = 0; i < ROWS / 2; i++)
		ck_reads(db, replica.vault, acme.id, name[i], name[i]);
	ck_ok(vault_rotate(replica.vault, &rotation));
	ck_assert_uint_eq(rotation.keys_made, 0);
	ck_assert_uint_eq(rotation.values_unreadable, 0);
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM data_key"), 1);
	for (int i = 0; i < ROWS / 2; i++)
		ck_reads(db, replica.vault, acme.id, name[i], name[i]);
	replica_stop(&replica);
}

static void survivors_run(void *arg)
{
	test_with_store(1, survivors_body);
}

/* Let the victim tell of `keys` keys, and then have some more time: to die at another place in each round. */
static void kill_after(int keys, long us)
{
	int fds[2], status;
	char told;
	pid_t pid;

	ck_assert_int_eq(pipe(fds), 0);
	pid = test_fork(victim_run, &fds[1], fds[1]);
	(void)close(fds[1]);
	for (int i = 0; i < keys; i++)
		ck_assert_int_eq(read(fds[0], &told, 1), 1);
	(void)nanosleep(&(struct timespec){.tv_nsec = us * 1000}, NULL);
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	(void)close(fds[0]);
	test_join(test_fork(survivors_run, NULL, -1));
}

/* The case's own process starts no thread, so that it may fork again. */
START_TEST(a_crash_costs_nothing)
{
	(void)test_store_spec();
	kill_after(2, 0);
	kill_after(1, 3000);
	kill_after(1, 20000);
	kill_after(2, 50000);
}
END_TEST

DATABASE_MAIN("rotate", values_are_sealed_anew, under_load_every_value_can_be_read, a_crash_costs_nothing)
