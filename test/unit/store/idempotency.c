/* Idempotency keys: who comes first, what the second gets, and when a key is free again. */
#include "../store_database.h"

#include "store/idempotency.h"

static const uint8_t first[32] = {1}, second[32] = {2};

static AWAITS void once_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct idempotency kept;

	ck_ok(idempotency_begin(db, arena, STR("TENANT"), STR("p"), STR("k"), first, 1000, &kept));
	ck_err(idempotency_begin(db, arena, STR("TENANT"), STR("p"), STR("k"), second, 1000, &kept), ERR_EXISTS);
	ck_assert_int_eq(kept.status, 0);
	ck_assert_int_eq(memcmp(kept.digest, first, 32), 0);
	ck_ok(idempotency_begin(db, arena, STR("TENANT"), STR("q"), STR("k"), first, 1000,
				&kept)); /* another caller's */
	ck_ok(idempotency_finish(db, STR("TENANT"), STR("p"), STR("k"), 201, STR("sealed")));
	ck_err(idempotency_begin(db, arena, STR("TENANT"), STR("p"), STR("k"), first, 2000, &kept), ERR_EXISTS);
	ck_assert_int_eq(kept.status, 201);
	ck_str(kept.answer, "sealed");
	ck_ok(idempotency_forget(db, STR("TENANT"), STR("p"), STR("k")));
	ck_ok(idempotency_begin(db, arena, STR("TENANT"), STR("p"), STR("k"), second, 2000, &kept));
	ck_err(idempotency_finish(db, STR("TENANT"), STR("p"), STR("nosuch"), 201, STR("x")), ERR_NOT_FOUND);
}

START_TEST(a_key_is_taken_once)
{
	test_with_store(1, once_body);
}
END_TEST

static AWAITS void time_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct idempotency kept;

	ck_ok(idempotency_begin(db, arena, STR("TENANT"), STR("p"), STR("dead"), first, 1000, &kept));
	ck_ok(idempotency_begin(db, arena, STR("TENANT"), STR("p"), STR("done"), first, 1000, &kept));
	ck_ok(idempotency_finish(db, STR("TENANT"), STR("p"), STR("done"), 201, STR("x")));
	ck_err(idempotency_begin(db, arena, STR("TENANT"), STR("p"), STR("dead"), first, 1000 + IDEMPOTENCY_WORK_MS,
				 &kept),
	       ERR_EXISTS);
	ck_ok(idempotency_begin(db, arena, STR("TENANT"), STR("p"), STR("dead"), first, 1001 + IDEMPOTENCY_WORK_MS,
				&kept));
	ck_err(idempotency_begin(db, arena, STR("TENANT"), STR("p"), STR("done"), first, 1000 + IDEMPOTENCY_LIFE_MS,
				 &kept),
	       ERR_EXISTS);
	ck_ok(idempotency_begin(db, arena, STR("TENANT"), STR("p"), STR("new"), first, 1001 + IDEMPOTENCY_LIFE_MS,
				&kept));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM idempotency WHERE key = 'done'"),
			 0); /* anybody's key clears */
}

START_TEST(keys_expire)
{
	test_with_store(1, time_body);
}
END_TEST

DATABASE_MAIN("idempotency", a_key_is_taken_once, keys_expire)
