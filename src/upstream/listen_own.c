/* Hearing what servers ask on the GET streams of instances that are not the shared one: kept for a
 * tenant, a user or a session. Each ready one has a fiber and a connection of its own, so that many
 * sessions leave the calls' pool alone; it lasts as long as the instance, or until the server says that
 * it offers no such stream. What such an instance offers, and which resources change, is not of
 * interest: the shared one tells. */
#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "upstream/instance.h"
#include "upstream/listen.h"

#define RETRY_MS_MIN 1000
#define RETRY_MS_MAX 60000

/* Streams, one after the other; the facts tell this life of the instance from its next one. */
AWAITS static void hear(struct instance *instance, struct http_pool *pool)
{
	uint64_t serial = instance->facts->serial;
	int64_t retry_ms = RETRY_MS_MIN;

	while (fiber_status() == OK && instance->facts != NULL && instance->facts->serial == serial) {
		int64_t start_ms = loop_now(instance->upstream->home);
		enum listen_end end = listen_stream(instance, pool, NULL, NULL);

		if (end == LISTEN_LOST && instance->facts != NULL && instance->facts->serial == serial)
			atomic_store(&instance->facts->stale, true);
		if (end != LISTEN_AGAIN)
			return;
		if (loop_now(instance->upstream->home) - start_ms > RETRY_MS_MAX)
			retry_ms = RETRY_MS_MIN;
		if (fiber_sleep(retry_ms) != OK)
			return;
		retry_ms = retry_ms * 2 < RETRY_MS_MAX ? retry_ms * 2 : RETRY_MS_MAX;
	}
}

AWAITS static void listen_own_main(void *arg)
{
	struct instance *instance = arg;
	struct upstream *upstream = instance->upstream;
	struct http_pool_spec spec = lane_pool_spec(upstream);

	CHECK_OBJ(instance, INSTANCE_MAGIC);
	if (fiber_status() == OK && instance->facts != NULL) {
		struct http_pool *pool;

		spec.connections_max = 1;
		pool = http_pool_new(upstream->home, &spec);
		hear(instance, pool);
		http_pool_free(pool);
	}
	if (instance->listener == fiber_self())
		instance->listener = NULL;
	upstream->own_streams--;
	instance_unpin(instance);
	upstream_helper_end(upstream);
}

void listen_own_begin(struct instance *instance)
{
	struct upstream *upstream = instance->upstream;

	CHECK(instance->listener == NULL);
	if (instance->key.n == 0 || instance->channeled || mcp_is_modern(instance->hello.revision))
		return;
	if (upstream->own_streams >= UPSTREAM_OWN_STREAMS_MAX) {
		log_debug("upstream.deaf", LOG_STR("upstream", upstream->spec.name));
		return;
	}
	instance->pins++;
	upstream->own_streams++;
	if (upstream_helper(upstream, "upstream listen own", listen_own_main, instance, 0, &instance->listener) == OK)
		return;
	upstream->own_streams--;
	instance_unpin(instance);
}

void listen_own_end(struct instance *instance)
{
	struct fiber *listener = instance->listener;

	instance->listener = NULL;
	if (listener != NULL)
		fiber_cancel(listener);
}
