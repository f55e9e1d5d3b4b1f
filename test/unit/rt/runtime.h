/* What the tests of rt share: running a body as the main fiber, in several orders. */
#ifndef GATEHOUSE_TEST_RUNTIME_H
#define GATEHOUSE_TEST_RUNTIME_H

#include "../unit.h"

#include <stdio.h>

#include "base/check.h"
#include "base/clock.h"
#include "rt/loop.h"
#include "rt/testing.h"

/* Run `main` with `loops` loops: once in order, and with ready fibers shuffled by three seeds, or
 * by the one in GATEHOUSE_SHUFFLE to repeat a failure. */
static UNUSED void run(unsigned loops, fiber_main *main)
{
	const char *given = getenv("GATEHOUSE_SHUFFLE");
	uint64_t first = given != NULL ? strtoull(given, NULL, 10) : 0, last = given != NULL ? first : 3;

	for (uint64_t seed = first; seed <= last; seed++) {
		rt_shuffle(seed);
		if (rt_run(loops, main, (void *)(uintptr_t)seed) != OK)
			ck_abort_msg("rt_run failed");
		ck_assert_uint_eq(rt_stats().fibers_live, 0);
	}
}

/* A place to leave a trace of what ran when. */
struct trace {
	char text[256];
	size_t n;
};

static UNUSED void trace_add(struct trace *trace, char what)
{
	CHECK(trace->n < sizeof(trace->text) - 1);
	trace->text[trace->n++] = what;
	trace->text[trace->n] = '\0';
}

#endif
