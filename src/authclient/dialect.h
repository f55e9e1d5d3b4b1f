/* What an authorization server does otherwise than the standard says. A row of data a platform, so that the code that
 * asks is one. */
#ifndef GATEHOUSE_AUTHCLIENT_DIALECT_H
#define GATEHOUSE_AUTHCLIENT_DIALECT_H

#include "base/str.h"

enum auth_pkce {
	PKCE_S256,
	PKCE_HEX, /* the digest in hexadecimal */
	PKCE_OFF, /* confuses it */
};

/* All zero: as the standard says. */
struct auth_dialect {
	const char *client_id_name;  /* NULL: "client_id" */
	const char *scope_separator; /* NULL: a space */
	const char *authorize_more;  /* more of the query, encoded: "access_type=offline&prompt=consent" */
	enum auth_pkce pkce;
	bool token_by_get;
};

static inline struct str dialect_client_id(const struct auth_dialect *dialect)
{
	return dialect->client_id_name == NULL ? STR("client_id") : str_of(dialect->client_id_name);
}

#endif
