/* The HTTP+SSE transport of 2024-11-05, for clients that know no other: see sse_server.c.
 *   Source     basic/transports, "HTTP with SSE" (2024-11-05) */
#ifndef GATEHOUSE_GATEWAY_SSE_SERVER_H
#define GATEHOUSE_GATEWAY_SSE_SERVER_H

#include "gateway/request.h"

/* GET /sse, /sse/{toolset}: begin a session, which is this stream.
 *   Errors     ERR_HTTP_METHOD, ERR_HTTP_ACCEPT, ERR_LIMIT, those of http_sse_begin */
NODISCARD enum err sse_server_open(struct request *req) AWAITS;

/* POST /messages?sessionId=: take one message; its answer goes out on the session's stream.
 *   Errors     ERR_HTTP_METHOD, ERR_HTTP_TYPE, ERR_MCP_SESSION_UNKNOWN, ERR_JSON_*, ERR_RPC_*; once the
 *              message was accepted, what its method returned */
NODISCARD enum err sse_server_take(struct request *req) AWAITS;

/* session.c: the session of a stream learns from initialize what its client speaks and can do.
 *   Errors     ERR_MCP_SECOND_INIT */
NODISCARD enum err sse_initialize(struct request *req, const struct mcp_session *said);

/* streams.c: the stream of such a session is closed on this loop; all that was kept for it goes. */
void sse_session_closed(struct gateway_loop *here, const char *session);

#endif
