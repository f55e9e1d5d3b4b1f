/* Connecting an account: a person agrees, at another service, that calls carry a token of theirs. Serves /auth/.
 *
 *     connect_begin ─ link ─▶ start ─ asks ─▶ (the service) ─ code ─▶ callback ─┬─▶ connected
 *                                                                               └─▶ pick ─▶ connected
 *
 *   Source     doc/decisions/0016-connect.md */
#ifndef GATEHOUSE_CONNECT_FLOW_H
#define GATEHOUSE_CONNECT_FLOW_H

#include "connect/connect.h"
#include "identity/visit.h"

#define CONNECT_LINKS_MAX 20		    /* of one principal in CONNECT_LINKS_MS: whoever needs more has lost */
#define CONNECT_LINKS_MS (10 * 60 * 1000LL) /* the ones before, or is a program in a loop */

/* A link to open in a browser: it connects an account at `at` for its user, or its tenant, is good for at->life_ms and
 * used once. Costs one write into the state room.
 *   by         the principal who asks: for the trail
 *   return_to  a path of ours to go to at the end; empty: a page says that it is done
 *   ret_url    in `arena`
 *   Errors     ERR_RATE_LIMITED: too many; ERR_BUSY: the shared state is down; ERR_CONFIG: our own address is not known
 *   Runs on    a fiber, any loop */
NODISCARD enum err connect_begin(struct connect *connect, const struct connect_at *at, struct str by,
				 struct str return_to, struct arena *arena, struct str *ret_url) AWAITS;

/* The same, and what becomes of it can be asked for. */
struct connect_link {
	struct str id;
	struct str url; /* only when it was made */
	struct str upstream, user_id, by;
	struct str state;   /* "waiting", "connected", "failed" */
	struct str problem; /* of "failed": name of an error */
	int64_t expires_ms; /* wall time */
};
NODISCARD enum err connect_begin_watched(struct connect *connect, const struct connect_at *at, struct str by,
					 struct str return_to, struct arena *arena, struct connect_link *ret_link)
	AWAITS;

/* What became of it, for an hour.
 *   ret_link   in `arena`
 *   Errors     ERR_NOT_FOUND: no such link of this tenant; ERR_BUSY */
NODISCARD enum err connect_link_find(struct connect *connect, struct arena *arena, struct str tenant_id, struct str id,
				     struct connect_link *ret_link) AWAITS;

/* Where an account of a tenant (user_id empty), or of one of its users, belongs to.
 *   ret_at     in `arena`
 *   Errors     ERR_NOT_FOUND: no such server, another tenant's, or one that wants no account */
NODISCARD enum err connect_find(struct connect *connect, struct arena *arena, struct str upstream, struct str tenant_id,
				struct str user_id, struct connect_at *ret_at);

/* End an account at its service, as far as it has a way for that, and remove it here: also when the server is not
 * configured any more.
 *   problem    what the service had against it; empty: nothing
 *   Errors     ERR_CREDENTIAL_MISSING: there is none; ERR_DB ...
 *   Runs on    a fiber, any loop */
NODISCARD enum err connect_end(struct connect *connect, struct str upstream, struct str tenant_id, struct str user_id,
			       struct buf *problem) AWAITS;

/* Answer a request below /auth/: {upstream}/start, {upstream}/callback, {upstream}/pick, {upstream}/client.json.
 *   signs_in   people sign in here: the browser must be of the user whose account it is to be, or for a tenant's of
 *              somebody who may manage its upstreams. Else whoever has the link is believed
 *   Errors     what to answer instead: ERR_HTTP_ROUTE, ERR_HTTP_METHOD, ERR_DB ... */
NODISCARD enum err connect_serve(struct connect *connect, struct visit *visit, bool signs_in) AWAITS;

#endif
