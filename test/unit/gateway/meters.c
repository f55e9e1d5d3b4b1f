/* Meters: exact at their end however many threads count, written once, read back. */
#include "../store_database.h"

#include <pthread.h>

#include "gateway/meters.h"

#define THREADS 4
#define TRIES 5000
#define QUOTA 12345

struct taker {
	struct meter *meter;
	long taken;
};

static void *take_main(void *arg)
{
	struct taker *taker = arg;

	for (int i = 0; i < TRIES; i++)
		taker->taken += meter_take(taker->meter, QUOTA);
	return NULL;
}

static AWAITS void exact_body(struct db *db)
{
	struct taker takers[THREADS] = {0};
	pthread_t threads[THREADS];
	struct meters *meters;
	long taken = 0;

	ck_ok(test_write(db, "INSERT INTO tenant (id, name, created_ms) VALUES ('T', 't', 1)"));
	ck_ok(meters_start(db, NULL, &meters));
	for (size_t i = 0; i < THREADS; i++) {
		ck_ok(meters_get(meters, STR("T"), STR("P"), 202611, &takers[i].meter));
		ck_assert_ptr_eq(takers[i].meter, takers[0].meter);
	}
	for (size_t i = 0; i < THREADS; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, take_main, &takers[i]), 0);
	for (size_t i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], NULL), 0);
		taken += takers[i].taken;
		meter_unref(takers[i].meter);
	}
	ck_assert_int_eq(taken, QUOTA);
	meters_stop(meters);
	ck_assert_int_eq(test_int(db, "SELECT calls FROM usage_month"), QUOTA);
}

START_TEST(a_quota_is_exact)
{
	test_with_store(1, exact_body);
}
END_TEST

static AWAITS void back_body(struct db *db)
{
	struct meter *meter, *next;
	struct meters *meters;

	ck_ok(test_write(db, "INSERT INTO tenant (id, name, created_ms) VALUES ('T', 't', 1)"));
	ck_ok(meters_start(db, NULL, &meters));
	ck_ok(meters_get(meters, STR("T"), STR(""), 202611, &meter));
	ck_assert(meter_take(meter, 2));
	ck_ok(meters_write(meters));
	ck_assert_int_eq(test_int(db, "SELECT calls FROM usage_month"), 1);
	ck_assert(meter_take(meter, 2));
	meter_failed(meter);
	ck_assert(!meter_take(meter, 2));
	ck_ok(meters_get(meters, STR("T"), STR(""), 202612, &next)); /* the next month is free */
	ck_assert(meter_take(next, 1));
	meter_give_back(next, 1);
	ck_assert(meter_take(next, 1));
	meter_unref(meter);
	ck_ok(meters_write(meters));
	ck_ok(meters_write(meters)); /* lets go of the one that nobody holds */
	ck_ok(meters_get(meters, STR("T"), STR(""), 202611, &meter));
	ck_assert(!meter_take(meter, 2));
	ck_assert(meter_take(meter, 3));
	ck_assert(meter_take(meter, 0)); /* no quota */
	meter_unref(meter);
	meters_stop(meters);
	meter_unref(next); /* a connection may be the last to let go */
	ck_assert_int_eq(test_int(db, "SELECT calls FROM usage_month WHERE month = 202611"), 4);
	ck_assert_int_eq(test_int(db, "SELECT failures FROM usage_month WHERE month = 202611"), 1);
	ck_assert_int_eq(test_int(db, "SELECT calls FROM usage_month WHERE month = 202612"), 1);
}

START_TEST(counts_are_written_once_and_read_back)
{
	test_with_store(1, back_body);
}
END_TEST

UNIT_MAIN("meters", a_quota_is_exact, counts_are_written_once_and_read_back)
