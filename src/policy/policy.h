/* May they? A pure function of the caller's role and the permission asked for; no I/O, no
 * clock, no state. */
#ifndef GATEHOUSE_POLICY_POLICY_H
#define GATEHOUSE_POLICY_POLICY_H

#include "identity/caller.h"

/* X(ID, "name", least role) */
#define PERMISSION_TABLE(X)                                                                                            \
	X(CATALOG_LIST, "catalog:list", ROLE_VIEWER)                                                                   \
	X(RESOURCES_READ, "resources:read", ROLE_VIEWER)                                                               \
	X(PROMPTS_GET, "prompts:get", ROLE_VIEWER)                                                                     \
	X(TOOLS_CALL, "tools:call", ROLE_MEMBER)                                                                       \
	X(STATUS_READ, "status:read", ROLE_ADMIN)                                                                      \
	X(KEYS_MANAGE, "keys:manage", ROLE_ADMIN)                                                                      \
	X(AUDIT_READ, "audit:read", ROLE_ADMIN)                                                                        \
	X(TENANT_MANAGE, "tenant:manage", ROLE_OWNER)

enum permission {
#define X(id, name, least) PERMISSION_##id,
	PERMISSION_TABLE(X)
#undef X
		PERMISSION_COUNT,
};

/* OK or ERR_FORBIDDEN. */
NODISCARD enum err policy_decide(const struct caller *caller, enum permission permission);
const char *permission_name(enum permission permission);

#endif
