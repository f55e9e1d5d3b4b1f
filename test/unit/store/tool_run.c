/* The journal of tool calls: who comes first under a key, whose process has died, and what is found of a call that was
 * about to send. */
#include "../store_database.h"

#include "store/tool_run.h"

static struct tool_run row_of(const char *id, const char *key, uint8_t digest, enum tool_run_state state)
{
	return (struct tool_run){.id = str_of(id),
				 .tenant_id = STR("TENANT"),
				 .principal = STR("p"),
				 .upstream = STR("telegram"),
				 .tool = STR("send_message"),
				 .key = str_of(key),
				 .digest = {digest},
				 .state = state,
				 .until_ms = 5000,
				 .created_ms = 1000};
}

static AWAITS void keyed_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tool_run one = row_of("1", "k", 1, TOOL_RUN_WORKING), two = row_of("2", "k", 2, TOOL_RUN_WORKING), kept;

	ck_ok(tool_run_begin(db, &one, 1000));
	ck_err(tool_run_begin(db, &two, 1000), ERR_EXISTS);
	ck_ok(tool_run_of_key(db, arena, STR("TENANT"), STR("p"), STR("k"), &kept));
	ck_str(kept.id, "1");
	ck_assert_int_eq(kept.state, TOOL_RUN_WORKING);
	ck_assert_int_eq(kept.digest[0], 1);
	ck_err(tool_run_of_key(db, arena, STR("OTHER"), STR("p"), STR("k"), &kept), ERR_NOT_FOUND);
	ck_err(tool_run_of_key(db, arena, STR("TENANT"), STR("q"), STR("k"), &kept), ERR_NOT_FOUND);

	ck_ok(tool_run_sending(db, STR("TENANT"), STR("1"), 7000));
	ck_err(tool_run_begin(db, &two, 9000), ERR_EXISTS); /* dead, but it had begun to send */
	ck_ok(tool_run_finish(db, STR("TENANT"), STR("1"), STR("")));
	ck_ok(tool_run_of_key(db, arena, STR("TENANT"), STR("p"), STR("k"), &kept));
	ck_assert_int_eq(kept.state, TOOL_RUN_DONE);
	ck_ok(tool_run_forget(db, STR("TENANT"), STR("1")));
	ck_ok(tool_run_begin(db, &two, 1000));
	ck_err(tool_run_sending(db, STR("TENANT"), STR("1"), 1), ERR_NOT_FOUND);
}

START_TEST(a_key_is_taken_once)
{
	test_with_store(1, keyed_body);
}
END_TEST

static AWAITS void dead_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tool_run one = row_of("1", "k", 1, TOOL_RUN_WORKING), two = row_of("2", "k", 1, TOOL_RUN_WORKING), kept;

	ck_ok(tool_run_begin(db, &one, 1000));
	ck_err(tool_run_begin(db, &two, 5000), ERR_EXISTS);
	ck_ok(tool_run_begin(db, &two, 5001)); /* it died before it sent anything */
	ck_err(tool_run_sending(db, STR("TENANT"), STR("1"), 9000), ERR_NOT_FOUND);
	ck_ok(tool_run_of_key(db, arena, STR("TENANT"), STR("p"), STR("k"), &kept));
	ck_str(kept.id, "2");
}

START_TEST(who_died_before_sending_is_replaced)
{
	test_with_store(1, dead_body);
}
END_TEST

static AWAITS void alike_body(struct db *db)
{
	AUTO(arena) *arena = arena_new(1 << 20);
	struct tool_run one = row_of("1", "", 1, TOOL_RUN_SENDING), two = row_of("2", "", 1, TOOL_RUN_SENDING), kept;
	struct tool_run later = row_of("3", "", 9, TOOL_RUN_SENDING);
	const uint8_t digest[TOOL_RUN_DIGEST_BYTES] = {1}, other[TOOL_RUN_DIGEST_BYTES] = {2};

	ck_err(tool_run_alike(db, arena, STR("TENANT"), STR("p"), digest, 1000, &kept), ERR_NOT_FOUND);
	ck_ok(tool_run_begin(db, &one, 1000));
	ck_ok(tool_run_begin(db, &two, 1000)); /* without a key there may be many */
	ck_ok(tool_run_alike(db, arena, STR("TENANT"), STR("p"), digest, 1000, &kept));
	ck_assert_int_eq(kept.until_ms, 5000);
	ck_assert_int_eq(kept.created_ms, 1000);
	ck_err(tool_run_alike(db, arena, STR("TENANT"), STR("p"), other, 1000, &kept), ERR_NOT_FOUND);
	ck_err(tool_run_alike(db, arena, STR("OTHER"), STR("p"), digest, 1000, &kept), ERR_NOT_FOUND);
	ck_err(tool_run_alike(db, arena, STR("TENANT"), STR("p"), digest, 1001 + TOOL_RUN_LIFE_MS, &kept),
	       ERR_NOT_FOUND);
	later.created_ms = 1001 + TOOL_RUN_LIFE_MS;
	ck_ok(tool_run_begin(db, &later, later.created_ms));
	ck_assert_int_eq(test_int(db, "SELECT count(*) FROM tool_run"), 1); /* the old ones went with it */
}

START_TEST(what_was_being_sent_is_found)
{
	test_with_store(1, alike_body);
}
END_TEST

DATABASE_MAIN("tool_run", a_key_is_taken_once, who_died_before_sending_is_replaced, what_was_being_sent_is_found)
