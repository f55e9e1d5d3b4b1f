/* What the pages of a flow share: what is known of it so far, who is in front of the browser, and the ends it can
 * come to. Private to flow*.c, page.c, pick.c and identity.c. */
#ifndef GATEHOUSE_CONNECT_FLOW_PRIVATE_H
#define GATEHOUSE_CONNECT_FLOW_PRIVATE_H

#include "connect/connect_private.h"
#include "connect/flow.h"
#include "connect/grant.h"
#include "connect/page.h"
#include "connect/ticket.h"
#include "http/form.h"
#include "store/user.h"

/* A flow at any of its steps: what is not known yet is empty. Kept sealed under the ticket of the step. */
struct flow {
	/* since the link was made */
	struct str upstream, tenant_id, user_id;
	struct str by, return_to;
	struct str link;       /* id to tell the outcome under; empty: nobody asks */
	struct str expires_ms; /* of the link, for who asks */
	/* since the browser left for the service */
	struct str browser; /* digest of its cookie */
	struct str person;  /* id of who was signed in; empty: nobody need be */
	struct str redirect_uri, verifier;
	struct str issuer, iss_promised, token_url, revoke_url, dpop; /* flags: "1" or empty */
	struct str client_id, client_secret, client_auth;	      /* as registrations spell it */
	struct str resource, scope;
	/* since there are tokens */
	struct str grant;   /* as grant_put writes it */
	struct str choices; /* JSON: [[id, name], ...] */
};

/* To a text and back. The text holds secrets: wipe it. */
void flow_put(const struct flow *flow, struct buf *text);

/*   ret_flow   strings in `arena`
 *   Errors     ERR_NOT_FOUND: not written by flow_put */
NODISCARD enum err flow_read(struct arena *arena, struct str text, struct flow *ret_flow);

/* One more of something that principals do, of CONNECT_LINKS_MAX in CONNECT_LINKS_MS.
 *   Errors     ERR_RATE_LIMITED */
NODISCARD enum err flow_take_turn(struct connect *connect, const char *what, struct str tenant_id, struct str by)
	AWAITS;

/* Tell whoever watches the link. What fails here is only not told. */
void flow_tell(struct connect *connect, const struct flow *flow, const char *state, struct str problem) AWAITS;

/* Keep it under a new ticket; look at the one of a ticket, or take it. As ticket_*. */
NODISCARD enum err flow_keep(struct connect *connect, enum ticket_kind kind, const struct flow *flow, int64_t life_ms,
			     char ret_ticket[TICKET_TEXT_LEN + 1]) AWAITS;
NODISCARD enum err flow_look(struct connect *connect, struct arena *arena, enum ticket_kind kind, struct str ticket,
			     struct flow *ret_flow) AWAITS;
NODISCARD enum err flow_take(struct connect *connect, struct arena *arena, enum ticket_kind kind, struct str ticket,
			     struct flow *ret_flow) AWAITS;

/* One request on its way through a page. */
struct step {
	struct connect *connect;
	struct visit *visit;
	struct arena *arena; /* the visit's */
	bool signs_in;
	struct str upstream; /* of the path */
	struct flow flow;
	struct connect_at at;
	struct user user; /* who is signed in, where people sign in */
	struct str csrf;
};

/* Where the flow leads, by the configuration of now.
 *   Errors     ERR_NOT_FOUND: the server is gone, or wants no accounts any more */
NODISCARD enum err step_find_upstream(struct step *step);

/* Who is in front of the browser.
 *   Errors     ERR_UNAUTHENTICATED: sign in first; ERR_FORBIDDEN: somebody else than the flow is for; ERR_DB ... */
NODISCARD enum err step_check_person(struct step *step) AWAITS;

/* Whether the browser is the one that left for the service. */
bool step_is_of_browser(const struct step *step);

/* End it with a page in plain words, and a row in the trail.
 *   outcome    of the row: an error's name */
NODISCARD enum err step_fail(struct step *step, int status, struct str outcome, const char *title, struct str sentence)
	AWAITS;

/* The account is there: keep it, write the row, go on.
 *   grant      account_id, account_name and picked as they are known */
NODISCARD enum err step_connected(struct step *step, const struct grant *grant) AWAITS;

/* The pages. Each answers, or says why not: see connect_serve. */
NODISCARD enum err start_show(struct step *step) AWAITS;
NODISCARD enum err start_take(struct step *step) AWAITS;
NODISCARD enum err callback_take(struct step *step) AWAITS;
NODISCARD enum err pick_show(struct step *step) AWAITS;
NODISCARD enum err pick_take(struct step *step) AWAITS;
NODISCARD enum err client_show(struct step *step) AWAITS;

#endif
