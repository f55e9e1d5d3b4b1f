/* Asking the running server: one request over its control socket. */
#ifndef GATEHOUSE_CLI_CONTROL_CALL_H
#define GATEHOUSE_CLI_CONTROL_CALL_H

#include "base/str.h"

/* One request, answered within a minute (a reload may start upstreams).
 *   content    JSON; p NULL: none
 *   ret_status HTTP status
 *   ret_body   appended
 *   problem    one sentence
 *   Errors     ERR_NOT_FOUND (no server runs on this data), ERR_FORBIDDEN (it is another user's),
 *              ERR_IO, ERR_UPSTREAM_GARBAGE (no HTTP answer)
 *   Runs on    any thread; blocks */
NODISCARD enum err control_call(struct str data_directory, const char *method, const char *path, struct str content,
				struct buf *problem, int *ret_status, struct buf *ret_body);

#endif
