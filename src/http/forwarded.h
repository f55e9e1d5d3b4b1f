/* Who is behind a proxy we trust. */
#ifndef GATEHOUSE_HTTP_FORWARDED_H
#define GATEHOUSE_HTTP_FORWARDED_H

#include "http/header.h"
#include "net/address.h"

#define FORWARDED_HOPS_MAX 32 /* a longer chain is a loop or a joke */

/* Whether requests from this socket peer may say for whom they speak. Unix peers may: the
 * file's mode let them in. Nobody may when no proxy is trusted at all. */
bool http_proxy_is_trusted(const struct prefix *trusted, size_t count, const struct address *peer);

/* Replace a trusted peer by the client it forwards for: the rightmost X-Forwarded-For hop
 * that is not trusted itself. What stands left of that hop is the client's own claim. An
 * element that is no address ends the walk at the hop to its right.
 *   peer, secure  in: of the socket; out: of the client. Unchanged when the peer is not trusted
 *   Source     the de-facto X-Forwarded-For and X-Forwarded-Proto */
void http_forwarded(const struct prefix *trusted, size_t count, const struct http_fields *fields, struct address *peer,
		    bool *secure);

#endif
