/* Everything about a request that is HTTP and not MCP: paths, origins, media types, CORS. Foreign
 * web pages are refused by Origin, and by Host where only this machine can connect. */
#include "gateway/routes.h"

#include "bridge/bridge.h"
#include "gateway/admission.h"
#include "gateway/operator.h"
#include "inngest/inngest.h"

static const struct {
	struct str path;
	enum route route;
} exact_paths[] = {
	{{"/mcp", 4}, ROUTE_MCP},	    {{"/mcp/", 5}, ROUTE_MCP},
	{{"/sse", 4}, ROUTE_SSE},	    {{"/messages", 9}, ROUTE_MESSAGES},
	{{"/health/live", 12}, ROUTE_LIVE}, {{"/health/ready", 13}, ROUTE_READY},
	{{"/metrics", 8}, ROUTE_METRICS},   {{"/status", 7}, ROUTE_STATUS},
	{{"/media", 6}, ROUTE_MEDIA},	    {{INNGEST_PATH, sizeof(INNGEST_PATH) - 1}, ROUTE_INNGEST},
};

static const struct {
	struct str prefix;
	enum route route;
} prefixes[] = {
	{{"/mcp/", 5}, ROUTE_MCP},
	{{"/sse/", 5}, ROUTE_SSE},
	{{"/.well-known/", 13}, ROUTE_OAUTH},
	{{"/oauth/", 7}, ROUTE_OAUTH},
	{{"/login", 6}, ROUTE_SIGNIN},
	{{"/logout", 7}, ROUTE_SIGNIN},
	{{"/api/", 5}, ROUTE_PORTAL},
	{{"/auth/", 6}, ROUTE_CONNECT},
	{{"/media/", 7}, ROUTE_MEDIA},
	{{"/webhooks/", 10}, ROUTE_WEBHOOKS},
};

/* The metadata of an endpoint is asked for below it as well. */
static bool is_metadata(struct str path)
{
	struct str mark = STR("/.well-known/");

	return memmem(path.p, path.n, mark.p, mark.n) != NULL;
}

enum route routes_find(const struct request *req)
{
	struct str path = req->exchange->path;

	for (size_t i = 0; i < ARRAY_LEN(exact_paths); i++)
		if (str_eq(path, exact_paths[i].path))
			return exact_paths[i].route;
	if (bridge_has_path(path))
		return ROUTE_BRIDGE;
	for (size_t i = 0; i < ARRAY_LEN(prefixes); i++)
		if (str_starts(path, prefixes[i].prefix))
			return prefixes[i].route == ROUTE_MCP && is_metadata(path) ? ROUTE_OAUTH : prefixes[i].route;
	return ROUTE_NONE;
}

enum err routes_find_view(struct request *req)
{
	struct str name = str_skip(req->exchange->path, strlen("/mcp/")); /* "/sse/" is as long */

	if (name.n > 0 && name.p[name.n - 1] == '/')
		name.n--;
	req->view = catalog_view(req->catalog, name);
	if (req->view != NULL && (req->view->owner.n == 0 || str_eq(req->view->owner, str_of(req->caller.tenant_id))))
		return OK;
	req->view = NULL; /* another tenant's is as good as none */
	req->problem =
		arena_fmt(req->arena, "no such toolset: %.*s; the config's `toolsets` names them", STR_ARG(name));
	return ERR_MCP_TOOLSET;
}

static bool listed(const struct str *list, size_t count, struct str value)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq_nocase(list[i], value) || str_eq(list[i], STR("*")))
			return true;
	return false;
}

/* The host of "host:port" or "[v6]:port". */
static struct str host_of(struct str authority)
{
	struct str host, port;

	if (authority.n > 0 && authority.p[0] == '[') {
		const char *end = memchr(authority.p, ']', authority.n);

		return end == NULL ? authority : (struct str){authority.p, (size_t)(end - authority.p) + 1};
	}
	str_cut(authority, ':', &host, &port);
	return host;
}

static bool is_local_name(struct str host)
{
	return str_eq_nocase(host, STR("localhost")) || str_eq(host, STR("127.0.0.1")) || str_eq(host, STR("[::1]"));
}

static bool origin_allowed(const struct request *req, struct str origin)
{
	struct str scheme, rest;

	if (listed(req->config->origins, req->config->origin_count, origin) ||
	    (origin.n > 0 && str_eq_nocase(req->config->identity.public_url, origin)))
		return true;
	if (!str_cut(origin, ':', &scheme, &rest) || !str_starts(rest, STR("//")))
		return false;
	return (str_eq(scheme, STR("http")) || str_eq(scheme, STR("https"))) &&
	       is_local_name(host_of(str_skip(rest, 2)));
}

/* A web page that points a name of its own at 127.0.0.1 gives itself away by its Host. */
static bool host_allowed(const struct request *req, struct str host)
{
	struct str scheme, rest;

	if (!req->gateway->started_config->loopback_only)
		return true;
	str_cut(req->config->identity.public_url, ':', &scheme, &rest);
	return is_local_name(host_of(host)) || listed(req->config->hosts, req->config->host_count, host_of(host)) ||
	       (rest.n > 2 && str_eq_nocase(host_of(str_skip(rest, 2)), host_of(host)));
}

/* Headers a browser needs to see our answers. */
static void add_cors(struct request *req, struct str origin)
{
	struct str before = req->exchange->extra_headers;

	req->exchange->extra_headers =
		arena_fmt(req->arena,
			  "%.*sAccess-Control-Allow-Origin: %.*s\r\nVary: Origin\r\n"
			  "Access-Control-Expose-Headers: mcp-session-id, mcp-protocol-version, www-authenticate, "
			  "x-request-id, retry-after\r\n",
			  STR_ARG(before), STR_ARG(origin));
}

enum err routes_check_host(struct request *req)
{
	struct str host = http_field_get(&req->exchange->fields, HTTP_HOST);

	request_name(req);
	return host.p == NULL || host_allowed(req, host) ? OK : ERR_HTTP_ORIGIN;
}

enum err routes_check_origin(struct request *req)
{
	struct str origin = http_field_get(&req->exchange->fields, HTTP_ORIGIN);

	if (origin.p == NULL)
		return OK;
	if (!origin_allowed(req, origin))
		return ERR_HTTP_ORIGIN;
	add_cors(req, origin);
	return OK;
}

static bool is_json_type(struct str type)
{
	struct str media, parameters;

	if (str_eq(type, STR("application/json")))
		return true;

	str_cut(type, ';', &media, &parameters);
	return str_eq_nocase(str_trim(media), STR("application/json"));
}

enum err routes_check_type(const struct request *req)
{
	return is_json_type(http_field_get(&req->exchange->fields, HTTP_CONTENT_TYPE)) ? OK : ERR_HTTP_TYPE;
}

enum err routes_check_media(struct request *req)
{
	struct str accept = http_field_get(&req->exchange->fields, HTTP_ACCEPT);

	TRY(routes_check_type(req));
	/* What every SDK sends is not worth parsing. */
	if (str_eq(accept, STR("application/json, text/event-stream"))) {
		req->accepts_json = req->accepts_sse = true;
		return OK;
	}
	/* No Accept, or an empty one, takes both: scripts and probes send none. */
	req->accepts_json = accept.n == 0 || http_accepts(accept, STR("application/json"));
	req->accepts_sse = accept.n == 0 || http_accepts(accept, STR("text/event-stream"));
	return req->accepts_json || req->accepts_sse ? OK : ERR_HTTP_ACCEPT;
}

struct str routes_allow(const struct request *req)
{
	switch (routes_find(req)) {
	case ROUTE_MCP:
		return STR("Allow: GET, POST, DELETE\r\n");
	case ROUTE_MESSAGES:
		return STR("Allow: POST\r\n");
	case ROUTE_MEDIA:
		return STR("Allow: GET, HEAD, POST, PUT, DELETE\r\n");
	case ROUTE_INNGEST:
		return STR("Allow: GET, POST, PUT\r\n");
	default:
		return STR("Allow: GET\r\n");
	}
}

/* The headers a preflight may ask for: ours, and any mcp-param-*, echoed since a wildcard is
 * not allowed together with credentials. */
static void put_allowed_headers(struct str asked, struct buf *out)
{
	buf_put(out, STR("Access-Control-Allow-Headers: authorization, content-type, accept, x-api-key, x-request-id, "
			 "mcp-protocol-version, mcp-session-id, mcp-method, mcp-name, last-event-id, dpop, "
			 "traceparent, tracestate, baggage"));
	while (asked.n > 0) {
		struct str name, rest;

		str_cut(asked, ',', &name, &rest);
		name = str_trim(name);
		if (name.n > 10 && str_eq_nocase((struct str){name.p, 10}, STR("mcp-param-"))) {
			buf_put(out, STR(", "));
			buf_put(out, name);
		}
		asked = rest;
	}
	buf_put(out, STR("\r\n"));
}

AWAITS enum err routes_preflight(struct request *req)
{
	struct str asked = http_field_get(&req->exchange->fields, HTTP_ACCESS_CONTROL_REQUEST_HEADERS);
	const char *put = routes_find(req) == ROUTE_MEDIA ? "PUT, " : "";
	AUTO_BUF headers = {0};

	buf_put_fmt(&headers,
		    "Access-Control-Allow-Methods: GET, POST, %sDELETE, OPTIONS\r\n"
		    "Access-Control-Max-Age: 7200\r\nAllow: GET, POST, %sDELETE, OPTIONS\r\n",
		    put, put);
	put_allowed_headers(asked, &headers);
	return http_answer(req->exchange, 204, buf_str(&headers), &(struct http_body){0});
}

AWAITS enum err routes_serve_operator(struct request *req, enum route route)
{
	if (req->exchange->method != HTTP_GET && req->exchange->method != HTTP_HEAD)
		return ERR_HTTP_METHOD;
	switch (route) {
	case ROUTE_LIVE:
		return operator_live(req);
	case ROUTE_READY:
		return operator_ready(req);
	case ROUTE_METRICS:
		return operator_metrics(req);
	default:
		return operator_status(req);
	}
}
