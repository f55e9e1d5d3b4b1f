/* Connections to platforms: a pool for each origin and loop, made when it is first wanted, closed when it has been
 * idle. Private to the room. */
#ifndef GATEHOUSE_CONNECTOR_OUTLET_H
#define GATEHOUSE_CONNECTOR_OUTLET_H

#include "connector/connector.h"
#include "http/client.h"

#define OUTLET_POOLS_MAX 256	  /* of a loop: origins in use at a time; idle ones make room */
#define OUTLET_CONNECTIONS_MAX 64 /* of a pool */
#define OUTLET_IDLE_MS 30000
#define OUTLET_CONNECT_MS 10000
#define OUTLET_TLS_MAX 64     /* CA files in use by a process */
#define OUTLET_TLS_MS 3600000 /* certificates of authorities are read anew after an hour */

struct outlets;
struct outlet; /* in use by one request */

/* Nothing is open yet.
 *   Runs on    any thread */
struct outlets *outlets_new(void);
/* Every loop's pools; no call is under way any more. */
void outlets_free(struct outlets *outlets) AWAITS;

/* A pool for a request to `url`; outlet_back when its answer is done with.
 *   Errors     ERR_UPSTREAM_BUSY (all are in use), ERR_TLS (the CA file) */
NODISCARD enum err outlet_take(struct outlets *outlets, const struct url *url, const struct connector_terms *terms,
			       struct outlet **ret_outlet) AWAITS;
struct http_pool *outlet_pool(struct outlet *outlet);
void outlet_back(struct outlet *outlet);

#endif
