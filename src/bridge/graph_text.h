/* What is said to Microsoft Graph, and what it answers. Pure: texts in, facts out, strings in `arena`. Private to the
 * room.
 *   Source     Microsoft Graph 1.0: application, servicePrincipal, passwordCredential */
#ifndef GATEHOUSE_BRIDGE_GRAPH_TEXT_H
#define GATEHOUSE_BRIDGE_GRAPH_TEXT_H

#include "bridge/request.h"
#include "http/client.h"

#define GRAPH_ID_BYTES_MAX 64	    /* ids there are UUIDs */
#define GRAPH_SECRET_BYTES_MAX 1024 /* secrets are 40 characters */
#define GRAPH_PAGE_ITEMS 100
#define GRAPH_TAG_BYTES 32

/* Append the application that a request becomes.
 *   tag        marks it as this bridge's */
void graph_application_put(const struct bridge_request *request, const struct bridge_settings *settings, struct str tag,
			   struct buf *out);

struct graph_application {
	struct str object_id, client_id;
	struct str unique;  /* uniqueName; empty: none */
	int64_t created_ms; /* 0: not known */
};

/* An application.
 *   Errors     ERR_UPSTREAM_GARBAGE, as all below */
NODISCARD enum err graph_application_read(struct arena *arena, struct str body, struct graph_application *ret);

/* A page of a list of them. Items that are none are passed over.
 *   graph      the origin that was asked: the next page is asked for with our token, only from there
 *   ret_next   the next page's URL; p NULL: none */
NODISCARD enum err graph_page_read(struct arena *arena, struct str body, struct str graph,
				   struct graph_application **ret_items, size_t *ret_count, struct str *ret_next);

/* A new secret. The text is a slice of what is in `arena`: whoever has it wipes the arena. */
struct graph_password {
	struct str key_id, secret;
	int64_t ends_ms; /* 0: it does not say */
};
NODISCARD enum err graph_password_read(struct arena *arena, struct str body, struct graph_password *ret);

/* The ids of an application's secrets whose names begin with `label`. */
NODISCARD enum err graph_passwords_read(struct arena *arena, struct str body, struct str label, struct str **ret_ids,
					size_t *ret_count);

/* Why something was refused: code and message, cut and printable; empty where it says none. */
struct graph_error {
	struct str code, message;
};
struct graph_error graph_error_read(struct arena *arena, struct str body);

/* What a refusal means. */
enum graph_refusal {
	GRAPH_LATER,  /* ask again: busy, or down */
	GRAPH_LAG,    /* what was just made is not known everywhere yet; or it does not exist */
	GRAPH_EXISTS, /* it is there already */
	GRAPH_POLICY, /* the directory's administrators have forbidden it */
	GRAPH_BAD,    /* the request does not suit it */
	GRAPH_DENIED, /* the gateway may not */
};
enum graph_refusal graph_refusal_of(int status, const struct graph_error *error);

#endif
