/* The insides of the timer wheel and of a loop, for the files of rt and nobody else. Everything
 * belongs to one loop and its thread, except where a member says otherwise. */
#ifndef GATEHOUSE_RT_LOOP_PRIVATE_H
#define GATEHOUSE_RT_LOOP_PRIVATE_H

#include <pthread.h>

#include "base/map.h"
#include "rt/fiber_private.h"

/* ---- timers (timer.c) ------------------------------------------------------------ */

#define WHEEL_LEVELS 6
#define WHEEL_SLOTS 64

struct wheel {
	int64_t tick;			 /* everything up to and with it has left the slots */
	uint64_t occupied[WHEEL_LEVELS]; /* a bit per slot that may hold timers */
	struct list slot[WHEEL_LEVELS][WHEEL_SLOTS];
	struct list due;
	int64_t armed_ms; /* when `alarm` ends the poll; -1 it does not */
	uv_timer_t alarm;
};

/* An empty wheel that stands at loop_now. */
void wheel_init(struct loop *loop);

/* Fire what is due at loop_now, at most TIMERS_PER_TURN_MAX; more wait in `due`. */
void wheel_run(struct loop *loop);

/* Make the coming poll end in time for the next timer, and not earlier. */
void wheel_arm(struct loop *loop);

/* ---- loops (loop.c, rt.c) -------------------------------------------------------- */

struct loop {
	uint32_t magic;
	unsigned index;
	uv_loop_t uv;
	struct fiber *running; /* NULL in a callback */
	struct list ready;     /* fibers, in the order they will run */
	struct list yielded;   /* fibers that become ready after the next poll */
	struct list fibers;    /* all that live */
	uint64_t fiber_count;
	struct task *own_first, **own_last; /* posted to itself, for the next turn */
	struct stack_pool stacks;
	struct wheel wheel;
	struct map flights; /* struct flight by key */
	void *local[LOOP_LOCALS_MAX];
	char *read_buffer;
	size_t input_bytes;  /* read in this turn since fibers ran */
	struct list signals; /* struct watch */
	uv_async_t wake;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t idle;
	bool idling;   /* the poll must not block */
	bool stopping; /* rt_stop has arrived here */
	bool canceling;
	struct timer grace;
	int64_t turn_began_ms;
	int64_t turn_ms;  /* the last whole turn's length */
	uint64_t shuffle; /* state of the order's generator; 0: first come, first served */
	pthread_t thread;

	/* Counters, written here, read by rt_stats anywhere. */
	atomic_uint_fast64_t fibers_live, fibers_peak, fibers_spawned, turn_ms_max;

	/* Written by every poster: away from what the loop itself reads all the time. */
	_Alignas(64) _Atomic(struct task *) inbox; /* newest first */
	atomic_bool busy;			   /* counts in rt's busy loops: see rt.c */
};

#define LOOP_MAGIC 0x4c4f4f50u /* "LOOP" */

/* The calling thread's loop; loop_self() for those inside. */
extern _Thread_local struct loop *loop_current __attribute__((tls_model("initial-exec")));

/* Add to a counter that only its loop writes: no locked instruction. */
static inline void loop_count_add(atomic_uint_fast64_t *counter, uint64_t n)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n, memory_order_relaxed);
}

/* A loop with its handles, not running.
 *   Errors     ERR_SYSTEM (no descriptors) */
NODISCARD enum err loop_init(struct loop *loop, unsigned index);

/* Run on the calling thread until uv_stop. */
void loop_run(struct loop *loop);

/* Close every handle and release what it has. No other thread may reach it any more. */
void loop_end(struct loop *loop);

/* Whether a turn has left work to a next one that must not wait. */
bool loop_has_more(const struct loop *loop);

/* Once a turn while rt_run is ending: stop, cancel and leave as rt_stop said. */
void rt_look(struct loop *loop);
bool rt_is_ending(void);

/* A loop that counted as empty has got a task. */
void rt_loop_is_busy(struct loop *loop);

/* The loops of the process. */
struct loop *rt_loop(unsigned index);
unsigned rt_loop_count(void);

/* Close the signal watches of a loop that ends. */
void signals_end(struct loop *loop);

#endif
