/* The table of instances: one child or one session per isolation key, started when wanted,
 * capped, reaped when idle. Everything here runs on the upstream's home loop. */
#ifndef GATEHOUSE_UPSTREAM_INSTANCE_H
#define GATEHOUSE_UPSTREAM_INSTANCE_H

#include "upstream/ask.h"

/* The owner of a call, by the upstream's isolation. */
struct instance_owner instance_owner_of(const struct upstream *upstream, const struct upstream_call *call);

/* A ready instance; started, and waited for, when there is none.
 *   ret_instance  pinned: instance_unpin when done
 *   Errors     ERR_LIMIT (caps), ERR_UPSTREAM_* of the start, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err instance_get(struct upstream *upstream, const struct instance_owner *owner,
				struct instance **ret_instance) AWAITS;
void instance_unpin(struct instance *instance);

/* It crashed, or the server forgot its session. Calls start it anew: at once, or after a
 * crash that came soon, when its rest is over. */
void instance_lost(struct instance *instance, bool crashed);

/* Its channel has ended. */
void instance_channel_gone(struct instance *instance);

/* Take it out of the table and end it: no waiting. */
void instance_stop(struct instance *instance);

/* Begin to reap idle ones, and end all of them. */
void instances_watch(struct upstream *upstream);
void instances_stop(struct upstream *upstream);

/* End those that are kept for a session, user or tenant of that name. */
void instances_forget(struct upstream *upstream, struct str owner);

/* Send a notification, as its text, to those of the sessions era that are kept for a session and ready. */
void instances_tell_session(struct upstream *upstream, struct str session, struct str text);

/* How long until the shared instance may be started; 0 now. */
int64_t instance_rest_ms(struct upstream *upstream);

/* start.c: bring an instance up; `hello` and `facts` are set on OK.
 *   Errors     ERR_UPSTREAM_*, ERR_REFUSED_ADDRESS, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err instance_start(struct instance *instance) AWAITS;

/* Whether a legacy instance speaks the modern era by now. */
bool instance_turned_modern(struct instance *instance) AWAITS;

#endif
