/* The way from the corridor's door to the rooms that serve pages: a visit is filled in, the room answers, and what it
 * returns instead becomes one JSON answer here. The corridor's checks of Origin are not theirs: a browser navigates
 * to pages with none or a foreign one, and metadata is for any web page. Each room guards its forms by tokens. */
#include "gateway/visits.h"

#include "bridge/bridge.h"
#include "connect/flow.h"
#include "gateway/admission.h"
#include "gateway/rates.h"
#include "oauth/oauth.h"
#include "portal/portal.h"

struct str visits_origin(const struct request *req)
{
	struct str host = http_field_get(&req->exchange->fields, HTTP_HOST);

	if (req->config->identity.public_url.n > 0)
		return req->config->identity.public_url;
	if (!req->gateway->started_config->loopback_only || host.n == 0)
		return STR("");
	return arena_fmt(req->arena, "%s://%.*s", req->exchange->secure ? "https" : "http", STR_ARG(host));
}

struct str visits_resource(const struct request *req)
{
	struct str origin = visits_origin(req);
	struct str name = req->view == NULL ? STR("") : req->view->name;

	if (origin.n == 0)
		return STR("");
	return arena_fmt(req->arena, "%.*s/mcp%s%.*s", STR_ARG(origin), name.n > 0 ? "/" : "", STR_ARG(name));
}

/* Clients that are refused before the view was looked up still learn where its document is. */
static struct str resource_path_of(const struct request *req)
{
	struct str path = req->exchange->path;

	if (path.n > 1 && path.p[path.n - 1] == '/')
		path.n--;
	return str_starts(path, STR("/mcp")) ? path : STR("/mcp");
}

struct str visits_asked(const struct request *req)
{
	struct str path = req->exchange->path, origin;

	if (!str_starts(path, STR("/mcp")) && !str_starts(path, STR("/sse")) && !str_starts(path, STR("/messages")))
		return STR("");
	origin = visits_origin(req);
	if (origin.n == 0)
		return STR("");
	path = resource_path_of(req);
	return arena_fmt(req->arena, "%.*s%.*s", STR_ARG(origin), STR_ARG(path));
}

void visits_challenge(const struct request *req, enum err err, struct buf *out)
{
	struct str origin = visits_origin(req), error = STR("");

	if (err_row(err)->http_status != 401 && err != ERR_SCOPE)
		return;
	if (err != ERR_UNAUTHENTICATED)
		error = err == ERR_SCOPE ? STR("insufficient_scope") : STR("invalid_token");
	if (origin.n > 0 && req->config->identity.oauth)
		oauth_challenge(out, origin, resource_path_of(req), error, STR("mcp:read mcp:tools"),
				str_of(err_text(err)));
	else if (error.n == 0)
		buf_put(out, STR("WWW-Authenticate: Bearer realm=\"gatehouse\"\r\n"));
	else
		buf_put_fmt(out, "WWW-Authenticate: Bearer realm=\"gatehouse\", error=\"%.*s\"\r\n", STR_ARG(error));
}

/* Every endpoint's URL, from the views of the catalog that the request runs with. */
static const struct str *resources_of(struct request *req, struct str origin, size_t *ret_count)
{
	const struct catalog *catalog = req->catalog;
	struct str *resources = arena_alloc(req->arena, (catalog->view_count + 1) * sizeof(*resources));

	for (size_t i = 0; i < catalog->view_count; i++) {
		struct str name = catalog->views[i].name;

		resources[i] =
			arena_fmt(req->arena, "%.*s/mcp%s%.*s", STR_ARG(origin), name.n > 0 ? "/" : "", STR_ARG(name));
	}
	*ret_count = catalog->view_count;
	return resources;
}

/* Who has no other credential may be in a browser: the cookie's person has the limits of any other caller. */
AWAITS static enum err admit_to_portal(struct request *req, struct visit *visit)
{
	enum err err = request_admit(req);

	if (err == ERR_UNAUTHENTICATED) {
		TRY(signin_caller(req->gateway->signin, visit, &req->caller));
		err = rates_take_caller(req);
	}
	visit->caller = req->caller;
	return err;
}

/* The management API takes every credential that /mcp takes, and the cookie; its document is for everybody. */
AWAITS static enum err serve_portal(struct request *req, struct visit *visit)
{
	enum err err = OK;

	if (!portal_is_public(visit->path))
		err = admit_to_portal(req, visit);
	if (err == ERR_UNAUTHENTICATED && visit->problem.n == 0)
		visit->problem = req->problem;
	if (err == OK)
		err = portal_serve(req->gateway->portal, visit);
	if (err != OK && !req->exchange->answered)
		TRY(portal_refuse(visit, err));
	return err;
}

/* Who registers a client at a bridge may manage those of a tenant; what a client got when it registered is the room's
 * to judge, and addresses that guess are noted like those that guess keys. */
AWAITS static enum err serve_bridge(struct request *req, struct visit *visit)
{
	bool by_caller = bridge_wants_caller(visit);
	enum err err = by_caller ? request_admit(req) : rates_check_block(req);

	if (err == OK)
		err = by_caller ? request_permit(req, PERMISSION_CLIENTS_MANAGE) : rates_take_address(req);
	if (err == OK) {
		visit->caller = req->caller;
		err = bridge_serve(req->gateway->bridge, visit, req->config->bridges, req->config->bridge_count);
	} else {
		visit->problem = req->problem;
		TRY(bridge_refuse(visit, err));
	}
	if (err == ERR_TOKEN_INVALID && !by_caller)
		rates_note_failure(req, err);
	return err;
}

AWAITS static enum err serve_room(struct request *req, enum route route, struct visit *visit)
{
	switch (route) {
	case ROUTE_OAUTH:
		return oauth_serve(req->gateway->oauth, visit);
	case ROUTE_SIGNIN:
		return signin_serve(req->gateway->signin, visit);
	case ROUTE_CONNECT:
		return connect_serve(req->gateway->connect, visit, req->config->auth_required);
	case ROUTE_PORTAL:
		return serve_portal(req, visit);
	case ROUTE_BRIDGE:
		return serve_bridge(req, visit);
	default:
		return ERR_HTTP_ROUTE;
	}
}

AWAITS void visits_refuse(struct request *req, struct str headers, struct str problem, enum err err)
{
	struct fiber_shield shield = fiber_shield_begin(1000);
	AUTO_BUF body = {0};
	enum err written;

	buf_put(&body, STR("{\"error\":"));
	buf_put_json(&body, err == ERR_HTTP_ROUTE ? STR("not_found") : str_of(err_name(err)));
	buf_put(&body, STR(",\"error_description\":"));
	buf_put_json(&body, problem.n > 0 ? problem : str_of(err_text(err)));
	buf_put_byte(&body, '}');
	written = answer_json(req, err_row(err)->http_status, headers, &(struct piece){.str = buf_str(&body)}, 1);
	fiber_shield_end(shield);
	if (written != OK)
		log_debug("visit.unanswered", LOG_ERR(written), LOG_STR("request_id", req->id));
}

AWAITS enum err visits_serve(struct request *req, enum route route)
{
	struct visit visit = {
		.exchange = req->exchange,
		.arena = req->arena,
		.path = req->exchange->path,
		.ip = req->ip_text,
		.request_id = req->id,
		.origin = visits_origin(req),
		.settings = &req->config->identity,
		.per_auth = req->config->limits.per_auth,
	};
	enum err err;

	visit.resources = resources_of(req, visit.origin, &visit.resource_count);
	err = (visit.origin.n > 0 || route == ROUTE_PORTAL) && (req->config->auth_required || route == ROUTE_CONNECT)
		      ? serve_room(req, route, &visit)
		      : ERR_HTTP_ROUTE;
	if (err != OK && !req->exchange->answered)
		visits_refuse(req, err == ERR_HTTP_METHOD ? routes_allow(req) : STR(""), visit.problem, err);
	/* Whatever it has changed is to be known at once, here and by the other replicas. An account that was connected
	 * is what a GET has changed: the service sends browsers back with one. */
	if (route == ROUTE_CONNECT || (req->exchange->method != HTTP_GET && req->exchange->method != HTTP_HEAD))
		identity_look(req->gateway->identity);
	return err;
}
