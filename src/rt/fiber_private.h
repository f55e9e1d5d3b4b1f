/* The insides of stacks, of the switch and of fibers, for the files of rt and nobody else.
 * Everything belongs to one loop and its thread, except where a member says otherwise. */
#ifndef GATEHOUSE_RT_FIBER_PRIVATE_H
#define GATEHOUSE_RT_FIBER_PRIVATE_H

#include <stdatomic.h>

#include "base/limits.h"
#include "rt/loop.h"
#include "rt/sanitizer.h"

/* ---- stacks (stack.c) ------------------------------------------------------------ */

#if RT_ASAN || RT_TSAN
#define STACK_BYTES FIBER_STACK_BYTES_SANITIZED
#else
#define STACK_BYTES FIBER_STACK_BYTES
#endif

/* Idle stacks of one loop, the last used on top. */
struct stack_pool {
	void *idle[FIBER_POOL_MAX]; /* each the lowest usable byte of STACK_BYTES */
	size_t count;
	size_t cold;	       /* the lowest so many have no pages */
	size_t least;	       /* the lowest so many were not used since the last sweep */
	struct timer sweep;    /* armed while there are pages to take */
	unsigned given;	       /* counts returns, for sampling */
	atomic_size_t deepest; /* bytes of a stack ever touched, to a page; any thread reads it */
};

/* A guarded stack, pooled or new; NULL when the kernel has no memory or no maps left. */
void *stack_take(struct stack_pool *pool);

/* Take a stack back; nothing runs on it any more. */
void stack_give(struct stack_pool *pool, void *stack);

/* Unmap all idle stacks. */
void stack_pool_end(struct stack_pool *pool);

/* ---- the switch (context.c, or context_thread.c for debugging) ------------------- */

/* Two ends that run in turns: the loop's thread and a fiber. */
struct context {
	void *fiber, *loop;	 /* where each end goes on; valid while it does not run */
	void *frame;		 /* the fiber's frame pointer while it does not run, for gdb */
	void (*main)(void *arg); /* AWAITS */
	void *arg;
	struct sanitizer_stack fiber_stack, loop_stack;
};

/* A fiber that will call main(arg) when first entered. `top` is the end of its usable stack. */
void context_init(struct context *context, void *bottom, void *top, void (*main)(void *arg), void *arg);

/* On the loop: run the fiber until it leaves. */
void context_enter(struct context *context);

/* On the fiber: go back to the loop. With `last` it never comes back. */
void context_leave(struct context *context, bool last);

/* On the loop, after the last leave. */
void context_end(struct context *context);

/* ---- fibers (fiber.c) ------------------------------------------------------------ */

enum fiber_state { FIBER_READY, FIBER_RUNNING, FIBER_WAITING, FIBER_ENDED };

/* Lies at the top of its own stack: no allocation, and warm when the fiber starts. */
struct fiber {
	uint32_t magic;
	uint8_t state; /* enum fiber_state */
	bool canceled; /* sticky */
	bool shielded; /* cancel is not seen */
	bool deaf;     /* waits for a completion only: cancel and deadline do not wake it */
	struct loop *loop;
	struct context context;
	const char *name; /* static */
	struct str label; /* borrowed */
	fiber_main *main;
	void *arg;
	void *stack;
	struct wait *awaits;	 /* NULL while it does not wait for one */
	int64_t deadline_ms;	 /* on clock_ms(); 0 none */
	struct timer deadline;	 /* armed as long as there is a deadline */
	unsigned stops;		 /* of its clock */
	int64_t stopped_ms;	 /* when the first of them began */
	int64_t stood_ms;	 /* for how long it has stood still so far, the present stop left out */
	struct list queue_link;	 /* in loop->ready or loop->yielded */
	struct list alive_link;	 /* in loop->fibers */
	struct group *group;	 /* NULL, or whose member it is */
	struct list member_link; /* in group->members */
};

/* Run ready fibers until none is left or READY_RUNS_MAX have run. */
void fibers_run(struct loop *loop);

/* Suspend the running fiber until fiber_wake. */
void fiber_suspend(struct fiber *fiber) AWAITS;

/* Suspend it until the loop has looked at its sockets once. */
void fiber_suspend_for_turn(struct fiber *fiber) AWAITS;

/* Queue a waiting fiber; nothing happens to one that is ready or runs. */
void fiber_wake(struct fiber *fiber);

/* A member has ended (group.c). */
void group_leave(struct group *group, struct fiber *fiber);

#endif
