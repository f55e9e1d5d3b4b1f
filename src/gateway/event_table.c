/* Where event logs are found, and when they go.
 *
 *     session number -> [ log, log, ... ]      in one of SHELVES tables, each with its lock
 *     nobody reads it, and its request has ended -> by_age, the longest unread first
 *
 * By age and at every bound the oldest in by_age goes. What is released under the lock is only
 * put aside: attachments may do anything when they are freed. */
#include "base/clock.h"
#include "gateway/event_log_private.h"

#define SHELVES 16 /* count: loops seldom meet at a lock */

static struct event_shelf shelves[SHELVES];
static pthread_once_t shelves_once = PTHREAD_ONCE_INIT;
static atomic_uint_fast64_t serials = 1;
static _Atomic uint64_t logs_kept;
static struct timer sweep_timer;

static void shelves_init(void)
{
	for (size_t i = 0; i < SHELVES; i++) {
		pthread_mutex_init(&shelves[i].lock, NULL);
		list_init(&shelves[i].by_age);
	}
}

static struct event_shelf *shelf_of(struct str session)
{
	CHECK(session.n == EVENT_SESSION_BYTES);
	pthread_once(&shelves_once, shelves_init);
	return &shelves[str_hash(session) % SHELVES];
}

/* ---- with the lock held ---------------------------------------------------------- */

static struct session_logs *session_logs_of(struct event_shelf *shelf, struct str session, bool make)
{
	struct session_logs *logs = map_get(&shelf->by_session, session);

	if (logs != NULL || !make)
		return logs;
	logs = calloc(1, sizeof(*logs));
	CHECK(logs != NULL);
	memcpy(logs->session, session.p, EVENT_SESSION_BYTES);
	list_init(&logs->logs);
	map_put(&shelf->by_session, (struct str){logs->session, EVENT_SESSION_BYTES}, logs);
	return logs;
}

/* Out of the table, into the list of those that the caller lets go of when it holds no lock. */
void event_log_leave(struct event_log *log, struct list *gone)
{
	struct session_logs *logs = log->siblings;

	if (logs == NULL)
		return;
	log->siblings = NULL;
	list_remove(&log->age_link);
	list_remove(&log->link);
	list_add_tail(gone, &log->link);
	log->shelf->count--;
	atomic_fetch_sub(&logs_kept, 1);
	if (--logs->count > 0)
		return;
	map_remove(&log->shelf->by_session, (struct str){logs->session, EVENT_SESSION_BYTES});
	free(logs);
}

void event_logs_release(struct list *gone)
{
	for (struct list *link; (link = list_pop(gone)) != NULL;)
		event_log_unref(LIST_OBJ(link, struct event_log, link));
}

/* A log may go when nobody reads it and it is a session's own, or its request has ended. */
void event_log_note_unread(struct event_log *log)
{
	if (log->siblings == NULL || log->reader != NULL || (log->kind == EVENT_LOG_REQUEST && !log->ended))
		return;
	log->unread_since_ms = clock_ms();
	list_remove(&log->age_link);
	list_add_tail(&log->shelf->by_age, &log->age_link);
}

static struct event_log *oldest(const struct event_shelf *shelf)
{
	return list_empty(&shelf->by_age) ? NULL : LIST_OBJ(shelf->by_age.next, struct event_log, age_link);
}

static void sweep(struct event_shelf *shelf, int64_t now_ms, struct list *gone)
{
	struct event_log *log;

	while ((log = oldest(shelf)) != NULL && log->unread_since_ms + EVENT_LOG_AGE_MS <= now_ms)
		event_log_leave(log, gone);
}

static struct event_log *oldest_of_session(const struct session_logs *logs)
{
	struct event_log *found = NULL;

	for (struct list *l = logs->logs.next; l != &logs->logs; l = l->next) {
		struct event_log *log = LIST_OBJ(l, struct event_log, link);

		if (log->kind == EVENT_LOG_REQUEST && !list_empty(&log->age_link) &&
		    (found == NULL || log->unread_since_ms < found->unread_since_ms))
			found = log;
	}
	return found;
}

/* Room for one more log of this session, at the cost of the oldest that may go. */
static bool make_room(struct event_shelf *shelf, struct str session, struct list *gone)
{
	const struct session_logs *logs;
	struct event_log *victim;

	sweep(shelf, clock_ms(), gone);
	logs = session_logs_of(shelf, session, false);
	if (logs != NULL && logs->count >= EVENT_LOGS_PER_SESSION_MAX) {
		victim = oldest_of_session(logs);
		if (victim == NULL)
			return false;
		event_log_leave(victim, gone);
	}
	if (shelf->count < EVENT_LOGS_MAX / SHELVES)
		return true;
	victim = oldest(shelf);
	if (victim == NULL)
		return false;
	event_log_leave(victim, gone);
	return true;
}

static struct event_log *log_in_table(struct event_shelf *shelf, enum event_log_kind kind, struct str session,
				      uint64_t serial)
{
	struct session_logs *logs = session_logs_of(shelf, session, false);

	for (struct list *l = logs == NULL ? NULL : logs->logs.next; l != NULL && l != &logs->logs; l = l->next) {
		struct event_log *log = LIST_OBJ(l, struct event_log, link);

		if (log->kind == kind && (log->serial == serial || serial == 0))
			return event_log_ref(log);
	}
	return NULL;
}

static struct event_log *log_make(struct event_shelf *shelf, const struct event_log_spec *spec)
{
	struct event_log *log = calloc(1, sizeof(*log));

	CHECK(log != NULL);
	log->magic = EVENT_LOG_MAGIC;
	atomic_init(&log->refs, 2);
	log->shelf = shelf;
	log->kind = spec->kind;
	log->serial = atomic_fetch_add(&serials, 1);
	log->attachment = spec->attachment;
	log->attachment_free = spec->attachment_free;
	log->first = log->next = 1;
	list_init(&log->age_link);
	log->siblings = session_logs_of(shelf, spec->session, true);
	list_add_tail(&log->siblings->logs, &log->link);
	log->siblings->count++;
	shelf->count++;
	atomic_fetch_add(&logs_kept, 1);
	event_log_note_unread(log);
	return log;
}

struct event_log *event_log_new(const struct event_log_spec *spec)
{
	struct event_shelf *shelf = shelf_of(spec->session);
	struct event_log *log = NULL;
	struct list gone;

	list_init(&gone);
	pthread_mutex_lock(&shelf->lock);
	if (spec->kind != EVENT_LOG_REQUEST)
		log = log_in_table(shelf, spec->kind, spec->session, 0);
	if (log == NULL && make_room(shelf, spec->session, &gone))
		log = log_make(shelf, spec);
	pthread_mutex_unlock(&shelf->lock);
	event_logs_release(&gone);
	return log;
}

struct event_log *event_log_find(enum event_log_kind kind, struct str session, uint64_t serial)
{
	struct event_shelf *shelf = shelf_of(session);
	struct event_log *found;

	pthread_mutex_lock(&shelf->lock);
	found = log_in_table(shelf, kind, session, serial);
	pthread_mutex_unlock(&shelf->lock);
	return found;
}

/* Every log of a session, into the list of those that go. */
static void leave_all(struct session_logs *logs, struct list *gone)
{
	size_t left = logs->count;

	while (left-- > 0) {
		struct event_log *log = LIST_OBJ(logs->logs.next, struct event_log, link);

		event_log_leave(log, gone);
		event_log_finish(log);
	}
}

bool event_logs_forget_session(struct str session)
{
	struct event_shelf *shelf = shelf_of(session);
	struct session_logs *logs;
	struct list gone;

	list_init(&gone);
	pthread_mutex_lock(&shelf->lock);
	logs = session_logs_of(shelf, session, false);
	if (logs != NULL)
		leave_all(logs, &gone);
	pthread_mutex_unlock(&shelf->lock);
	event_logs_release(&gone);
	return logs != NULL;
}

/* All logs together are over their bytes: those that may go do, oldest first. */
void event_shelf_relieve(struct event_shelf *shelf, struct list *gone)
{
	uint64_t over = atomic_load(&event_bytes_kept);
	struct event_log *victim;

	while (over > EVENT_LOGS_BYTES_MAX && (victim = oldest(shelf)) != NULL) {
		over -= victim->bytes < over ? victim->bytes : over;
		event_log_leave(victim, gone);
	}
}

/* ---- all of them ------------------------------------------------------------------- */

/* References to the sessions' own logs that nobody reads, at most `max`. */
static size_t collect(struct event_shelf *shelf, struct event_log **out, size_t max)
{
	size_t count = 0;

	for (struct list *l = shelf->by_age.next; l != &shelf->by_age && count < max; l = l->next) {
		struct event_log *log = LIST_OBJ(l, struct event_log, age_link);

		if (log->kind == EVENT_LOG_SESSION)
			out[count++] = event_log_ref(log);
	}
	return count;
}

void event_logs_unread(void (*visit)(struct event_log *log, void *arg), void *arg)
{
	struct event_log **found = calloc(EVENT_LOGS_MAX / SHELVES, sizeof(struct event_log *));

	CHECK(found != NULL);
	pthread_once(&shelves_once, shelves_init);
	for (size_t i = 0; i < SHELVES; i++) {
		size_t count;

		pthread_mutex_lock(&shelves[i].lock);
		count = collect(&shelves[i], found, EVENT_LOGS_MAX / SHELVES);
		pthread_mutex_unlock(&shelves[i].lock);
		for (size_t k = 0; k < count; k++) {
			visit(found[k], arg);
			event_log_unref(found[k]);
		}
	}
	free(found);
}

void event_logs_sweep(int64_t now_ms)
{
	pthread_once(&shelves_once, shelves_init);
	for (size_t i = 0; i < SHELVES; i++) {
		struct list gone;

		list_init(&gone);
		pthread_mutex_lock(&shelves[i].lock);
		sweep(&shelves[i], now_ms, &gone);
		pthread_mutex_unlock(&shelves[i].lock);
		event_logs_release(&gone);
	}
}

static void sweep_due(struct timer *timer)
{
	event_logs_sweep(clock_ms());
	timer_set(loop_self(), timer, EVENT_LOGS_SWEEP_MS, sweep_due);
}

void event_logs_start(void)
{
	pthread_once(&shelves_once, shelves_init);
	timer_set(loop_self(), &sweep_timer, EVENT_LOGS_SWEEP_MS, sweep_due);
}

static void clear(struct event_shelf *shelf)
{
	struct session_logs *logs;
	struct list gone;
	size_t cursor = 0;

	list_init(&gone);
	pthread_mutex_lock(&shelf->lock);
	while ((logs = map_next(&shelf->by_session, &cursor)) != NULL)
		leave_all(logs, &gone);
	map_free(&shelf->by_session);
	pthread_mutex_unlock(&shelf->lock);
	event_logs_release(&gone);
}

void event_logs_stop(void)
{
	if (sweep_timer.at_ms != 0)
		timer_stop(&sweep_timer);
	for (size_t i = 0; i < SHELVES; i++)
		clear(&shelves[i]);
}

struct event_log_stats event_logs_stats(void)
{
	return (struct event_log_stats){.logs = atomic_load(&logs_kept), .bytes = atomic_load(&event_bytes_kept)};
}
