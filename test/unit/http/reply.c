/* The client's reader of answers: the same outcome whatever the pieces, strict about
 * everything two readers could understand differently. */
#include "../unit.h"

#include "base/limits.h"
#include "http/client_private.h"

struct outcome {
	struct arena *arena;
	struct reply reply;
	struct buf body;
	enum err err;
};

static enum err take_body(void *owner, struct str piece)
{
	struct outcome *outcome = owner;

	buf_put(&outcome->body, piece);
	return OK;
}

static void outcome_init(struct outcome *outcome)
{
	*outcome = (struct outcome){.arena = arena_new(1 << 20)};
	outcome->reply.on_body = take_body;
	outcome->reply.owner = outcome;
	reply_reset(&outcome->reply, outcome->arena);
}

static void outcome_free(struct outcome *outcome)
{
	arena_free(outcome->arena);
	buf_free(&outcome->body);
}

/* In pieces of `step` bytes, the first one of `first`; each in a block of its own, so that a
 * parser that keeps pointers into a piece is caught. */
static void feed(struct outcome *outcome, struct str text, size_t first, size_t step, bool close)
{
	for (size_t n = first; text.n > 0 && outcome->err == OK && outcome->reply.state != REPLY_DONE; n = step) {
		size_t take = n < text.n ? n : text.n;
		char *block = malloc(take + 1);

		memcpy(block, text.p, take);
		outcome->err = take == 0 ? OK : reply_read(&outcome->reply, (struct str){block, take});
		memset(block, 'X', take);
		free(block);
		text = str_skip(text, take);
	}
	if (outcome->err == OK && close)
		outcome->err = reply_finish(&outcome->reply);
}

static void expect_reply(struct str text, int status, const char *body, const char *type, bool close)
{
	for (size_t first = 1; first <= text.n; first++) {
		struct outcome outcome;

		outcome_init(&outcome);
		feed(&outcome, text, first, first % 3 == 0 ? 1 : text.n, close);
		ck_ok(outcome.err);
		ck_assert_int_eq(outcome.reply.state, REPLY_DONE);
		ck_assert_int_eq(outcome.reply.llhttp.status_code, status);
		ck_bytes(buf_str(&outcome.body), str_of(body));
		ck_bytes(http_field_get(&outcome.reply.fields, HTTP_CONTENT_TYPE), str_of(type));
		outcome_free(&outcome);
	}
}

START_TEST(test_splits)
{
	expect_reply(STR("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 5\r\n\r\nhello"), 200,
		     "hello", "application/json", false);
	expect_reply(STR("HTTP/1.1 200 OK\r\nContent-Type:a/b \r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"
			 "2;x=y\r\nlo\r\n0\r\nTrailer: z\r\n\r\n"),
		     200, "hello", "a/b", false);
	expect_reply(STR("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\n\r\nto the end"), 200, "to the end", "a/b", true);
	expect_reply(STR("HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: z\r\n\r\n"
			 "HTTP/1.1 404 Not Found\r\nContent-Type: c/d\r\nContent-Length: 0\r\n\r\n"),
		     404, "", "c/d", false);
	expect_reply(STR("HTTP/1.1 204 No Content\r\nContent-Type: c/d\r\n\r\n"), 204, "", "c/d", false);
}
END_TEST

static enum err outcome_of(struct str text, bool close)
{
	struct outcome outcome;
	enum err err;

	outcome_init(&outcome);
	feed(&outcome, text, text.n, text.n, close);
	err = outcome.err == OK && outcome.reply.state != REPLY_DONE ? ERR_INTERNAL : outcome.err;
	outcome_free(&outcome);
	return err;
}

START_TEST(test_refused)
{
	static const char *const garbage[] = {
		"this is not HTTP at all\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999999\r\n\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhelXX",
		"HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
		"HTTP/1.1 200 OK\r\nX: a\nY: b\r\n\r\n\x01",
		"HTTP/1.1 200 OK\r\nX: a\r\n folded\r\n\r\n\x01",
		"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx",
		"HTTP/2.0 200 OK\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		enum err err = outcome_of(str_of(garbage[i]), false);

		ck_assert_msg(err == ERR_UPSTREAM_GARBAGE, "'%s' gave %s", garbage[i], err_name(err));
	}
}
END_TEST

START_TEST(test_cut_short)
{
	ck_err(outcome_of(STR("HTTP/1.1 200 OK\r\nContent-Le"), true), ERR_UPSTREAM_DOWN);
	ck_err(outcome_of(STR("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel"), true), ERR_UPSTREAM_DOWN);
	ck_err(outcome_of(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhel"), true),
	       ERR_UPSTREAM_DOWN);
	ck_err(outcome_of(STR("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n"), true),
	       ERR_UPSTREAM_DOWN);
	ck_err(outcome_of(STR(""), true), ERR_UPSTREAM_DOWN);
}
END_TEST

START_TEST(test_limits)
{
	AUTO_BUF text = {0};

	buf_put(&text, STR("HTTP/1.1 200 OK\r\nX: "));
	for (int i = 0; i < HTTP_HEAD_BYTES_MAX; i++)
		buf_put_byte(&text, 'a');
	buf_put(&text, STR("\r\n\r\n"));
	ck_err(outcome_of(buf_str(&text), true), ERR_UPSTREAM_TOO_LARGE);

	text.n = 0;
	buf_put(&text, STR("HTTP/1.1 200 OK\r\n"));
	for (int i = 0; i <= HTTP_HEADERS_MAX; i++)
		buf_put(&text, STR("X: y\r\n"));
	buf_put(&text, STR("\r\n"));
	ck_err(outcome_of(buf_str(&text), true), ERR_UPSTREAM_TOO_LARGE);

	text.n = 0;
	for (int i = 0; i < 50; i++)
		buf_put(&text, STR("HTTP/1.1 100 Continue\r\n\r\n"));
	ck_err(outcome_of(buf_str(&text), false), ERR_UPSTREAM_GARBAGE);
}
END_TEST

/* An answer stands when more follows it, but its connection must not be used again. */
START_TEST(test_bytes_behind)
{
	struct outcome outcome;
	struct str text = STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nokHTTP/1.1 200 OK\r\n\r\n");

	outcome_init(&outcome);
	ck_ok(reply_read(&outcome.reply, text));
	ck_assert_int_eq(outcome.reply.state, REPLY_DONE);
	ck_assert(!outcome.reply.keep_alive);
	ck_str(buf_str(&outcome.body), "ok");
	ck_err(reply_read(&outcome.reply, STR("x")), ERR_UPSTREAM_GARBAGE);
	outcome_free(&outcome);

	outcome_init(&outcome);
	ck_ok(reply_read(&outcome.reply, STR("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")));
	ck_assert(outcome.reply.keep_alive);
	reply_reset(&outcome.reply, outcome.arena);
	ck_ok(reply_read(&outcome.reply, STR("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")));
	ck_assert(!outcome.reply.keep_alive);
	outcome_free(&outcome);
}
END_TEST

UNIT_MAIN("http/reply", test_splits, test_refused, test_cut_short, test_limits, test_bytes_behind)
