/* Rates of visits. Rooms have keys of their own: by address where nobody is known yet, by tenant where somebody is.
 * How an answer looks that says no is for the room that gives it; here it only learns when to say "come again". */
#include "identity/visit.h"

AWAITS enum err visit_take(struct visit *visit, struct state *state, struct str key, const struct rate *rate)
{
	struct rate_verdict verdict;

	TRY(state_take(state, key, rate, &verdict));
	if (verdict.allowed)
		return OK;
	visit->exchange->extra_headers =
		arena_fmt(visit->arena, "%.*sRetry-After: %lld\r\n", STR_ARG(visit->exchange->extra_headers),
			  (long long)((verdict.retry_ms + 999) / 1000));
	return ERR_RATE_LIMITED;
}
