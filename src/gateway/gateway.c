/* The loops' own parts of the gateway, and how a new snapshot reaches them: a small fiber on each
 * loop swaps the pointer, so that no request ever sees half a change. */
#include "gateway/account_ask.h"
#include "gateway/gateway.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "gateway/allowance.h"
#include "gateway/blocklist.h"
#include "gateway/fleet.h"
#include "gateway/metrics.h"
#include "gateway/outbound.h"
#include "gateway/request.h"
#include "gateway/fetches.h"
#include "gateway/result_cache.h"
#include "gateway/shed.h"
#include "gateway/visible.h"

#define GATEWAY_MAGIC 0x47415445u /* "GATE" */

struct gateway_loop *gateway_here(struct gateway *gateway)
{
	return &gateway->loops[loop_index(loop_self())];
}

struct publication {
	struct gateway *gateway;
	struct config *config;
	struct catalog *catalog;
};

static enum err publish_here(void *arg)
{
	const struct publication *publication = arg;
	struct gateway_loop *here = gateway_here(publication->gateway);

	if (publication->config != NULL) {
		config_unref(here->config);
		here->config = config_ref(publication->config);
		here->config_number++;
	}
	if (publication->catalog != NULL) {
		struct catalog *before = here->catalog;

		here->catalog = catalog_ref(publication->catalog);
		if (before != NULL)
			streams_lists_changed(here, before, here->catalog);
		catalog_unref(before);
		access_classes_forget(here->classes);
	}
	return OK;
}

AWAITS void gateway_publish(struct gateway *gateway, struct config *config, struct catalog *catalog)
{
	struct publication publication = {gateway, config, catalog};
	struct fiber_shield shield = fiber_shield_begin(10000);

	/* A loop that cannot take a fiber now keeps its old snapshot until the next one. */
	for (unsigned i = 0; i < loop_count(); i++)
		if (loop_call(loop_at(i), "publish", publish_here, &publication) != OK)
			log_warn("gateway.publish_late", LOG_INT("loop", i));
	if (catalog != NULL)
		visible_views_keep(gateway->visible_views, catalog->version);
	fiber_shield_end(shield);
}

struct str gateway_origin(struct gateway *gateway)
{
	struct str public_url = gateway_here(gateway)->config->identity.public_url;

	return public_url.n > 0 ? public_url : str_of(gateway->origin);
}

struct gateway *gateway_new(struct config *config)
{
	struct gateway *gateway = calloc(1, sizeof(*gateway));

	CHECK(gateway != NULL);
	gateway->magic = GATEWAY_MAGIC;
	gateway->config = config_ref(config);
	gateway->started_config = config_ref(config);
	gateway->started_ms = clock_wall_ms();
	gateway->node = fleet_self();
	gateway->account_links = account_links_new();
	gateway->results = result_cache_new(RESULT_CACHE_ENTRIES_MAX, RESULT_CACHE_BYTES_MAX);
	gateway->fetches = fetches_new();
	gateway->visible_views = visible_views_new();
	gateway->loops = calloc(loop_count(), sizeof(struct gateway_loop));
	CHECK(gateway->loops != NULL);
	for (unsigned i = 0; i < loop_count(); i++) {
		gateway->loops[i] =
			(struct gateway_loop){.gateway = gateway, .loop = loop_at(i), .metrics = metrics_new()};
		gateway->loops[i].shed = shed_new();
		gateway->loops[i].classes = access_classes_new();
		gateway->loops[i].allowances = allowances_new();
		list_init(&gateway->loops[i].running);
		gateway->loops[i].outbound = outbound_new();
		list_init(&gateway->loops[i].streams);
		list_init(&gateway->loops[i].relays);
	}
	return gateway;
}

void gateway_free(struct gateway *gateway)
{
	CHECK_OBJ(gateway, GATEWAY_MAGIC);
	for (unsigned i = 0; i < loop_count(); i++) {
		struct gateway_loop *here = &gateway->loops[i];

		config_unref(here->config);
		catalog_unref(here->catalog);
		metrics_free(here->metrics);
		shed_free(here->shed);
		blocklist_free(here->blocked);
		access_classes_free(here->classes);
		allowances_free(here->allowances);
		outbound_free(here->outbound);
		fleet_nodes_unref(here->nodes);
		map_free(&here->node_pools);
		map_free(&here->in_flight);
		map_free(&here->asked);
		map_free(&here->parked);
	}
	config_unref(gateway->config);
	config_unref(gateway->started_config);
	result_cache_free(gateway->results);
	fetches_free(gateway->fetches);
	account_links_free(gateway->account_links);
	visible_views_free(gateway->visible_views);
	free(gateway->loops);
	gateway->magic = 0;
	free(gateway);
}
