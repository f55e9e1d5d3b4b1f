/* Asking Microsoft Graph, as the application that the gateway is in the directory. One session an operation: it signs
 * in when it first asks, and its arena is wiped when it ends. Private to the room.
 *   Limits     GRAPH_PATIENCE_MS for all that a session waits */
#ifndef GATEHOUSE_BRIDGE_GRAPH_H
#define GATEHOUSE_BRIDGE_GRAPH_H

#include "base/secret_text.h"
#include "bridge/graph_text.h"

#define GRAPH_PATIENCE_MS 30000 /* who registers waits for the answer; clients give up after a minute */

struct graph {
	const struct bridge_settings *settings;
	struct arena *arena; /* freed with arena_free_wiped */
	struct str token;    /* p NULL: not signed in yet */
	int64_t until_ms;    /* of its patience, on clock_ms() */
	unsigned repeats;    /* questions that were asked again: an answer may have been lost */
	struct buf problem;  /* of the last refusal: whom we asked for what, and its words */
};

/* Begin; nothing is asked yet. End: NULL fields are fine. */
void graph_begin(struct graph *graph, const struct bridge_settings *settings);
void graph_end(struct graph *graph);

/* Whether an application of this name is there; make it, or make it what it should be.
 *   body       as graph_application_put
 *   Errors     those of graph_apply below */
NODISCARD enum err graph_make(struct graph *graph, struct str unique, struct str body, struct graph_application *ret)
	AWAITS;

/* Change one.
 *   Errors     ERR_NOT_FOUND, ERR_OAUTH_METADATA, ERR_BRIDGE_POLICY, ERR_BRIDGE_REFUSED, ERR_BRIDGE_DOWN */
NODISCARD enum err graph_change(struct graph *graph, struct str object_id, struct str body) AWAITS;

/* An application by its id or by its name (the other one p NULL).
 *   Errors     ERR_NOT_FOUND, ERR_BRIDGE_DOWN ... */
NODISCARD enum err graph_find(struct graph *graph, struct str object_id, struct str unique,
			      struct graph_application *ret) AWAITS;

/* Remove one, and what stands for it in the directory; what is not there is removed already. */
NODISCARD enum err graph_drop(struct graph *graph, const struct graph_application *application) AWAITS;

/* What stands for an application in the directory, so that people there can sign in to it. */
NODISCARD enum err graph_make_principal(struct graph *graph, struct str client_id) AWAITS;

/* A new secret of an application. An answer that is lost may leave one that nobody knows: see graph_keep_passwords. */
NODISCARD enum err graph_make_password(struct graph *graph, struct str object_id, int64_t ends_ms,
				       struct graph_password *ret) AWAITS;

/* Remove every secret of ours but these (empty: none). Secrets that somebody else added are not touched.
 *   Errors     ERR_NOT_FOUND: there is no such application */
NODISCARD enum err graph_keep_passwords(struct graph *graph, struct str object_id, struct str key_id,
					struct str old_key_id) AWAITS;

/* A page of the applications with a tag. next p NULL: the first one; afterwards as it was given. */
NODISCARD enum err graph_list(struct graph *graph, struct str tag, struct str *next,
			      struct graph_application **ret_items, size_t *ret_count) AWAITS;

#endif
