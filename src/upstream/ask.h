/* One JSON-RPC exchange with one instance, whatever the transport: the common step under a
 * client's call, the handshake and the reading of lists. */
#ifndef GATEHOUSE_UPSTREAM_ASK_H
#define GATEHOUSE_UPSTREAM_ASK_H

#include "upstream/upstream_private.h"

struct listening; /* listen.h */

/* In whose name something is sent. Both empty: the gateway's own. */
struct behalf {
	struct str tenant_id, principal;
};

struct ask {
	struct arena *arena;	    /* takes the answer */
	uint64_t id;		    /* of the request; 0: body is a notification */
	struct str body;	    /* the composed message */
	struct str head;	    /* HTTP: all header lines */
	size_t bare_bytes;	    /* HTTP: how much of them is without a credential */
	struct behalf behalf;	    /* HTTP: whose credential it is */
	struct str path;	    /* HTTP: with its query; p NULL: the upstream's */
	enum mcp_revision revision; /* which `body` is written in; MCP_UNKNOWN: initialize */
	bool has_session;	    /* `head` names one */
	bool idempotent;
	int64_t timeout_ms;		  /* without a sign of life; 0 none */
	const struct upstream_call *call; /* the client's, for its notifications; NULL: our own */
	struct listening *listening;	  /* whose stream it opens; NULL none */
	struct askable *askable;	  /* to whom the server's requests go; NULL: nobody */
	/* out */
	bool sent;			  /* the server may have seen it */
	int status;			  /* HTTP */
	const struct http_fields *fields; /* HTTP: of the answer; NULL there was none */
	bool answered;			  /* `answer` is JSON-RPC and answers this */
	struct mcp_message answer;
	struct str session; /* Mcp-Session-Id of the answer; p NULL none */
	uint64_t bytes_in;
};

/* Over HTTP.
 *   Errors     ERR_UPSTREAM_*, ERR_REFUSED_ADDRESS, ERR_CANCELED, ERR_TIMEOUT, or what the
 *              call's on_notification returned; `status` and `answer` may be set all the same
 *   Runs on    a fiber of the lane's loop */
NODISCARD enum err http_ask(struct upstream *upstream, struct lane *lane, struct ask *ask) AWAITS;

/* Whether the server was not even asked, since there is no credential to ask it with. */
static inline bool err_is_unasked(enum err err)
{
	return err == ERR_CREDENTIAL_MISSING || err == ERR_CREDENTIAL_REAUTH;
}

/* What a request to the same instance needs, but for the credential. */
static inline struct str ask_bare_head(const struct ask *ask)
{
	return (struct str){ask->head.p, ask->bare_bytes};
}

/* Whether a Content-Type is this one, whatever its parameters. */
bool http_type_is(struct str type, struct str wanted);

/* What a status means when it is not 200 (or 202 for a notification). */
enum err http_status_error(const struct ask *ask);

/* The answer as an event stream: notifications on the way are routed, requests answered.
 *   Errors     as http_ask */
NODISCARD enum err http_ask_events(struct upstream *upstream, struct lane *lane, struct ask *ask,
				   struct http_answer *answer) AWAITS;

/* Whether a message is the answer to this request. */
bool ask_is_answered_by(const struct ask *ask, const struct mcp_message *message);

/* Give a notification to whom it concerns: the keeper, the call, or the upstream's events.
 *   here       nobody but this call can be meant (it came on the call's own stream)
 *   Errors     what the call's on_notification returned */
NODISCARD enum err ask_notify(struct upstream *upstream, const struct ask *ask, const struct mcp_message *message)
	AWAITS;

/* Header lines that every request of such an instance carries, as facts.
 *   session    p NULL none */
struct facts *facts_new(struct upstream *upstream, enum mcp_revision revision, struct str session);
struct facts *facts_ref(struct facts *facts);
void facts_unref(struct facts *facts);

/* Append the lines that differ from call to call. `name` p NULL: the message has none. */
void http_call_lines(struct buf *head, enum mcp_revision revision, struct str method, struct str name,
		     const struct upstream_call *call);

/* Errands: messages nobody waits for, each sent by a small fiber of its own. When too many are
 * under way they are dropped, which their receivers must survive anyway.
 *   ask        a request to the same instance, in the same name
 *   Runs on    the lane's loop */
void errand_cancelled(struct upstream *upstream, struct lane *lane, const struct ask *ask);
void errand_reply(struct upstream *upstream, struct lane *lane, const struct ask *ask,
		  const struct mcp_message *request);
/* Any message of ours.
 *   head       header lines of a request to the same instance, without a credential */
void errand_message(struct upstream *upstream, struct lane *lane, struct str head, const struct behalf *behalf,
		    struct str message);
/* Any message to an instance outside of calls, and the end of its session; in its owner's name, on its home loop. */
struct instance;
void errand_tell(const struct instance *instance, struct str message);
void errand_answer(const struct instance *instance, const struct mcp_message *request);
void errand_delete(const struct instance *instance);

/* Append the answer to a request that a server makes of us: `{}` to a ping, else "method not
 * found", since no client is asked yet. */
void put_server_reply(const struct mcp_message *request, struct buf *out);

/* Append notifications/cancelled for a request, as the server's revision wants it. */
void put_cancelled(uint64_t id, enum mcp_revision revision, struct buf *out);

#endif
