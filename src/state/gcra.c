/* GCRA in integers. A key's theoretical arrival time (tat) runs ahead of the clock by one
 * interval for each take; it may be at most `limit` intervals ahead. */
#include "state/gcra.h"

#include "base/check.h"

#define NS_PER_MS 1000000

/* Waiting times are rounded up: who waits that long is let in. */
static int64_t to_ms(int64_t ns)
{
	return (ns + NS_PER_MS - 1) / NS_PER_MS;
}

void gcra_take(int64_t now_ns, const struct rate *rate, int64_t *tat_ns, struct rate_verdict *ret_verdict)
{
	CHECK(rate->limit > 0 && rate->window_ms > 0);
	int64_t interval_ns = rate->window_ms * NS_PER_MS / rate->limit;
	int64_t ahead_max_ns = interval_ns * rate->limit;
	int64_t ahead_ns = *tat_ns > now_ns ? *tat_ns - now_ns : 0;
	bool allowed = ahead_ns <= ahead_max_ns - interval_ns;

	*ret_verdict = (struct rate_verdict){.allowed = allowed, .limit = rate->limit};
	if (allowed) {
		ahead_ns += interval_ns;
		*tat_ns = now_ns + ahead_ns;
	} else {
		ret_verdict->retry_ms = to_ms(ahead_ns + interval_ns - ahead_max_ns);
	}
	/* A limit that was lowered by a reload may leave the key further ahead than now allowed. */
	if (ahead_ns < ahead_max_ns && interval_ns > 0)
		ret_verdict->remaining = (uint32_t)((ahead_max_ns - ahead_ns) / interval_ns);
	ret_verdict->reset_ms = to_ms(ahead_ns);
}
