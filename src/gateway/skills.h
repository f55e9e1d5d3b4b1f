/* The skills extension: one list made of the lists of all servers in view that have skills; what is
 * asked of one skill goes to its server.
 *   Source     SEP-2640 */
#ifndef GATEHOUSE_GATEWAY_SKILLS_H
#define GATEHOUSE_GATEWAY_SKILLS_H

#include "gateway/relay.h"

/* skills/list: a page of one server's, then the next server's.
 *   Errors     ERR_RPC_METHOD: nobody in view has skills; ERR_MCP_CURSOR; those of relay_call */
NODISCARD enum err relay_skills(struct request *req) AWAITS;

/* skills/get and resources/directory/read.
 *   Errors     ERR_RPC_METHOD, ERR_MCP_UNKNOWN_RESOURCE, ERR_RPC_PARAMS; those of relay_call */
NODISCARD enum err relay_skill(struct request *req) AWAITS;

#endif
