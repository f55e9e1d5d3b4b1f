/* What a log holds, and its reader.
 *
 * Events are a ring of blobs, numbered without holes; one that is too large for the log has its
 * number and no text. The reader's place is kept in the log, since there is one at most. A
 * reader on another loop is woken by a message, one at a time. Where logs are found and when
 * they go is event_table.c's. */
#include "gateway/event_log_private.h"

#define READER_MAGIC 0x45565244u /* "EVRD" */
#define RING_FIRST 8		 /* events; grows by doubling */

_Atomic uint64_t event_bytes_kept;

struct event_reader {
	uint32_t magic;
	struct task task; /* under way while `posted` */
	struct loop *loop;
	struct event_log *log;
	void (*wake)(void *owner);
	void *owner; /* NULL once it has left: its loop's */
	bool posted; /* under the shelf's lock */
};

/* ---- life ------------------------------------------------------------------------ */

struct event_log *event_log_ref(struct event_log *log)
{
	CHECK_OBJ(log, EVENT_LOG_MAGIC);
	atomic_fetch_add_explicit(&log->refs, 1, memory_order_relaxed);
	return log;
}

void event_log_unref(struct event_log *log)
{
	if (log == NULL)
		return;
	CHECK_OBJ(log, EVENT_LOG_MAGIC);
	if (atomic_fetch_sub_explicit(&log->refs, 1, memory_order_acq_rel) > 1)
		return;
	CHECK(log->siblings == NULL && log->reader == NULL);
	if (log->attachment_free != NULL)
		log->attachment_free(log->attachment);
	for (uint64_t n = log->first; n < log->next; n++)
		blob_unref(log->ring[n % log->cap]);
	atomic_fetch_sub(&event_bytes_kept, log->bytes);
	free(log->ring);
	log->magic = 0;
	free(log);
}

void *event_log_attachment(const struct event_log *log)
{
	CHECK_OBJ(log, EVENT_LOG_MAGIC);
	return log->attachment;
}

uint64_t event_log_serial(const struct event_log *log)
{
	CHECK_OBJ(log, EVENT_LOG_MAGIC);
	return log->serial;
}

/* ---- writing ------------------------------------------------------------------------ */

static void drop_first(struct event_log *log)
{
	struct blob *text = log->ring[log->first % log->cap];
	size_t bytes = text == NULL ? 0 : text->str.n + EVENT_OVERHEAD_BYTES;

	log->bytes -= bytes;
	atomic_fetch_sub(&event_bytes_kept, bytes);
	blob_unref(text);
	log->first++;
}

static void drop_to(struct event_log *log, uint64_t number)
{
	while (log->first < log->next && log->first <= number)
		drop_first(log);
}

static void grow_ring(struct event_log *log)
{
	size_t cap = log->cap == 0 ? RING_FIRST : 2 * log->cap;
	struct blob **ring = calloc(cap, sizeof(struct blob *));

	CHECK(ring != NULL);
	for (uint64_t n = log->first; n < log->next; n++)
		ring[n % cap] = log->ring[n % log->cap];
	free(log->ring);
	log->ring = ring;
	log->cap = cap;
}

static bool is_channel(const struct event_log *log)
{
	return log->kind == EVENT_LOG_CHANNEL;
}

/* A channel must not leave anything out: one whose client does not keep up has to end. */
static bool overruns(const struct event_log *log)
{
	return is_channel(log) && log->first < log->next &&
	       (log->bytes > EVENT_CHANNEL_BYTES_MAX || log->next - log->first >= EVENT_CHANNEL_EVENTS_MAX ||
		atomic_load(&event_bytes_kept) > EVENT_LOGS_BYTES_MAX);
}

/* The text finds its place, at the cost of this log's oldest events. */
static void put_event(struct event_log *log, struct blob *text)
{
	size_t bytes = text == NULL ? 0 : text->str.n + EVENT_OVERHEAD_BYTES;

	while (!is_channel(log) && log->first < log->next &&
	       (log->next - log->first == EVENT_LOG_EVENTS_MAX || log->bytes + bytes > EVENT_LOG_BYTES_MAX))
		drop_first(log);
	if (log->next - log->first == log->cap)
		grow_ring(log);
	log->ring[log->next++ % log->cap] = text;
	log->bytes += bytes;
	atomic_fetch_add(&event_bytes_kept, bytes);
}

static bool is_waiting(const struct event_log *log, struct str text)
{
	for (uint64_t n = log->first > log->taken + 1 ? log->first : log->taken + 1; n < log->next; n++)
		if (log->ring[n % log->cap] != NULL && str_eq(log->ring[n % log->cap]->str, text))
			return true;
	return false;
}

static void reader_free(struct event_reader *reader)
{
	event_log_unref(reader->log);
	reader->magic = 0;
	free(reader);
}

static void reader_woken(struct task *task)
{
	struct event_reader *reader = CONTAINER_OF(task, struct event_reader, task);

	CHECK_OBJ(reader, READER_MAGIC);
	pthread_mutex_lock(&reader->log->shelf->lock);
	reader->posted = false;
	pthread_mutex_unlock(&reader->log->shelf->lock);
	if (reader->owner == NULL)
		reader_free(reader); /* it left while the message was under way */
	else
		reader->wake(reader->owner);
}

static void wake_reader(struct event_reader *reader)
{
	if (reader == NULL || reader->posted)
		return;
	reader->posted = true;
	reader->task = (struct task){.run = reader_woken};
	loop_post(reader->loop, &reader->task);
}

void event_log_finish(struct event_log *log)
{
	if (log->ended)
		return;
	log->ended = true;
	event_log_note_unread(log);
	wake_reader(log->reader);
}

uint64_t event_log_append(struct event_log *log, struct str text, bool once)
{
	bool kept = is_channel(log) || text.n + EVENT_OVERHEAD_BYTES <= EVENT_LOG_BYTES_MAX;
	struct blob *blob = kept ? blob_new(text) : NULL;
	uint64_t number = 0;
	struct list gone;

	CHECK_OBJ(log, EVENT_LOG_MAGIC);
	list_init(&gone);
	pthread_mutex_lock(&log->shelf->lock);
	if (!log->ended && overruns(log)) {
		drop_to(log, log->next - 1);
		event_log_finish(log);
	}
	if (!log->ended && !(once && is_waiting(log, text))) {
		number = log->next;
		put_event(log, blob);
		blob = NULL;
		event_shelf_relieve(log->shelf, &gone);
		while (!is_channel(log) && atomic_load(&event_bytes_kept) > EVENT_LOGS_BYTES_MAX &&
		       log->first < log->next)
			drop_first(log);
		wake_reader(log->reader);
	}
	pthread_mutex_unlock(&log->shelf->lock);
	blob_unref(blob);
	event_logs_release(&gone);
	return number;
}

void event_log_end(struct event_log *log)
{
	CHECK_OBJ(log, EVENT_LOG_MAGIC);
	pthread_mutex_lock(&log->shelf->lock);
	event_log_finish(log);
	pthread_mutex_unlock(&log->shelf->lock);
}

/* ---- reading ------------------------------------------------------------------------ */

struct event_reader *event_log_read(struct event_log *log, uint64_t after, bool take_over, void (*wake)(void *owner),
				    void *owner)
{
	struct event_reader *reader = NULL;

	CHECK_OBJ(log, EVENT_LOG_MAGIC);
	pthread_mutex_lock(&log->shelf->lock);
	if (log->reader == NULL || take_over) {
		reader = calloc(1, sizeof(*reader));
		CHECK(reader != NULL);
		*reader = (struct event_reader){.magic = READER_MAGIC,
						.loop = loop_self(),
						.log = event_log_ref(log),
						.wake = wake,
						.owner = owner};
		wake_reader(log->reader);
		log->reader = reader;
		if (after != EVENTS_UNREAD)
			log->taken = after < log->next ? after : log->next - 1;
		list_remove(&log->age_link);
	}
	pthread_mutex_unlock(&log->shelf->lock);
	return reader;
}

void event_reader_leave(struct event_reader *reader)
{
	struct event_log *log = reader->log;
	bool posted;

	CHECK_OBJ(reader, READER_MAGIC);
	reader->owner = NULL;
	pthread_mutex_lock(&log->shelf->lock);
	if (log->reader == reader) {
		log->reader = NULL;
		event_log_note_unread(log);
	}
	posted = reader->posted;
	pthread_mutex_unlock(&log->shelf->lock);
	if (!posted)
		reader_free(reader);
}

static enum event_state peek(struct event_reader *reader, struct event *ret_event)
{
	struct event_log *log = reader->log;
	uint64_t n = log->taken + 1;

	if (log->reader != reader)
		return EVENTS_TAKEN_OVER;
	if (n < log->first)
		n = log->first;
	while (n < log->next && log->ring[n % log->cap] == NULL)
		n++;
	if (n < log->next) {
		*ret_event = (struct event){.number = n, .text = blob_ref(log->ring[n % log->cap])};
		return EVENTS_NEXT;
	}
	if (!log->ended)
		return EVENTS_NONE;
	return log->taken + 1 == log->next ? EVENTS_OVER : EVENTS_LOST;
}

enum event_state event_reader_peek(struct event_reader *reader, struct event *ret_event)
{
	enum event_state state;

	CHECK_OBJ(reader, READER_MAGIC);
	pthread_mutex_lock(&reader->log->shelf->lock);
	state = peek(reader, ret_event);
	pthread_mutex_unlock(&reader->log->shelf->lock);
	return state;
}

void event_reader_took(struct event_reader *reader, uint64_t number)
{
	CHECK_OBJ(reader, READER_MAGIC);
	pthread_mutex_lock(&reader->log->shelf->lock);
	if (reader->log->reader == reader) {
		reader->log->taken = number;
		if (is_channel(reader->log) || reader->log->kind == EVENT_LOG_LISTEN)
			drop_to(reader->log, number);
	}
	pthread_mutex_unlock(&reader->log->shelf->lock);
}

struct event_log *event_reader_log(const struct event_reader *reader)
{
	CHECK_OBJ(reader, READER_MAGIC);
	return reader->log;
}

bool event_log_is_read(struct event_log *log)
{
	bool is_read;

	CHECK_OBJ(log, EVENT_LOG_MAGIC);
	pthread_mutex_lock(&log->shelf->lock);
	is_read = log->reader != NULL;
	pthread_mutex_unlock(&log->shelf->lock);
	return is_read;
}
