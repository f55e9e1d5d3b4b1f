/* Event logs: order, bounds, one reader on any loop, who finds them; and the ids of events, as
 * clients send them back. */
#include "../unit.h"

#include <stdio.h>

#include "base/clock.h"
#include "gateway/event_id.h"
#include "rt/loop.h"

#define A STR("00000000000000aa")
#define B STR("00000000000000bb")

static struct event_log *request_log(struct str session)
{
	return event_log_new(&(struct event_log_spec){.kind = EVENT_LOG_REQUEST, .session = session});
}

static void woken(void *owner)
{
	++*(unsigned *)owner;
}

/* What a reader has before it, joined by commas; how it ended. */
static enum event_state read_all(struct event_reader *reader, struct buf *out)
{
	struct event event;
	enum event_state state;

	while ((state = event_reader_peek(reader, &event)) == EVENTS_NEXT) {
		if (out->n > 0)
			buf_put_byte(out, ',');
		buf_put(out, event.text->str);
		blob_unref(event.text);
		event_reader_took(reader, event.number);
	}
	return state;
}

static void reads(struct event_log *log, uint64_t after, const char *wanted, enum event_state how)
{
	unsigned wakes = 0;
	AUTO_BUF out = {0};
	struct event_reader *reader = event_log_read(log, after, false, woken, &wakes);

	ck_assert_ptr_nonnull(reader);
	ck_assert_int_eq(read_all(reader, &out), how);
	ck_assert_msg(str_eq(buf_str(&out), str_of(wanted)), "got %.*s, want %s", STR_ARG(buf_str(&out)), wanted);
	event_reader_leave(reader);
}

/* Each body runs on a loop, since readers live on one. */
static void on_loop(fiber_main *body)
{
	ck_ok(rt_run(1, body, NULL));
	event_logs_stop();
	ck_assert_uint_eq(event_logs_stats().logs, 0);
	ck_assert_uint_eq(event_logs_stats().bytes, 0);
}

AWAITS_ENTRY static void order_body(void *arg)
{
	struct event_log *log = request_log(A);

	ck_assert_uint_eq(event_log_append(log, STR("a"), false), 1);
	ck_assert_uint_eq(event_log_append(log, STR("b"), false), 2);
	ck_assert_uint_eq(event_log_append(log, STR("c"), false), 3);
	reads(log, 0, "a,b,c", EVENTS_NONE);
	reads(log, 2, "c", EVENTS_NONE);
	reads(log, 1000, "", EVENTS_NONE);
	event_log_end(log);
	ck_assert_uint_eq(event_log_append(log, STR("d"), false), 0);
	reads(log, 1, "b,c", EVENTS_OVER);
	reads(log, 3, "", EVENTS_OVER);
	event_log_unref(log);
}

START_TEST(events_come_in_order_from_where_one_stopped)
{
	on_loop(order_body);
}
END_TEST

AWAITS_ENTRY static void found_body(void *arg)
{
	struct event_log *log = request_log(A), *other = request_log(B), *found;

	found = event_log_find(EVENT_LOG_REQUEST, A, event_log_serial(log));
	ck_assert_ptr_eq(found, log);
	event_log_unref(found);
	ck_assert_ptr_null(event_log_find(EVENT_LOG_REQUEST, B, event_log_serial(log)));
	ck_assert_ptr_null(event_log_find(EVENT_LOG_SESSION, A, event_log_serial(log)));
	ck_assert_ptr_null(event_log_find(EVENT_LOG_REQUEST, A, event_log_serial(other)));
	ck_assert(event_logs_forget_session(A));
	ck_assert(!event_logs_forget_session(A));
	ck_assert_ptr_null(event_log_find(EVENT_LOG_REQUEST, A, event_log_serial(log)));
	reads(log, 0, "", EVENTS_OVER);
	event_log_unref(log);
	event_log_unref(other);
}

START_TEST(a_log_is_its_sessions_alone)
{
	on_loop(found_body);
}
END_TEST

static unsigned released;

static void release(void *attachment)
{
	released += *(unsigned *)attachment;
}

AWAITS_ENTRY static void own_body(void *arg)
{
	static unsigned one = 1, ten = 10;
	struct event_log_spec spec = {.kind = EVENT_LOG_SESSION, .session = A, .attachment = &one, release};
	struct event_log *log = event_log_new(&spec), *again;

	spec.attachment = &ten;
	again = event_log_new(&spec);
	ck_assert_ptr_eq(again, log);
	ck_assert_ptr_eq(event_log_attachment(again), &one);
	event_log_unref(again);
	event_log_append(log, STR("x"), true);
	ck_assert_uint_eq(event_log_append(log, STR("x"), true), 0);
	reads(log, EVENTS_UNREAD, "x", EVENTS_NONE);
	ck_assert_uint_eq(event_log_append(log, STR("x"), true), 2);
	reads(log, EVENTS_UNREAD, "x", EVENTS_NONE);
	reads(log, EVENTS_UNREAD, "", EVENTS_NONE);
	event_log_unref(log);
	event_logs_sweep(clock_ms() + EVENT_LOG_AGE_MS - 1000);
	ck_assert_uint_eq(released, 0);
	event_logs_sweep(clock_ms() + EVENT_LOG_AGE_MS);
	ck_assert_uint_eq(released, 1);
}

START_TEST(a_session_has_one_log_of_its_own_and_it_ages)
{
	on_loop(own_body);
}
END_TEST

AWAITS_ENTRY static void running_body(void *arg)
{
	struct event_log *log = request_log(A);

	event_logs_sweep(clock_ms() + 10 * EVENT_LOG_AGE_MS);
	ck_assert_uint_eq(event_logs_stats().logs, 1); /* its call is still running */
	event_log_end(log);
	event_logs_sweep(clock_ms() + 10 * EVENT_LOG_AGE_MS);
	ck_assert_uint_eq(event_logs_stats().logs, 0);
	event_log_unref(log);
}

START_TEST(a_running_call_keeps_its_log)
{
	on_loop(running_body);
}
END_TEST

AWAITS_ENTRY static void bounds_body(void *arg)
{
	static char large[EVENT_LOG_BYTES_MAX / 4];
	struct event_log *log = request_log(A);
	unsigned wakes = 0;
	struct event_reader *reader;
	struct event event;

	for (int i = 0; i < EVENT_LOG_EVENTS_MAX + 10; i++)
		event_log_append(log, STR("n"), false);
	reader = event_log_read(log, 0, false, woken, &wakes);
	ck_assert_int_eq(event_reader_peek(reader, &event), EVENTS_NEXT);
	ck_assert_uint_eq(event.number, 11);
	blob_unref(event.text);
	event_reader_leave(reader);
	memset(large, 'x', sizeof(large));
	for (int i = 0; i < 20; i++)
		event_log_append(log, (struct str){large, sizeof(large)}, false);
	ck_assert_uint_le(event_logs_stats().bytes, EVENT_LOG_BYTES_MAX);
	event_log_unref(log);
}

START_TEST(a_log_has_its_bounds)
{
	on_loop(bounds_body);
}
END_TEST

AWAITS_ENTRY static void lost_body(void *arg)
{
	static char huge[EVENT_LOG_BYTES_MAX + 1];
	struct event_log *log = request_log(A);

	memset(huge, 'x', sizeof(huge));
	event_log_append(log, STR("a"), false);
	event_log_append(log, (struct str){huge, sizeof(huge)}, false);
	reads(log, 0, "a", EVENTS_NONE);
	event_log_append(log, STR("b"), false);
	reads(log, 0, "a,b", EVENTS_NONE);
	event_log_append(log, (struct str){huge, sizeof(huge)}, false);
	event_log_end(log);
	reads(log, 0, "a,b", EVENTS_LOST);
	event_log_unref(log);
}

START_TEST(an_answer_too_large_to_keep_is_known_to_be_lost)
{
	on_loop(lost_body);
}
END_TEST

AWAITS_ENTRY static void churn_body(void *arg)
{
	static char text[64 * 1024];
	struct event_log *running[EVENT_LOGS_PER_SESSION_MAX];
	char session[17];

	/* Sessions that vanish: each leaves logs behind. */
	for (int i = 0; i < 4 * EVENT_LOGS_MAX; i++) {
		struct event_log *log;

		snprintf(session, sizeof(session), "%016x", (unsigned)i / 3);
		log = request_log((struct str){session, 16});
		ck_assert_ptr_nonnull(log);
		event_log_append(log, STR("some text"), false);
		event_log_end(log);
		event_log_unref(log);
	}
	ck_assert_uint_le(event_logs_stats().logs, EVENT_LOGS_MAX);
	/* Much of it. */
	for (int i = 0; i < 3000; i++) {
		struct event_log *log;

		snprintf(session, sizeof(session), "%016x", (unsigned)i);
		log = request_log((struct str){session, 16});
		event_log_append(log, (struct str){text, sizeof(text)}, false);
		event_log_end(log);
		event_log_unref(log);
	}
	ck_assert_uint_le(event_logs_stats().bytes, EVENT_LOGS_BYTES_MAX);
	/* One session alone: running calls are not pushed out, one more has no log. */
	for (size_t i = 0; i < EVENT_LOGS_PER_SESSION_MAX; i++)
		ck_assert_ptr_nonnull(running[i] = request_log(A));
	ck_assert_ptr_null(request_log(A));
	event_log_end(running[7]);
	event_log_unref(request_log(A));
	ck_assert_ptr_null(event_log_find(EVENT_LOG_REQUEST, A, event_log_serial(running[7])));
	for (size_t i = 0; i < EVENT_LOGS_PER_SESSION_MAX; i++)
		event_log_unref(running[i]);
}

START_TEST(memory_stays_flat_under_churn)
{
	on_loop(churn_body);
}
END_TEST

AWAITS_ENTRY static void taken_over_body(void *arg)
{
	struct event_log *log = request_log(A);
	unsigned first_wakes = 0, second_wakes = 0;
	struct event_reader *first = event_log_read(log, 0, false, woken, &first_wakes), *second;
	struct event event;
	AUTO_BUF out = {0};

	ck_assert(event_log_is_read(log));
	ck_assert_ptr_null(event_log_read(log, 0, false, woken, &second_wakes));
	second = event_log_read(log, 0, true, woken, &second_wakes);
	ck_ok(fiber_sleep(1));
	ck_assert_uint_eq(first_wakes, 1);
	ck_assert_int_eq(event_reader_peek(first, &event), EVENTS_TAKEN_OVER);
	event_log_append(log, STR("a"), false);
	event_log_append(log, STR("b"), false);
	ck_ok(fiber_sleep(1));
	ck_assert_uint_eq(first_wakes, 1);
	ck_assert_uint_eq(second_wakes, 1); /* one message for both */
	event_reader_leave(first);
	ck_assert(event_log_is_read(log));
	ck_assert_int_eq(read_all(second, &out), EVENTS_NONE);
	ck_str(buf_str(&out), "a,b");
	event_log_append(log, STR("c"), false);
	event_reader_leave(second); /* its message is still under way */
	ck_ok(fiber_sleep(1));
	ck_assert_uint_eq(second_wakes, 1);
	ck_assert(!event_log_is_read(log));
	event_log_unref(log);
}

START_TEST(a_newer_reader_takes_over)
{
	on_loop(taken_over_body);
}
END_TEST

static struct event_log *unkept_log(enum event_log_kind kind)
{
	return event_log_new(&(struct event_log_spec){.kind = kind, .session = A});
}

AWAITS_ENTRY static void channel_body(void *arg)
{
	static char huge[8 << 20];
	struct event_log *log = unkept_log(EVENT_LOG_CHANNEL);
	unsigned wakes = 0;
	struct event_reader *reader = event_log_read(log, 0, false, woken, &wakes);
	struct event event;
	AUTO_BUF out = {0};

	/* One answer of any size, behind others. */
	memset(huge, 'x', sizeof(huge));
	event_log_append(log, STR("a"), false);
	ck_assert_uint_eq(event_log_append(log, (struct str){huge, sizeof(huge)}, false), 2);
	ck_assert_int_eq(read_all(reader, &out), EVENTS_NONE);
	ck_assert_uint_eq(out.n, sizeof(huge) + 2);
	ck_assert_uint_eq(event_logs_stats().bytes, 0); /* what was read is gone */
	/* A client that does not read: nothing is left out, it ends. */
	for (int i = 0; i < EVENT_CHANNEL_EVENTS_MAX; i++)
		ck_assert_uint_gt(event_log_append(log, STR("b"), false), 0);
	ck_assert_uint_eq(event_log_append(log, STR("c"), false), 0);
	ck_assert_int_eq(event_reader_peek(reader, &event), EVENTS_LOST);
	ck_assert_uint_eq(event_logs_stats().bytes, 0);
	event_reader_leave(reader);
	event_log_unref(log);
}

START_TEST(a_channel_leaves_nothing_out)
{
	on_loop(channel_body);
}
END_TEST

AWAITS_ENTRY static void full_channel_body(void *arg)
{
	static char large[1 << 20];
	struct event_log *log = unkept_log(EVENT_LOG_CHANNEL);
	unsigned sent = 0;

	while (event_log_append(log, (struct str){large, sizeof(large)}, false) > 0)
		sent++;
	ck_assert_uint_ge(sent, EVENT_CHANNEL_BYTES_MAX / sizeof(large));
	ck_assert_uint_le(sent, EVENT_CHANNEL_BYTES_MAX / sizeof(large) + 1);
	event_log_unref(log);
}

START_TEST(a_channel_has_its_bounds)
{
	on_loop(full_channel_body);
}
END_TEST

AWAITS_ENTRY static void listen_body(void *arg)
{
	struct event_log *log = unkept_log(EVENT_LOG_LISTEN);
	unsigned wakes = 0;
	struct event_reader *reader = event_log_read(log, 0, false, woken, &wakes);
	AUTO_BUF out = {0};

	for (int i = 0; i < 3 * EVENT_LOG_EVENTS_MAX; i++)
		ck_assert_uint_gt(event_log_append(log, STR("x"), false), 0);
	ck_assert_int_eq(read_all(reader, &out), EVENTS_NONE);
	ck_assert_uint_eq(out.n, 2 * EVENT_LOG_EVENTS_MAX - 1); /* the newest, and commas */
	ck_assert_uint_eq(event_logs_stats().bytes, 0);
	event_reader_leave(reader);
	event_log_unref(log);
}

START_TEST(a_listener_misses_the_oldest)
{
	on_loop(listen_body);
}
END_TEST

#define CROSSING 2000

static enum err write_many(void *arg)
{
	for (int i = 0; i < CROSSING; i++)
		ck_assert_uint_gt(event_log_append(arg, STR("x"), false), 0);
	event_log_end(arg);
	return OK;
}

AWAITS_ENTRY static void crossing_body(void *arg)
{
	struct event_log *log = request_log(A);
	unsigned wakes = 0;
	struct event_reader *reader = event_log_read(log, 0, false, woken, &wakes);
	enum event_state state = EVENTS_NONE;
	uint64_t last = 0;

	ck_ok(loop_call(loop_at(1), "writer", write_many, log));
	while (state == EVENTS_NONE || state == EVENTS_NEXT) {
		struct event event;

		state = event_reader_peek(reader, &event);
		if (state == EVENTS_NONE)
			ck_ok(fiber_sleep(1));
		if (state != EVENTS_NEXT)
			continue;
		ck_assert_uint_gt(event.number, last);
		last = event.number;
		blob_unref(event.text);
		event_reader_took(reader, event.number);
	}
	ck_assert_int_eq(state, EVENTS_OVER);
	ck_assert_uint_eq(last, CROSSING);
	ck_assert_uint_gt(wakes, 0);
	event_reader_leave(reader);
	event_log_unref(log);
}

START_TEST(another_loop_writes)
{
	ck_ok(rt_run(2, crossing_body, NULL));
	event_logs_stop();
}
END_TEST

START_TEST(ids_come_back_as_they_went)
{
	static const struct str lexemes[] = {{"7", 1}, {"\"a.b\"", 5}, {"-9007199254740993", 17}, {NULL, 0}};

	for (size_t i = 0; i < ARRAY_LEN(lexemes); i++) {
		AUTO_BUF text = {0};
		struct event_id id;

		event_id_write(EVENT_LOG_REQUEST, 0x1f, 0xabc, lexemes[i], &text);
		ck_assert(str_is_printable(buf_str(&text)));
		ck_ok(event_id_read(buf_str(&text), &id));
		ck_assert(id.here && id.kind == EVENT_LOG_REQUEST && id.log == 0x1f && id.number == 0xabc);
		ck_assert(str_eq((struct str){id.request, id.request_bytes}, lexemes[i]));
	}
}
END_TEST

START_TEST(a_long_request_id_is_left_out)
{
	static const char lexeme[] = "\"0123456789012345678901234567890123456789012345678901234567890123456789\"";
	AUTO_BUF text = {0};
	struct event_id id;

	event_id_write(EVENT_LOG_REQUEST, 1, 1, str_of(lexeme), &text);
	ck_ok(event_id_read(buf_str(&text), &id));
	ck_assert_uint_eq(id.request_bytes, 0);
}
END_TEST

static const char *const hostile[] = {
	"",
	".",
	"...",
	"x",
	"AAAAAAAAAAA",
	"AAAAAAAAAAA.r1",
	"AAAAAAAAAAA.r1.",
	"AAAAAAAAAAA.x1.1",
	"AAAAAAAAAAA.r.1",
	"AAAAAAAAAAA.r0.1",
	"AAAAAAAAAAA.r01.1",
	"AAAAAAAAAAA.rA.1",
	"AAAAAAAAAAA.r-1.1",
	"AAAAAAAAAAA.r1.1 ",
	"AAAAAAAAAAA.r1.11111111111111111",
	"AAAAAAAAAA.r1.1",
	"AAAAAAAAAAAA.r1.1",
	"AAAAAAA%AAA.r1.1",
	"AAAAAAAAAAA.r1.1.",
	"AAAAAAAAAAA.r1.1.!",
	"AAAAAAAAAAA.r1.1.bnVsbA",	       /* null */
	"AAAAAAAAAAA.r1.1.MS41",	       /* 1.5 */
	"AAAAAAAAAAA.r1.1.e30",		       /* {} */
	"AAAAAAAAAAA.r1.1.IDc",		       /* a space before it */
	"AAAAAAAAAAA.r1.1.MSwicmVzdWx0Ijp7fQ", /* 1,"result":{} */
	"AAAAAAAAAAA.r1.1.Nw.Nw",
	"AAAAAAAAAAA.r1.1.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
};

START_TEST(hostile_ids_are_refused)
{
	struct event_id id;

	ck_err(event_id_read(str_of(hostile[_i]), &id), ERR_MCP_EVENT_ID);
}
END_TEST

START_TEST(a_sessions_stream_has_an_id_before_its_log)
{
	AUTO_BUF text = {0};
	struct event_id id;

	event_id_write(EVENT_LOG_SESSION, 0, 0, STR_NONE, &text);
	ck_ok(event_id_read(buf_str(&text), &id));
	ck_assert(id.here && id.kind == EVENT_LOG_SESSION && id.log == 0 && id.number == 0);
}
END_TEST

START_TEST(an_id_of_another_life_is_known_as_such)
{
	struct event_id id;

	ck_ok(event_id_read(STR("AAAAAAAAAAA.r1.1.Nw"), &id));
	ck_assert(!id.here);
	ck_str(((struct str){id.request, id.request_bytes}), "7");
}
END_TEST

int main(void)
{
	TCase *tcase = tcase_create("event_log");

	tcase_add_test(tcase, events_come_in_order_from_where_one_stopped);
	tcase_add_test(tcase, a_log_is_its_sessions_alone);
	tcase_add_test(tcase, a_session_has_one_log_of_its_own_and_it_ages);
	tcase_add_test(tcase, a_running_call_keeps_its_log);
	tcase_add_test(tcase, a_log_has_its_bounds);
	tcase_add_test(tcase, an_answer_too_large_to_keep_is_known_to_be_lost);
	tcase_add_test(tcase, memory_stays_flat_under_churn);
	tcase_add_test(tcase, a_newer_reader_takes_over);
	tcase_add_test(tcase, a_channel_leaves_nothing_out);
	tcase_add_test(tcase, a_channel_has_its_bounds);
	tcase_add_test(tcase, a_listener_misses_the_oldest);
	tcase_add_test(tcase, another_loop_writes);
	tcase_add_test(tcase, ids_come_back_as_they_went);
	tcase_add_test(tcase, a_long_request_id_is_left_out);
	tcase_add_test(tcase, a_sessions_stream_has_an_id_before_its_log);
	tcase_add_loop_test(tcase, hostile_ids_are_refused, 0, ARRAY_LEN(hostile));
	tcase_add_test(tcase, an_id_of_another_life_is_known_as_such);
	return unit_run("event_log", tcase);
}
