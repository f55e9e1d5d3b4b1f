/* The circuit breaker's states and moves.
 *
 *           failures_max in a row                rest_ms over, one call admitted
 *   CLOSED ----------------------> OPEN ----------------------------> HALF_OPEN
 *      ^                            ^                                   |   |
 *      |                            +------------ it failed -----------+   |
 *      +----------------------------------- it succeeded ------------------+
 *
 * A trial without a verdict goes back to OPEN with its rest over, so that the next call
 * tries. Calls that were admitted before the breaker opened may still report; only their
 * success counts then, since it proves that the server lives. */
#include "upstream/breaker.h"

#include "base/check.h"

static void breaker_set_state(struct breaker *breaker, enum breaker_state to)
{
	static const unsigned allowed[BREAKER_STATES] = {
		[BREAKER_CLOSED] = 1u << BREAKER_OPEN,
		[BREAKER_OPEN] = 1u << BREAKER_HALF_OPEN | 1u << BREAKER_CLOSED,
		[BREAKER_HALF_OPEN] = 1u << BREAKER_CLOSED | 1u << BREAKER_OPEN,
	};

	CHECK((allowed[breaker->state] & 1u << to) != 0);
	breaker->state = to;
}

void breaker_init(struct breaker *breaker, unsigned failures_max, int64_t rest_ms)
{
	*breaker = (struct breaker){.state = BREAKER_CLOSED, .failures_max = failures_max, .rest_ms = rest_ms};
}

bool breaker_admit(struct breaker *breaker, int64_t now_ms)
{
	if (breaker->state == BREAKER_OPEN && now_ms >= breaker->until_ms) {
		breaker_set_state(breaker, BREAKER_HALF_OPEN);
		return true;
	}
	return breaker->state == BREAKER_CLOSED;
}

bool breaker_success(struct breaker *breaker)
{
	breaker->failures = 0;
	if (breaker->state == BREAKER_CLOSED)
		return false;
	breaker_set_state(breaker, BREAKER_CLOSED);
	return true;
}

bool breaker_failure(struct breaker *breaker, int64_t now_ms)
{
	if (breaker->failures_max == 0 || breaker->state == BREAKER_OPEN)
		return false;
	breaker->failures++;
	if (breaker->state == BREAKER_CLOSED && breaker->failures < breaker->failures_max)
		return false;
	breaker_set_state(breaker, BREAKER_OPEN);
	breaker->until_ms = now_ms + breaker->rest_ms;
	return true;
}

bool breaker_no_verdict(struct breaker *breaker, int64_t now_ms)
{
	if (breaker->state != BREAKER_HALF_OPEN)
		return false;
	breaker_set_state(breaker, BREAKER_OPEN);
	breaker->until_ms = now_ms;
	return true;
}
