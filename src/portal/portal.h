/* The management API, /api/v1: tenants, users, roles, keys, clients, grants, rules, toolsets, upstreams, limits, audit.
 *
 * One table of resources says what there is: path, fields, permissions, functions. Routing, checks, paging, ETags,
 * idempotency, audit, the OpenAPI document and the command line's verbs are made from it. */
#ifndef GATEHOUSE_PORTAL_PORTAL_H
#define GATEHOUSE_PORTAL_PORTAL_H

#include "access/access.h"
#include "audit/audit.h"
#include "connect/connect.h"
#include "identity/visit.h"
#include "signin/signin.h"
#include "state/state.h"
#include "vault/vault.h"

struct portal;

struct portal_spec {
	struct db *db;
	struct state *state; /* NULL from the command line */
	struct audit *audit;
	struct access *access;
	struct signin *signin;		    /* NULL from the command line */
	const struct secret *api_key, *key; /* MACs of API keys; seals. All borrowed */
	const struct secret *oauth_key;	    /* MACs of OAuth clients' secrets */
	struct vault *vault;		    /* seals credentials for upstreams */
	struct connect *connect;	    /* accounts that people connect; NULL from the command line */
	const struct secret *person_key;    /* opens addresses in the trail */
	/* Whether a document describes an upstream, a toolset: the gateway's configuration knows. */
	enum err (*check_upstream)(struct str name, struct str document, struct buf *problem);
	/* Whether a client may register this redirect URI. */
	bool (*check_redirect)(struct str uri, const struct str *schemes, size_t scheme_count);
	enum err (*check_toolset)(struct str name, struct str document, struct buf *problem);
	/* How an account is that a connector uses: "ok", "reconnect", "unreachable", "failing", "unknown". Must not
	 * wait. NULL from the command line. */
	const char *(*account_health)(void *arg, struct str tenant_id, struct str upstream, struct str user_id);
	void *account_health_arg;
};
struct portal *portal_new(const struct portal_spec *spec);
void portal_free(struct portal *portal);

/* One call to the API, wherever it comes from. */
struct api_call {
	struct arena *arena;
	struct caller *caller; /* whose permissions count */
	struct str ip, request_id;
	struct str origin;	 /* the gateway's own, as the caller knows it; empty: as the configuration says */
	struct str method, path; /* "POST", "/tenants/acme/keys" */
	struct str query, body;
	struct str if_match, if_none_match, idempotency_key; /* p NULL absent */
	const struct identity_settings *settings;	     /* of the running snapshot */
	int64_t now_ms;

	/* the answer */
	int status;
	struct str answer, content_type, headers; /* full lines */
};

/* Run a call: every outcome is an answer, problem+json (RFC 9457) where it failed.
 *   Errors     ERR_CANCELED, ERR_TIMEOUT: nobody waits for the answer any more */
NODISCARD enum err portal_run(struct portal *portal, struct api_call *call) AWAITS;

/* The same for an HTTP request whose caller is known. */
NODISCARD enum err portal_serve(struct portal *portal, struct visit *visit) AWAITS;

/* Answer a request that never became a call: nobody is signed in, the limit is reached. */
NODISCARD enum err portal_refuse(struct visit *visit, enum err err) AWAITS;

/* Whether a path is for everybody: no caller is needed. */
bool portal_is_public(struct str path);

/* The OpenAPI 3.1 document, made from the table. */
void portal_openapi_write(struct buf *out);

/* doc/api.md, made from the same. */
void portal_reference_write(struct buf *out);

#endif
