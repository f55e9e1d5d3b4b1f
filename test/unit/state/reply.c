/* The reader of replies: whole or in pieces, and no more than the bounds. */
#include "../unit.h"

#include <stdio.h>

#include "state/reply.h"

static struct reply *read_one(struct str text, size_t step)
{
	struct reply_reader *reader = reply_reader_new();
	struct reply *reply = NULL;

	while (text.n > 0) {
		struct str piece = {text.p, step < text.n ? step : text.n};

		ck_assert_ptr_null(reply);
		ck_ok(reply_reader_feed(reader, piece));
		ck_ok(reply_reader_next(reader, &reply));
		text = str_skip(text, piece.n);
	}
	ck_assert_ptr_nonnull(reply);
	reply_reader_free(reader);
	return reply;
}

START_TEST(kinds)
{
	for (size_t step = 1; step < 100; step += 7) {
		AUTO(reply) *text = read_one(STR("$5\r\na\0\r\nb\r\n"), step), *nil = read_one(STR("$-1\r\n"), step);
		AUTO(reply) *status = read_one(STR("+OK\r\n"), step), *error = read_one(STR("-ERR no\r\n"), step);
		AUTO(reply) *number = read_one(STR(":-42\r\n"), step);
		AUTO(reply) *list = read_one(STR("*3\r\n:1\r\n*2\r\n$1\r\nx\r\n$-1\r\n$2\r\n77\r\n"), step);

		ck_bytes(reply_text(text), STR("a\0\r\nb"));
		ck_assert_int_eq(nil->kind, REPLY_NIL);
		ck_str(reply_text(status), "OK");
		ck_assert_int_eq(error->kind, REPLY_ERROR);
		ck_str(error->text, "ERR no");
		ck_assert_int_eq(reply_number(number), -42);
		ck_assert_uint_eq(list->count, 3);
		ck_assert_int_eq(reply_number(reply_item(list, 0)), 1);
		ck_str(reply_text(reply_item(reply_item(list, 1), 0)), "x");
		ck_assert_int_eq(reply_item(reply_item(list, 1), 1)->kind, REPLY_NIL);
		ck_assert_int_eq(reply_number(reply_item(list, 2)), 77);
		ck_assert_int_eq(reply_item(list, 3)->kind, REPLY_NIL);
		ck_assert_int_eq(reply_item(number, 0)->kind, REPLY_NIL);
		ck_str(reply_text(number), "");
		ck_assert_int_eq(reply_number(text), 0);
	}
}
END_TEST

static enum err feed(const char *text)
{
	struct reply_reader *reader = reply_reader_new();
	struct reply *reply = NULL;
	enum err err = reply_reader_feed(reader, str_of(text));

	if (err == OK)
		err = reply_reader_next(reader, &reply);
	reply_free(reply);
	reply_reader_free(reader);
	return err;
}

START_TEST(bounds)
{
	AUTO_BUF many = {0};
	char *large = calloc(1, REPLY_BYTES_MAX);
	struct reply_reader *reader = reply_reader_new();
	struct reply *reply;

	ck_err(feed("!what\r\n"), ERR_IO);
	ck_err(feed("hello\r\n"), ERR_IO);
	ck_assert_int_ne(feed("*4097\r\n"), OK);
	ck_assert_int_ne(feed("*2147483647\r\n"), OK);
	ck_assert_int_ne(feed("*99999999999999\r\n"), OK);
	for (int i = 0; i < 12; i++)
		buf_put(&many, STR("*1\r\n"));
	buf_put_byte(&many, '\0');
	ck_assert_int_ne(feed(many.p), OK); /* too deep */
	many.n = 0;
	buf_put(&many, STR("*4000\r\n"));
	for (int i = 0; i < 10; i++)
		buf_put(&many, STR("*4000\r\n"));
	buf_put_byte(&many, '\0');
	ck_assert_int_ne(feed(many.p), OK); /* each is allowed, all of them are not */

	ck_ok(reply_reader_feed(reader, STR("$999999999\r\n")));
	ck_ok(reply_reader_next(reader, &reply));
	ck_assert_ptr_null(reply);
	ck_ok(reply_reader_feed(reader, (struct str){large, REPLY_BYTES_MAX / 2}));
	ck_ok(reply_reader_next(reader, &reply));
	ck_assert_ptr_null(reply);
	ck_err(reply_reader_feed(reader, (struct str){large, REPLY_BYTES_MAX - 1000}), ERR_LIMIT);
	reply_reader_free(reader);
	reply_reader_free(NULL);
	free(large);
}
END_TEST

UNIT_MAIN("reply", kinds, bounds)
