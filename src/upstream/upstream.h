/* Upstream servers: one face over streamable HTTP, stdio children and servers within the process, of either era.
 *
 * An upstream is a process-wide object, reference-counted and replaced on reload. Calls may come from any loop. A stdio
 * child lives on its home loop and is reached by loop_call; HTTP connections are pooled per loop. Instances (children,
 * upstream sessions) are kept per isolation key, capped, and reaped when idle, so that nothing leaks when clients
 * vanish.
 *
 * A keeper fiber per upstream connects, reads its lists, hears list_changed, reconnects with backoff, and reports what
 * it offers. A dead upstream costs nobody else anything.
 *
 * What a server is asked to tell of its own accord (changes of resources, of tasks, its log) is in
 * upstream/watch.h. */
#ifndef GATEHOUSE_UPSTREAM_UPSTREAM_H
#define GATEHOUSE_UPSTREAM_UPSTREAM_H

#include <stdatomic.h>

#include "mcp/compose.h"
#include "mcp/extension.h"
#include "net/address.h"
#include "rt/loop.h"
#include "upstream/auth.h"
#include "upstream/fair.h"
#include "upstream/health.h"
#include "upstream/local.h"

/* UPSTREAM_HTTP falls back to the HTTP+SSE transport of 2024-11-05 when the server knows no other. */
enum upstream_kind { UPSTREAM_HTTP, UPSTREAM_STDIO, UPSTREAM_SSE, UPSTREAM_LOCAL };
enum pin_policy { PIN_OFF, PIN_WARN, PIN_BLOCK };
enum upstream_isolation { ISOLATION_SHARED, ISOLATION_TENANT, ISOLATION_USER, ISOLATION_SESSION };

struct upstream_pair {
	struct str name, value;
};

/* What the config says; strings outlive the upstream (they belong to the config snapshot,
 * which the upstream copies what it needs from at upstream_new). */
struct upstream_spec {
	struct str name;  /* [a-z0-9-_], unique */
	struct str owner; /* the tenant whose callers alone see it, by id; empty: everybody */
	bool stored;	  /* made at run time: a row, not the configuration file, says so */
	enum upstream_kind kind;
	enum upstream_isolation isolation;
	/* http, sse */
	struct str url;
	const struct upstream_pair *headers; /* sent with every request: credentials of the upstream */
	size_t header_count;
	struct str ca_file, cert_file, key_file; /* empty: the system's roots, no client certificate */
	struct upstream_auth auth;		 /* http, local; isolation is at least as fine as `each` */
	bool allow_private;			 /* may it resolve to loopback and private networks */
	/* stdio */
	struct str command;
	const struct str *args;
	size_t arg_count;
	const struct upstream_pair *env; /* the whole environment besides PATH, HOME, LANG, TMPDIR */
	size_t env_count;
	struct str cwd; /* empty: the gateway's */
	bool warm;	/* keep the shared child running; else start it on demand */
	uint64_t memory_bytes_max, files_max, processes_max; /* rlimits; 0 none */
	unsigned children_max, children_per_tenant_max;
	struct upstream_local *local; /* local: what is served, the config's reference */
	/* all */
	int64_t timeout_ms, connect_timeout_ms, idle_ms;
	unsigned concurrency, queue_max; /* calls at once, and how many may wait: see fair.h */
	unsigned queue_tenant_max;	 /* of one tenant; 0: no bound of its own */
	int64_t queue_timeout_ms;	 /* 0: the caller's deadline alone */
	size_t answer_bytes_max;
	unsigned breaker_failures; /* in a row, until it rests */
	int64_t breaker_rest_ms;
	enum mcp_revision revision; /* MCP_UNKNOWN: probe */
	enum pin_policy pin;	    /* what becomes of changed tools; the catalog's business, kept here */
};

/* What an upstream offers, as it said it: immutable, reference-counted. Items are raw JSON objects, in the server's
 * order, each with a unique string name (or uri); offenders are left out with a log line. */
enum offer_kind { OFFER_TOOLS, OFFER_PROMPTS, OFFER_RESOURCES, OFFER_TEMPLATES, OFFER_KINDS };
struct offer_item {
	struct str name; /* name; uri of a resource; uriTemplate of a template (unescaped) */
	struct str json;
};
struct offer {
	uint32_t magic;
	atomic_uint refs;
	struct arena *arena; /* owns all of it */
	enum mcp_revision revision;
	struct str server_info, instructions, capabilities; /* JSON (instructions plain); p NULL absent */
	struct {
		struct offer_item *items;
		size_t count;
	} list[OFFER_KINDS];
	bool completions, logging, subscribe; /* its capabilities */
	unsigned extensions;		      /* bits of enum mcp_extension */
};
struct offer *offer_ref(struct offer *offer);
void offer_unref(struct offer *offer);

struct upstream;
struct upstream_events {
	/* The offer is new or has changed, or the state has (offer NULL: no offer yet). Called on
	 * the upstream's home loop from its keeper fiber; must not block. */
	void (*on_change)(void *arg, struct upstream *upstream, struct offer *offer);
	/* A notification that belongs to no call: resources/updated of what is watched, tasks. On the
	 * home loop; must not block. May be NULL. */
	void (*on_notification)(void *arg, struct upstream *upstream, const struct mcp_message *message);
	void *arg;
	struct upstream_credentials credentials; /* get NULL: none are kept */
	struct upstream_locals locals;		 /* who serves UPSTREAM_LOCAL; call NULL: nobody */
};

/* Create and start its keeper on a home loop (chosen by name).
 *   problem    (may be NULL) what is wrong with the spec
 *   Errors     ERR_CONFIG
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err upstream_new(const struct upstream_spec *spec, const struct upstream_events *events,
				struct buf *problem, struct upstream **ret_upstream) AWAITS;

/* Stop: no new calls, calls in flight get `grace_ms`, then children are stopped (stdin closed,
 * SIGTERM, SIGKILL), upstream sessions DELETEd. Waits for all of it. */
void upstream_stop(struct upstream *upstream, int64_t grace_ms) AWAITS;
struct upstream *upstream_ref(struct upstream *upstream);
void upstream_unref(struct upstream *upstream);
struct str upstream_name(const struct upstream *upstream);
struct str upstream_owner(const struct upstream *upstream); /* see upstream_spec */
enum upstream_kind upstream_kind(const struct upstream *upstream);
enum upstream_isolation upstream_isolation(const struct upstream *upstream);
const struct upstream_auth *upstream_auth(const struct upstream *upstream);

/* A request that a legacy server makes of the client while a call of that client runs: sampling,
 * elicitation, roots. Reference-counted; answered exactly once, from any loop, also when the call
 * has ended meanwhile (then the answer goes nowhere). What is never answered is refused when the
 * last reference goes. While one is open, the call's time without a sign of life is
 * UPSTREAM_INPUT_MS. */
struct server_request;
enum mcp_method server_request_method(const struct server_request *request);
/* Its params as JSON, p NULL absent; lives as long as the request. */
struct str server_request_params(const struct server_request *request);
/* Tells it from the call's other requests; never 0. */
uint64_t server_request_serial(const struct server_request *request);
struct server_request *server_request_ref(struct server_request *request);
void server_request_unref(struct server_request *request);
/* Send the client's result (a JSON object), or an error object ({"code":...,"message":...}).
 *   Runs on    any loop, fiber or callback */
void server_request_answer(struct server_request *request, struct str result);
void server_request_refuse(struct server_request *request, struct str error);

/* One request to an upstream, from a client's fiber on any loop. */
struct upstream_call {
	/* in */
	struct arena *arena; /* takes the answer */
	struct mcp_outgoing outgoing;
	struct str mcp_name;			  /* plain value for Mcp-Name, p NULL none */
	bool idempotent;			  /* may be sent twice: lists, reads, tools that say so */
	struct str tenant_id, principal, session; /* pick the instance by the isolation */
	struct fair_terms terms;      /* of the tenant when places are scarce; RANK_IN_FLIGHT once it was made */
	uint16_t client_capabilities; /* enum mcp_capability: what an instance kept for `session` declares */
	struct str request_id;	      /* sent as X-Request-Id */
	struct str param_headers;     /* "Mcp-Param-X: y\r\n" lines, may be empty */
	/* A notification of this call, on the caller's loop and fiber. NULL: dropped. AWAITS. Its error ends the call
	 */
	enum err (*on_notification)(void *arg, const struct mcp_message *message);
	/* A request of a legacy server to this call's client. On a fiber of the caller's loop, not
	 * always the caller's own; it must not wait for the answer. Takes over one reference. NULL: the
	 * client can answer none, they are refused with "method not found". AWAITS */
	void (*on_request)(void *arg, struct server_request *request);
	/* A request needs no answer any more: the server took it back (notifications/cancelled), or the call ends.
	 * `request` is borrowed. May be NULL. AWAITS */
	void (*on_request_gone)(void *arg, struct server_request *request);
	void *arg;
	/* out, set on OK */
	struct mcp_message answer;  /* a response with its result or error; text in `arena` */
	enum mcp_revision revision; /* the upstream's */
	uint64_t bytes_out, bytes_in;
	struct str account; /* also on errors: which of several accounts of the upstream it was about; empty: none */
	struct str wanted;  /* on ERR_CREDENTIAL_*: the place that wants an account, where it is another; empty: not */
	bool headers_refused; /* also on errors: a modern server did not agree with the header lines */
};

/* Make the call: waits for a place (concurrency), starts or finds the instance, sends, relays
 * notifications, returns the answer. A JSON-RPC error from the server is an OK call.
 * The caller's cancel or deadline reaches the server: the stream is closed (modern) or
 * notifications/cancelled is sent (legacy). 404 for an upstream session: initialized anew and
 * sent once more. Requests that the server makes of the client go to on_request; ping is answered
 * here. A request that no stream ties to a call belongs to the only call in flight that can be
 * meant, or to the latest when all are of one principal and session; else it is refused.
 *   Errors     ERR_UPSTREAM_* , ERR_CANCELED, ERR_TIMEOUT (the upstream's own time-out is
 *              ERR_UPSTREAM_TIMEOUT), ERR_REFUSED_ADDRESS, ERR_LIMIT (children caps), ERR_QUEUE_*, ERR_SHED (no
 *              place: the server has not seen the call)
 *   Runs on    a fiber, any loop */
NODISCARD enum err upstream_call(struct upstream *upstream, struct upstream_call *call) AWAITS;

/* Somebody may have connected an account here: lists that could not be read for want of one are read. Any loop. */
void upstream_accounts_changed(struct upstream *upstream);

/* A client's session ended (DELETE) or a tenant/user was removed: stop the instances that were kept for it. */
void upstream_forget(struct upstream *upstream, struct str session) AWAITS;
/* A session's client has other roots now: tell the instance that is kept for it, if there is one. */
void upstream_roots_changed(struct upstream *upstream, struct str session) AWAITS;

#endif
