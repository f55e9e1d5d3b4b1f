/* Requests that a legacy server makes of a client, from this room's side.
 *
 *   server_request.c   one request, and the way of its answer back
 *   askable.c          a call whose client can be asked, and the requests that it has open
 *   attribution.c      whose request is it that came on no call's stream? */
#ifndef GATEHOUSE_UPSTREAM_SERVER_REQUEST_H
#define GATEHOUSE_UPSTREAM_SERVER_REQUEST_H

#include "upstream/ask.h"

#define SERVER_REQUEST_MAGIC 0x53525145u /* "SRQE" */
#define SERVER_REQUESTS_MAX 32		 /* open at once in one call: nobody answers more forms */
#define ASKABLE_NO_STREAM UINT64_MAX	 /* its instance is asked through a channel */

struct server_request {
	uint32_t magic;
	atomic_uint refs;
	atomic_bool settled; /* answered, refused or taken back: set once */
	enum mcp_method method;
	uint64_t serial;
	struct arena *arena; /* owns the message and the texts below */
	struct mcp_message message;
	struct upstream *upstream; /* one reference */
	/* the way back: an HTTP instance's header lines; p NULL: the channel of an instance, by its */
	struct behalf behalf;
	struct str head;
	struct str key;
	uint64_t facts_serial;
	/* on the call's loop, once a call has it */
	struct loop *loop; /* NULL: none has */
	struct askable *askable;
	struct list link; /* in askable->requests */
	struct task task;
};

/* A request as it came; one reference. Through a channel `message` lies in `arena`, which is taken over;
 * over HTTP it is copied, with the header lines for the answer and in whose name that is sent.
 *   Errors     server_request_from_stream: NULL when the message is too large to be copied
 *   Runs on    from_channel: the home loop; from_stream: any */
struct server_request *server_request_from_channel(struct instance *instance, struct arena *arena,
						   const struct mcp_message *message);
struct server_request *server_request_from_stream(struct upstream *upstream, struct str head,
						  const struct behalf *behalf, const struct mcp_message *message);

/* Settle it without a word to the server, which took it back. false: it was settled already. */
bool server_request_claim(struct server_request *request);
/* As server_request_refuse, of a request that is not the caller's own; one reference goes. */
void server_request_drop(struct server_request *request, int code, const char *message);
/* A reference of one that its holders may be about to release. NULL: they have. */
struct server_request *server_request_hold(struct server_request *request);

/* A call in flight whose client can be asked. It lies on the stack of the call's fiber, in the list of
 * its lane, and is touched on that loop alone. */
struct askable {
	struct list link; /* in lane->askables */
	struct upstream *upstream;
	struct lane *lane;
	const struct upstream_call *call;
	uint64_t facts_serial; /* of the instance, for requests that come on its GET stream */
	uint64_t call_id;
	int64_t begun_ns, timeout_ms;
	struct list requests; /* attached, not yet known to be settled */
	unsigned open;	      /* so many */
	int64_t asked_ms, settled_ms;
	unsigned callbacks; /* under way, on whatever fiber */
	struct wait *end;   /* the call waits for them */
};

/* For the calling fiber's call. The end waits for callbacks under way, takes what is still open back
 * from the client and refuses it. */
void askable_begin(struct askable *askable, struct upstream *upstream, struct lane *lane,
		   const struct upstream_call *call, uint64_t facts_serial);
void askable_end(struct askable *askable) AWAITS;

/* Give a request to the call's client; takes over its reference. */
void askable_take(struct askable *askable, struct server_request *request) AWAITS;

/* The server takes one back (notifications/cancelled). true: it was this call's. */
bool askable_take_back(struct askable *askable, struct str request_id) AWAITS;

/* The call's time is over: how much more it gets, since its client is being asked, or was a moment ago.
 * `arg` is the askable. */
int64_t askable_more_ms(void *arg);

/* The requestId of notifications/cancelled as a lexeme; p NULL none. */
struct str cancelled_id(const struct mcp_message *message);

/* A request or a cancellation came on an HTTP instance's GET stream: give it to whom it can only be
 * meant for, or refuse it.
 *   Runs on    the home loop */
void attribute_request(struct instance *instance, struct str head, const struct mcp_message *message) AWAITS;
void attribute_cancelled(struct instance *instance, const struct mcp_message *message) AWAITS;

/* The strings that tell callers apart, unmistakably; appended. */
void put_caller(const struct upstream *upstream, const struct upstream_call *call, struct buf *out);

#endif
