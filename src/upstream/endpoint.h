/* Where the messages of an HTTP+SSE session are POSTed: the server's `endpoint` event. Pure.
 *   Source     MCP 2024-11-05 basic/transports#http-with-sse, RFC 3986 section 5.2 */
#ifndef GATEHOUSE_UPSTREAM_ENDPOINT_H
#define GATEHOUSE_UPSTREAM_ENDPOINT_H

#include "http/client.h"

#define ENDPOINT_BYTES_MAX 4096 /* longer ones are no session id any more */

/* The URI reference `text` as the server at `base` means it.
 *   ret_path   path and query are appended; untouched unless all is well
 *   returns    what is wrong with it (static), NULL when nothing is */
const char *endpoint_resolve(const struct url *base, struct str text, struct buf *ret_path);

#endif
