/* Quotas of a fleet. The shared state has one counter for each meter: of the calls that were handed out. A process
 * draws a block of them at a time and uses it without asking, so that most calls cost no round trip. Blocks get smaller
 * as the end comes near: a sixteenth of this process's part of what is left, at last one call each. So all processes
 * together never get beyond the quota, and as what was not used within a turn of the writer is put back, they get to
 * its end too.
 *
 * The rows are the other account: they have what all have written. What this process knows of the two,
 *
 *     calls in the row + own calls that are not sent to it yet + own calls that are drawn and not used
 *
 * is never more than was handed out. Where a counter may know less (it is gone with its server; calls were counted
 * without it) it is raised to that, until every process has written what it had: then nothing is missing but what
 * others hold. Without the shared state each process goes on with its share of what the row leaves, a new one in each
 * window of time; windows are the clock's, so that all divide at the same time and no two shares of one process count.
 * The error is at most the calls that were not in the row yet when shares were made. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "gateway/meters_private.h"
#include "state/state.h"
#include "store/usage.h"

#define BLOCK_MAX 64		       /* calls, drawn at once */
#define BLOCK_PART 16		       /* of a process's part of what is left: blocks in many hands are little of it */
#define UNSURE_TURNS 3		       /* by then everybody has written, and once more has seen it */
#define ALONE_MS (2 * METERS_WRITE_MS) /* by then the row has what all have counted in the window before */
#define DRAW_MS 5000		       /* bounds a draw: one that is left alone loses its block */
#define LIFE_MS (40LL * 24 * 60 * 60 * 1000) /* of a counter after its last call: longer than a month */

static bool take_one(atomic_llong *from)
{
	long long left = atomic_load_explicit(from, memory_order_relaxed);

	while (left > 0)
		if (atomic_compare_exchange_weak_explicit(from, &left, left - 1, memory_order_relaxed,
							  memory_order_relaxed))
			return true;
	return false;
}

static void count(struct meter *meter)
{
	atomic_fetch_add_explicit(&meter->calls, 1, memory_order_relaxed);
}

bool meter_take_drawn(struct meter *meter)
{
	if (!take_one(&meter->drawn))
		return false;
	count(meter);
	return true;
}

void meter_undrawn(struct meter *meter)
{
	if (atomic_load_explicit(&meter->unsure, memory_order_relaxed) != UNSURE_TURNS)
		atomic_store(&meter->unsure, UNSURE_TURNS);
}

/* Read in an order in which a call that moves on meanwhile is missed rather than counted twice: the row first, what it
 * may have in it last. */
AWAITS static enum err least_of(struct meters *meters, struct meter *meter, int64_t *ret_least)
{
	int64_t calls, sent;
	struct usage usage;

	TRY(usage_get(meters->db, meter->tenant_id, meter->principal, meter->month, &usage));
	calls = atomic_load(&meter->calls);
	sent = atomic_load(&meter->sent_calls);
	*ret_least = usage.calls + (calls > sent ? calls - sent : 0) + atomic_load(&meter->drawn);
	return OK;
}

/*   ret_drawn  0..wanted */
AWAITS static enum err ask(struct meters *meters, struct meter *meter, int64_t max, int64_t wanted, int64_t *ret_drawn)
{
	struct state_draw draw = {
		.least = -1,
		.max = max,
		.wanted = wanted,
		.share = (int64_t)BLOCK_PART * state_processes(meters->state),
		.life_ms = LIFE_MS,
	};

	if (unlikely(atomic_load(&meter->unsure) > 0))
		TRY(least_of(meters, meter, &draw.least));
	TRY(state_draw(meters->state, meter->key, &draw, ret_drawn));
	if (likely(*ret_drawn >= 0))
		return OK;
	meter_undrawn(meter);
	TRY(least_of(meters, meter, &draw.least));
	TRY(state_draw(meters->state, meter->key, &draw, ret_drawn));
	return *ret_drawn < 0 ? ERR_BUSY : OK;
}

/* ---- alone ----------------------------------------------------------------------- */

AWAITS static enum err renew_share(struct meters *meters, struct meter *meter, int64_t max, int64_t window)
{
	int64_t least, share;

	TRY(least_of(meters, meter, &least));
	share = max > least ? (max - least) / state_processes(meters->state) : 0;
	pthread_mutex_lock(&meters->lock);
	if (atomic_load(&meter->alone_window) != window) {
		atomic_store(&meter->alone_left, share);
		atomic_store(&meter->alone_window, window);
	}
	pthread_mutex_unlock(&meters->lock);
	return OK;
}

AWAITS static enum err take_alone(struct meters *meters, struct meter *meter, int64_t max)
{
	int64_t window = clock_wall_ms() / ALONE_MS;

	meter_undrawn(meter);
	if (atomic_load(&meter->alone_window) != window)
		TRY(renew_share(meters, meter, max, window));
	if (!take_one(&meter->alone_left))
		return ERR_QUOTA;
	count(meter);
	return OK;
}

/* ---- together -------------------------------------------------------------------- */

AWAITS enum err meter_draw(struct meters *meters, struct meter *meter, int64_t max)
{
	bool block = !atomic_exchange(&meter->drawing_block, true);
	struct fiber_shield shield = fiber_shield_begin(DRAW_MS);
	int64_t drawn;
	enum err err;

	atomic_store_explicit(&meter->max, max, memory_order_relaxed);
	err = ask(meters, meter, max, block ? BLOCK_MAX : 1, &drawn);
	if (err == ERR_BUSY)
		err = take_alone(meters, meter, max);
	else if (err == OK && drawn == 0)
		err = meter_take_drawn(meter) ? OK : ERR_QUOTA; /* of another fiber's block */
	else if (err == OK) {
		atomic_fetch_add_explicit(&meter->drawn, drawn - 1, memory_order_relaxed);
		count(meter);
	}
	fiber_shield_end(shield);
	if (block)
		atomic_store(&meter->drawing_block, false);
	return err;
}

/* ---- settling -------------------------------------------------------------------- */

bool meter_is_settled(const struct meter *meter)
{
	return !meter->drawing ||
	       (atomic_load(&meter->drawn) == 0 && (atomic_load(&meter->unsure) == 0 || atomic_load(&meter->max) == 0));
}

/* What was used since the last turn will be needed for the next one. */
static int64_t excess(struct meter *meter, bool all)
{
	int64_t calls = atomic_load(&meter->calls), used = all ? 0 : calls - meter->settled_calls;
	long long drawn = atomic_load(&meter->drawn);

	meter->settled_calls = calls;
	while (drawn > used)
		if (atomic_compare_exchange_weak(&meter->drawn, &drawn, used))
			return drawn - used;
	return 0;
}

AWAITS static void settle(struct meters *meters, struct meter *meter, bool all)
{
	int64_t drawn, back = excess(meter, all);
	unsigned unsure = atomic_load(&meter->unsure);
	enum err err;

	if (back == 0 && unsure == 0)
		return;
	err = ask(meters, meter, atomic_load(&meter->max), -back, &drawn);
	if (err != OK)
		atomic_fetch_add(&meter->drawn, back);
	else if (unsure > 0)
		(void)atomic_compare_exchange_strong(&meter->unsure, &unsure, unsure - 1);
}

/*   returns    how many of `list` (of the table's size), one reference each */
static size_t collect(struct meters *meters, struct meter ***ret_list)
{
	struct meter *meter, **list;
	size_t cursor = 0, n = 0;

	pthread_mutex_lock(&meters->lock);
	list = calloc(meters->by_key.used + 1, sizeof(struct meter *));
	CHECK(list != NULL);
	while ((meter = map_next(&meters->by_key, &cursor)) != NULL) {
		if (atomic_load(&meter->max) == 0)
			continue;
		atomic_fetch_add(&meter->refs, 1);
		list[n++] = meter;
	}
	pthread_mutex_unlock(&meters->lock);
	*ret_list = list;
	return n;
}

AWAITS void meters_settle(struct meters *meters, bool all)
{
	struct meter **list;
	size_t n = collect(meters, &list);

	for (size_t i = 0; i < n; i++) {
		settle(meters, list[i], all);
		meter_unref(list[i]);
	}
	free(list);
}
