/* Every resource, one file each or a few that belong together. Private to the room. */
#ifndef GATEHOUSE_PORTAL_TABLE_H
#define GATEHOUSE_PORTAL_TABLE_H

#include "portal/work.h"

/* resource_tenant.c */
extern const struct resource resource_tenants, resource_limits, resource_me;
/* resource_user.c */
extern const struct resource resource_users, resource_service_accounts;
/* resource_key.c */
extern const struct resource resource_keys;
/* resource_certificate.c */
extern const struct resource resource_certificates;
/* resource_policy.c */
extern const struct resource resource_roles, resource_rules;
/* resource_client.c */
extern const struct resource resource_clients, resource_grants;
/* resource_part.c */
extern const struct resource resource_upstreams, resource_common_upstreams, resource_toolsets, resource_common_toolsets;
/* resource_credential.c */
extern const struct resource resource_credentials;
/* resource_connection.c */
extern const struct resource resource_connections;
/* resource_usage.c */
extern const struct resource resource_usage;
/* resource_blocked.c */
extern const struct resource resource_blocked;
/* resource_audit.c */
extern const struct resource resource_audit, resource_whole_audit;
/* resource_sync.c */
extern const struct resource resource_sync_runs, resource_all_sync_runs;

#endif
