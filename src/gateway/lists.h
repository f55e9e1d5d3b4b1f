/* The list methods, answered from the catalog's ready-made bytes. */
#ifndef GATEHOUSE_GATEWAY_LISTS_H
#define GATEHOUSE_GATEWAY_LISTS_H

#include "gateway/request.h"

/* How long a modern client may keep a list: changes are announced on listen streams anyway. */
#define LIST_TTL_MS 60000

/* Answer one page of the view's list.
 *   Errors     ERR_MCP_CURSOR, ERR_CLOSED, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err list_tools(struct request *req) AWAITS;
NODISCARD enum err list_prompts(struct request *req) AWAITS;
NODISCARD enum err list_resources(struct request *req) AWAITS;
NODISCARD enum err list_templates(struct request *req) AWAITS;

#endif
