/* What comes is a word and a name; what nobody here knows, a newer replica may have said.
 *
 *     results UPSTREAM    its results have changed: what this process keeps of them is old */
#include "gateway/hints.h"

#include "gateway/fleet_results.h"

static void on_hint(void *arg, struct str hint)
{
	struct gateway *gateway = arg;
	struct str upstream;

	if (fleet_results_hint(hint, &upstream))
		result_cache_forget(gateway->results, upstream, STR_NONE);
}

void hints_listen(struct gateway *gateway)
{
	state_listen(gateway->state, on_hint, gateway);
}
