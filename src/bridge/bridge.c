/* The door of the room: which bridge and which endpoint a path means, errors in OAuth's form, and what marks things as
 * ours: names, tags, tokens.
 *
 *     POST            /oauth/bridge/NAME/register        register.c   with an API key of a tenant
 *     GET PUT DELETE  /oauth/bridge/NAME/register/ID     manage.c     with what was answered to that, or a key
 *     GET             /.well-known/oauth-authorization-server/oauth/bridge/NAME, and the other forms   metadata.c */
#include <stdlib.h>

#include "base/check.h"
#include "bridge/bridge_private.h"
#include "http/reply.h"

#define HOME STR("/oauth/bridge/")
#define BELOW STR("oauth/bridge/") /* another path */
#define WELL_KNOWN STR("/.well-known/")
#define SERVER STR("oauth-authorization-server")
#define OPENID STR("openid-configuration")
#define UNIQUE STR("gatehouse-")

enum endpoint { ENDPOINT_NONE, ENDPOINT_REGISTER, ENDPOINT_CLIENT, ENDPOINT_SERVER, ENDPOINT_OPENID };

struct place {
	enum endpoint endpoint;
	struct str bridge, id;
};

struct bridge *bridge_new(const struct bridge_spec *spec)
{
	struct bridge *bridge = calloc(1, sizeof(*bridge));

	CHECK(bridge != NULL);
	bridge->magic = BRIDGE_MAGIC;
	bridge->spec = *spec;
	return bridge;
}

void bridge_free(struct bridge *bridge)
{
	if (bridge == NULL)
		return;
	CHECK_OBJ(bridge, BRIDGE_MAGIC);
	bridge->magic = 0;
	free(bridge);
}

/* ---- paths --------------------------------------------------------------------------- */

static enum endpoint document_of(struct str name)
{
	if (str_eq(name, SERVER))
		return ENDPOINT_SERVER;
	return str_eq(name, OPENID) ? ENDPOINT_OPENID : ENDPOINT_NONE;
}

/* Clients look for the documents in front of the issuer's path, as the standard has it, and behind it. */
static struct place place_of(struct str path)
{
	struct place place = {0};
	struct str rest, document;

	if (str_starts(path, WELL_KNOWN)) {
		if (!str_cut(str_skip(path, WELL_KNOWN.n), '/', &document, &rest) || !str_starts(rest, BELOW))
			return place;
		place.bridge = str_skip(rest, BELOW.n);
		place.endpoint = document_of(document);
		return place;
	}
	if (!str_starts(path, HOME) || !str_cut(str_skip(path, HOME.n), '/', &place.bridge, &rest))
		return place;
	if (str_starts(rest, STR(".well-known/")))
		place.endpoint = document_of(str_skip(rest, sizeof(".well-known/") - 1));
	else if (str_eq(rest, STR("register")))
		place.endpoint = ENDPOINT_REGISTER;
	else if (str_starts(rest, STR("register/")))
		place = (struct place){ENDPOINT_CLIENT, place.bridge, str_skip(rest, sizeof("register/") - 1)};
	return place;
}

bool bridge_has_path(struct str path)
{
	return str_starts(path, HOME) || (str_starts(path, WELL_KNOWN) && place_of(path).endpoint != ENDPOINT_NONE);
}

/* ---- credentials ----------------------------------------------------------------------- */

static struct str bearer_of(const struct visit *visit)
{
	struct str scheme, token;

	if (!str_cut(http_field_get(&visit->exchange->fields, HTTP_AUTHORIZATION), ' ', &scheme, &token) ||
	    !str_eq_nocase(scheme, STR("bearer")))
		return STR("");
	return str_trim(token);
}

bool bridge_wants_caller(const struct visit *visit)
{
	const struct http_fields *fields = &visit->exchange->fields;

	switch (place_of(visit->path).endpoint) {
	case ENDPOINT_REGISTER:
		return visit->exchange->method == HTTP_POST;
	case ENDPOINT_CLIENT:
		return visit->exchange->method != HTTP_OPTIONS && !str_starts(bearer_of(visit), STR("ghb_")) &&
		       (http_field_get(fields, HTTP_AUTHORIZATION).p != NULL ||
			http_field_get(fields, HTTP_X_API_KEY).p != NULL);
	default:
		return false;
	}
}

struct str bridge_token_of(const struct visit *visit)
{
	struct str token = bearer_of(visit);

	return str_starts(token, STR("ghb_")) && token.n < BRIDGE_TOKEN_TEXT_MAX ? token : STR("");
}

void bridge_token_mac(const struct bridge *bridge, struct str token, uint8_t ret_mac[CRYPTO_MAC_BYTES])
{
	const struct str pieces[] = {STR("registration\n"), token};

	crypto_mac(bridge->spec.key, pieces, ARRAY_LEN(pieces), ret_mac);
}

/* ---- names there ----------------------------------------------------------------------- */

void bridge_tag(const struct bridge *bridge, const struct bridge_settings *settings, char ret_tag[GRAPH_TAG_BYTES + 1])
{
	static const char digits[] = "0123456789abcdef";
	const struct str pieces[] = {STR("tag\n"), settings->name}, prefix = UNIQUE;
	uint8_t mac[CRYPTO_MAC_BYTES];
	size_t n = prefix.n;

	crypto_mac(bridge->spec.key, pieces, ARRAY_LEN(pieces), mac);
	memcpy(ret_tag, prefix.p, prefix.n);
	for (size_t i = 0; n + 1 < GRAPH_TAG_BYTES; i++) {
		ret_tag[n++] = digits[mac[i] >> 4];
		ret_tag[n++] = digits[mac[i] & 15];
	}
	ret_tag[n] = '\0';
}

struct str bridge_unique(struct arena *arena, struct str id)
{
	return arena_fmt(arena, "%.*s%.*s", STR_ARG(UNIQUE), STR_ARG(id));
}

struct str bridge_unique_id(struct str unique)
{
	struct str prefix = UNIQUE;

	return str_starts(unique, prefix) && unique.n == prefix.n + ID_LEN ? str_skip(unique, prefix.n) : STR_NONE;
}

/* ---- the trail ------------------------------------------------------------------------- */

AWAITS enum err bridge_audit(struct bridge *bridge, struct visit *visit, const char *event,
			     const struct bridged_client *client, enum err outcome)
{
	struct audit_record record = {
		.event = str_of(event),
		.tenant_id = client->tenant_id,
		.target = client->id,
		.upstream = client->bridge,
		.outcome = outcome == OK ? STR("ok") : str_of(err_name(outcome)),
	};

	if (visit != NULL) {
		record.principal = str_of(visit->caller.principal);
		record.ip = visit->ip;
		record.request_id = visit->request_id;
	}
	return audit_append(bridge->spec.audit, &record);
}

/* ---- errors ---------------------------------------------------------------------------- */

static const struct {
	enum err err;
	const char *word;
} words[] = {
	{ERR_OAUTH_REDIRECT, "invalid_redirect_uri"},
	{ERR_OAUTH_METADATA, "invalid_client_metadata"},
	{ERR_BRIDGE_STATEMENT, "unapproved_software_statement"},
	{ERR_BRIDGE_POLICY, "registration_policy_denied"},
	{ERR_BRIDGE_QUOTA, "access_denied"},
	{ERR_FORBIDDEN, "access_denied"},
	{ERR_SCOPE, "insufficient_scope"},
	{ERR_RATE_LIMITED, "slow_down"},
	{ERR_HTTP_BODY_TOO_LARGE, "invalid_client_metadata"},
	{ERR_NOT_FOUND, "not_found"},
};

static const char *word_of(enum err err)
{
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (words[i].err == err)
			return words[i].word;
	if (err_row(err)->http_status == 401)
		return "invalid_token";
	return err_row(err)->retryable ? "temporarily_unavailable" : "server_error";
}

AWAITS enum err bridge_refuse(struct visit *visit, enum err err)
{
	struct str headers = STR("");
	AUTO_BUF json = {0};

	if (err == ERR_UNAUTHENTICATED)
		headers = STR("WWW-Authenticate: Bearer realm=\"gatehouse\"\r\n");
	else if (err_row(err)->http_status == 401)
		headers = STR("WWW-Authenticate: Bearer realm=\"gatehouse\", error=\"invalid_token\"\r\n");
	buf_put_fmt(&json, "{\"error\":\"%s\",\"error_description\":", word_of(err));
	buf_put_json(&json, visit->problem.n > 0 ? visit->problem : str_of(err_text(err)));
	buf_put_byte(&json, '}');
	return reply_json(visit->exchange, err_row(err)->http_status, headers, buf_str(&json));
}

/* ---- serving --------------------------------------------------------------------------- */

static const struct bridge_settings *find_bridge(const struct bridge_settings *settings, size_t count, struct str name)
{
	for (size_t i = 0; i < count; i++)
		if (str_eq(settings[i].name, name))
			return &settings[i];
	return NULL;
}

static bool method_fits(enum endpoint endpoint, enum http_method method)
{
	switch (endpoint) {
	case ENDPOINT_REGISTER:
		return method == HTTP_POST;
	case ENDPOINT_CLIENT:
		return method == HTTP_GET || method == HTTP_PUT || method == HTTP_DELETE;
	default:
		return method == HTTP_GET || method == HTTP_HEAD;
	}
}

AWAITS static enum err serve(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings,
			     const struct place *place)
{
	if (visit->exchange->body.n > BRIDGE_BODY_BYTES_MAX)
		return ERR_HTTP_BODY_TOO_LARGE;
	switch (place->endpoint) {
	case ENDPOINT_REGISTER:
		return bridge_register(bridge, visit, settings);
	case ENDPOINT_CLIENT:
		return bridge_manage(bridge, visit, settings, place->id);
	default:
		return bridge_metadata(visit, settings, place->endpoint == ENDPOINT_OPENID);
	}
}

AWAITS enum err bridge_serve(struct bridge *bridge, struct visit *visit, const struct bridge_settings *settings,
			     size_t count)
{
	struct http_exchange *exchange = visit->exchange;
	struct place place = place_of(visit->path);
	const struct bridge_settings *found = find_bridge(settings, count, place.bridge);
	struct fiber_shield shield;
	enum err err, written;

	CHECK_OBJ(bridge, BRIDGE_MAGIC);
	if (place.endpoint == ENDPOINT_NONE || found == NULL)
		return ERR_HTTP_ROUTE;
	/* No cookie is looked at here: pages of any origin may ask. */
	exchange->extra_headers =
		arena_fmt(visit->arena, "%.*sAccess-Control-Allow-Origin: *\r\n", STR_ARG(exchange->extra_headers));
	if (exchange->method == HTTP_OPTIONS)
		return http_answer(exchange, 204,
				   STR("Access-Control-Allow-Methods: GET, POST, PUT, DELETE, OPTIONS\r\n"
				       "Access-Control-Allow-Headers: authorization, content-type, x-api-key, "
				       "mcp-protocol-version\r\nAccess-Control-Max-Age: 7200\r\n"),
				   &(struct http_body){0});
	if (!method_fits(place.endpoint, exchange->method))
		return ERR_HTTP_METHOD;
	err = serve(bridge, visit, found, &place);
	if (err == OK || exchange->answered)
		return err;
	shield = fiber_shield_begin(1000);
	written = bridge_refuse(visit, err);
	fiber_shield_end(shield);
	return written == OK ? err : written;
}
