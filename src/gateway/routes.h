/* Paths, origins, media types: everything about a request that is HTTP and not MCP. */
#ifndef GATEHOUSE_GATEWAY_ROUTES_H
#define GATEHOUSE_GATEWAY_ROUTES_H

#include "gateway/request.h"

enum route {
	ROUTE_NONE,
	ROUTE_MCP,
	ROUTE_SSE,	/* HTTP+SSE: the stream, */
	ROUTE_MESSAGES, /* and what clients say */
	ROUTE_LIVE,
	ROUTE_READY,
	ROUTE_METRICS,
	ROUTE_STATUS,
	ROUTE_MEDIA,	/* files: uploads.c */
	ROUTE_WEBHOOKS, /* platforms tell something: webhooks.c */
	ROUTE_INNGEST,	/* another scheduler: inngest.c */
	ROUTE_OAUTH,	/* from here on rooms of their own: visits.c */
	ROUTE_SIGNIN,
	ROUTE_CONNECT,
	ROUTE_PORTAL,
	ROUTE_BRIDGE,
};

/* Which endpoint a path means. */
enum route routes_find(const struct request *req);

/* Set the request's view from /mcp or /mcp/{toolset}, /sse or /sse/{toolset}.
 *   Errors     ERR_MCP_TOOLSET */
NODISCARD enum err routes_find_view(struct request *req);

/* Name the request, and refuse foreign web pages: by Host where the listener is a loopback one, and by Origin.
 *   Errors     ERR_HTTP_ORIGIN */
NODISCARD enum err routes_check_host(struct request *req);
NODISCARD enum err routes_check_origin(struct request *req);

/* Content-Type and Accept of a POSTed message.
 *   Errors     ERR_HTTP_TYPE, ERR_HTTP_ACCEPT */
NODISCARD enum err routes_check_media(struct request *req);

/* Content-Type alone: where Accept has no meaning.
 *   Errors     ERR_HTTP_TYPE */
NODISCARD enum err routes_check_type(const struct request *req);

/* The Allow header of a path. */
struct str routes_allow(const struct request *req);

/* Answer a CORS preflight. */
NODISCARD enum err routes_preflight(struct request *req) AWAITS;

/* Health, metrics, status. */
NODISCARD enum err routes_serve_operator(struct request *req, enum route route) AWAITS;

#endif
