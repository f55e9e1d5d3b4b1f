/* Who wants to hear of changes of which resource or task: from an upstream and its URI (or task id) to the
 * logs of the streams that asked, and the URI or id as each client knows it. */
#ifndef GATEHOUSE_GATEWAY_SUBSCRIPTION_H
#define GATEHOUSE_GATEWAY_SUBSCRIPTION_H

#include "catalog/catalog.h"
#include "gateway/event_log.h"

#define SUBSCRIPTIONS_PER_STREAM_MAX 256 /* count: an editor's open files, not its whole tree */
#define SUBSCRIPTIONS_MAX 65536		 /* count, in the process */

/* The subscriptions of one stream: kept with its log, and gone with it. */
struct subscription_set {
	struct list list;
	size_t count;
};
void subscription_set_init(struct subscription_set *set);

/* Undo all of them.
 *   Runs on    any thread */
void subscription_set_clear(struct subscription_set *set);

/* What is asked for, and where it is told: strings are copied. */
struct subscription_spec {
	struct event_log *log;	  /* `set` lives as long as it */
	enum event_log_kind kind; /* of the log */
	struct str session;	  /* under which the log is found */
	struct str listen_id;	  /* lexeme for _meta's subscriptionId; p NULL none */
	struct upstream *upstream;
	bool task;		    /* not a resource: what follows are ids of a task */
	struct str tenant_id;	    /* whose resource it is, where each tenant has one of its own there; else empty */
	struct str uri, client_uri; /* as the upstream and the client know it */
};

/* Ask the upstream and remember who wanted it; once more of the same is nothing new.
 *   Errors     ERR_LIMIT, those of upstream_watch */
NODISCARD enum err subscription_add(struct subscription_set *set, const struct subscription_spec *spec) AWAITS;

/* false: there was none. Nobody waits for the upstream.
 *   Runs on    any loop */
bool subscription_remove(struct subscription_set *set, struct str client_uri);

/* A resource of this upstream has changed, or one below one: tell whom it concerns.
 *   tenant_id  as subscription_spec: nobody else hears of it
 *   Runs on    any loop, fiber or callback */
void subscriptions_updated(struct upstream *upstream, struct str tenant_id, struct str uri);

/* Changes may have gone by of the resources that are another one for each tenant: tell all who subscribed to one.
 *   Runs on    any loop, fiber or callback */
void subscriptions_missed(void);

/* notifications/tasks of this upstream: pass it on to whom it concerns, under the id that each knows.
 *   Runs on    any loop, fiber or callback */
void subscriptions_task(struct upstream *upstream, const struct mcp_message *message);

/* A new catalog: subscriptions to an upstream that a reload has replaced go over to the one that has
 * its name now. What that one refuses stays where it is, until the next catalog.
 *   Runs on    a fiber, any loop */
void subscriptions_follow(const struct catalog *catalog) AWAITS;

#endif
