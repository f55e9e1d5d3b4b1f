/* How an upstream is: its state, the breaker's verdict, the last error, and the figures that
 * /health/ready and `gatehouse status` show.
 *
 *   CONNECTING --first lists read--> UP <--a trial succeeds-- RESTING
 *       |                           |  \--too many failures in a row--^
 *       +--could not--> DOWN <------+--reconnect failed
 *                         \--reconnected--> UP
 *   any --upstream_stop--> STOPPED
 *
 * While all is well a call reads one flag here and takes no lock. */
#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "upstream/upstream_private.h"

static const char *const names[] = {
	[UPSTREAM_CONNECTING] = "connecting", [UPSTREAM_UP] = "up",	      [UPSTREAM_DOWN] = "down",
	[UPSTREAM_RESTING] = "resting",	      [UPSTREAM_STOPPED] = "stopped",
};

const char *upstream_state_name(enum upstream_state state)
{
	return names[state];
}

/* Whether a state may follow another; to itself is no move. */
static bool may_follow(enum upstream_state from, enum upstream_state to)
{
	static const unsigned allowed[] = {
		[UPSTREAM_CONNECTING] = 1u << UPSTREAM_UP | 1u << UPSTREAM_DOWN | 1u << UPSTREAM_RESTING,
		[UPSTREAM_UP] = 1u << UPSTREAM_DOWN | 1u << UPSTREAM_RESTING,
		[UPSTREAM_DOWN] = 1u << UPSTREAM_UP | 1u << UPSTREAM_RESTING,
		[UPSTREAM_RESTING] = 1u << UPSTREAM_UP | 1u << UPSTREAM_DOWN,
		[UPSTREAM_STOPPED] = 0,
	};

	return to == UPSTREAM_STOPPED || (allowed[from] & 1u << to) != 0;
}

/* With the lock held. A move that came too late (the upstream was stopped meanwhile) is none. */
static bool move(struct upstream *upstream, enum upstream_state to)
{
	enum upstream_state from = atomic_load(&upstream->state);

	if (from == to || !may_follow(from, to))
		return false;
	atomic_store(&upstream->state, to);
	upstream->since_ms = clock_wall_ms();
	log_info("upstream.state", LOG_STR("upstream", upstream->spec.name), LOG_CSTR("from", names[from]),
		 LOG_CSTR("to", names[to]), LOG_CSTR("why", upstream->last_error_text));
	return true;
}

void upstream_set_state(struct upstream *upstream, enum upstream_state to)
{
	bool moved;

	pthread_mutex_lock(&upstream->lock);
	moved = move(upstream, to);
	pthread_mutex_unlock(&upstream->lock);
	if (moved)
		keeper_wish(upstream, KEEPER_REPORT);
}

void upstream_note_error(struct upstream *upstream, enum err err, struct str text)
{
	AUTO_BUF clean = {0};
	bool known;

	log_redact(&clean, text.n == 0 ? str_of(err_text(err)) : text);
	pthread_mutex_lock(&upstream->lock);
	known = text.n == 0 && upstream->last_error == err; /* its cause may have been told already */
	upstream->last_error = err;
	if (!known)
		snprintf(upstream->last_error_text, sizeof(upstream->last_error_text), "%.*s",
			 STR_ARG(buf_str(&clean)));
	pthread_mutex_unlock(&upstream->lock);
}

enum err upstream_admit(struct upstream *upstream)
{
	bool admitted;

	if (likely(!atomic_load_explicit(&upstream->troubled, memory_order_relaxed)))
		return OK;
	pthread_mutex_lock(&upstream->lock);
	admitted = breaker_admit(&upstream->breaker, clock_ms());
	pthread_mutex_unlock(&upstream->lock);
	return admitted ? OK : ERR_UPSTREAM_OPEN;
}

/* Errors that say the server is sick. A refused credential, a full queue or a client that left
 * say nothing of the kind. */
static bool is_sick(enum err err)
{
	return err == ERR_UPSTREAM_DOWN || err == ERR_UPSTREAM_TIMEOUT || err == ERR_UPSTREAM_GARBAGE;
}

void upstream_well(struct upstream *upstream)
{
	bool moved;

	pthread_mutex_lock(&upstream->lock);
	(void)breaker_success(&upstream->breaker);
	atomic_store(&upstream->troubled, false);
	upstream->last_error = OK;
	upstream->last_error_text[0] = '\0';
	moved = move(upstream, UPSTREAM_UP);
	pthread_mutex_unlock(&upstream->lock);
	if (moved)
		keeper_wish(upstream, KEEPER_REPORT);
}

void upstream_judge(struct upstream *upstream, enum err err)
{
	bool opened = false, moved = false;

	if (err == OK) {
		/* A call that works does not make an upstream up whose lists cannot be read. */
		if (unlikely(atomic_load_explicit(&upstream->troubled, memory_order_relaxed)))
			upstream_well(upstream);
		return;
	}
	pthread_mutex_lock(&upstream->lock);
	if (is_sick(err)) {
		opened = breaker_failure(&upstream->breaker, clock_ms());
		atomic_store(&upstream->troubled, upstream->breaker.failures > 0);
	} else {
		(void)breaker_no_verdict(&upstream->breaker, clock_ms());
	}
	if (opened)
		moved = move(upstream, UPSTREAM_RESTING);
	pthread_mutex_unlock(&upstream->lock);
	if (is_sick(err))
		upstream_note_error(upstream, err, STR_NONE);
	if (moved)
		keeper_wish(upstream, KEEPER_REPORT);
}

static void add_queue(const struct fair *fair, struct upstream_health *health)
{
	const struct fair_counts *counts = &fair->counts;
	unsigned level = fair_level(fair);

	if (level > health->shed_level)
		health->shed_level = level;
	health->queued += atomic_load_explicit(&counts->queued, memory_order_relaxed);
	health->lines += atomic_load_explicit(&counts->lines, memory_order_relaxed);
	health->queue_waits += atomic_load_explicit(&counts->waits, memory_order_relaxed);
	health->queue_wait_ms += atomic_load_explicit(&counts->wait_ms_sum, memory_order_relaxed);
	health->queue_refused += atomic_load_explicit(&counts->refused, memory_order_relaxed);
}

struct upstream_health upstream_health(struct upstream *upstream)
{
	struct upstream_health health = {0};

	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	pthread_mutex_lock(&upstream->lock);
	health.last_error = upstream->last_error;
	memcpy(health.last_error_text, upstream->last_error_text, sizeof(health.last_error_text));
	health.since_ms = upstream->since_ms;
	pthread_mutex_unlock(&upstream->lock);
	health.state = atomic_load(&upstream->state);
	health.revision = atomic_load(&upstream->revision);
	health.instances = atomic_load(&upstream->instance_count);
	health.children = atomic_load(&upstream->children);
	health.restarts = atomic_load(&upstream->restarts);
	add_queue(&upstream->fair, &health);
	for (unsigned i = 0; i < upstream->lanes; i++) {
		struct lane *lane = &upstream->lane[i];
		int64_t latency = atomic_load_explicit(&lane->latency_us, memory_order_relaxed);

		health.in_flight += atomic_load_explicit(&lane->in_flight, memory_order_relaxed);
		if (upstream->divided)
			add_queue(&lane->fair, &health);
		health.calls += atomic_load_explicit(&lane->calls, memory_order_relaxed);
		health.failures += atomic_load_explicit(&lane->failures, memory_order_relaxed);
		if (latency > 0)
			health.latency_us = latency;
	}
	return health;
}
