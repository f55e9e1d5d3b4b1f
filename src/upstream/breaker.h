/* The circuit breaker: after so many failures in a row an upstream rests, then one call may
 * try. Pure: time is handed in, nothing is locked. */
#ifndef GATEHOUSE_UPSTREAM_BREAKER_H
#define GATEHOUSE_UPSTREAM_BREAKER_H

#include <stdint.h>

#include "base/err.h"

enum breaker_state { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN, BREAKER_STATES };

struct breaker {
	enum breaker_state state;
	unsigned failures, failures_max; /* in a row; 0: it never opens */
	int64_t rest_ms, until_ms;	 /* OPEN ends then */
};

/* Closed, with no failures yet; times in ms. */
void breaker_init(struct breaker *breaker, unsigned failures_max, int64_t rest_ms);

/* Whether a call may be made. When it says yes, exactly one of the three below must follow. */
NODISCARD bool breaker_admit(struct breaker *breaker, int64_t now_ms);

/* The call came back well, badly, or without a verdict (canceled, a client's fault).
 *   returns    whether the state changed */
bool breaker_success(struct breaker *breaker);
bool breaker_failure(struct breaker *breaker, int64_t now_ms);
bool breaker_no_verdict(struct breaker *breaker, int64_t now_ms);

#endif
