/* One loop and its turn:
 *
 *   prepare: run fibers made ready since the last turn; arm the alarm
 *   poll:    I/O callbacks wake fibers; tasks of other loops arrive; after much input, run fibers
 *   check:   fire timers, run own tasks, run the fibers that all this made ready
 *
 * So a fiber runs in the same turn as the callback that woke it, and waking one costs no system
 * call. Only another loop is woken through the kernel, by the first task of a batch. While work
 * is left over, the idle handle keeps the poll from blocking. Threads, and how all loops end
 * together, are rt.c's. */
#include <stdlib.h>

#include "base/check.h"
#include "rt/loop_private.h"

_Thread_local struct loop *loop_current;

/* Slots handed out; process-wide because rooms take theirs before there is any loop. */
static unsigned local_slots;

struct loop *loop_self(void)
{
	return loop_current;
}

struct loop *loop_at(unsigned index)
{
	CHECK(index < rt_loop_count());
	return rt_loop(index);
}

unsigned loop_count(void)
{
	return rt_loop_count();
}

unsigned loop_index(const struct loop *loop)
{
	CHECK_OBJ(loop, LOOP_MAGIC);
	return loop->index;
}

uv_loop_t *loop_uv(struct loop *loop)
{
	CHECK_OBJ(loop, LOOP_MAGIC);
	return &loop->uv;
}

int64_t loop_now(struct loop *loop)
{
	return (int64_t)uv_now(&loop->uv);
}

int64_t loop_turn_ms(const struct loop *loop)
{
	return loop->turn_ms;
}

uv_buf_t loop_read_buffer(struct loop *loop)
{
	CHECK(loop == loop_current);
	return uv_buf_init(loop->read_buffer, LOOP_READ_BYTES);
}

void loop_read_done(struct loop *loop, size_t bytes)
{
	CHECK(loop == loop_current);
	loop->input_bytes += bytes;
	if (likely(loop->input_bytes < LOOP_INPUT_BYTES))
		return;
	loop->input_bytes = 0;
	fibers_run(loop);
}

unsigned loop_local_slot(void)
{
	CHECK(local_slots < LOOP_LOCALS_MAX);
	return local_slots++;
}

void *loop_local(struct loop *loop, unsigned slot)
{
	CHECK(slot < LOOP_LOCALS_MAX);
	return loop->local[slot];
}

void loop_local_set(struct loop *loop, unsigned slot, void *object)
{
	CHECK(loop == loop_current && slot < LOOP_LOCALS_MAX);
	loop->local[slot] = object;
}

/* ---- tasks ----------------------------------------------------------------------- */

void loop_post(struct loop *loop, struct task *task)
{
	struct task *newest;

	CHECK_OBJ(loop, LOOP_MAGIC);
	if (loop == loop_current) {
		task->next = NULL;
		*loop->own_last = task;
		loop->own_last = &task->next;
		return;
	}
	newest = atomic_load_explicit(&loop->inbox, memory_order_relaxed);
	do
		task->next = newest;
	while (!atomic_compare_exchange_weak(&loop->inbox, &newest, task));
	/* From here on the task may be gone. Only the first of a batch needs to ring. */
	if (newest == NULL) {
		rt_loop_is_busy(loop);
		CHECK(uv_async_send(&loop->wake) == 0);
	}
}

static void tasks_run(struct task *task)
{
	while (task != NULL) {
		struct task *next = task->next; /* the task may be gone once it has run */

		task->run(task);
		task = next;
	}
}

static void on_wake(uv_async_t *wake)
{
	struct loop *loop = wake->data;
	struct task *newest = atomic_exchange(&loop->inbox, NULL), *oldest = NULL;

	while (newest != NULL) {
		struct task *next = newest->next;

		newest->next = oldest;
		oldest = newest;
		newest = next;
	}
	tasks_run(oldest);
}

static void own_tasks_run(struct loop *loop)
{
	struct task *first = loop->own_first;

	loop->own_first = NULL;
	loop->own_last = &loop->own_first;
	tasks_run(first);
}

/* ---- a turn ---------------------------------------------------------------------- */

bool loop_has_more(const struct loop *loop)
{
	return !list_empty(&loop->ready) || !list_empty(&loop->yielded) || loop->own_first != NULL ||
	       !list_empty(&loop->wheel.due);
}

static void on_idle(uv_idle_t *idle)
{
	/* That it is there keeps the poll from blocking. */
}

static void idle_set(struct loop *loop, bool wanted)
{
	if (wanted == loop->idling)
		return;
	loop->idling = wanted;
	CHECK((wanted ? uv_idle_start(&loop->idle, on_idle) : uv_idle_stop(&loop->idle)) == 0);
}

/* libuv reads the clock after the poll and again before this, so the turn is measured for free. */
static void turn_measure(struct loop *loop)
{
	int64_t took_ms = loop_now(loop) - loop->turn_began_ms;

	loop->turn_ms = took_ms;
	if (took_ms > (int64_t)atomic_load_explicit(&loop->turn_ms_max, memory_order_relaxed))
		atomic_store_explicit(&loop->turn_ms_max, (uint64_t)took_ms, memory_order_relaxed);
}

static void before_poll(uv_prepare_t *prepare)
{
	struct loop *loop = prepare->data;

	if (!list_empty(&loop->ready)) {
		fibers_run(loop);
		uv_update_time(&loop->uv);
	}
	turn_measure(loop);
	if (unlikely(rt_is_ending()))
		rt_look(loop);
	wheel_arm(loop);
	idle_set(loop, loop_has_more(loop));
}

static void after_poll(uv_check_t *check)
{
	struct loop *loop = check->data;
	struct list *link;

	loop->turn_began_ms = loop_now(loop);
	loop->input_bytes = 0;
	wheel_run(loop);
	own_tasks_run(loop);
	while ((link = list_pop(&loop->yielded)) != NULL)
		list_add_tail(&loop->ready, link);
	fibers_run(loop);
}

/* ---- life ------------------------------------------------------------------------ */

/* The runtime's own handles do not keep a loop alive; `wake` does, until rt.c lets go of it. */
static void handles_init(struct loop *loop)
{
	CHECK(uv_prepare_init(&loop->uv, &loop->prepare) == 0 && uv_check_init(&loop->uv, &loop->check) == 0 &&
	      uv_idle_init(&loop->uv, &loop->idle) == 0);
	loop->prepare.data = loop->check.data = loop->wake.data = loop;
	CHECK(uv_prepare_start(&loop->prepare, before_poll) == 0 && uv_check_start(&loop->check, after_poll) == 0);
	uv_unref((uv_handle_t *)&loop->prepare);
	uv_unref((uv_handle_t *)&loop->check);
	uv_unref((uv_handle_t *)&loop->idle);
	wheel_init(loop);
}

enum err loop_init(struct loop *loop, unsigned index)
{
	*loop = (struct loop){.index = index, .read_buffer = malloc(LOOP_READ_BYTES), .busy = true};
	CHECK(loop->read_buffer != NULL);
	list_init(&loop->ready);
	list_init(&loop->yielded);
	list_init(&loop->fibers);
	list_init(&loop->signals);
	loop->own_last = &loop->own_first;
	if (uv_loop_init(&loop->uv) != 0) {
		free(loop->read_buffer);
		return ERR_SYSTEM;
	}
	loop->uv.data = loop;
	if (uv_async_init(&loop->uv, &loop->wake, on_wake) != 0) {
		CHECK(uv_loop_close(&loop->uv) == 0);
		free(loop->read_buffer);
		return ERR_SYSTEM;
	}
	handles_init(loop);
	loop->turn_began_ms = loop_now(loop);
	loop->magic = LOOP_MAGIC;
	return OK;
}

void loop_run(struct loop *loop)
{
	loop_current = loop;
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	loop_current = NULL;
}

static void handle_close(uv_handle_t *handle, void *arg)
{
	/* A room's handle that is still here belongs to nobody any more: its fibers have ended. */
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

void loop_end(struct loop *loop)
{
	loop_current = loop;
	signals_end(loop);
	uv_walk(&loop->uv, handle_close, NULL);
	uv_run(&loop->uv, UV_RUN_DEFAULT);
	CHECK(uv_loop_close(&loop->uv) == 0);
	stack_pool_end(&loop->stacks);
	map_free(&loop->flights);
	free(loop->read_buffer);
	loop->magic = 0;
	loop_current = NULL;
}
