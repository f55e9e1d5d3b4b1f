/* Asking the running server: one request over its control socket. */
#ifndef GATEHOUSE_CLI_CONTROL_CALL_H
#define GATEHOUSE_CLI_CONTROL_CALL_H

#include "base/json.h"
#include "cli/command.h"

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

/* One call to the running server's management API, as the operator. */
struct control_request {
	const char *method;
	struct str path, query, body; /* p NULL none */
};

/* Ask, and say what went wrong, in the API's own words.
 *   ret_answer in `arena`; NULL when there is nothing to say
 *   returns    the exit status; STATUS_DONE: ret_answer is set */
int control_ask(struct str data_directory, struct arena *arena, const struct control_request *request,
		yyjson_val **ret_answer);

/* "/tenants/NAME/what" with the tenant of --tenant, which is given. */
struct str control_tenant_path(const struct invocation *invocation, struct arena *arena, const char *what);

/* Append a member to the object that `out` begins with '{'; nothing when the value's p is NULL. */
void control_put_member(struct buf *out, const char *name, struct str value);

#endif
