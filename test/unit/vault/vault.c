/* Values and their keys over a database: who may open what, replicas that come at the same time, destroyed keys,
 * another KEK. */
#include "vault_fixture.h"

#include "base/clock.h"

static AWAITS void round_trip_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	static char large[SECRET_TEXT_BYTES_MAX + 1];
	struct vault_place place = test_place(acme.id, STR("c1"));
	struct replica replica;
	AUTO_BUF sealed = {0};

	replica_start(&replica, db, 1);
	ck_ok(test_keep(db, replica.vault, acme.id, "c1", "files", STR("Bearer one")));
	ck_ok(test_keep(db, replica.vault, acme.id, "c2", "mail", STR("")));
	memset(large, 'x', sizeof(large));
	ck_ok(test_keep(db, replica.vault, acme.id, "c3", "big", (struct str){large, SECRET_TEXT_BYTES_MAX}));
	ck_err(vault_seal(replica.vault, &place, (struct str){large, sizeof(large)}, &sealed), ERR_LIMIT);
	ck_reads(db, replica.vault, acme.id, "c1", "Bearer one");
	ck_reads(db, replica.vault, acme.id, "c2", "");
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM data_key"), 1);
	ck_assert_int_eq(test_int(db, "SELECT seals FROM data_key"), 3);

	place.tenant_id = STR("01NOBODY");
	ck_err(vault_seal(replica.vault, &place, STR("x"), &sealed), ERR_NOT_FOUND);
	replica_stop(&replica);
	replica_start(&replica, db, 1); /* as after a restart */
	ck_reads(db, replica.vault, acme.id, "c1", "Bearer one");
	replica_stop(&replica);
}

START_TEST(values_come_back)
{
	test_with_store(1, round_trip_body);
}
END_TEST

static AWAITS void moved_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme"), other = test_tenant(db, arena, "other");
	struct replica replica;

	replica_start(&replica, db, 1);
	ck_ok(test_keep(db, replica.vault, acme.id, "a1", "files", STR("of acme, one")));
	ck_ok(test_keep(db, replica.vault, acme.id, "a2", "mail", STR("of acme, two")));
	ck_ok(test_keep(db, replica.vault, other.id, "b1", "files", STR("of the other")));
	/* whoever may write to the database copies one row's value over another's */
	ck_ok(test_write(db, "UPDATE credential SET sealed = (SELECT sealed FROM credential WHERE id = 'a1')"
			     " WHERE id IN ('a2', 'b1')"));
	ck_reads(db, replica.vault, acme.id, "a1", "of acme, one");
	ck_reads_not(db, replica.vault, acme.id, "a2", ERR_CRYPTO);
	ck_reads_not(db, replica.vault, other.id, "b1", ERR_CRYPTO);
	/* ... and a tenant's wrapped key over another's */
	ck_ok(test_write(db, "UPDATE data_key SET wrapped = (SELECT d.wrapped FROM data_key d JOIN tenant t"
			     " ON t.id = d.tenant_id WHERE t.name = 'acme')"));
	replica_follow(&replica, db);
	replica.generation++;
	ck_reads(db, replica.vault, acme.id, "a1", "of acme, one");
	ck_reads_not(db, replica.vault, other.id, "b1", ERR_CRYPTO);
	replica_stop(&replica);
}

START_TEST(moved_values_do_not_open)
{
	test_with_store(1, moved_body);
}
END_TEST

/* --- the first key --- */

#define RACERS 6

static struct {
	struct db *db;
	struct str tenant_id;
	struct replica replicas[2];
	int left;
} race;

AWAITS_ENTRY static void racer_main(void *arg)
{
	int64_t n = (int64_t)(intptr_t)arg;
	char id[24], upstream[24];

	(void)snprintf(id, sizeof(id), "c%lld", (long long)n);
	(void)snprintf(upstream, sizeof(upstream), "u%lld", (long long)n);
	ck_ok(test_keep(race.db, race.replicas[n % 2].vault, race.tenant_id, id, upstream, str_of(id)));
	race.left--;
}

static AWAITS void race_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);

	race.db = db;
	race.tenant_id = test_tenant(db, arena, "acme").id;
	race.left = RACERS;
	for (int i = 0; i < 2; i++)
		replica_start(&race.replicas[i], db, 1);
	for (int64_t i = 0; i < RACERS; i++)
		ck_ok(fiber_spawn(loop_at(0), "racer", racer_main, (void *)(intptr_t)i, 0, NULL));
	while (race.left > 0)
		ck_ok(fiber_sleep(1));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM data_key"), 1);
	for (int i = 0; i < RACERS; i++) {
		char id[8];

		(void)snprintf(id, sizeof(id), "c%d", i);
		ck_reads(db, race.replicas[(i + 1) % 2].vault, race.tenant_id, id, id);
	}
	for (int i = 0; i < 2; i++)
		replica_stop(&race.replicas[i]);
}

START_TEST(one_first_key)
{
	test_with_store(1, race_body);
}
END_TEST

/* --- destroyed --- */

static AWAITS void destroyed_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme"), other = test_tenant(db, arena, "other");
	struct replica here, there;

	replica_start(&here, db, 1);
	replica_start(&there, db, 1);
	ck_ok(test_keep(db, here.vault, acme.id, "c1", "files", STR("secret")));
	ck_ok(test_keep(db, here.vault, other.id, "o1", "files", STR("other's")));
	replica_follow(&here, db);
	replica_follow(&there, db);
	ck_reads(db, there.vault, acme.id, "c1", "secret");

	ck_ok(vault_destroy(here.vault, acme.id));
	ck_reads_not(db, here.vault, acme.id, "c1", ERR_NOT_FOUND);
	replica_follow(&there, db);
	ck_reads_not(db, there.vault, acme.id, "c1", ERR_NOT_FOUND);
	ck_reads(db, there.vault, other.id, "o1", "other's");
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM data_key WHERE length(wrapped) > 0"), 1);

	/* a replica that still has the key cannot keep anything under it */
	ck_ok(test_keep(db, here.vault, acme.id, "c2", "mail", STR("later")));
	replica_follow(&there, db);
	ck_reads(db, there.vault, acme.id, "c2", "later");
	ck_reads_not(db, there.vault, acme.id, "c1", ERR_NOT_FOUND);
	ck_assert_int_eq(test_int(db, "SELECT max(version) FROM data_key"), 2);
	replica_stop(&here);
	replica_stop(&there);
}

START_TEST(destroyed_keys_open_nothing)
{
	test_with_store(1, destroyed_body);
}
END_TEST

static AWAITS void stale_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct replica here, there;

	replica_start(&here, db, 1);
	replica_start(&there, db, 1);
	ck_ok(test_keep(db, there.vault, acme.id, "c1", "files", STR("secret")));
	ck_ok(vault_destroy(here.vault, acme.id));
	/* `there` has not heard of it: what it seals is not kept, until it forgets the key */
	ck_err(test_keep(db, there.vault, acme.id, "c2", "mail", STR("x")), ERR_NOT_FOUND);
	vault_forget(there.vault, acme.id);
	ck_ok(test_keep(db, there.vault, acme.id, "c2", "mail", STR("x")));
	ck_reads(db, here.vault, acme.id, "c2", "x");
	replica_stop(&here);
	replica_stop(&there);
}

START_TEST(nothing_is_kept_under_a_key_that_is_gone)
{
	test_with_store(1, stale_body);
}
END_TEST

/* --- the KEK --- */

static AWAITS void kek_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tenant acme = test_tenant(db, arena, "acme");
	struct vault_rotation rotation = {0};
	struct replica replica, foreign;

	replica_start(&replica, db, 1);
	replica_start(&foreign, db, 9);
	ck_ok(test_keep(db, replica.vault, acme.id, "c1", "files", STR("secret")));
	ck_reads_not(db, foreign.vault, acme.id, "c1", ERR_CRYPTO);
	ck_err(test_keep(db, foreign.vault, acme.id, "c2", "mail", STR("x")), ERR_CRYPTO);

	keks_set(replica.keks, test_kek(2), test_kek(1));
	replica.generation++;
	ck_reads(db, replica.vault, acme.id, "c1", "secret");
	ck_ok(vault_rotate(replica.vault, &rotation));
	ck_assert_uint_eq(rotation.keys_wrapped, 1);
	ck_assert_uint_eq(rotation.keys_made, 0);
	ck_assert_uint_eq(rotation.values_sealed, 0);
	rotation = (struct vault_rotation){0};
	ck_ok(vault_rotate(replica.vault, &rotation)); /* twice does nothing */
	ck_assert_uint_eq(rotation.keys_wrapped, 0);
	ck_assert_uint_eq(rotation.tenants, 1);

	replica_stop(&replica); /* and the first one is gone */
	replica_start(&replica, db, 2);
	vault_forget(replica.vault, acme.id);
	ck_reads(db, replica.vault, acme.id, "c1", "secret");
	rotation = (struct vault_rotation){.made_before_ms = clock_wall_ms() + 1};
	ck_ok(vault_rotate(foreign.vault, &rotation)); /* the wrong KEK spoils nothing */
	ck_assert_uint_eq(rotation.tenants_failed, 1);
	ck_reads(db, replica.vault, acme.id, "c1", "secret");
	replica_stop(&replica);
	replica_stop(&foreign);
}

START_TEST(another_kek)
{
	test_with_store(1, kek_body);
}
END_TEST

DATABASE_MAIN("vault", values_come_back, moved_values_do_not_open, one_first_key, destroyed_keys_open_nothing,
	      nothing_is_kept_under_a_key_that_is_gone, another_kek)
