/* Criteria of a search, as SEARCH wants them. */
#ifndef GATEHOUSE_EMAIL_SEARCH_H
#define GATEHOUSE_EMAIL_SEARCH_H

#include "base/json.h"
#include "email/imap_session.h"

/* Write the whole command for the arguments of search_messages.
 *   fault      on ERR_TOOL_FAILED: a date is none
 *   Runs on    any thread */
NODISCARD enum err mail_search_put(struct imap_command *command, yyjson_val *arguments, bool gmail,
				   struct mail_fault *fault);

/* The numbers of "* SEARCH 1 5 9", the largest first, in `arena`.
 *   Errors     ERR_UPSTREAM_GARBAGE, ERR_LIMIT */
NODISCARD enum err mail_search_uids(struct arena *arena, const struct imap_response *first, uint32_t **ret_uids,
				    size_t *ret_count);

/* A date of IMAP, "17-Jul-1996 02:44:25 -0700", in ms since 1970; false: it is none. */
bool mail_date_read(struct str text, int64_t *ret_wall_ms);

#endif
