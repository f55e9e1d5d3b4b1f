/* The credential that a request to an HTTP server carries, when its upstream has `auth`. Private to the room. */
#ifndef GATEHOUSE_UPSTREAM_CREDENTIAL_H
#define GATEHOUSE_UPSTREAM_CREDENTIAL_H

#include "upstream/ask.h"

/* A credential on its way into one request, and into its repetition. Zero it but for the first three to start. */
struct carried {
	struct behalf behalf;
	struct str method, body;
	bool repeated;		  /* this is the second time */
	struct secret_text *text; /* NULL: none is needed */
	struct buf path;	  /* with the credential in its query */
	struct buf *head;	  /* where it stands as lines; NULL nowhere */
	size_t head_from;
};

/* Get it and put it in: last into `head`, to which nothing is appended afterwards, or into the path.
 *   ret_path   lives as long as `carried` holds it
 *   Errors     ERR_CREDENTIAL_*, ERR_CRYPTO, ERR_DB ...: nothing was put */
NODISCARD enum err carried_put(struct upstream *upstream, struct carried *carried, struct buf *head,
			       struct str *ret_path) AWAITS;

/* The request has gone out, or never will: wipe what was put and let go. */
void carried_done(struct carried *carried);

/* As carried_done, when the exchange ended with `err`, and hear whether it shall be made once more with what
 * carried_put gets by now: a server that does not take a credential has done nothing. fields     of the answer to
 * ERR_UPSTREAM_AUTH returns    the exchange's error; for a caller's own credential what is wrong with that */
NODISCARD enum err carried_settle(struct upstream *upstream, struct carried *carried, enum err err, int status,
				  const struct http_fields *fields, bool *ret_again) AWAITS;

/* A whole call with its credential behind the lines that `head` has, sent again as said above; for exchanges whose
 * answer is the caller's to read.
 *   call       path, headers and body are set here
 *   Errors     as http_call and carried_put; a refusal that stands is an answer */
NODISCARD enum err carried_call(struct upstream *upstream, struct http_pool *pool, struct arena *arena,
				const struct behalf *behalf, struct buf *head, struct str body, struct http_call *call,
				struct http_answer **ret_answer) AWAITS;

#endif
