/* Mcp-Param-* headers of a tool call: those that a modern client sent are held against the
 * arguments, and those that a modern server wants are written from them. */
#ifndef GATEHOUSE_GATEWAY_PARAM_HEADERS_H
#define GATEHOUSE_GATEWAY_PARAM_HEADERS_H

#include "gateway/relay.h"

#define PARAM_HEADERS_RENEW_MS 3000 /* a list is read and a catalog built in less */

/* Whether the client's headers say what its arguments do. Only modern clients know of them.
 *   arguments  the tool's, as JSON; p NULL absent
 *   Errors     ERR_MCP_HEADER, with req->problem; ERR_JSON_*, ERR_LIMIT
 *   Source     SEP-2243 */
NODISCARD enum err param_headers_check(struct request *req, const struct catalog_item *tool, struct str arguments);

/* Header lines for the upstream, for clients of either era; in the request's arena, empty when the tool
 * wants none. */
struct str param_headers_write(struct request *req, const struct catalog_item *tool, struct str arguments);

/* The server has refused the lines of this call: wait for the catalog to have its tools anew, and write them
 * again as the tool wants them now.
 *   returns    false: nothing else came of it within PARAM_HEADERS_RENEW_MS
 *   Source     SEP-2243: fetch tools/list again and try once more */
bool param_headers_renew(struct request *req, const struct relay *relay, struct upstream_call *call) AWAITS;

#endif
