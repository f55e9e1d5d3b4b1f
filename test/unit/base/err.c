/* The table of errors: every row complete and fit to be shown; and the assertion's last words. */
#include "../unit.h"

#include <signal.h>

#include "base/blob.h"
#include "base/check.h"
#include "base/list.h"

START_TEST(rows_are_complete)
{
	for (int i = 0; i < ERR_COUNT; i++) {
		const struct err_row *row = err_row((enum err)i);

		ck_assert_int_ge(row->http_status, 200);
		ck_assert_int_lt(row->http_status, 600);
		ck_assert_int_le(row->rpc_code, 0);
		ck_assert_uint_gt(strlen(row->text), 1);
		ck_assert_str_eq(err_name((enum err)i), row->name);
		for (int k = 0; k < i; k++)
			ck_assert_str_ne(row->name, err_name((enum err)k));
	}
	ck_assert_str_eq(err_name(OK), "OK");
	ck_assert_int_eq(err_row(ERR_JSON_SYNTAX)->rpc_code, -32700);
}
END_TEST

static enum err count_calls(enum err err, int *calls)
{
	TRY(err);
	(*calls)++;
	return OK;
}

START_TEST(try_returns)
{
	int calls = 0;

	ck_err(count_calls(ERR_TIMEOUT, &calls), ERR_TIMEOUT);
	ck_assert_int_eq(calls, 0);
	ck_ok(count_calls(OK, &calls));
	ck_assert_int_eq(calls, 1);
}
END_TEST

START_TEST(blobs_are_shared)
{
	struct blob *blob = blob_new(STR("bytes")), *empty = blob_new(STR_NONE);

	ck_assert_ptr_eq(blob_ref(blob), blob);
	blob_unref(blob);
	ck_str(blob->str, "bytes");
	blob_unref(blob);
	ck_str(empty->str, "");
	blob_unref(empty);
	blob_unref(NULL);
}
END_TEST

struct item {
	int n;
	struct list link;
};

START_TEST(lists)
{
	struct item items[3] = {{.n = 1}, {.n = 2}, {.n = 3}};
	struct list head, *first;

	list_init(&head);
	ck_assert(list_empty(&head) && list_pop(&head) == NULL);
	list_add_tail(&head, &items[1].link);
	list_add_tail(&head, &items[2].link);
	list_add_head(&head, &items[0].link);
	list_remove(&items[1].link);
	list_remove(&items[1].link); /* harmless */
	first = list_pop(&head);
	ck_assert_int_eq(LIST_OBJ(first, struct item, link)->n, 1);
	first = list_pop(&head);
	ck_assert_int_eq(LIST_OBJ(first, struct item, link)->n, 3);
	ck_assert(list_empty(&head));
}
END_TEST

START_TEST(a_failed_check_aborts)
{
	CHECK(1 + 1 == 3);
}
END_TEST

/* UNIT_MAIN has no place for a case that is meant to die. */
int main(void)
{
	TCase *tcase = tcase_create("err");

	tcase_add_test(tcase, rows_are_complete);
	tcase_add_test(tcase, try_returns);
	tcase_add_test(tcase, blobs_are_shared);
	tcase_add_test(tcase, lists);
	tcase_add_test_raise_signal(tcase, a_failed_check_aborts, SIGABRT);
	return unit_run("err", tcase);
}
