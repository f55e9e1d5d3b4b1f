/* Where a server's authorization server is, and what it can: places to look at, documents to believe. Pure; who asks is
 * discover.c.
 *
 *     401 ─challenge─▶ resource document ─issuer─▶ issuer document ─▶ endpoints
 *                      (RFC 9728)                  (RFC 8414, OpenID Connect Discovery)
 *
 *   Source     MCP 2026-07-28 basic/authorization/authorization-server-discovery */
#ifndef GATEHOUSE_AUTHCLIENT_DISCOVERY_H
#define GATEHOUSE_AUTHCLIENT_DISCOVERY_H

#include "base/arena.h"
#include "http/client.h"

#define PLACES_MAX 3

/* URLs of one document, to be asked in this order until one answers. */
struct places {
	struct str url[PLACES_MAX];
	size_t count;
};

/* Of the document that describes a protected resource: in front of the server's path, then at the root.
 *   ret_places  in `arena` */
void places_of_resource(struct arena *arena, const struct url *server, struct places *ret_places);

/* Of the document that describes an authorization server.
 *   Errors     ERR_CONFIG: `issuer` is no http(s) URL without a query */
NODISCARD enum err places_of_issuer(struct arena *arena, struct str issuer, struct places *ret_places);

/* What a protected resource says of itself. Strings live as long as the document's arena. */
struct resource_facts {
	struct str resource; /* to be repeated byte by byte in each request for a token */
	struct str issuer;   /* the first of its authorization servers */
	struct str scopes;   /* separated by spaces; p NULL: it names none */
};

/* Read it. It must be about this server: of the same origin, its path a prefix; else somebody's document sends us, and
 * our user's consent, to another resource.
 *   problem    what is wrong, for the operator
 *   Errors     ERR_UPSTREAM_GARBAGE: no such document (look elsewhere); ERR_UPSTREAM_AUTH: about another server */
NODISCARD enum err resource_facts_read(struct arena *arena, struct str json, const struct url *server,
				       struct buf *problem, struct resource_facts *ret_facts);

enum client_auth {
	CLIENT_AUTH_NONE = 1 << 0, /* a public client: its id in the form */
	CLIENT_AUTH_BASIC = 1 << 1,
	CLIENT_AUTH_POST = 1 << 2,
	CLIENT_AUTH_JWT = 1 << 3, /* private_key_jwt */
};
/* As registrations spell it: "client_secret_basic". */
struct str client_auth_name(enum client_auth auth);
/* 0 for what is not known here. */
unsigned client_auth_of(struct str name);

/* What an authorization server says of itself. */
struct issuer_facts {
	struct str issuer;
	struct str authorization_endpoint, token_endpoint;
	struct str registration_endpoint, revocation_endpoint; /* p NULL none */
	unsigned auths;					       /* bits of enum client_auth; 0: it does not say */
	bool client_documents;				       /* a client may be the URL of its metadata */
	bool iss_promised;				       /* its answers name it (RFC 9207) */
	bool offline_access;				       /* knows that scope */
	bool dpop;					       /* takes DPoP proofs with ES256 */
};

/* Read it, and believe it only when it names `issuer` byte by byte and knows PKCE with S256.
 *   plain      its endpoints may be http
 *   Errors     ERR_UPSTREAM_GARBAGE: no such document (look elsewhere); ERR_UPSTREAM_AUTH: not to be believed */
NODISCARD enum err issuer_facts_read(struct arena *arena, struct str json, struct str issuer, bool plain,
				     struct buf *problem, struct issuer_facts *ret_facts);

/* The endpoints that servers of 2025-03-26 have when they describe nothing: at the root of their origin. */
void issuer_facts_guess(struct arena *arena, const struct url *server, struct issuer_facts *ret_facts);

/* "https://host:port" of a URL, as it was written. */
struct str url_origin(const struct url *url);

#endif
