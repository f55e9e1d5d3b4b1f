/* What tests may turn on in the runtime, and production never does. */
#ifndef GATEHOUSE_RT_TESTING_H
#define GATEHOUSE_RT_TESTING_H

#include <stdint.h>

/* From the next rt_run on, ready fibers run in an order drawn from `seed` instead of first come,
 * first served: what works only in one order fails in a test. 0 turns it off.
 *   Runs on    before rt_run */
void rt_shuffle(uint64_t seed);

#endif
