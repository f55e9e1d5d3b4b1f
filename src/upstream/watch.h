/* What an upstream is asked to tell of its own accord: changes of resources and of tasks, and its log
 * from some level on. It hears these wishes again whenever it, or its session, comes back. */
#ifndef GATEHOUSE_UPSTREAM_WATCH_H
#define GATEHOUSE_UPSTREAM_WATCH_H

#include "upstream/upstream.h"

/* Hear of changes of a resource (the upstream's own URI) through events.on_notification. Counted
 * per URI; asked for anew when the server or its session comes back. A modern server gets one
 * subscriptions/listen with all of them, a legacy one resources/subscribe for the first and
 * resources/unsubscribe after the last. Only the shared instance is asked: a legacy upstream that
 * is kept apart per tenant, user or session offers none. A server within the process is asked nothing: whoever serves
 * it tells of changes, but not through here.
 *   Errors     ERR_RPC_METHOD (the server offers none), ERR_RPC_PARAMS (it refuses this URI), ERR_LIMIT
 *              (UPSTREAM_WATCHES_MAX), ERR_UPSTREAM_*, ERR_CANCELED, ERR_TIMEOUT
 *   Runs on    a fiber, any loop */
NODISCARD enum err upstream_watch(struct upstream *upstream, struct str uri) AWAITS;
/* Undo one upstream_watch; nobody waits for it.
 *   Runs on    any loop, fiber or callback */
void upstream_unwatch(struct upstream *upstream, struct str uri);

/* The same for a task of a modern server with the tasks extension (the upstream's own task id):
 * notifications/tasks go to events.on_notification. */
NODISCARD enum err upstream_watch_task(struct upstream *upstream, struct str task_id) AWAITS;
void upstream_unwatch_task(struct upstream *upstream, struct str task_id);

/* Somebody wants log messages from this level on (0 debug, 1 info, ... 7 emergency). A legacy server
 * with the logging capability is told the lowest level that was ever wanted (logging/setLevel), and
 * told again when it comes back; sorting out who hears what is the caller's. One atomic compare when
 * the level is no lower than before. A modern server is told with each request, not by this.
 *   Runs on    any loop, fiber or callback */
void upstream_want_log_level(struct upstream *upstream, unsigned level);

#endif
