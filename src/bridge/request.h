/* A registration request (RFC 7591), judged: what an application of it will be. Pure. Private to the room. */
#ifndef GATEHOUSE_BRIDGE_REQUEST_H
#define GATEHOUSE_BRIDGE_REQUEST_H

#include "base/json.h"
#include "bridge/settings.h"

#define BRIDGE_BODY_BYTES_MAX (64 * 1024)
#define BRIDGE_CLIENT_NAME_BYTES_MAX 100 /* with "mcp-" below the 120 characters that the provider's pages show */

/* How a client proves itself at the token endpoint. */
enum bridge_auth { BRIDGE_AUTH_NONE, BRIDGE_AUTH_BASIC, BRIDGE_AUTH_POST };
const char *bridge_auth_name(enum bridge_auth auth); /* "client_secret_basic" */

/* Where an application may be called back: the provider keeps three lists, by the kind of program. */
enum bridge_platform {
	BRIDGE_WEB,    /* a server that keeps a secret */
	BRIDGE_NATIVE, /* a program on the user's machine */
	BRIDGE_SPA,    /* a page in a browser */
	BRIDGE_PLATFORMS,
};

struct bridge_request {
	struct str client_name;
	struct str redirect_uris; /* those that are granted, a JSON array */
	enum bridge_platform platform;
	enum bridge_auth auth;
	bool refreshes;			     /* grant_types has refresh_token */
	struct str scope;		     /* those that are granted, between spaces */
	uint32_t scopes;		     /* the same as bits: the settings' scopes by their places */
	struct str application_type;	     /* "web", "native"; empty: it does not say */
	struct str client_id, client_secret; /* of an update, p NULL: not named */
};

/* Read one. What cannot be granted is left out where the standard lets a server answer with less: redirect URIs and
 * scopes, as long as one is left. Nothing that it names is fetched.
 *   problem     on error: a sentence for who registers
 *   ret_request strings in `arena`
 *   Errors      ERR_OAUTH_METADATA, ERR_OAUTH_REDIRECT (no URI is left), ERR_BRIDGE_STATEMENT
 *   Runs on     any thread */
NODISCARD enum err bridge_request_read(struct arena *arena, const struct bridge_settings *settings, struct str body,
				       struct buf *problem, struct bridge_request *ret_request);

/* Append it as it is answered: the members of a JSON object, without braces. */
void bridge_request_put(const struct bridge_request *request, struct buf *out);

/* What has been kept of one in that form, read again.
 *   Errors      ERR_DB_CORRUPT */
NODISCARD enum err bridge_request_kept(struct arena *arena, struct str json, struct bridge_request *ret_request);

#endif
