/* Bridges: dynamic client registration (RFC 7591, 7592) in front of identity providers that have none. A client
 * registers here and becomes an application there; people then sign in there, and the provider's tokens never pass
 * through here. Serves /oauth/bridge/NAME and the metadata that names it.
 *   Source     doc/rooms/bridge.md; RFC 7591, 7592, 8414 */
#ifndef GATEHOUSE_BRIDGE_BRIDGE_H
#define GATEHOUSE_BRIDGE_BRIDGE_H

#include "audit/audit.h"
#include "bridge/settings.h"
#include "db/db.h"
#include "identity/visit.h"
#include "vault/vault.h"

struct bridge;

struct bridge_spec {
	struct db *db;
	struct state *state;
	struct audit *audit;
	struct vault *vault;
	struct secret *key; /* MACs of registration access tokens; marks what is ours. All borrowed */
};
/* On loop 0; what `spec` names must outlive it. */
struct bridge *bridge_new(const struct bridge_spec *spec);
/* After every visit and job has ended. NULL is fine. */
void bridge_free(struct bridge *bridge);

/* Whether a path is of this room. */
bool bridge_has_path(struct str path);

/* Whether the visit shows an API key or token of this gateway, to be judged before bridge_serve: visit->caller is who
 * showed it. Others show what they got when they registered, or ask for what is public. */
bool bridge_wants_caller(const struct visit *visit);

/* Answer a request for one of the paths.
 *   settings   the snapshot's
 *   Errors     ERR_HTTP_ROUTE, ERR_HTTP_METHOD; others were answered in OAuth's form, and go up for the log */
NODISCARD enum err bridge_serve(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings,
				size_t count) AWAITS;

/* Answer with an error in OAuth's form. */
NODISCARD enum err bridge_refuse(struct visit *visit, enum err err) AWAITS;

/* What is done at a time: secrets near their end get successors, old ones go; what a crash has left unfinished, here
 * or there, is removed. May be run twice.
 *   words      a line for the history
 *   Errors     ERR_DB ..., ERR_BRIDGE_DOWN ..., of the last bridge that failed; the others were looked after */
NODISCARD enum err bridge_tend(struct bridge *bridge, const struct bridge_settings *settings, size_t count,
			       struct buf *words) AWAITS;

#endif
