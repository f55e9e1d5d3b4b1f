/* Starting the loops' threads and ending them together.
 *
 *   RUNNING --main ended--> SETTLING --no loop is busy--> CLOSING --> threads joined
 *      |                       |                             ^
 *      +------rt_stop----------+--> STOPPING --no fiber------+
 *
 * A loop is busy while it has fibers, tasks or, unless stopping, open handles. A busy loop may
 * post to an idle one and so make it busy again; therefore they end only when none is busy, which
 * a count of the busy ones shows: a loop takes itself off it when it finds itself empty, and who
 * posts to a loop that has done so puts it on again before taking himself off. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "rt/child.h"
#include "rt/loop_private.h"
#include "rt/testing.h"

/* The process has one runtime: this is it. `loop` and `count` change only while no other thread
 * runs. */
static struct {
	struct loop *loop[LOOPS_MAX];
	unsigned count;
	pthread_mutex_t start; /* held while threads are created */
	pthread_barrier_t end; /* nobody is posting any more when all are here */
	bool refused;	       /* a thread could not be created: nobody runs */
	uint64_t shuffle;
	fiber_main *main; /* AWAITS */
	void *arg;
	atomic_bool ending, stopping, closing;
	atomic_int_fast64_t grace_ms;
	atomic_uint busy;
} rt = {.start = PTHREAD_MUTEX_INITIALIZER};

struct loop *rt_loop(unsigned index)
{
	return rt.loop[index];
}

unsigned rt_loop_count(void)
{
	return rt.count;
}

void rt_shuffle(uint64_t seed)
{
	rt.shuffle = seed;
}

/* ---- ending ---------------------------------------------------------------------- */

bool rt_is_ending(void)
{
	return atomic_load_explicit(&rt.ending, memory_order_relaxed);
}

static void wake_all(void)
{
	for (unsigned i = 0; i < rt.count; i++)
		CHECK(uv_async_send(&rt.loop[i]->wake) == 0);
}

static void on_grace_over(struct timer *timer)
{
	struct loop *loop = CONTAINER_OF(timer, struct loop, grace);

	loop->canceling = true;
	for (struct list *link = loop->fibers.next; link != &loop->fibers; link = link->next)
		fiber_cancel(LIST_OBJ(link, struct fiber, alive_link));
}

static bool has_room_handles(struct loop *loop)
{
	bool alive;

	uv_unref((uv_handle_t *)&loop->wake);
	alive = uv_loop_alive(&loop->uv) != 0;
	uv_ref((uv_handle_t *)&loop->wake);
	return alive;
}

static bool is_empty(struct loop *loop)
{
	return loop->fiber_count == 0 && !loop_has_more(loop) && atomic_load(&loop->inbox) == NULL &&
	       (loop->stopping || !has_room_handles(loop));
}

void rt_loop_is_busy(struct loop *loop)
{
	if (!atomic_load(&loop->busy) && !atomic_exchange(&loop->busy, true))
		atomic_fetch_add(&rt.busy, 1);
}

/* Take an empty loop off the count, unless a task comes in at this moment. */
static void become_idle(struct loop *loop)
{
	if (!atomic_exchange(&loop->busy, false))
		return;
	if (atomic_load(&loop->inbox) != NULL && !atomic_exchange(&loop->busy, true))
		return;
	if (atomic_fetch_sub(&rt.busy, 1) == 1) {
		atomic_store(&rt.closing, true);
		wake_all();
	}
}

void rt_look(struct loop *loop)
{
	if (!loop->stopping && atomic_load(&rt.stopping)) {
		loop->stopping = true;
		timer_set(loop, &loop->grace, atomic_load(&rt.grace_ms), on_grace_over);
	}
	if (atomic_load(&rt.closing))
		uv_stop(&loop->uv);
	else if (is_empty(loop))
		become_idle(loop);
	else
		rt_loop_is_busy(loop);
}

void rt_stop(int64_t grace_ms)
{
	CHECK(loop_current != NULL);
	if (atomic_load(&rt.stopping))
		return;
	atomic_store(&rt.grace_ms, grace_ms);
	atomic_store(&rt.stopping, true);
	atomic_store(&rt.ending, true);
	wake_all();
}

AWAITS static void first_main(void *arg)
{
	rt.main(rt.arg);
	atomic_store(&rt.ending, true);
	wake_all();
}

/* ---- threads --------------------------------------------------------------------- */

/* Signals of the process go to the thread of loop 0; those of a fault to where it happened. */
static void block_signals(sigset_t *ret_before)
{
	static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS, SIGPROF};
	sigset_t set;

	sigfillset(&set);
	for (size_t i = 0; i < ARRAY_LEN(faults); i++)
		sigdelset(&set, faults[i]);
	CHECK(pthread_sigmask(SIG_BLOCK, &set, ret_before) == 0);
}

static void *thread_main(void *arg)
{
	struct loop *loop = arg;

	pthread_mutex_lock(&rt.start);
	pthread_mutex_unlock(&rt.start);
	if (!rt.refused) {
		loop_run(loop);
		pthread_barrier_wait(&rt.end);
	}
	loop_end(loop);
	return NULL;
}

static void thread_name(pthread_t thread, unsigned index)
{
	char name[sizeof("gh-loop-") + 10];

	snprintf(name, sizeof(name), "gh-loop-%u", index);
	(void)pthread_setname_np(thread, name);
}

/* Threads for all loops but the first, which wait until `start` is given free. */
static unsigned threads_start(void)
{
	unsigned started = 1;
	sigset_t before;

	block_signals(&before);
	while (started < rt.count &&
	       pthread_create(&rt.loop[started]->thread, NULL, thread_main, rt.loop[started]) == 0) {
		thread_name(rt.loop[started]->thread, started);
		started++;
	}
	CHECK(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
	return started;
}

static void threads_join(unsigned started)
{
	for (unsigned i = 1; i < started; i++)
		CHECK(pthread_join(rt.loop[i]->thread, NULL) == 0);
	for (unsigned i = started; i < rt.count; i++)
		loop_end(rt.loop[i]);
}

/* ---- the whole ------------------------------------------------------------------- */

static enum err loops_init(unsigned loops)
{
	for (rt.count = 0; rt.count < loops; rt.count++) {
		struct loop *loop = aligned_alloc(_Alignof(struct loop), sizeof(struct loop));
		enum err err;

		CHECK(loop != NULL);
		err = loop_init(loop, rt.count);
		if (err != OK) {
			free(loop);
			return err;
		}
		if (rt.shuffle != 0)
			loop->shuffle = rt.shuffle + rt.count;
		rt.loop[rt.count] = loop;
	}
	return OK;
}

static void loops_free(void)
{
	for (unsigned i = 0; i < rt.count; i++)
		free(rt.loop[i]);
	rt.count = 0;
}

/* With all loops there: their threads, and the first fiber on the calling one. */
static enum err loops_start(unsigned *ret_started)
{
	enum err err = OK;

	pthread_mutex_lock(&rt.start);
	*ret_started = threads_start();
	if (*ret_started < rt.count)
		err = ERR_SYSTEM;
	if (err == OK) {
		loop_current = rt.loop[0];
		err = fiber_spawn(loop_current, "main", first_main, NULL, 0, NULL);
	}
	if (err == OK)
		CHECK(pthread_barrier_init(&rt.end, NULL, rt.count) == 0);
	rt.refused = err != OK;
	pthread_mutex_unlock(&rt.start);
	return err == OK ? OK : ERR_SYSTEM;
}

static enum err loops_run(void)
{
	unsigned started;
	enum err err = loops_start(&started);

	if (err == OK) {
		loop_run(rt.loop[0]);
		pthread_barrier_wait(&rt.end);
	} else {
		log_error("rt.threads", LOG_INT("started", started), LOG_INT("wanted", rt.count));
	}
	child_kill_all();
	loop_end(rt.loop[0]);
	threads_join(started);
	if (err == OK)
		CHECK(pthread_barrier_destroy(&rt.end) == 0);
	return err;
}

enum err rt_run(unsigned loops, fiber_main *main, void *arg)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	enum err err;

	CHECK(loops >= 1 && loops <= LOOPS_MAX && rt.count == 0 && loop_current == NULL);
	CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0); /* a peer that has gone is an error of the write */
	rt.main = main;
	rt.arg = arg;
	atomic_store(&rt.busy, loops);
	atomic_store(&rt.ending, false);
	atomic_store(&rt.stopping, false);
	atomic_store(&rt.closing, false);
	err = loops_init(loops);
	if (err == OK)
		err = loops_run();
	else
		for (unsigned i = 0; i < rt.count; i++)
			loop_end(rt.loop[i]);
	loops_free();
	return err;
}

struct rt_stats rt_stats(void)
{
	struct rt_stats sum = {0};

	for (unsigned i = 0; i < rt.count; i++) {
		struct loop *loop = rt.loop[i];
		uint64_t turn_ms = atomic_exchange_explicit(&loop->turn_ms_max, 0, memory_order_relaxed);
		uint64_t deepest = atomic_load_explicit(&loop->stacks.deepest, memory_order_relaxed);

		sum.fibers_live += atomic_load_explicit(&loop->fibers_live, memory_order_relaxed);
		sum.fibers_peak += atomic_load_explicit(&loop->fibers_peak, memory_order_relaxed);
		sum.fibers_spawned += atomic_load_explicit(&loop->fibers_spawned, memory_order_relaxed);
		if (deepest > sum.stack_bytes_peak)
			sum.stack_bytes_peak = deepest;
		if (turn_ms > sum.turn_ms_max)
			sum.turn_ms_max = turn_ms;
	}
	return sum;
}
