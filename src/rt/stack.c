/* Stacks of fibers: mapped, guarded at the low end, pooled.
 *
 *   | guard page | STACK_BYTES, grows down ........... struct fiber |
 *
 * MADV_GUARD_INSTALL guards without splitting the mapping, so that 20,000 stacks are one map to
 * the kernel; before Linux 6.13 mprotect does it at the cost of two maps a stack.
 *
 * The pool is last in, first out: the next fiber finds a stack that is in the cache. So those that
 * were not needed for a while lie at its bottom:
 *
 *   idle: | cold, no pages | not used since the last sweep | used | free places |
 *         0                cold                            least  count
 *
 * Each sweep takes the pages of those between `cold` and `least`. A busy loop thus never gives
 * back what it will touch again in the next burst, and an idle one keeps address space only. */
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/check.h"
#include "rt/loop_private.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define PAGE_BYTES 4096 /* where pages are larger, the guard is rounded up by stack_new */
#define SWEEP_MS 5000
#define SAMPLE_EVERY 1024

static size_t guard_bytes(void)
{
	long page = sysconf(_SC_PAGESIZE);

	return page > PAGE_BYTES ? (size_t)page : PAGE_BYTES;
}

static void *stack_new(void)
{
	size_t guard = guard_bytes();
	char *map = mmap(NULL, guard + STACK_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);

	if (map == MAP_FAILED)
		return NULL;
	if (madvise(map, guard, MADV_GUARD_INSTALL) != 0 && mprotect(map, guard, PROT_NONE) != 0) {
		munmap(map, guard + STACK_BYTES);
		return NULL;
	}
	sanitizer_stack_mapped(map + guard, STACK_BYTES);
	return map + guard;
}

static void stack_free(void *stack)
{
	size_t guard = guard_bytes();

	sanitizer_stack_unmapped(stack, STACK_BYTES);
	CHECK(munmap((char *)stack - guard, guard + STACK_BYTES) == 0);
}

/* How deep a stack was ever used, as the kernel knows: the lowest page that is resident. */
static void stack_measure(struct stack_pool *pool, void *stack)
{
	unsigned char resident[STACK_BYTES / PAGE_BYTES];
	size_t page = guard_bytes(), pages = STACK_BYTES / page, lowest = 0, deepest;

	if (mincore(stack, STACK_BYTES, resident) != 0)
		return;
	while (lowest < pages && (resident[lowest] & 1) == 0)
		lowest++;
	deepest = (pages - lowest) * page;
	if (deepest > atomic_load_explicit(&pool->deepest, memory_order_relaxed))
		atomic_store_explicit(&pool->deepest, deepest, memory_order_relaxed);
}

void *stack_take(struct stack_pool *pool)
{
	if (pool->count == 0)
		return stack_new();
	pool->count--;
	if (pool->least > pool->count)
		pool->least = pool->count;
	if (pool->cold > pool->count)
		pool->cold = pool->count;
	return pool->idle[pool->count];
}

static void on_sweep(struct timer *timer)
{
	struct stack_pool *pool = CONTAINER_OF(timer, struct stack_pool, sweep);

	while (pool->cold < pool->least)
		(void)madvise(pool->idle[pool->cold++], STACK_BYTES, MADV_DONTNEED);
	pool->least = pool->count;
	if (pool->cold < pool->count)
		timer_set(loop_current, timer, SWEEP_MS, on_sweep);
}

void stack_give(struct stack_pool *pool, void *stack)
{
	/* Pooled stacks are used over and over, so a sample sees nearly every depth there was. */
	if (pool->given++ % SAMPLE_EVERY == 0)
		stack_measure(pool, stack);
	if (pool->count >= FIBER_POOL_MAX) {
		stack_free(stack);
		return;
	}
	pool->idle[pool->count++] = stack;
	if (pool->sweep.at_ms == 0)
		timer_set(loop_current, &pool->sweep, SWEEP_MS, on_sweep);
}

void stack_pool_end(struct stack_pool *pool)
{
	timer_stop(&pool->sweep);
	while (pool->count > 0) {
		void *stack = pool->idle[--pool->count];

		stack_measure(pool, stack);
		stack_free(stack);
	}
}
