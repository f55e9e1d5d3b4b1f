/* What comes is a word and a name; what nobody here knows, a newer replica may have said.
 *
 *     rows GENERATION     the database has changed: whoever has seen an earlier generation looks
 *     results UPSTREAM    its results have changed: what this process keeps of them is old
 *     events ...          a platform has told something: see local_events.c
 *     missed              the state room's own: hints may have gone by
 *
 * The poller of the identity room notices that the generation has moved, by itself or because it was asked to look, and
 * then it is told to the others once, unless it was one of them who said it. */
#include "gateway/hints.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "gateway/fleet_results.h"
#include "gateway/local_events.h"

static const struct str rows_prefix = STR("rows ");

/* Loop 0's. */
struct hints_said {
	struct gateway *gateway;
	struct group tellers;
	int64_t heard, told; /* generations */
};

static void on_hint(void *arg, struct str hint)
{
	struct gateway *gateway = arg;
	struct str upstream;
	uint64_t generation;

	if (gateway->hints == NULL)
		return;
	if (fleet_results_hint(hint, &upstream)) {
		result_cache_forget(gateway->results, upstream, STR_NONE);
	} else if (local_events_hint(gateway, hint)) {
		return;
	} else if (str_starts(hint, rows_prefix) && str_to_u64(str_skip(hint, rows_prefix.n), &generation) == OK &&
		   generation <= INT64_MAX && (int64_t)generation > identity_store_generation(gateway->identity)) {
		gateway->hints->heard = (int64_t)generation;
		identity_look(gateway->identity);
	}
}

/* What moves while it tells is told with it. */
AWAITS_ENTRY static void tell_main(void *arg)
{
	struct hints_said *said = arg;
	struct gateway *gateway = said->gateway;
	AUTO_BUF hint = {0};

	while (said->told < identity_store_generation(gateway->identity)) {
		said->told = identity_store_generation(gateway->identity);
		hint.n = 0;
		buf_put_fmt(&hint, "%.*s%" PRId64, STR_ARG(rows_prefix), said->told);
		if (state_hint(gateway->state, buf_str(&hint)) != OK)
			log_debug("hint.untold", LOG_INT("generation", said->told));
	}
}

static void on_moved(void *arg, int64_t generation)
{
	struct gateway *gateway = arg;
	struct hints_said *said = gateway->hints;

	if (said == NULL || generation <= said->heard || said->tellers.count > 0)
		return;
	if (group_spawn(&said->tellers, "hint", tell_main, said) != OK)
		log_debug("hint.untold", LOG_INT("generation", generation));
}

void hints_start(struct gateway *gateway)
{
	struct hints_said *said;

	if (!state_is_shared(gateway->state))
		return;
	said = calloc(1, sizeof(*said));
	CHECK(said != NULL && loop_index(loop_self()) == 0);
	said->gateway = gateway;
	said->told = identity_store_generation(gateway->identity);
	group_init(&said->tellers, loop_self());
	gateway->hints = said;
	state_listen(gateway->state, on_hint, gateway);
	identity_listen(gateway->identity, on_moved, gateway);
}

AWAITS void hints_stop(struct gateway *gateway)
{
	struct hints_said *said = gateway->hints;

	if (said == NULL)
		return;
	gateway->hints = NULL;
	group_cancel(&said->tellers);
	if (group_join(&said->tellers) != OK)
		log_debug("hint.slow_stop", LOG_BOOL("joined", false));
	free(said);
}
