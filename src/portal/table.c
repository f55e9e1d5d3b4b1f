/* The table of resources: all there is. Paths, checks, the OpenAPI document, doc/api.md and the command line's verbs
 * are made from it; a new resource is a file of its own and a line here. */
#include "portal/table.h"

const struct resource *const portal_resources[] = {
	&resource_me,
	&resource_tenants,
	&resource_limits,
	&resource_users,
	&resource_service_accounts,
	&resource_roles,
	&resource_keys,
	&resource_certificates,
	&resource_clients,
	&resource_grants,
	&resource_rules,
	&resource_upstreams,
	&resource_toolsets,
	&resource_connections,
	&resource_credentials,
	&resource_audit,
	&resource_common_upstreams,
	&resource_common_toolsets,
	&resource_whole_audit,
	&resource_sync_runs,
	&resource_all_sync_runs,
	&resource_usage,
	&resource_blocked,
};
const size_t portal_resource_count = ARRAY_LEN(portal_resources);
