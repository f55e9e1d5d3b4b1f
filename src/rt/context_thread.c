/* The switch done with threads, for debugging: the same four functions as context.c, chosen by
 * `-Dfibers=threads`. Each fiber is a thread of its own and a baton says who of the two runs, so
 * nothing ever runs at the same time; but debuggers, profilers and race detectors see only
 * ordinary threads. What works here and not with context.c, or the other way round, has a bug in
 * its stack use or in the switch. */
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>

#include "base/check.h"
#include "rt/loop_private.h"

struct baton {
	pthread_t thread;
	bool started;
	sem_t fiber, loop; /* whose turn it is */
	struct loop *home;
};

static void take(sem_t *turn)
{
	while (sem_wait(turn) != 0)
		; /* only a signal can have ended it */
}

AWAITS_ENTRY static void *thread_main(void *arg)
{
	struct context *context = arg;
	struct baton *baton = context->fiber;

	take(&baton->fiber);
	loop_current = baton->home;
	context->main(context->arg);
	return NULL;
}

void context_init(struct context *context, void *bottom, void *top, void (*main)(void *arg), void *arg)
{
	struct baton *baton = calloc(1, sizeof(*baton));

	CHECK(baton != NULL && sem_init(&baton->fiber, 0, 0) == 0 && sem_init(&baton->loop, 0, 0) == 0);
	baton->home = loop_current;
	context->main = main;
	context->arg = arg;
	context->frame = NULL;
	context->fiber = baton;
}

/* The thread comes with the first turn: a thousand fibers in a queue need no thousand threads. */
static void start(struct context *context, struct baton *baton)
{
	pthread_attr_t attr;

	CHECK(pthread_attr_init(&attr) == 0 && pthread_attr_setstacksize(&attr, FIBER_STACK_BYTES_SANITIZED) == 0);
	CHECK(pthread_create(&baton->thread, &attr, thread_main, context) == 0);
	CHECK(pthread_attr_destroy(&attr) == 0);
	baton->started = true;
}

void context_enter(struct context *context)
{
	struct baton *baton = context->fiber;

	if (!baton->started)
		start(context, baton);
	CHECK(sem_post(&baton->fiber) == 0);
	take(&baton->loop);
}

void context_leave(struct context *context, bool last)
{
	struct baton *baton = context->fiber;

	CHECK(sem_post(&baton->loop) == 0);
	if (!last)
		take(&baton->fiber);
}

void context_end(struct context *context)
{
	struct baton *baton = context->fiber;

	CHECK(pthread_join(baton->thread, NULL) == 0);
	CHECK(sem_destroy(&baton->fiber) == 0 && sem_destroy(&baton->loop) == 0);
	free(baton);
}
