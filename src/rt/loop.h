/* Loops: one libuv loop per core, each with its own thread, fibers, timers and read buffer.
 * Nothing mutable is shared; the only way across is loop_post.
 *
 *     rt_run(n, main_fiber, arg)     starts n loops, runs main_fiber on loop 0
 *     loop_self()                    the loop of the calling thread
 *     loop_post(loop, task)          run a callback over there */
#ifndef GATEHOUSE_RT_LOOP_H
#define GATEHOUSE_RT_LOOP_H

#include <uv.h>

#include "base/arena.h"
#include "base/list.h"
#include "rt/fiber.h"

#define LOOPS_MAX 64
#define LOOP_READ_BYTES (128 * 1024)  /* a result of 64 KB and its head come in one read */
#define LOOP_INPUT_BYTES (128 * 1024) /* read in a turn before the fibers run: stays in the cache */
#define LOOP_LOCALS_MAX 16

/* Run `main` as a fiber on loop 0 of `loops` loops and return when it has ended and every
 * loop is empty (no fiber, no task, no open handle; timers do not count) or, after rt_stop, has
 * no fiber. Handles that are open then are closed, children killed. SIGPIPE is ignored from here
 * on. The calling thread becomes loop 0; the others are named gh-loop-N.
 *   Errors     ERR_SYSTEM (descriptors, threads) */
NODISCARD enum err rt_run(unsigned loops, fiber_main *main, void *arg);

/* Ask every loop to end once its fibers have ended; cancels those still alive after `grace_ms`.
 *   Runs on    any loop */
void rt_stop(int64_t grace_ms);

/* The calling thread's loop; NULL on a foreign thread. Loop i of the process; how many. */
struct loop *loop_self(void);
struct loop *loop_at(unsigned index);
unsigned loop_count(void);
unsigned loop_index(const struct loop *loop);

/* libuv's handle, for the rooms that own handles (net, http, rt itself). */
uv_loop_t *loop_uv(struct loop *loop);

/* ms on clock_ms(), cached at the start of the loop's turn: free to call.
 *   Runs on    the loop */
int64_t loop_now(struct loop *loop);

/* How long the last whole turn took, without its waiting: what becomes readable at its start is looked at so much
 * later. ms, measured anyway.
 *   Runs on    the loop */
int64_t loop_turn_ms(const struct loop *loop);

/* One read buffer of LOOP_READ_BYTES shared by all streams of the loop: valid until the read
 * callback returns. */
uv_buf_t loop_read_buffer(struct loop *loop);

/* `bytes` were read and given to their owner. Once LOOP_INPUT_BYTES have come in one turn, the
 * fibers that they made ready run before more is read: large bodies are then used and gone while
 * they are still in the CPU's cache, not after those of all other connections.
 *   Runs on    the loop, as the last thing a read callback does */
void loop_read_done(struct loop *loop, size_t bytes);

/* A message to another loop (or to the own one's next turn). The task is embedded in the
 * sender's object, which must live until `run` was called. Tasks of one sender keep their order.
 *   Runs on    any thread */
struct task {
	void (*run)(struct task *task); /* LOOP_ONLY: may not await */
	struct task *next;
};
void loop_post(struct loop *loop, struct task *task);

/* Run `work` as a fiber on another loop and wait for its end; `arg` may lie on the caller's
 * stack. Cancel and deadline reach the other fiber; of a caller that is canceled already it runs
 * too, canceled. On the own loop it is a plain call.
 *   Errors     what `work` returned, ERR_BUSY */
NODISCARD enum err loop_call(struct loop *loop, const char *name, enum err (*work)(void *arg) /* AWAITS */, void *arg)
	AWAITS;

/* Loop-local storage: a room keeps one object per loop under a slot it owns.
 *   loop_local_slot  once at start, before rt_run; CHECKs LOOP_LOCALS_MAX */
unsigned loop_local_slot(void);
void *loop_local(struct loop *loop, unsigned slot);
void loop_local_set(struct loop *loop, unsigned slot, void *object);

/* A timer of the loop's wheel: 16 ms coarse, O(1), embedded, no allocation. For time-outs of
 * connections, heartbeats, reaping: thousands of them cost nothing until they fire.
 * Fiber deadlines and sleeps use the same wheel. */
struct timer {
	struct list link;
	int64_t at_ms; /* on loop_now(); 0 when not armed */
	void (*fire)(struct timer *timer);
};
void timer_set(struct loop *loop, struct timer *timer, int64_t after_ms, void (*fire)(struct timer *timer));
void timer_stop(struct timer *timer);

/* Blocking work (SQLite, password hashing, getaddrinfo) on one of the worker threads, awaited.
 * `work` must not touch the loop. A canceled caller still waits for the work's end, and gets its
 * result; one that was canceled before is refused.
 *   Errors     what `work` returned, ERR_BUSY when WORK_QUEUE_MAX wait, ERR_CANCELED, ERR_TIMEOUT */
#define WORK_QUEUE_MAX 1024
NODISCARD enum err work_run(enum err (*work)(void *arg), void *arg) AWAITS;

/* Counters for /metrics, summed over the loops.
 *   Runs on    any thread; values are approximate while loops run */
struct rt_stats {
	uint64_t fibers_live, fibers_peak, fibers_spawned;
	uint64_t stack_bytes_peak; /* the deepest stack that was seen; sampled, to a page */
	uint64_t turn_ms_max;	   /* the longest a loop turn has taken since the last call */
};
struct rt_stats rt_stats(void);

#endif
