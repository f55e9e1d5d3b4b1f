/* Calls in a view whose tools are searched for: `search_tools` and `call_tool`. */
#ifndef GATEHOUSE_GATEWAY_SEARCH_MODE_H
#define GATEHOUSE_GATEWAY_SEARCH_MODE_H

#include "gateway/relay.h"

#define SEARCH_ANSWER_BYTES_MAX (64 * 1024) /* of the tools that one search shows */
#define SEARCH_HITS_DEFAULT 8

/* Which tool a tools/call means: the one that call_tool names, else the one that was named. A search
 * is answered here.
 *   name, relay  as the client sent them; name and arguments become those of the tool that is meant
 *   ret_answered a search: the answer has left
 *   Errors       ERR_MCP_ARGUMENTS (the row is written), those of audit and of answering */
NODISCARD enum err search_mode_resolve(struct request *req, struct str *name, struct relay *relay, bool *ret_answered)
	AWAITS;

/* Refuse a name that is no tool of the view, with those that come near.
 *   event      of its row */
NODISCARD enum err search_mode_unknown(struct request *req, struct str event, struct str name) AWAITS;

#endif
