/* Accounts at other services: signing in there, keeping what that gave us, and having a fresh token of it when a call
 * wants one.
 *
 *     flow.h     a person agrees in a browser           target.h   whom to ask, as which client
 *     grant.h    what is kept of an account             machine.h  tokens that need no person
 *     fresh.h    a token for a call, and what a refusal of it means
 *
 *   Source     doc/decisions/0016-connect.md, doc/rooms/connect.md */
#ifndef GATEHOUSE_CONNECT_CONNECT_H
#define GATEHOUSE_CONNECT_CONNECT_H

#include "base/arena.h"
#include "base/crypto.h"

struct access;
struct audit;
struct auth_settings;
struct db;
struct signin;
struct signing;
struct state;
struct vault;

/* Whose account, where. Strings, and what `settings` points at, live as long as the call that gets it. */
struct connect_at {
	struct str upstream; /* its name; one of several accounts: UPSTREAM.ACCOUNT */
	struct str callback; /* the name that its callback's path has, whichever account; empty: as above */
	struct str url;	     /* the server's own, for discovery and as `resource` */
	const struct auth_settings *settings;
	struct str tenant_id, user_id; /* user_id empty: the tenant's, for all its callers */
	struct str subject;    /* who the caller is, for flows that say so to others: email or subject; may be empty */
	struct str public_url; /* the gateway's own origin */
	struct str client_document; /* URL of our client document; empty none */
	struct str client_name;	    /* what we are called where somebody is asked whether we may; empty: our own name */
	int64_t life_ms;	    /* of a link to connect an account, and of the consent behind it */
	const char *ca_file;	    /* trusted instead of the system's certificates; NULL these */
	bool allow_private;	    /* its servers may be at private addresses */
};

/* All of it is borrowed until connect_free. */
struct connect_spec {
	struct db *db;
	struct vault *vault;
	struct state *state;
	struct audit *audit;
	struct signin *signin;
	struct access *access;	  /* who may connect an account of a whole tenant */
	struct signing *signing;  /* the gateway's own issuer */
	const struct secret *key; /* seals what a flow leaves in the state room */
	/* An upstream, or an account of one, of the running configuration by its name: all of `ret_at` but who is
	 * asking, copied into `arena`. Errors     ERR_NOT_FOUND: there is none, it is another tenant's, or wants no
	 * account. Any loop, must not wait */
	enum err (*find_upstream)(void *arg, struct str name, struct str tenant_id, struct arena *arena,
				  struct connect_at *ret_at);
	/* What this gateway is called, by the configuration of now. */
	struct str (*client_name)(void *arg, struct arena *arena);
	void *arg;
};

struct connect;

/* One a process; copies the spec.
 *   Runs on    loop 0 */
struct connect *connect_new(const struct connect_spec *spec);

/* When nobody asks any more. A renewal that is under way is waited for: its answer may hold the only refresh token that
 * works. NULL is fine.
 *   Runs on    a fiber of loop 0; 20 s at the longest, when a service does not answer */
void connect_free(struct connect *connect) AWAITS;

/* A copy of all of it, its settings too, for what outlives a call.
 *   arena      holds secrets then: free it wiped */
void connect_at_copy(struct arena *arena, const struct connect_at *from, struct connect_at *ret_at);

/* Renewals so far, by upstream and outcome ("ok", "later", "refused", "client_refused", "lost", "unkept"); those that
 * never were are left out.
 *   on         called with a lock held: must not wait, nor call back
 *   Runs on    any thread */
void connect_each_count(struct connect *connect,
			void (*on)(void *arg, struct str upstream, const char *outcome, uint64_t n), void *arg);

#endif
