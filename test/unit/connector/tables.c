/* What calls of a process share: pauses end, memos are found, forgotten and replaced, and neither grows beyond its
 * bound. */
#include "../unit.h"

#include <stdio.h>

#include "connector/runner.h"

START_TEST(pauses_end)
{
	struct pauses *pauses = pauses_new();

	ck_assert_int_eq(pauses_left_ms(pauses, STR("a")), 0);
	pauses_begin(pauses, STR("a"), 60000);
	ck_assert_int_gt(pauses_left_ms(pauses, STR("a")), 50000);
	pauses_begin(pauses, STR("a"), 1000); /* the longer one stands */
	ck_assert_int_gt(pauses_left_ms(pauses, STR("a")), 50000);
	ck_assert_int_eq(pauses_left_ms(pauses, STR("b")), 0);
	pauses_begin(pauses, STR("b"), 0);
	ck_assert_int_eq(pauses_left_ms(pauses, STR("b")), 0);
	pauses_begin(pauses, STR("c"), INT32_MAX);
	ck_assert_int_le(pauses_left_ms(pauses, STR("c")), PAUSE_MS_MAX);
	pauses_begin(pauses, STR("d"), 1);
	while (pauses_left_ms(pauses, STR("d")) > 0)
		;
	pauses_free(pauses);
}
END_TEST

/* Calls look no further where there is none. */
START_TEST(there_are_pauses_or_none)
{
	struct pauses *pauses = pauses_new();

	ck_assert(!pauses_any(pauses));
	pauses_begin(pauses, STR("a"), 1);
	ck_assert(pauses_any(pauses));
	while (pauses_left_ms(pauses, STR("a")) > 0)
		;
	ck_assert(!pauses_any(pauses));
	pauses_free(pauses);
}
END_TEST

START_TEST(pauses_are_bounded)
{
	struct pauses *pauses = pauses_new();
	char name[16];

	pauses_begin(pauses, STR("short"), 10000);
	for (int i = 0; i < PAUSES_MAX; i++) {
		snprintf(name, sizeof(name), "%d", i);
		pauses_begin(pauses, str_of(name), 60000);
	}
	ck_assert_int_eq(pauses_left_ms(pauses, STR("short")), 0); /* it would have ended first */
	ck_assert_int_gt(pauses_left_ms(pauses, STR("0")), 0);
	pauses_free(pauses);
}
END_TEST

static void put(struct memos *memos, uint32_t number, const char *account, const char *text)
{
	uint8_t key[MEMO_KEY_BYTES] = {0};

	memcpy(key, &number, sizeof(number));
	memos_put(memos, key, str_of(account), str_of(text), 60000);
}

static bool has(struct memos *memos, uint32_t number, const char *text)
{
	uint8_t key[MEMO_KEY_BYTES] = {0};
	AUTO_BUF out = {0};

	memcpy(key, &number, sizeof(number));
	return memos_get(memos, key, &out) && str_eq(buf_str(&out), str_of(text));
}

START_TEST(memos_are_found_and_forgotten)
{
	struct memos *memos = memos_new();

	put(memos, 1, "a", "one");
	put(memos, 2, "b", "two");
	put(memos, 1, "a", "uno");
	ck_assert(has(memos, 1, "uno") && has(memos, 2, "two") && !has(memos, 3, "three"));
	memos_forget(memos, STR("a"));
	ck_assert(!has(memos, 1, "uno") && has(memos, 2, "two"));
	for (uint32_t i = 10; i < 10 + MEMOS_MAX; i++)
		put(memos, i, "c", "more");
	ck_assert(!has(memos, 2, "two") && has(memos, 10, "more"));
	memos_free(memos);
}
END_TEST

UNIT_MAIN("connector/tables", pauses_end, there_are_pauses_or_none, pauses_are_bounded, memos_are_found_and_forgotten)
