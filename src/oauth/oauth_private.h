/* What the files of the authorization server share. */
#ifndef GATEHOUSE_OAUTH_OAUTH_PRIVATE_H
#define GATEHOUSE_OAUTH_OAUTH_PRIVATE_H

#include "oauth/oauth.h"

struct oauth {
	uint32_t magic;
	struct oauth_spec spec;
};

#define OAUTH_MAGIC 0x4f415554u /* "OAUT" */

/* The scopes that are named to clients: what endpoints need, and all that may be asked for. */
#define OAUTH_SCOPES_NEEDED "mcp:read mcp:tools"

/* oauth.c's endpoints; each answers, or returns why not. */
NODISCARD enum err metadata_serve(struct oauth *oauth, struct visit *visit) AWAITS;

#endif
