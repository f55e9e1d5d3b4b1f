/* What the files of rt share and nobody else sees: the insides of a fiber and of a loop. */
#ifndef GATEHOUSE_RT_PRIVATE_H
#define GATEHOUSE_RT_PRIVATE_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/map.h"
#include "rt/loop.h"
#include "rt/sanitizer.h"

/* ---- Boost.Context's two functions ----------------------------------------------- */

typedef void *fcontext;
struct fcontext_transfer {
	fcontext from;
	void *value;
};

/* Source: boost/context/detail/fcontext.hpp; the assembly is libboost_context.a's. */
fcontext make_fcontext(void *stack_top, size_t stack_bytes, void (*entry)(struct fcontext_transfer));
struct fcontext_transfer jump_fcontext(fcontext to, void *value);

/* ---- stacks ---------------------------------------------------------------------- */

struct stack {
	struct list link; /* in the pool; lies on top of the stack itself */
	char *base;	  /* lowest usable byte, just above the guard */
	size_t bytes;
	unsigned valgrind_id;
};

struct stack_pool {
	struct list idle;
	size_t idle_count;
};

/* A guarded stack, from the pool if it has one; NULL when the kernel has no more memory maps. */
struct stack *stack_take(struct stack_pool *pool);
void stack_give(struct stack_pool *pool, struct stack *stack);
void stack_pool_free(struct stack_pool *pool);

/* ---- fibers ---------------------------------------------------------------------- */

enum fiber_state { FIBER_READY, FIBER_RUNNING, FIBER_WAITING, FIBER_ENDED };

struct fiber {
	uint32_t magic;
	enum fiber_state state;
	struct loop *loop;
	struct stack *stack;
	fcontext context; /* where it goes on; valid while it does not run */
	const char *name; /* static */
	struct str label;
	fiber_main *main;
	void *arg;
	struct list ready_link; /* in loop->ready */
	struct list all_link;	/* in loop->fibers, for gdb and for stopping */
	struct group *group;	/* NULL, or whose member it is */
	struct list group_link;
	struct timer timer;  /* wakes it at its deadline or when a sleep ends */
	int64_t deadline_ms; /* 0 none */
	bool canceled, shielded;
	struct sanitizer_fiber sanitizer;
};

/* Run every fiber that is ready now, once.
 *   returns    whether more have become ready meanwhile */
bool fibers_run(struct loop *loop);

/* Suspend the running fiber; it goes on when fiber_wake was called for it. */
void fiber_suspend(void) AWAITS;

/* Suspend the running fiber behind the others that are ready. */
void fiber_suspend_ready(void) AWAITS;

/* Queue a suspended fiber; harmless for one that is queued or running.
 *   Runs on    the fiber's loop */
void fiber_wake(struct fiber *fiber);

/* ---- timers ---------------------------------------------------------------------- */

#define TIMER_TICK_MS 16
#define TIMER_SLOTS 1024 /* one turn of the wheel is 16 s; later timers wait for their turn */

struct timer_wheel {
	struct list slot[TIMER_SLOTS];
	uint64_t used[TIMER_SLOTS / 64]; /* slots that may hold a timer */
	int64_t tick;			 /* everything up to and with this tick has been fired */
	int64_t armed_tick;		 /* what `alarm` is set to; INT64_MAX: not set */
	uv_timer_t alarm;
};

/* Prepare the wheel of a loop whose libuv part is initialised. */
void timers_init(struct loop *loop);

/* ---- loops ----------------------------------------------------------------------- */

struct loop {
	uint32_t magic;
	unsigned index;
	pthread_t thread;
	uv_loop_t uv;
	uv_async_t posted_handle;
	uv_prepare_t prepare;
	uv_check_t check;
	uv_idle_t idle;
	_Atomic(struct task *) posted; /* newest first */
	struct list ready, fibers;
	struct fiber *running;
	fcontext context; /* of the loop itself, while a fiber runs */
	struct sanitizer_fiber sanitizer;
	struct stack_pool stacks;
	struct timer_wheel wheel;
	struct map flights;
	void *local[LOOP_LOCALS_MAX];
	char *read_buffer;
	bool stopping, idling;
	struct timer grace;
	int64_t turn_began_ms;
	atomic_uint_fast64_t fibers_live, fibers_peak, fibers_spawned, turn_ms_max;
};

/* Look again whether a stopping loop may end. */
void loop_maybe_end(struct loop *loop);

#endif
