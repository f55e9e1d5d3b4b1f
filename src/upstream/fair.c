/* Deficit round robin over lines of tenants, for calls that all cost one place.
 *
 *                  first call waits              had its turn
 *      (no line) -------------------> FRESH --------------------> TURNS --+  again while calls wait
 *          ^                                                      |  ^    |
 *          +------------ its turn comes, and nobody waits --------+  +----+
 *
 * A line has `weight` places in a turn. A new line comes before those that had one: so a tenant with a single call
 * waits for the next place, not behind everybody's turn. To be new again it must first be passed over with nobody
 * waiting: coming and going wins nothing, and between two turns of a line every other one has at most one.
 *
 * While places are free there are no lines, and nothing is allocated or looked up.
 *
 * How long the queue makes people wait is measured where a tenant's own crowd does not show: on calls that found no
 * other of their tenant waiting. When these waits stand above the callers' target, ranks are turned away from the
 * lowest on (codel.h); whoever finds a free place is served at any time. */
#include "upstream/fair.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"

struct fair_line {
	struct list turn; /* in fair.fresh or fair.turns */
	struct list waiters;
	size_t queued;
	unsigned weight;
	unsigned left; /* places of its present turn */
	struct str tenant;
	char text[];
};

struct waiter {
	struct wait wait;
	struct timer timer;
	struct fair *fair;
	struct fair_line *line;
	unsigned rank;
	bool alone; /* it found no other of its tenant waiting */
};

/* Only the loop writes them. */
static void bump(atomic_ullong *counter, unsigned long long by)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + by, memory_order_relaxed);
}

void fair_init(struct fair *fair, const struct fair_bounds *bounds)
{
	CHECK(bounds->places > 0 && bounds->queue_max > 0);
	*fair = (struct fair){.bounds = *bounds, .free = bounds->places};
	list_init(&fair->fresh);
	list_init(&fair->turns);
}

/* ---- lines ----------------------------------------------------------------------- */

static void note_queued(struct fair *fair)
{
	atomic_store_explicit(&fair->counts.queued, (unsigned)fair->queued, memory_order_relaxed);
}

static void note_lines(struct fair *fair)
{
	atomic_store_explicit(&fair->counts.lines, (unsigned)fair->lines.used, memory_order_relaxed);
}

static void line_free(struct fair *fair, struct fair_line *line)
{
	CHECK(line->queued == 0);
	list_remove(&line->turn);
	CHECK(map_remove(&fair->lines, line->tenant) == line);
	free(line);
	note_lines(fair);
}

static void list_sweep(struct fair *fair, struct list *lines)
{
	struct list *link = lines->next;

	while (link != lines) {
		struct fair_line *line = LIST_OBJ(link, struct fair_line, turn);

		link = link->next;
		if (line->queued == 0)
			line_free(fair, line);
	}
}

/* Lines where nobody waits: they only remember that their tenants had a turn. */
static void lines_sweep(struct fair *fair)
{
	list_sweep(fair, &fair->fresh);
	list_sweep(fair, &fair->turns);
}

static struct fair_line *line_new(struct fair *fair, const struct fair_caller *caller)
{
	struct fair_line *line;

	/* As many as calls can wait are needed; a few more remember. */
	if (fair->lines.used >= 2 * fair->bounds.queue_max)
		lines_sweep(fair);
	line = calloc(1, sizeof(*line) + caller->tenant.n);
	CHECK(line != NULL);
	list_init(&line->waiters);
	line->weight = caller->terms.weight == 0 ? 1 : caller->terms.weight;
	if (line->weight > FAIR_WEIGHT_MAX)
		line->weight = FAIR_WEIGHT_MAX;
	line->left = line->weight;
	if (caller->tenant.n > 0)
		memcpy(line->text, caller->tenant.p, caller->tenant.n);
	line->tenant = (struct str){line->text, caller->tenant.n};
	list_add_tail(&fair->fresh, &line->turn);
	map_put(&fair->lines, line->tenant, line);
	note_lines(fair);
	return line;
}

void fair_end(struct fair *fair)
{
	CHECK(fair->queued == 0);
	lines_sweep(fair);
	map_free(&fair->lines);
}

/* The line whose waiters are the most for its weight. */
static struct fair_line *line_longest(struct fair *fair)
{
	struct fair_line *line, *longest = NULL;
	size_t cursor = 0;

	while ((line = map_next(&fair->lines, &cursor)) != NULL)
		if (longest == NULL || line->queued * longest->weight > longest->queued * line->weight)
			longest = line;
	return longest;
}

/* The line whose turn it is. Somebody waits, so one is found within two rounds. */
static struct fair_line *line_next(struct fair *fair)
{
	for (;;) {
		struct list *head = list_empty(&fair->fresh) ? &fair->turns : &fair->fresh;
		struct fair_line *line = LIST_OBJ(head->next, struct fair_line, turn);

		if (line->queued > 0 && line->left > 0)
			return line;
		if (line->queued == 0 && line->left == line->weight && head == &fair->turns) {
			line_free(fair, line);
			continue;
		}
		line->left = line->weight;
		list_remove(&line->turn);
		list_add_tail(&fair->turns, &line->turn);
	}
}

/* ---- waiting --------------------------------------------------------------------- */

static void waiter_remove(struct waiter *waiter)
{
	struct fair *fair = waiter->fair;

	timer_stop(&waiter->timer);
	list_remove(&waiter->wait.link);
	fair->alone -= waiter->alone;
	if (waiter->rank < RANKS)
		fair->ranked[waiter->rank]--;
	waiter->line->queued--;
	fair->queued--;
	note_queued(fair);
	if (fair->queued == 0)
		lines_sweep(fair);
}

static void waiter_end(struct waiter *waiter, enum err result)
{
	waiter_remove(waiter);
	wait_done(&waiter->wait, result);
}

static void on_timeout(struct timer *timer)
{
	waiter_end(LIST_OBJ(timer, struct waiter, timer), ERR_QUEUE_TIMEOUT);
}

static bool step_out(void *arg)
{
	waiter_remove(arg);
	return true;
}

/* Room for one more call of the tenant; `line` NULL: it has none yet. */
static enum err make_room(struct fair *fair, const struct fair_caller *caller, const struct fair_line *line)
{
	size_t queued = line == NULL ? 0 : line->queued, weight = caller->terms.weight == 0 ? 1 : caller->terms.weight;
	struct fair_line *longest;

	if (fair->bounds.line_max > 0 && queued >= fair->bounds.line_max)
		return ERR_QUEUE_TENANT;
	if (fair->queued < fair->bounds.queue_max)
		return OK;
	longest = line_longest(fair);
	if ((queued + 1) * longest->weight >= longest->queued * weight)
		return ERR_QUEUE_FULL;
	waiter_end(LIST_OBJ(longest->waiters.prev, struct waiter, wait.link), ERR_QUEUE_TENANT);
	return OK;
}

/* ---- standing queues ------------------------------------------------------------- */

static void note_level(struct fair *fair)
{
	unsigned before = atomic_load_explicit(&fair->counts.level, memory_order_relaxed);

	atomic_store_explicit(&fair->counts.level, fair->codel.level, memory_order_relaxed);
	atomic_store_explicit(&fair->counts.rest_at_ms, codel_rest_at_ms(&fair->codel, &fair->law),
			      memory_order_relaxed);
	if (unlikely((before == 0) != (fair->codel.level == 0)))
		LOG_AT(before == 0 ? LOG_WARN : LOG_INFO, before == 0 ? "shed.begun" : "shed.ended",
		       LOG_CSTR("what", "queue"), LOG_STR("upstream", fair->bounds.name),
		       LOG_INT("loop", loop_index(loop_self())), LOG_INT("queued", fair->queued));
}

/* Whether the caller may wait, by its rank. Who waits by itself at the moment will say how long it took. */
static enum err check_level(struct fair *fair, const struct fair_caller *caller, int64_t now_ms)
{
	fair->law = (struct codel_law){caller->terms.target_ms, caller->terms.interval_ms, RANKS};
	if (fair->alone == 0 || caller->terms.target_ms == 0) {
		(void)codel_rest(&fair->codel, &fair->law, now_ms);
		note_level(fair);
	}
	return caller->terms.rank < fair->codel.level ? ERR_SHED : OK;
}

/* While calls of a rank wait that may not any more, turning it away has yet to have its effect. */
static void take_wait(struct fair *fair, int64_t now_ms, int64_t waited_ms)
{
	unsigned lowest = 0;

	while (lowest < RANK_HIGH && fair->ranked[lowest] == 0)
		lowest++;
	fair->law.level_max = lowest + 1;
	(void)codel_take(&fair->codel, &fair->law, now_ms, waited_ms);
	note_level(fair);
}

unsigned fair_level(const struct fair *fair)
{
	if (atomic_load_explicit(&fair->counts.queued, memory_order_relaxed) == 0 &&
	    clock_ms() >= atomic_load_explicit(&fair->counts.rest_at_ms, memory_order_relaxed))
		return 0;
	return atomic_load_explicit(&fair->counts.level, memory_order_relaxed);
}

/* ---- coming and going ------------------------------------------------------------ */

AWAITS static enum err wait_in_line(struct fair *fair, const struct fair_caller *caller)
{
	struct waiter waiter = {.wait = WAIT_INIT, .fair = fair, .rank = caller->terms.rank};
	struct loop *loop = loop_self();
	int64_t since_ms = loop_now(loop);
	enum err err;

	TRY(check_level(fair, caller, since_ms));
	TRY(make_room(fair, caller, map_get(&fair->lines, caller->tenant)));
	/* Only now: the sweep of an emptied queue may have taken the line. */
	waiter.line = map_get(&fair->lines, caller->tenant);
	if (waiter.line == NULL)
		waiter.line = line_new(fair, caller);
	waiter.alone = waiter.line->queued == 0;
	fair->alone += waiter.alone;
	if (waiter.rank < RANKS)
		fair->ranked[waiter.rank]++;
	waiter.line->queued++;
	fair->queued++;
	note_queued(fair);
	list_add_tail(&waiter.line->waiters, &waiter.wait.link);
	if (fair->bounds.wait_ms > 0)
		timer_set(loop, &waiter.timer, fair->bounds.wait_ms, on_timeout);
	err = wait_for(&waiter.wait, step_out, &waiter);
	if (err == OK) {
		bump(&fair->counts.waits, 1);
		bump(&fair->counts.wait_ms_sum, (unsigned long long)(loop_now(loop) - since_ms));
	}
	if (waiter.alone && (err == OK || err == ERR_QUEUE_TIMEOUT))
		take_wait(fair, loop_now(loop), loop_now(loop) - since_ms);
	return err;
}

AWAITS enum err fair_enter(struct fair *fair, const struct fair_caller *caller)
{
	enum err err;

	TRY(fiber_status());
	if (likely(fair->free > 0)) {
		CHECK(fair->queued == 0);
		fair->free--;
		return OK;
	}
	err = wait_in_line(fair, caller);
	if (err != OK && err != ERR_CANCELED && err != ERR_TIMEOUT)
		bump(&fair->counts.refused, 1);
	return err;
}

void fair_leave(struct fair *fair)
{
	struct fair_line *line;
	struct waiter *waiter;

	if (likely(fair->queued == 0)) {
		fair->free++;
		if (unlikely(fair->codel.level > 0)) {
			(void)codel_rest(&fair->codel, &fair->law, loop_now(loop_self()));
			note_level(fair);
		}
		return;
	}
	line = line_next(fair);
	line->left--;
	waiter = LIST_OBJ(line->waiters.next, struct waiter, wait.link);
	waiter_end(waiter, OK);
}
