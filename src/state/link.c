/* Requests and replies of a link, and what happens when it breaks.
 *
 * Silence: as long as somebody waits a timer looks at when the last byte came. It looks twice before it breaks the
 * connection: a loop that was busy elsewhere finds the timer due before it has read what has long arrived.
 *
 * A broken connection is not repaired but replaced; what was under way may or may not have happened. Every request of
 * ours may be done twice or not at all without harm. */
#include <hiredis/hiredis.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "state/link_private.h"

#define SECOND_LOOK_MS 16
#define LINK_END_MS 20000 /* resolvers give up by then */

void link_note_problem(struct link *link, struct str problem)
{
	link->problem_n = problem.n < sizeof(link->problem) ? problem.n : sizeof(link->problem);
	memcpy(link->problem, problem.p, link->problem_n);
}

/* ---- states ---------------------------------------------------------------------- */

static void on_retry(struct timer *timer);

static void retry_later(struct link *link)
{
	int64_t wait_ms = LINK_RETRY_MS_MIN;
	uint16_t dice;

	for (unsigned i = 0; i < link->failures && wait_ms < LINK_RETRY_MS_MAX; i++)
		wait_ms *= 2;
	if (wait_ms > LINK_RETRY_MS_MAX)
		wait_ms = LINK_RETRY_MS_MAX;
	random_bytes(&dice, sizeof(dice));
	link->failures++;
	timer_set(link->loop, &link->retry, wait_ms / 2 + wait_ms / 2 * dice / UINT16_MAX, on_retry);
}

void link_set_state(struct link *link, enum link_state to)
{
	enum link_state from = link->state;

	CHECK_OBJ(link, LINK_MAGIC);
	CHECK(from != to && from != LINK_ENDED);
	CHECK(to != LINK_OPENING || from == LINK_DOWN);
	CHECK(to != LINK_UP || from == LINK_OPENING);
	link->state = to;
	if (to == LINK_UP) {
		link->failures = 0;
		link->events->on_state(link->owner, true, STR(""));
	} else if (to == LINK_DOWN) {
		retry_later(link);
		link->events->on_state(link->owner, false, (struct str){link->problem, link->problem_n});
	}
}

/* Everybody who waits goes on without a reply. */
static void fail_asks(struct link *link)
{
	while (link->count > 0) {
		struct ask *ask = link->asked[link->first % LINK_ASKS_MAX].ask;

		link->first++;
		link->count--;
		if (ask != NULL)
			wait_done(&ask->wait, ERR_BUSY);
	}
	link->out.n = 0;
	link->suspect = false;
	if (link->silence.at_ms != 0)
		timer_stop(&link->silence);
}

void link_break(struct link *link, struct str problem)
{
	CHECK_OBJ(link, LINK_MAGIC);
	if (link->state != LINK_OPENING && link->state != LINK_UP)
		return;
	link_note_problem(link, problem);
	fail_asks(link);
	if (link->stream != NULL)
		stream_close(link->stream, 0);
	if (link->state == LINK_UP)
		link_set_state(link, LINK_DOWN);
	/* An opener finds its request refused, and ends its attempt itself. */
}

/* ---- attempts -------------------------------------------------------------------- */

static void wake(struct wait **waiter)
{
	struct wait *wait = *waiter;

	*waiter = NULL;
	if (wait != NULL)
		wait_done(wait, OK);
}

AWAITS_ENTRY static void open_main(void *arg)
{
	struct link *link = arg;
	enum err err = link_open(link);

	link->opener = NULL;
	if (link->state == LINK_OPENING) {
		if (err == OK && link->stream != NULL && stream_is_open(link->stream)) {
			link_set_state(link, LINK_UP);
		} else {
			if (link->stream != NULL)
				stream_close(link->stream, 0);
			fail_asks(link);
			link_set_state(link, LINK_DOWN);
		}
	} else if (link->stream != NULL) {
		stream_close(link->stream, 0);
	}
	wake(&link->on_attempt);
	if (link->state == LINK_ENDED && link->stream == NULL)
		wake(&link->on_end);
}

static void begin_attempt(struct link *link)
{
	/* The last stream's end may still be under way. */
	if (link->stream != NULL || fiber_spawn(link->loop, "state", open_main, link,
						loop_now(link->loop) + LINK_OPEN_MS, &link->opener) != OK) {
		retry_later(link);
		return;
	}
	link_set_state(link, LINK_OPENING);
}

static void on_retry(struct timer *timer)
{
	begin_attempt(CONTAINER_OF(timer, struct link, retry));
}

struct link *link_new(const struct link_spec *spec, struct str channel, const struct link_events *events, void *owner)
{
	struct link *link = calloc(1, sizeof(*link));

	CHECK(link != NULL);
	link->magic = LINK_MAGIC;
	link->loop = loop_self();
	link->spec = spec;
	link->channel = channel;
	link->events = events;
	link->owner = owner;
	link->reader = reply_reader_new();
	begin_attempt(link);
	return link;
}

static bool forget_waiter(void *arg)
{
	*(struct wait **)arg = NULL;
	return true;
}

AWAITS void link_await_attempt(struct link *link)
{
	struct wait attempt = WAIT_INIT;
	struct fiber_shield shield = fiber_shield_begin(LINK_OPEN_MS);

	CHECK_OBJ(link, LINK_MAGIC);
	CHECK(link->on_attempt == NULL);
	if (link->state == LINK_OPENING) {
		link->on_attempt = &attempt;
		if (wait_for(&attempt, forget_waiter, &link->on_attempt) != OK)
			log_warn("state.slow_start", LOG_INT("waited_ms", LINK_OPEN_MS));
	}
	fiber_shield_end(shield);
}

/* A name that is being resolved cannot be called back: then the link is left to it. */
AWAITS static bool await_end(struct link *link)
{
	struct wait end = WAIT_INIT;

	if (link->stream != NULL || link->opener != NULL) {
		link->on_end = &end;
		if (wait_for(&end, forget_waiter, &link->on_end) != OK)
			return false;
	}
	while (link->flushing)
		if (fiber_yield() != OK)
			return false;
	return true;
}

AWAITS void link_end(struct link *link)
{
	struct fiber_shield shield = fiber_shield_begin(LINK_END_MS);
	bool ended;

	CHECK_OBJ(link, LINK_MAGIC);
	link_set_state(link, LINK_ENDED);
	fail_asks(link);
	if (link->retry.at_ms != 0)
		timer_stop(&link->retry);
	if (link->opener != NULL)
		fiber_cancel(link->opener);
	if (link->stream != NULL)
		stream_close(link->stream, 0);
	ended = await_end(link);
	fiber_shield_end(shield);
	if (!ended)
		return;
	reply_reader_free(link->reader);
	buf_free(&link->out);
	link->magic = 0;
	free(link);
}

/* ---- silence --------------------------------------------------------------------- */

static void on_silence(struct timer *timer)
{
	struct link *link = CONTAINER_OF(timer, struct link, silence);
	int64_t since_ms, silent_ms;

	if (link->count == 0)
		return;
	since_ms = link->asked[link->first % LINK_ASKS_MAX].at_ms;
	if (since_ms < link->heard_ms)
		since_ms = link->heard_ms;
	silent_ms = loop_now(link->loop) - since_ms;
	if (silent_ms < link->spec->silence_ms) {
		timer_set(link->loop, timer, link->spec->silence_ms - silent_ms, on_silence);
	} else if (!link->suspect) {
		link->suspect = true;
		timer_set(link->loop, timer, SECOND_LOOK_MS, on_silence);
	} else {
		link_break(link, STR("it did not answer in time"));
	}
}

/* ---- replies --------------------------------------------------------------------- */

static bool is_message(const struct reply *reply)
{
	return reply->kind == REPLY_LIST && str_eq(reply_text(reply_item(reply, 0)), STR("message"));
}

/* Whether it was expected. */
static bool hand_over(struct link *link, struct reply *reply)
{
	struct ask *ask;

	if (link->channel.n > 0 && is_message(reply)) {
		link->events->on_message(link->owner, reply_text(reply_item(reply, 2)));
		reply_free(reply);
		return true;
	}
	if (link->count == 0) {
		reply_free(reply);
		return false;
	}
	ask = link->asked[link->first % LINK_ASKS_MAX].ask;
	link->first++;
	link->count--;
	if (ask == NULL) {
		reply_free(reply);
		return true;
	}
	ask->reply = reply;
	wait_done(&ask->wait, OK);
	return true;
}

static void on_read(void *owner, struct str bytes)
{
	struct link *link = owner;
	struct reply *reply;

	CHECK_OBJ(link, LINK_MAGIC);
	if (link->state != LINK_OPENING && link->state != LINK_UP)
		return;
	link->heard_ms = loop_now(link->loop);
	link->suspect = false;
	if (reply_reader_feed(link->reader, bytes) != OK) {
		link_break(link, STR("a reply is too large"));
		return;
	}
	do {
		if (reply_reader_next(link->reader, &reply) != OK || (reply != NULL && !hand_over(link, reply))) {
			link_break(link, STR("what it says is not the protocol"));
			return;
		}
	} while (reply != NULL);
}

static void on_drain(void *owner)
{
}

static void on_close(void *owner, enum err reason)
{
	struct link *link = owner;

	CHECK_OBJ(link, LINK_MAGIC);
	link->stream = NULL;
	link_break(link, STR("it closed the connection"));
	if (link->state == LINK_ENDED && link->opener == NULL)
		wake(&link->on_end);
}

const struct stream_events link_stream_events = {.on_read = on_read, .on_drain = on_drain, .on_close = on_close};

/* ---- requests -------------------------------------------------------------------- */

static void on_flush(struct task *task)
{
	struct link *link = CONTAINER_OF(task, struct link, flush);
	struct piece piece = {.str = buf_str(&link->out)};

	link->flushing = false;
	if (link->stream != NULL && link->out.n > 0)
		(void)stream_write(link->stream, &piece, 1); /* it is bounded where it is asked */
	link->out.n = 0;
	if (link->out.cap > LOOP_READ_BYTES)
		buf_free(&link->out);
}

static void put_command(struct link *link, const struct str *words, size_t count)
{
	const char *text[LINK_WORDS_MAX];
	size_t lengths[LINK_WORDS_MAX];
	char *command;
	int n;

	CHECK(count <= LINK_WORDS_MAX);
	for (size_t i = 0; i < count; i++) {
		text[i] = words[i].n == 0 ? "" : words[i].p;
		lengths[i] = words[i].n;
	}
	n = redisFormatCommandArgv(&command, (int)count, text, lengths);
	CHECK(n > 0);
	buf_put(&link->out, (struct str){command, (size_t)n});
	redisFreeCommand(command);
	if (!link->flushing) {
		link->flushing = true;
		link->flush.run = on_flush;
		loop_post(link->loop, &link->flush);
	}
}

/* Its reply will come all the same, or never. */
static bool leave(void *arg)
{
	struct asked *asked = arg;

	asked->ask = NULL;
	return true;
}

AWAITS enum err link_ask_opening(struct link *link, const struct str *words, size_t count, struct reply **ret_reply)
{
	struct ask ask = {.wait = WAIT_INIT};
	struct asked *asked = &link->asked[(link->first + link->count) % LINK_ASKS_MAX];

	if (link->stream == NULL || link->count == LINK_ASKS_MAX ||
	    link->out.n + stream_queued(link->stream) > LINK_QUEUE_BYTES_MAX)
		return ERR_BUSY;
	*asked = (struct asked){&ask, loop_now(link->loop)};
	if (link->count++ == 0)
		timer_set(link->loop, &link->silence, link->spec->silence_ms, on_silence);
	put_command(link, words, count);
	TRY(wait_for(&ask.wait, leave, asked));
	*ret_reply = ask.reply;
	return OK;
}

AWAITS enum err link_ask(struct link *link, const struct str *words, size_t count, struct reply **ret_reply)
{
	CHECK_OBJ(link, LINK_MAGIC);
	CHECK(link->loop == loop_self());
	return link->state == LINK_UP ? link_ask_opening(link, words, count, ret_reply) : ERR_BUSY;
}

struct str link_script(const struct link *link, enum script script)
{
	return (struct str){link->sha[script], SCRIPT_SHA_LEN};
}
