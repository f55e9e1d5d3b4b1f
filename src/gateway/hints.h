/* Hints of other replicas, and our own to them: what to look at now rather than a little later. Nothing depends on one.
 */
#ifndef GATEHOUSE_GATEWAY_HINTS_H
#define GATEHOUSE_GATEWAY_HINTS_H

#include "gateway/gateway.h"

struct hints_said;

/* Listen to the others and tell them of changes, from now on. Nothing when the state is not shared.
 *   Runs on    a fiber of loop 0 */
void hints_start(struct gateway *gateway);

/* The end of both; hints that still come say nothing.
 *   Runs on    a fiber of loop 0 */
void hints_stop(struct gateway *gateway) AWAITS;

#endif
