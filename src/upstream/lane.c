/* A lane is one loop's share of an upstream: its connections, buffers, ids and counters. Only
 * that loop writes it, so a call in steady state touches nothing that others write. */
#include <stdlib.h>

#include "base/check.h"
#include "base/limits.h"
#include "upstream/upstream_private.h"

#define SCRATCH_KEPT_MAX 64			  /* per lane */
#define SCRATCH_KEPT_BYTES_MAX (64 * 1024)	  /* larger ones are given back */
#define OWN_CONNECTIONS 8			  /* for listening, lists and errands, beside the calls' */
#define HELPERS_MAX (UPSTREAM_STREAMS_MAX + 1024) /* per upstream: its streams, and errands of a burst of cancels */
#define IDLE_MS 30000				  /* most servers keep a connection at least so long */

struct lane *lane_here(struct upstream *upstream)
{
	unsigned index = loop_index(loop_self());

	CHECK(index < upstream->lanes);
	return &upstream->lane[index];
}

struct http_pool_spec lane_pool_spec(const struct upstream *upstream)
{
	return (struct http_pool_spec){
		.url = upstream->url,
		.tls = upstream->tls,
		.guard = {.allow_private = upstream->spec.allow_private},
		.idle_ms = IDLE_MS,
		.connect_timeout_ms = upstream->spec.connect_timeout_ms,
	};
}

struct http_pool *lane_pool(struct upstream *upstream, struct lane *lane)
{
	struct http_pool_spec spec;

	if (likely(lane->pool != NULL))
		return lane->pool;
	if (atomic_load(&upstream->stopped))
		return NULL;
	spec = lane_pool_spec(upstream);
	/* One for each place: who has a place does not stand in another queue, which would not be fair. */
	spec.connections_max =
		(unsigned)(upstream->divided ? lane->fair : upstream->fair).bounds.places + OWN_CONNECTIONS;
	lane->pool = http_pool_new(lane->loop, &spec);
	return lane->pool;
}

uint64_t lane_next_id(struct upstream *upstream, struct lane *lane)
{
	return lane->calls_made++ * upstream->lanes + (uint64_t)(lane - upstream->lane) + 1;
}

struct scratch *lane_scratch(struct lane *lane)
{
	struct scratch *scratch = lane->scratch;

	if (scratch == NULL) {
		scratch = calloc(1, sizeof(*scratch));
		CHECK(scratch != NULL);
		return scratch;
	}
	lane->scratch = scratch->next;
	lane->scratch_count--;
	scratch->head.n = 0;
	scratch->body.n = 0;
	return scratch;
}

static void scratch_free(struct scratch *scratch)
{
	buf_free(&scratch->head);
	buf_free(&scratch->body);
	free(scratch);
}

void lane_free_scratch(struct lane *lane)
{
	struct scratch *scratch;

	while ((scratch = lane->scratch) != NULL) {
		lane->scratch = scratch->next;
		scratch_free(scratch);
	}
}

void lane_scratch_back(struct lane *lane, struct scratch *scratch)
{
	if (lane->scratch_count >= SCRATCH_KEPT_MAX || scratch->body.cap > SCRATCH_KEPT_BYTES_MAX) {
		scratch_free(scratch);
		return;
	}
	scratch->next = lane->scratch;
	lane->scratch = scratch;
	lane->scratch_count++;
}

enum err upstream_helper(struct upstream *upstream, const char *name, fiber_main *main, void *arg, int64_t timeout_ms,
			 struct fiber **ret_fiber)
{
	struct loop *loop = loop_self();
	int64_t deadline = timeout_ms == 0 ? 0 : loop_now(loop) + timeout_ms;
	enum err err;

	if (atomic_fetch_add(&upstream->helpers, 1) >= HELPERS_MAX) {
		atomic_fetch_sub(&upstream->helpers, 1);
		return ERR_BUSY;
	}
	(void)upstream_ref(upstream);
	err = fiber_spawn(loop, name, main, arg, deadline, ret_fiber);
	if (err != OK)
		upstream_helper_end(upstream);
	return err;
}

void upstream_helper_end(struct upstream *upstream)
{
	atomic_fetch_sub(&upstream->helpers, 1);
	upstream_unref(upstream);
}
