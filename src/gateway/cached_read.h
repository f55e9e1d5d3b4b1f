/* resources/read and the result cache: what may be answered from it, and what may go in. */
#ifndef GATEHOUSE_GATEWAY_CACHED_READ_H
#define GATEHOUSE_GATEWAY_CACHED_READ_H

#include "gateway/relay.h"

struct cached_read {
	bool may_keep;
	uint64_t mark;
};

/* Before the upstream is asked.
 *   returns    true: call->answer and call->revision are set, nobody need be asked */
bool cached_read_find(struct cached_read *read, struct request *req, const struct relay *relay,
		      struct upstream_call *call);

/* After it has answered: keep that, if it may be. */
void cached_read_keep(const struct cached_read *read, struct request *req, const struct relay *relay,
		      const struct upstream_call *call);

#endif
