/* Loops and their threads. One turn of a loop:
 *
 *   timers -> prepare: run ready fibers -> poll: I/O callbacks wake fibers
 *          -> check: run them at once -> closing
 *
 * While fibers stay ready the idle handle keeps the poll from blocking. Waking a fiber of the
 * own loop costs no system call; another loop is reached by its lock-free task stack. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "rt/private.h"

#define LOOP_MAGIC 0x4c4f4f50u /* "LOOP" */

/* The loops of this process. Process-wide, since any thread may post to any loop; written only
 * by rt_run before the threads start and after they ended. */
static struct {
	struct loop *loop;
	unsigned count;
	unsigned local_slots;
} all;

static _Thread_local struct loop *self;

struct loop *loop_self(void)
{
	return self;
}

struct loop *loop_at(unsigned index)
{
	CHECK(index < all.count);
	return &all.loop[index];
}

unsigned loop_count(void)
{
	return all.count;
}

unsigned loop_index(const struct loop *loop)
{
	return loop->index;
}

uv_loop_t *loop_uv(struct loop *loop)
{
	return &loop->uv;
}

int64_t loop_now(struct loop *loop)
{
	return (int64_t)uv_now(&loop->uv);
}

uv_buf_t loop_read_buffer(struct loop *loop)
{
	return uv_buf_init(loop->read_buffer, LOOP_READ_BYTES);
}

unsigned loop_local_slot(void)
{
	CHECK(all.local_slots < LOOP_LOCALS_MAX);
	return all.local_slots++;
}

void *loop_local(struct loop *loop, unsigned slot)
{
	return loop->local[slot];
}

void loop_local_set(struct loop *loop, unsigned slot, void *object)
{
	loop->local[slot] = object;
}

/* ---- messages -------------------------------------------------------------------- */

void loop_post(struct loop *loop, struct task *task)
{
	struct task *newest = atomic_load_explicit(&loop->posted, memory_order_relaxed);

	do
		task->next = newest;
	while (!atomic_compare_exchange_weak_explicit(&loop->posted, &newest, task, memory_order_release,
						      memory_order_relaxed));
	/* Only the first task of a batch needs to ring. */
	if (newest == NULL)
		uv_async_send(&loop->posted_handle);
}

static void run_posted(uv_async_t *handle)
{
	struct loop *loop = handle->data;
	struct task *newest = atomic_exchange_explicit(&loop->posted, NULL, memory_order_acquire), *oldest = NULL;

	while (newest != NULL) {
		struct task *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	while (oldest != NULL) {
		struct task *task = oldest;

		oldest = task->next; /* the task may be gone once it has run */
		task->run(task);
	}
}

/* ---- turns ----------------------------------------------------------------------- */

static void idle_turn(uv_idle_t *handle)
{
	/* Its presence alone keeps the poll from blocking. */
}

static void run_fibers(struct loop *loop)
{
	bool more = fibers_run(loop);

	if (more && !loop->idling)
		uv_idle_start(&loop->idle, idle_turn);
	if (!more && loop->idling)
		uv_idle_stop(&loop->idle);
	loop->idling = more;
}

static void before_poll(uv_prepare_t *handle)
{
	struct loop *loop = handle->data;
	int64_t took_ms;

	run_fibers(loop);
	took_ms = loop->turn_began_ms == 0 ? 0 : (int64_t)(uv_hrtime() / 1000000) - loop->turn_began_ms;
	if (took_ms > (int64_t)atomic_load_explicit(&loop->turn_ms_max, memory_order_relaxed))
		atomic_store_explicit(&loop->turn_ms_max, (uint64_t)took_ms, memory_order_relaxed);
}

static void after_poll(uv_check_t *handle)
{
	struct loop *loop = handle->data;

	loop->turn_began_ms = loop_now(loop); /* libuv read the clock just after the poll */
	run_fibers(loop);
}

/* ---- life ------------------------------------------------------------------------ */

static void loop_init(struct loop *loop, unsigned index)
{
	loop->magic = LOOP_MAGIC;
	loop->index = index;
	list_init(&loop->ready);
	list_init(&loop->fibers);
	list_init(&loop->stacks.idle);
	loop->read_buffer = malloc(LOOP_READ_BYTES);
	CHECK(loop->read_buffer != NULL);
	CHECK(uv_loop_init(&loop->uv) == 0);
	loop->uv.data = loop;
	uv_async_init(&loop->uv, &loop->posted_handle, run_posted);
	uv_prepare_init(&loop->uv, &loop->prepare);
	uv_check_init(&loop->uv, &loop->check);
	uv_idle_init(&loop->uv, &loop->idle);
	loop->posted_handle.data = loop->prepare.data = loop->check.data = loop->idle.data = loop;
	uv_prepare_start(&loop->prepare, before_poll);
	uv_check_start(&loop->check, after_poll);
	timers_init(loop);
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_maybe_end(struct loop *loop)
{
	if (loop->stopping && atomic_load_explicit(&loop->fibers_live, memory_order_relaxed) == 0)
		uv_stop(&loop->uv);
}

static void loop_run(struct loop *loop)
{
	self = loop;
	loop->thread = pthread_self();
#if RT_TSAN
	loop->sanitizer.tsan = __tsan_get_current_fiber();
#endif
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	/* Whatever a room left open ends here, with its descriptors. */
	uv_walk(&loop->uv, close_handle, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&loop->uv) == 0);
	stack_pool_free(&loop->stacks);
	map_free(&loop->flights);
	free(loop->read_buffer);
	self = NULL;
}

static void *loop_thread(void *arg)
{
	struct loop *loop = arg;
	char name[16];

	snprintf(name, sizeof(name), "gh-loop-%u", loop->index);
	pthread_setname_np(pthread_self(), name);
	loop_run(loop);
	return NULL;
}

struct first {
	fiber_main *main;
	void *arg;
};

AWAITS_ENTRY static void first_main(void *arg)
{
	struct first *first = arg;

	first->main(first->arg);
	rt_stop(1000);
}

enum err rt_run(unsigned loops, fiber_main *main, void *arg)
{
	const struct sigaction ignore = {.sa_handler = SIG_IGN};
	struct first first = {main, arg};
	enum err err;

	CHECK(loops > 0 && loops <= LOOPS_MAX && all.count == 0);
	CHECK(sigaction(SIGPIPE, &ignore, NULL) == 0); /* writes report EPIPE instead */
	all.loop = calloc(loops, sizeof(struct loop));
	CHECK(all.loop != NULL);
	all.count = loops;
	for (unsigned i = 0; i < loops; i++)
		loop_init(&all.loop[i], i);
	for (unsigned i = 1; i < loops; i++)
		CHECK(pthread_create(&all.loop[i].thread, NULL, loop_thread, &all.loop[i]) == 0);
	self = &all.loop[0];
	err = fiber_spawn(self, "main", first_main, &first, 0, NULL);
	CHECK(err == OK);
	loop_run(&all.loop[0]);
	for (unsigned i = 1; i < loops; i++)
		pthread_join(all.loop[i].thread, NULL);
	free(all.loop);
	all.loop = NULL;
	all.count = 0;
	return OK;
}

struct stop_order {
	struct task task;
	struct loop *loop;
	int64_t grace_ms;
};

static void grace_over(struct timer *timer)
{
	struct loop *loop = CONTAINER_OF(timer, struct loop, grace);

	for (struct list *l = loop->fibers.next; l != &loop->fibers; l = l->next)
		fiber_cancel(LIST_OBJ(l, struct fiber, all_link));
}

static void stop_here(struct task *task)
{
	struct stop_order *order = CONTAINER_OF(task, struct stop_order, task);
	struct loop *loop = order->loop;

	if (!loop->stopping)
		timer_set(loop, &loop->grace, order->grace_ms, grace_over);
	loop->stopping = true;
	loop_maybe_end(loop);
	free(order);
}

void rt_stop(int64_t grace_ms)
{
	for (unsigned i = 0; i < all.count; i++) {
		struct stop_order *order = malloc(sizeof(*order));

		CHECK(order != NULL);
		*order = (struct stop_order){{.run = stop_here}, &all.loop[i], grace_ms};
		loop_post(&all.loop[i], &order->task);
	}
}

struct rt_stats rt_stats(void)
{
	struct rt_stats sum = {0};

	for (unsigned i = 0; i < all.count; i++) {
		struct loop *loop = &all.loop[i];
		uint64_t turn_ms = atomic_exchange_explicit(&loop->turn_ms_max, 0, memory_order_relaxed);

		sum.fibers_live += atomic_load_explicit(&loop->fibers_live, memory_order_relaxed);
		sum.fibers_peak += atomic_load_explicit(&loop->fibers_peak, memory_order_relaxed);
		sum.fibers_spawned += atomic_load_explicit(&loop->fibers_spawned, memory_order_relaxed);
		if (turn_ms > sum.turn_ms_max)
			sum.turn_ms_max = turn_ms;
	}
	return sum;
}
