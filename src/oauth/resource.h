/* Resource indicators: which MCP endpoint a client means. Each endpoint has one canonical URL, which is shown
 * everywhere and is the audience of tokens; what clients send may differ from it a little. */
#ifndef GATEHOUSE_OAUTH_RESOURCE_H
#define GATEHOUSE_OAUTH_RESOURCE_H

#include "base/str.h"

/* The canonical URL among `resources` that `text` means: the same but for one slash at its end, the case of scheme
 * and host, the scheme's own port, or a query.
 *   ret_resource  one of `resources`
 *   Errors        ERR_NOT_FOUND; a fragment is never right
 *   Source        RFC 8707 section 2, RFC 3986 section 6.2 */
NODISCARD enum err resource_match(const struct str *resources, size_t count, struct str text, struct str *ret_resource);

/* The part of an absolute URL from its path on; empty when there is none. */
struct str resource_path(struct str url);

#endif
