/* Channels: what carries the messages of an instance whose answers do not come on the exchange
 * that asked. A channel is a child's pipes, or the event stream of an HTTP+SSE session with the
 * POSTs beside it. Calls in flight are told apart by their ids.
 *
 *   channel_call.c   calls through a channel, from any loop       pending.c  who waits for which id
 *   channel_take.c   what comes out of it                         channel_stdio.c, channel_sse.c
 *
 * Everything runs on the upstream's home loop except channel_call. */
#ifndef GATEHOUSE_UPSTREAM_CHANNEL_H
#define GATEHOUSE_UPSTREAM_CHANNEL_H

#include "upstream/instance.h"
#include "upstream/mailbox.h"

#define CHANNEL_MAGIC 0x43484e01u

struct channel;

struct channel_ops {
	/* One whole message; the transport may change the buffer (its line end).
	 *   Errors     ERR_CLOSED: there is nobody at the other end; ERR_UPSTREAM_*, ERR_CANCELED, ERR_TIMEOUT */
	enum err (*write)(struct channel *channel, struct buf *message) /* AWAITS */;
	/* End it: kindly, or within `kill_ms`; channel_ended follows, not before this returns. */
	void (*stop)(struct channel *channel);
	void (*kill)(struct channel *channel, int64_t kill_ms);
	/* Release what the transport holds, and the channel. */
	void (*free)(struct channel *channel);
};

/* The head of each transport's own struct. */
struct channel {
	uint32_t magic;
	const struct channel_ops *ops;
	struct instance *instance; /* valid until it has ended */
	unsigned users;		   /* fibers that write, `sends` among them */
	unsigned sends;		   /* messages by the way */
	bool ended;		   /* only `users` keep it alive */
};

/* The transports: instance->channel is set on OK.
 *   Errors     ERR_UPSTREAM_DOWN (no such program, no process left), with a log line */
NODISCARD enum err stdio_open(struct instance *instance);
/*   Errors     ERR_UPSTREAM_* (no stream, no endpoint event, one of another origin), ERR_REFUSED_ADDRESS,
 *              ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err sse_open(struct instance *instance) AWAITS;

/* For the transports: `channel` begins, and has ended (its calls fail with `err`, the instance is
 * told; the channel may be gone on return). */
void channel_begin(struct channel *channel, const struct channel_ops *ops, struct instance *instance);
void channel_ended(struct channel *channel, enum err err);

/* End it. instance_channel_gone follows. */
void channel_stop(struct channel *channel);
/* The same for one that did not even start well. */
void channel_kill(struct channel *channel, int64_t kill_ms);

/* Write one message.
 *   Errors     ERR_UPSTREAM_*, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err channel_write(struct channel *channel, struct buf *message) AWAITS;

/* Write a message of ours that nobody waits for. */
void channel_send(struct channel *channel, struct str message);

/* Our own exchange with an instance, on the home loop.
 *   endless    a listening: it does not keep the instance from being reaped
 *   Errors     ERR_UPSTREAM_*, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err channel_ask(struct instance *instance, struct ask *ask, bool endless) AWAITS;

/* A client's call, from any loop. Fills the call's outputs.
 *   Errors     as upstream_call */
NODISCARD enum err channel_call(struct upstream *upstream, struct lane *lane, struct upstream_call *call) AWAITS;

/* A text that came out of an instance's channel: a message, or noise. */
void channel_take(struct instance *instance, struct str text);

/* A call that waits for its answer. Its place at the gate, if it took one, goes back when it
 * is settled. */
struct pending {
	uint64_t id;
	struct instance *instance;
	struct mailbox *mailbox; /* one reference */
	struct upstream *upstream;
	bool placed, endless, askable;
	struct str caller; /* of a client's call: who it is; in the same block */
};

/* Enter a call into the upstream's table, and take it out again: with its last letter (then
 * it is the mailbox's), or NULL when nobody waits any more.
 *   call       a client's, which has a place at the gate; NULL: our own */
struct pending *pending_add(struct instance *instance, uint64_t id, struct mailbox *mailbox,
			    const struct upstream_call *call, bool endless);
struct pending *pending_find(struct upstream *upstream, uint64_t id);
void pending_settle(struct pending *pending, struct letter *letter);

/* The only request that an instance has in flight, a client's or our own; NULL when there are more, or
 * none. */
struct pending *pending_sole(struct instance *instance);

/* The only client's call that an instance has in flight, whatever we ask it besides; NULL when there are
 * more, or none. */
struct pending *pending_sole_call(struct instance *instance);

/* Whose client a request of the server's is for: that of the only call in flight, or of the latest one
 * whose client can be asked, when all in flight are of one tenant, principal and session. NULL: it
 * cannot be told, or nobody can be asked.
 *   ret_calls  clients' calls in flight */
struct pending *pending_asked(struct instance *instance, unsigned *ret_calls);

/* All calls of an instance end with this error. */
void pending_fail_all(struct instance *instance, enum err err);

#endif
