/* Stacks of fibers: mapped once, guarded below, pooled.
 *
 *   | guard page | ........ stack, grows down ........ | struct stack |
 *
 * MADV_GUARD_INSTALL (Linux 6.13) guards without splitting the mapping; older kernels get
 * mprotect, at the cost of a second map per stack. */
#include <sys/mman.h>
#include <unistd.h>
#include <valgrind/valgrind.h>

#include "base/check.h"
#include "base/limits.h"
#include "rt/private.h"

#ifndef MADV_GUARD_INSTALL
#define MADV_GUARD_INSTALL 102
#endif

#define GUARD_BYTES 4096
#define STACK_BYTES ((size_t)(RT_SANITIZED ? FIBER_STACK_BYTES_SANITIZED : FIBER_STACK_BYTES))

static struct stack *stack_new(void)
{
	char *map = mmap(NULL, STACK_BYTES + GUARD_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK | MAP_NORESERVE, -1, 0);
	struct stack *stack;

	if (map == MAP_FAILED)
		return NULL;
	if (madvise(map, GUARD_BYTES, MADV_GUARD_INSTALL) != 0 && mprotect(map, GUARD_BYTES, PROT_NONE) != 0) {
		munmap(map, STACK_BYTES + GUARD_BYTES);
		return NULL;
	}
	stack = (struct stack *)(map + GUARD_BYTES + STACK_BYTES) - 1;
	list_init(&stack->link);
	stack->base = map + GUARD_BYTES;
	stack->bytes = STACK_BYTES - sizeof(struct stack);
	stack->bytes &= ~(size_t)63;
	stack->valgrind_id = VALGRIND_STACK_REGISTER(stack->base, stack->base + stack->bytes);
	return stack;
}

static void stack_free(struct stack *stack)
{
	VALGRIND_STACK_DEREGISTER(stack->valgrind_id);
	munmap(stack->base - GUARD_BYTES, STACK_BYTES + GUARD_BYTES);
}

struct stack *stack_take(struct stack_pool *pool)
{
	struct list *link = list_pop(&pool->idle);

	if (link == NULL)
		return stack_new();
	pool->idle_count--;
	return LIST_OBJ(link, struct stack, link);
}

void stack_give(struct stack_pool *pool, struct stack *stack)
{
	if (pool->idle_count >= FIBER_POOL_MAX) {
		stack_free(stack);
		return;
	}
	/* Newest first: the next fiber finds its stack in the cache. */
	list_add_head(&pool->idle, &stack->link);
	pool->idle_count++;
}

void stack_pool_free(struct stack_pool *pool)
{
	struct list *link;

	while ((link = list_pop(&pool->idle)) != NULL)
		stack_free(LIST_OBJ(link, struct stack, link));
	pool->idle_count = 0;
}
