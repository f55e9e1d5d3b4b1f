/* The event-stream reader: the same events whatever the pieces, and its bound. */
#include "../unit.h"

#include "http/sse.h"

/* Events as text: "type|id|data|retry;" one after the other. */
static enum err digest(struct sse_reader *reader, struct str input, struct buf *out)
{
	struct sse_event event;
	bool complete;

	for (;;) {
		enum err err = sse_read(reader, &input, &event, &complete);

		if (err != OK)
			return err;
		if (!complete) {
			ck_assert_uint_eq(input.n, 0);
			return OK;
		}
		buf_put_fmt(out, "%.*s|%.*s|%.*s|%lld;", STR_ARG(event.type), event.id.p == NULL ? 1 : (int)event.id.n,
			    event.id.p == NULL ? "-" : event.id.p, STR_ARG(event.data), (long long)event.retry_ms);
	}
}

static void expect_events(struct str input, const char *want)
{
	for (size_t cut = 0; cut <= input.n; cut++) {
		for (size_t second = cut; second <= input.n; second += 1 + input.n / 16) {
			struct sse_reader reader;
			AUTO_BUF out = {0};

			sse_reader_init(&reader, 1024);
			ck_ok(digest(&reader, (struct str){input.p, cut}, &out));
			ck_ok(digest(&reader, (struct str){input.p + cut, second - cut}, &out));
			ck_ok(digest(&reader, str_skip(input, second), &out));
			ck_assert_msg(str_eq(buf_str(&out), str_of(want)), "cut at %zu and %zu: %.*s", cut, second,
				      STR_ARG(buf_str(&out)));
			sse_reader_free(&reader);
		}
	}
}

START_TEST(test_line_ends)
{
	expect_events(STR("data: a\n\ndata: b\n\n"), "|-|a|-1;|-|b|-1;");
	expect_events(STR("data: a\r\n\r\ndata: b\r\n\r\n"), "|-|a|-1;|-|b|-1;");
	expect_events(STR("data: a\r\rdata: b\r\r"), "|-|a|-1;|-|b|-1;");
	expect_events(STR("data: a\r\n\ndata: b\n\r\n"), "|-|a|-1;|-|b|-1;");
}
END_TEST

START_TEST(test_fields)
{
	expect_events(STR("\xef\xbb\xbf: hello\nevent: message\nid: 7\ndata: {\"a\":1}\n\n"),
		      "message|7|{\"a\":1}|-1;");
	expect_events(STR("data:x\ndata:  y\ndata\n\n"), "|-|x\n y\n|-1;");
	expect_events(STR("foo: bar\n: comment\n\n\nretry: 250\n\n"), "|-||250;");
	expect_events(STR("id: 1\ndata: \n\nretry: x\ndata: z\n\n"), "|1||-1;|1|z|-1;");
	expect_events(STR("id: a\n\ndata: b\n\nid\ndata: c\n\n"), "|a|b|-1;||c|-1;");
	expect_events(STR("event: x\ndata: 1\n\ndata: 2\n\n"), "x|-|1|-1;|-|2|-1;");
	expect_events(STR("data: cut"), "");
	expect_events(STR("retry: 99999999999999999999\ndata: a\n\n"), "|-|a|-1;");
	expect_events(STR("id: a\0b\ndata: a\n\n"), "|-|a|-1;");
}
END_TEST

START_TEST(test_bound)
{
	struct sse_reader reader;
	AUTO_BUF long_line = {0}, out = {0};

	while (long_line.n < 2000)
		buf_put(&long_line, STR("data: 0123456789"));
	sse_reader_init(&reader, 1024);
	ck_err(digest(&reader, buf_str(&long_line), &out), ERR_UPSTREAM_TOO_LARGE);
	sse_reader_free(&reader);

	sse_reader_init(&reader, 64);
	for (int i = 0; i < 3; i++)
		ck_ok(digest(&reader, STR("data: 01234567890123\n"), &out));
	ck_err(digest(&reader, STR("data: 01234567890123456789\n"), &out), ERR_UPSTREAM_TOO_LARGE);
	sse_reader_free(&reader);

	/* Many events are no large event. */
	sse_reader_init(&reader, 64);
	for (int i = 0; i < 100; i++)
		ck_ok(digest(&reader, STR("data: 01234567890123\n\n"), &out));
	sse_reader_free(&reader);
}
END_TEST

UNIT_MAIN("http/sse", test_line_ends, test_fields, test_bound)
