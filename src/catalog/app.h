/* MCP Apps: tools that name a ui:// resource for their host to show. Private to the room.
 *   Source     SEP-1865 */
#ifndef GATEHOUSE_CATALOG_APP_H
#define GATEHOUSE_CATALOG_APP_H

#include "base/json_scan.h"
#include "catalog/shelf.h"

#define APP_SCHEME STR("ui://")

/* The resource that a tool names; borrowed from it. STR_NONE when it names none. */
struct str app_uri_of(yyjson_val *tool);

/* The URI of a resource whose own one another upstream of the view has; in `arena`. The scheme stays, since
 * hosts look at it. */
struct str app_alias(struct arena *arena, struct str upstream, struct str uri);

/* Give each tool of the view the URI under which clients read its resource, listed or not. */
void view_link_apps(struct catalog *catalog, struct catalog_view *view);

/* The members of a tool's JSON that name its resource, in document order.
 *   returns    how many, at most 2 */
size_t app_members(const struct json_index *index, const struct json_member *ret_member[2]);

#endif
