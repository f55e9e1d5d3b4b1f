/* A token for a call, good now; and what it means when a server refuses it.
 *
 *      ...........................................|.......|....|
 *      stored                                    due     spare end
 *        given as it is                            │       └ waited for
 *                                                  └ given as it is, and one caller begins a renewal
 */
#ifndef GATEHOUSE_CONNECT_FRESH_H
#define GATEHOUSE_CONNECT_FRESH_H

#include "authclient/dpop.h"
#include "authclient/token.h"
#include "base/random.h"
#include "base/secret_text.h"
#include "connect/connect.h"
#include "http/challenge.h"

/* A token is renewed in the last tenth of its life, but not earlier than this. */
#define FRESH_AHEAD_MS_MAX (5 * 60 * 1000LL)
/* It is not sent in the last twentieth of it, but for this at most: it could end on its way. */
#define FRESH_SPARE_MS_MAX 5000

#define FRESH_PICKED_BYTES_MAX 128 /* as connect/identity.h keeps ids */
#define FRESH_SCOPES_BYTES_MAX 2048

struct fresh {
	struct secret_text *token;
	enum token_type type;
	struct dpop_key *dpop; /* NULL: it is sent without proofs */
	int64_t changed_ms;    /* names this token: see struct connect_refusal */
	int64_t expires_ms;    /* wall time; 0: it does not say */
	int64_t again_ms;      /* it may be kept until then, and asked for again; 0: until the generation moves */
	char id[ID_LEN + 1];   /* the row's */
	char picked[FRESH_PICKED_BYTES_MAX +
		    1]; /* of several, its id; empty: none was, or it cannot stand in a header */
	char account_id[FRESH_PICKED_BYTES_MAX + 1], account_name[FRESH_PICKED_BYTES_MAX + 1]; /* empty: not known */
	char scopes[FRESH_SCOPES_BYTES_MAX + 1]; /* that it has; empty: not known */
};

/* Give back what it refers to. */
void fresh_end(struct fresh *fresh);

/* Get one. Of a flow that needs no person the first token is asked for here.
 *   ret_fresh  fresh_end when done
 *   Errors     ERR_CREDENTIAL_MISSING: nobody has connected an account; ERR_CREDENTIAL_REAUTH: it must be connected
 *              again; ERR_CREDENTIAL_REFUSED: the service refuses the gateway itself; ERR_UPSTREAM_DOWN,
 *              ERR_UPSTREAM_TIMEOUT, ERR_UPSTREAM_GARBAGE ...: it cannot be renewed now; ERR_DB ...
 *   Runs on    a fiber, any loop, as all below */
NODISCARD enum err connect_fresh(struct connect *connect, const struct connect_at *at, struct fresh *ret_fresh) AWAITS;

enum connect_verdict {
	CONNECT_GIVE_UP, /* the refusal stands */
	CONNECT_AGAIN,	 /* there is another token by now: send the call once more */
	CONNECT_CONSENT, /* the person has to agree, again or to more */
};

/* A server has refused a call. */
struct connect_refusal {
	int status; /* 401 or 403 */
	const struct challenges *challenges;
	int64_t changed_ms; /* of the token that was sent */
};

/* Do what can be done about it.
 *   Errors     as connect_fresh: the refusal stands, and could not be looked into */
NODISCARD enum err connect_refused(struct connect *connect, const struct connect_at *at,
				   const struct connect_refusal *refusal, enum connect_verdict *ret_verdict) AWAITS;

#endif
