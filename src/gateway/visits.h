/* Requests that are not for MCP: pages and JSON of the rooms that sign people and machines in, and the management
 * API. Here is what these rooms and challenges need to know about the place they are served at. */
#ifndef GATEHOUSE_GATEWAY_VISITS_H
#define GATEHOUSE_GATEWAY_VISITS_H

#include "gateway/request.h"
#include "gateway/routes.h"

/* Answer a request for a path of such a room: also when it fails.
 *   Errors     as the rooms say: for the log; the answer is written */
NODISCARD enum err visits_serve(struct request *req, enum route route) AWAITS;

/* Answer an error with its status and a short JSON body.
 *   problem    says more than the error's text; may be empty
 *   headers    full lines */
void visits_refuse(struct request *req, struct str headers, struct str problem, enum err err) AWAITS;

/* The gateway's own origin as this request's client knows it: `public_url`, or on loopback listeners, whose Host is
 * checked, the one the request was sent to. Empty: not known, so that nothing can be issued in its name.
 *   Ownership  the request's arena, or its config */
struct str visits_origin(const struct request *req);

/* The canonical URL of the MCP endpoint that a request is for: the audience of its tokens. Empty as visits_origin. */
struct str visits_resource(const struct request *req);

/* The same before the view is known, as the client asked: what a token must have been issued for. Empty also outside
 * of MCP: there a token for any of our endpoints will do. */
struct str visits_asked(const struct request *req);

/* Append the WWW-Authenticate line of an answer to an MCP endpoint: nothing for errors that need none. */
void visits_challenge(const struct request *req, enum err err, struct buf *out);

#endif
