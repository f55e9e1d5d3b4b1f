/* Fibers: one stack per request or job, bound for life to the loop it was born on.
 *
 * Rules (doc/rooms/rt.md): an AWAITS call may return ERR_CANCELED; cancel is sticky except
 * inside a shield; an await returns only when nobody holds pointers into our stack any more;
 * callbacks only call wait_done(), which queues the fiber and never resumes it on the spot;
 * no lock is held across an await. */
#ifndef GATEHOUSE_RT_FIBER_H
#define GATEHOUSE_RT_FIBER_H

#include "base/attrs.h"
#include "base/err.h"
#include "base/list.h"
#include "base/str.h"

struct loop;
struct fiber;

typedef void fiber_main(void *arg); /* AWAITS */

/* Start a fiber on `loop`; it first runs in the loop's next ready turn, never at once.
 *   name       static, for gdb and logs
 *   deadline_ms  on clock_ms(), 0 for none
 *   ret_fiber  may be NULL; valid until the fiber ends: only its group or its own code may keep it
 *   Errors     ERR_BUSY when FIBERS_MAX live on the loop or no memory is left for a stack
 *   Runs on    the loop's thread */
NODISCARD enum err fiber_spawn(struct loop *loop, const char *name, fiber_main *main, void *arg, int64_t deadline_ms,
			       struct fiber **ret_fiber);

/* The running fiber; NULL in a callback. */
struct fiber *fiber_self(void);

/* A word about what the fiber works on (a request id), shown by tools/gdb/fiber.py. Borrowed. */
void fiber_label(struct str label);

/* Ask a fiber to stop: its present and every later await returns ERR_CANCELED. Safe for a
 * fiber that is done waiting.
 *   Runs on    the fiber's loop */
void fiber_cancel(struct fiber *fiber);

/* Whether the running fiber was canceled or is past its deadline (OK, ERR_CANCELED, ERR_TIMEOUT). */
enum err fiber_status(void);

/* The running fiber's deadline on clock_ms(), 0 for none; and a new one (only earlier). */
int64_t fiber_deadline(void);
void fiber_deadline_set(int64_t deadline_ms);

/* Stop a fiber's clock while it is somebody else's turn (a person was asked something), and let it go
 * on: its deadline moves by as long as the clock stood still, and cannot be reached meanwhile. Stops
 * nest. A shield keeps its own time. Fibers that it waits for on other loops keep theirs.
 *   Runs on    the fiber's loop */
void fiber_clock_stop(struct fiber *fiber);
void fiber_clock_go(struct fiber *fiber);

/* Inside a shield neither cancel nor the old deadline is seen; it ends by itself `ms` later at
 * the latest, by the same rules as a deadline. Shields nest. */
struct fiber_shield {
	bool was_shielded;
	int64_t was_deadline_ms, was_stood_ms;
};
struct fiber_shield fiber_shield_begin(int64_t ms);
void fiber_shield_end(struct fiber_shield shield);

/* One thing to wait for. Zero-initialise with WAIT_INIT, hand its address to whoever will
 * complete it, then wait_for(). A completion that beats the await is remembered. */
struct wait {
	struct fiber *fiber; /* who waits, NULL before wait_for */
	bool done;
	enum err result;
	struct list link; /* for whoever keeps lists of waiters */
};
#define WAIT_INIT ((struct wait){0})

/* Suspend until wait_done. On cancel or deadline it calls `abandon(arg)` (may be NULL), on the
 * fiber, which must make the completer forget the wait or complete it soon; the await then still
 * waits for `done` unless abandon returns true ("forgotten: nobody will complete it"). A
 * completion that comes before abandon is called wins: its result is returned. After an abandon
 * that returned false, what was completed is in wait->result.
 *   Errors     the result given to wait_done, ERR_CANCELED, ERR_TIMEOUT
 *   Runs on    a fiber */
NODISCARD enum err wait_for(struct wait *wait, bool (*abandon)(void *arg), void *arg) AWAITS;

/* Complete a wait: remember the result and queue its fiber. Once per wait.
 *   Runs on    the waiting fiber's loop; from callbacks and fibers alike */
void wait_done(struct wait *wait, enum err result);

/* Sleep.
 *   Errors     ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err fiber_sleep(int64_t ms) AWAITS;

/* Let the other ready fibers run once.
 *   Errors     ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err fiber_yield(void) AWAITS;

/* A group owns fibers: it is not left before all of them have ended. */
struct group {
	struct loop *loop;
	struct list members;
	size_t count;
	struct wait *waiter;
};

/* Start an empty group whose members will run on `loop`, the caller's own. */
void group_init(struct group *group, struct loop *loop);

/* Spawn into the group; the fiber inherits the spawner's deadline.
 *   Errors     ERR_BUSY */
NODISCARD enum err group_spawn(struct group *group, const char *name, fiber_main *main, void *arg);

/* Cancel every member. */
void group_cancel(struct group *group);

/* Wait until all members have ended. When the waiter is canceled, so are they, and it still
 * waits for their end.
 *   Errors     ERR_CANCELED, ERR_TIMEOUT (after all members ended) */
NODISCARD enum err group_join(struct group *group) AWAITS;

/* Single flight: the first caller under a key starts the work as its own fiber, later ones
 * wait for the same result. Canceling a caller does not cancel the work. Per loop.
 *   result     whatever `work` returned; each caller gets it
 *   arg        taken over, on every path: `release` (may be NULL) is called with it after the
 *              work, or at once when somebody else's work is under way or none was started
 *   Limits     the work has REQUEST_TIMEOUT_MS
 *   Errors     the work's error, ERR_CANCELED, ERR_TIMEOUT (this caller's own) */
NODISCARD enum err flight_join(struct str key, enum err (*work)(void *arg) /* AWAITS */, void *arg,
			       void (*release)(void *arg)) AWAITS;

/* The same without waiting: for what is of use to later callers.
 *   Errors     ERR_BUSY
 *   Runs on    a fiber or callback of the loop */
NODISCARD enum err flight_begin(struct str key, enum err (*work)(void *arg) /* AWAITS */, void *arg,
				void (*release)(void *arg));

/* A counting semaphore with a bounded FIFO queue, loop-local.
 *   Errors     ERR_BUSY when the queue is full, ERR_CANCELED, ERR_TIMEOUT */
struct gate {
	size_t free, queued, queue_max;
	struct list waiters;
};
void gate_init(struct gate *gate, size_t places, size_t queue_max);
NODISCARD enum err gate_enter(struct gate *gate) AWAITS;
void gate_leave(struct gate *gate);

#endif
