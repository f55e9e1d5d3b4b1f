/* What the files of this room share. */
#ifndef GATEHOUSE_BRIDGE_BRIDGE_PRIVATE_H
#define GATEHOUSE_BRIDGE_BRIDGE_PRIVATE_H

#include "bridge/bridge.h"
#include "bridge/graph.h"
#include "store/bridged_client.h"
#include "store/sealed.h"

#define BRIDGE_MAGIC 0x42524447u /* "BRDG" */

#define BRIDGE_TOKEN_BYTES 32
#define BRIDGE_TOKEN_TEXT_MAX 48 /* "ghb_" and 43 characters */
#define BRIDGE_UNIQUE_MAX 40	 /* "gatehouse-" and an id */

struct bridge {
	uint32_t magic;
	struct bridge_spec spec;
};

/* ---- bridge.c ------------------------------------------------------------------------- */

/* The registration access token that a request shows; n 0: none. */
struct str bridge_token_of(const struct visit *visit);

/* The form of one that is kept. */
void bridge_token_mac(const struct bridge *bridge, struct str token, uint8_t ret_mac[CRYPTO_MAC_BYTES]);

/* What marks applications of this installation and bridge. Another installation of the same directory has another key,
 * and so another mark: neither clears the other's away. */
void bridge_tag(const struct bridge *bridge, const struct bridge_settings *settings, char ret_tag[GRAPH_TAG_BYTES + 1]);

/* The name of an application there; the id in such a name, p NULL: it is none. */
struct str bridge_unique(struct arena *arena, struct str id);
struct str bridge_unique_id(struct str unique);

/* A row in the trail; visit NULL: a job did it. */
NODISCARD enum err bridge_audit(struct bridge *bridge, struct visit *visit, const char *event,
				const struct bridged_client *client, enum err outcome) AWAITS;

/* ---- register.c ----------------------------------------------------------------------- */

/* POST of a registration: all of it is made, or nothing is left.
 *   Errors     ERR_OAUTH_METADATA, ERR_OAUTH_REDIRECT, ERR_BRIDGE_..., ERR_RATE_LIMITED, ERR_FORBIDDEN, ERR_DB ... */
NODISCARD enum err bridge_register(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings)
	AWAITS;

/* What a secret of a row is bound to. */
static inline struct vault_place bridge_place(const struct bridged_client *client)
{
	return (struct vault_place){client->tenant_id, sealed_kind_name(SEALED_BRIDGED_CLIENT), client->id};
}

/* Remove what is there of a row, then the row. */
NODISCARD enum err bridge_undo(struct bridge *bridge, struct graph *graph, const struct bridged_client *client) AWAITS;

/* ---- manage.c ------------------------------------------------------------------------- */

/* GET, PUT and DELETE of the registration with this id (RFC 7592). */
NODISCARD enum err bridge_manage(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings,
				 struct str id) AWAITS;

/* The client's own description of itself.
 *   secret     n 0: it has none
 *   token      of its registration; n 0: not shown */
NODISCARD enum err bridge_answer(struct visit *visit, const struct bridge_settings *settings, int status,
				 const struct bridged_client *client, struct str secret, struct str token) AWAITS;

/* Say in the log and to the visit why the directory refused. */
void bridge_note(struct visit *visit, const struct bridge_settings *settings, const struct graph *graph, enum err err);

/* ---- metadata.c ----------------------------------------------------------------------- */

/* The document that clients look for; openid: in OpenID's form. */
NODISCARD enum err bridge_metadata(struct visit *visit, const struct bridge_settings *settings, bool openid) AWAITS;

/* ---- the job: rotate.c, reconcile.c ----------------------------------------------------- */

/* What a run has done. */
struct bridge_tally {
	unsigned rotated, superseded, finished, orphans, lost;
};

/* New secrets for those that are due, and away with old ones; a bounded number of clients.
 *   Errors     of the last client that failed; the others were looked after */
NODISCARD enum err bridge_rotate(struct bridge *bridge, const struct bridge_settings *settings,
				 struct bridge_tally *tally) AWAITS;

/* Compare the directory with the rows of one bridge.
 *   Errors     ERR_LIMIT (too many applications, or too many without rows), ERR_BRIDGE_..., ERR_DB ... */
NODISCARD enum err bridge_reconcile(struct bridge *bridge, const struct bridge_settings *settings,
				    struct bridge_tally *tally) AWAITS;

#endif
