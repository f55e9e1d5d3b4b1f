/* How tokens for one server are got: its `auth` of type oauth in the configuration, and what a platform's row of data
 * adds to it. Data alone; what is empty is discovered, or not needed. */
#ifndef GATEHOUSE_AUTHCLIENT_SETTINGS_H
#define GATEHOUSE_AUTHCLIENT_SETTINGS_H

#include "base/arena.h"

enum auth_flow {
	AUTH_FLOW_CODE,	      /* a person agrees in a browser */
	AUTH_FLOW_CLIENT,     /* client_credentials: the gateway as itself */
	AUTH_FLOW_WORKLOAD,   /* jwt-bearer (RFC 7523), from a token of the platform we run on or one we sign for the
				 caller */
	AUTH_FLOW_EXCHANGE,   /* RFC 8693 */
	AUTH_FLOW_ENTERPRISE, /* exchange at the identity provider, then jwt-bearer at the server's issuer (ID-JAG) */
};

/* All zero: nothing is known beforehand. */
struct auth_settings {
	enum auth_flow flow;
	bool dpop;	     /* ask for tokens that are bound to a key of ours, where the issuer knows them */
	struct str provider; /* a row of authclient/providers.c */
	struct str issuer;   /* not to be discovered */
	struct str authorize_url, token_url, revoke_url; /* with token_url nothing is discovered */
	struct str longer_url; /* where a code's token is exchanged for one that lives longer; empty: token_url */
	struct str renew_url;  /* where tokens are renewed; empty: token_url */
	struct str client_id, client_secret, private_key; /* the key: PEM, of ES256 or RS256 */
	struct str scope, resource, audience;
	struct str subject_file; /* WORKLOAD, EXCHANGE, ENTERPRISE: a token to start from; empty: one that we sign */
	struct str idp_issuer, idp_token_url, idp_client_id, idp_client_secret; /* ENTERPRISE */
	struct str identity_url, identity_id, identity_name; /* whose account it is: JSON pointers into the answer */
	struct str pick_url, pick_items, pick_id, pick_name; /* one of several, chosen by the person */
	struct str pick_header;				     /* that calls say its id in; empty: none */
};

/* Into `to`, with copies of its texts in `arena`. */
void auth_settings_copy(struct arena *arena, const struct auth_settings *from, struct auth_settings *to);
bool auth_settings_same(const struct auth_settings *a, const struct auth_settings *b);

#endif
