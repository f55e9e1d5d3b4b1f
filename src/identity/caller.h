/* Who is calling: what every credential turns into. */
#ifndef GATEHOUSE_IDENTITY_CALLER_H
#define GATEHOUSE_IDENTITY_CALLER_H

#include "base/random.h"

enum role { ROLE_NONE, ROLE_VIEWER, ROLE_MEMBER, ROLE_ADMIN, ROLE_OWNER };

struct caller {
	char tenant_id[ID_LEN + 1];
	char principal[ID_LEN + 1]; /* the key's id; "anonymous" when auth is off */
	char tenant_name[64];
	enum role role;
	int64_t expires_ms; /* of the credential, wall time; 0 never */
};

/* "owner" ...; ROLE_NONE for anything unknown. */
enum role role_of(struct str name);
const char *role_name(enum role role);

#endif
