/* What platforms send of their own accord: who may, and what is in it. Pure functions over one request; who serves it,
 * and where events go, is the gateway's.
 *
 *     request ─▶ webhook_receive ─┬─▶ an answer          (handshakes, refusals)
 *                                 └─▶ events + an answer
 *
 *   Source     the platforms' documents; doc/rooms/webhooks.md */
#ifndef GATEHOUSE_WEBHOOKS_WEBHOOK_H
#define GATEHOUSE_WEBHOOKS_WEBHOOK_H

#include "base/arena.h"

#define WEBHOOK_BYTES_MAX (3 * 1024 * 1024) /* Meta sends as much in one request */
#define WEBHOOK_EVENTS_MAX 1000		    /* of one request; Meta batches 1,000 changes */
#define WEBHOOK_ID_BYTES_MAX 256	    /* of what platforms call things by */

struct webhook_request {
	struct str platform;	 /* "meta", "telegram", "discord", "tiktok" */
	struct str secret;	 /* what the platform proves its messages with; empty: none is set, all are refused */
	struct str verify_token; /* for Meta's handshake; empty none */
	struct str method, query, body;			   /* query without ? */
	struct str (*header)(void *arg, const char *name); /* by lower-case name; STR_NONE absent */
	void *arg;
	int64_t now_ms; /* wall time */
};

struct webhook_event {
	struct str kind, route, subject, dedup; /* see store/event.h */
	struct str body;			/* JSON */
};

struct webhook_answer {
	int status;
	struct str type, body; /* type empty: no body */
	struct webhook_event *events;
	size_t event_count;
};

/* Whether such a platform is known. */
bool webhook_knows(struct str platform);

/* Judge a request. Wrong proof is 401 or 403 and nothing else; a body that is not understood, but proven, is taken
 * without events: platforms stop sending to who refuses. arena      takes everything of the answer Runs on    any
 * thread */
void webhook_receive(struct arena *arena, const struct webhook_request *request, struct webhook_answer *ret_answer);

#endif
