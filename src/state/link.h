/* One connection to the server, of one loop: requests go out in the order they come, replies come back in the same
 * order, many may be under way. When it breaks or falls silent everybody who waits is told at once, and until it is
 * there again nobody waits. Private to state. */
#ifndef GATEHOUSE_STATE_LINK_H
#define GATEHOUSE_STATE_LINK_H

#include <stdatomic.h>

#include "net/stream.h"
#include "net/tls.h"
#include "rt/fiber.h"
#include "state/place.h"
#include "state/reply.h"
#include "state/script.h"

#define LINK_ASKS_MAX 1024			/* count of requests under way; a power of two */
#define LINK_QUEUE_BYTES_MAX (16 * 1024 * 1024) /* not yet taken by the socket: four values */
#define LINK_OPEN_MS 2000			/* for all of a connection's beginning */
#define LINK_RETRY_MS_MIN 50			/* between attempts, doubled each time, up to */
#define LINK_RETRY_MS_MAX 800			/* and each of them cut by up to a half: replicas don't come at once */
#define SCRIPT_SHA_LEN 40

/* What the connections of a process have in common. */
struct link_spec {
	struct place place;
	struct tls *tls;	   /* NULL: plain */
	const char *password_file; /* NULL: none; read at each attempt, so that a new one needs no restart */
	int64_t silence_ms;	   /* without a byte while somebody waits: it counts as broken */
};

/*      LINK_DOWN --timer--> LINK_OPENING --all is said--> LINK_UP
 *       ^    |                   |                           |
 *       +----|--- it failed -----+<-- broken, silent --------+
 *            +------ link_end, from each of the three --> LINK_ENDED */
enum link_state { LINK_DOWN, LINK_OPENING, LINK_UP, LINK_ENDED };

struct link;

/*   on_state   (loop callback or fiber) it has come up, or is up no more: `problem` says why
 *   on_message (may be NULL) what the channel brought */
struct link_events {
	void (*on_state)(void *owner, bool up, struct str problem);
	void (*on_message)(void *owner, struct str message);
};

/* A connection that begins to open at once. With a channel it listens to it and is good for nothing else but PING.
 *   spec, channel  borrowed until link_end
 *   Runs on    the loop that it is for */
struct link *link_new(const struct link_spec *spec, struct str channel, const struct link_events *events, void *owner);

/* Close it and free it. Nobody asks any more.
 *   Runs on    a fiber of its loop */
void link_end(struct link *link) AWAITS;

/* Wait until the first attempt has ended, well or not. */
void link_await_attempt(struct link *link) AWAITS;

/* Ask.
 *   ret_reply  the caller's, perhaps of kind ERROR
 *   Errors     ERR_BUSY: it is not up, too much is under way, or it broke meanwhile; ERR_CANCELED, ERR_TIMEOUT: the
 *              fiber's own
 *   Runs on    a fiber of its loop */
NODISCARD enum err link_ask(struct link *link, const struct str *words, size_t count, struct reply **ret_reply) AWAITS;

/* The server's name for a script. */
struct str link_script(const struct link *link, enum script script);

/* It answers, but not as it should (it has become a replica, say): begin anew. */
void link_break(struct link *link, struct str problem);

#endif
