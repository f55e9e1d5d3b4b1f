/* Hints of other replicas, and our own to them: what to look at now rather than a little later. Nothing depends on one.
 */
#ifndef GATEHOUSE_GATEWAY_HINTS_H
#define GATEHOUSE_GATEWAY_HINTS_H

#include "gateway/gateway.h"

/* Listen from now on.
 *   Runs on    loop 0, once */
void hints_listen(struct gateway *gateway);

#endif
