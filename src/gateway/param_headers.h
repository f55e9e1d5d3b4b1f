/* Mcp-Param-* headers of a tool call: those that a modern client sent are held against the
 * arguments, and those that a modern server wants are written from them. */
#ifndef GATEHOUSE_GATEWAY_PARAM_HEADERS_H
#define GATEHOUSE_GATEWAY_PARAM_HEADERS_H

#include "gateway/request.h"

/* Whether the client's headers say what its arguments do. Only modern clients know of them.
 *   arguments  the tool's, as JSON; p NULL absent
 *   Errors     ERR_MCP_HEADER, with req->problem; ERR_JSON_*, ERR_LIMIT
 *   Source     SEP-2243 */
NODISCARD enum err param_headers_check(struct request *req, const struct catalog_item *tool, struct str arguments);

/* Header lines for the upstream, for clients of either era; in the request's arena, empty when the tool
 * wants none. */
struct str param_headers_write(struct request *req, const struct catalog_item *tool, struct str arguments);

#endif
