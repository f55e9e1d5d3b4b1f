/* Under load freed memory is worth keeping: the next request wants it (arena.c says how much). What load leaves behind
 * is worth less: each thread's part of the heap is as large as its worst moment was, with holes that malloc fills again
 * but gives back only from the end. So once the process has worked and then hardly works for a while, it tells malloc
 * to give all whole free pages back.
 *
 * That locks each part of the heap in turn, for some milliseconds where there was a lot; hence at rest only, and on a
 * worker thread. How busy the process is its CPU time says, which knows of every thread. Stacks of fibers have a sweep
 * of their own, see stack.c. */
#include "rt/rest.h"

#include <time.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "rt/loop.h"

#define LOOK_MS 5000
#define REST_CPU_MS 250	 /* of a look's 5 s on all threads: a twentieth of a core */
#define WORTH_CPU_MS 500 /* of work since the last time; less leaves nothing to speak of */

static int64_t cpu_ms(void)
{
	struct timespec spent;

	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &spent) == 0);
	return (int64_t)spent.tv_sec * 1000 + spent.tv_nsec / 1000000;
}

uint64_t heap_used_bytes(void)
{
#if defined(__GLIBC__)
	struct mallinfo2 heap = mallinfo2();

	return heap.uordblks + heap.hblkhd;
#else
	return 0;
#endif
}

static enum err give_back(void *unused)
{
#if defined(__GLIBC__)
	(void)malloc_trim(0);
#endif
	log_debug("memory.given_back", LOG_INT("heap_used", (int64_t)heap_used_bytes()));
	return OK;
}

AWAITS_ENTRY static void rest_main(void *unused)
{
	int64_t given_back_ms = 0, seen_ms = 0; /* in CPU time */

	while (fiber_sleep(LOOK_MS) == OK) {
		int64_t now_ms = cpu_ms();
		bool at_rest = now_ms - seen_ms < REST_CPU_MS;

		seen_ms = now_ms;
		if (!at_rest || now_ms - given_back_ms < WORTH_CPU_MS)
			continue;
		given_back_ms = now_ms;
		(void)work_run(give_back, NULL); /* no thread for it now: another time */
	}
}

enum err rest_begin(struct rest *rest)
{
	group_init(&rest->group, loop_self());
	return group_spawn(&rest->group, "rest", rest_main, NULL);
}

AWAITS void rest_end(struct rest *rest)
{
	group_cancel(&rest->group);
	(void)group_join(&rest->group); /* the caller's own end is not ours to tell */
}
