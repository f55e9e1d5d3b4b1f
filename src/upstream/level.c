/* The log level of legacy servers. A server has one level for a whole session of it, however many
 * clients share that session, so it is told the lowest that anybody has wanted; who hears what of it
 * is sorted out where the clients are known. The level never rises again: it costs some messages, and
 * spares a table of who wants what.
 *   Source     MCP 2025-11-25 server/utilities/logging */
#include "base/check.h"
#include "base/log.h"
#include "upstream/listen.h"
#include "upstream/peer.h"

#define LEVEL_MS 5000 /* a server that does not answer this is left alone */

static const char *const names[UPSTREAM_LOG_LEVELS] = {
	"debug", "info", "notice", "warning", "error", "critical", "alert", "emergency",
};

void upstream_want_log_level(struct upstream *upstream, unsigned level)
{
	unsigned present = atomic_load_explicit(&upstream->log_level, memory_order_relaxed);

	CHECK(level < UPSTREAM_LOG_LEVELS);
	do {
		if (likely(level >= present))
			return;
	} while (!atomic_compare_exchange_weak(&upstream->log_level, &present, level));
	keeper_wish(upstream, KEEPER_LEVEL);
}

AWAITS void level_tell(struct instance *instance)
{
	unsigned level = atomic_load(&instance->upstream->log_level);
	AUTO(arena) *arena = arena_new(1024 * 1024);
	struct ask ask = {.arena = arena};
	struct question question = {
		.revision = instance->hello.revision, .facts = instance->facts, .timeout_ms = LEVEL_MS};

	if (level >= instance->log_level || !instance->hello.logging || mcp_is_modern(instance->hello.revision))
		return;
	instance->log_level = level; /* told once, whatever comes of it */
	ask.id = peer_next_id(instance);
	question.text = arena_fmt(arena,
				  "{\"jsonrpc\":\"2.0\",\"id\":%llu,\"method\":\"logging/setLevel\","
				  "\"params\":{\"level\":\"%s\"}}",
				  (unsigned long long)ask.id, names[level]);
	if (peer_ask(instance, &question, &ask) != OK || ask.answer.error != NULL)
		log_info("upstream.log_level", LOG_STR("upstream", instance->upstream->spec.name),
			 LOG_CSTR("level", names[level]), LOG_STR("answer", peer_error_text(&ask)));
}

static struct instance *next_untold(struct upstream *upstream)
{
	struct instance *instance;
	size_t cursor = 0;

	while ((instance = map_next(&upstream->instances, &cursor)) != NULL)
		if (instance->state == INSTANCE_READY && instance->log_level > atomic_load(&upstream->log_level) &&
		    instance->hello.logging && !mcp_is_modern(instance->hello.revision))
			return instance;
	return NULL;
}

AWAITS void level_tell_all(struct upstream *upstream)
{
	struct instance *instance;

	while (fiber_status() == OK && (instance = next_untold(upstream)) != NULL) {
		instance->pins++;
		level_tell(instance);
		instance_unpin(instance);
	}
}
