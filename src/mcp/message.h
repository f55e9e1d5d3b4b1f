/* One JSON-RPC message, read strictly and kept as slices: what it is, its id, its method,
 * where its params lie. Everything else of the text is left untouched. */
#ifndef GATEHOUSE_MCP_MESSAGE_H
#define GATEHOUSE_MCP_MESSAGE_H

#include "base/json_scan.h"

enum mcp_kind { MCP_REQUEST, MCP_NOTIFICATION, MCP_RESPONSE };

struct mcp_message {
	struct json_index index;
	enum mcp_kind kind;
	struct str id;				  /* the lexeme, quotes included; p NULL when there is none */
	struct str method;			  /* unescaped; p NULL in a response */
	const struct json_member *params;	  /* an object, or NULL */
	const struct json_member *meta;		  /* params._meta, an object, or NULL */
	const struct json_member *result, *error; /* exactly one of them in a response */
	const struct json_member *result_type;	  /* of a result that is an object; NULL when it says none */
};

/* Read one message (not a batch).
 *   ret_message  slices of `text`; the index lies in `arena`
 *   Errors       ERR_JSON_*, ERR_RPC_INVALID (also for an array: see ERR_RPC_BATCH at the caller),
 *                ERR_RPC_PARAMS (params is no object), ERR_LIMIT. When the id could be read,
 *                ret_message->id is set even on ERR_RPC_INVALID and ERR_RPC_PARAMS
 *   Source       JSON-RPC 2.0; ids are strings or integers, never null */
NODISCARD enum err mcp_message_read(struct arena *arena, struct str text, struct mcp_message *ret_message);

/* A member of params as unescaped text; STR_NONE when absent or no string. */
struct str mcp_param(struct arena *arena, const struct mcp_message *message, struct str key);

/* The methods the gateway knows, as numbers; the one that is looked up most comes first. X(ID, "wire name") */
#define MCP_METHOD_TABLE(X)                                                                                            \
	X(OTHER, "")                                                                                                   \
	X(TOOLS_CALL, "tools/call")                                                                                    \
	X(INITIALIZE, "initialize")                                                                                    \
	X(PING, "ping")                                                                                                \
	X(SERVER_DISCOVER, "server/discover")                                                                          \
	X(TOOLS_LIST, "tools/list")                                                                                    \
	X(RESOURCES_LIST, "resources/list")                                                                            \
	X(RESOURCES_TEMPLATES_LIST, "resources/templates/list")                                                        \
	X(RESOURCES_READ, "resources/read")                                                                            \
	X(RESOURCES_SUBSCRIBE, "resources/subscribe")                                                                  \
	X(RESOURCES_UNSUBSCRIBE, "resources/unsubscribe")                                                              \
	X(PROMPTS_LIST, "prompts/list")                                                                                \
	X(PROMPTS_GET, "prompts/get")                                                                                  \
	X(COMPLETION_COMPLETE, "completion/complete")                                                                  \
	X(LOGGING_SET_LEVEL, "logging/setLevel")                                                                       \
	X(SUBSCRIPTIONS_LISTEN, "subscriptions/listen")                                                                \
	X(TASKS_GET, "tasks/get")                                                                                      \
	X(TASKS_UPDATE, "tasks/update")                                                                                \
	X(TASKS_CANCEL, "tasks/cancel")                                                                                \
	X(TASKS_RESULT, "tasks/result")                                                                                \
	X(SKILLS_LIST, "skills/list")                                                                                  \
	X(SKILLS_GET, "skills/get")                                                                                    \
	X(DIRECTORY_READ, "resources/directory/read")                                                                  \
	X(N_INITIALIZED, "notifications/initialized")                                                                  \
	X(N_ROOTS_CHANGED, "notifications/roots/list_changed")                                                         \
	X(N_CANCELLED, "notifications/cancelled")                                                                      \
	X(N_PROGRESS, "notifications/progress")                                                                        \
	X(N_MESSAGE, "notifications/message")                                                                          \
	X(N_TOOLS_CHANGED, "notifications/tools/list_changed")                                                         \
	X(N_PROMPTS_CHANGED, "notifications/prompts/list_changed")                                                     \
	X(N_RESOURCES_CHANGED, "notifications/resources/list_changed")                                                 \
	X(N_RESOURCES_UPDATED, "notifications/resources/updated")                                                      \
	X(N_SUBSCRIBED, "notifications/subscriptions/acknowledged")                                                    \
	X(N_TASKS, "notifications/tasks")                                                                              \
	X(N_TASKS_STATUS, "notifications/tasks/status")                                                                \
	X(N_ELICITATION_COMPLETE, "notifications/elicitation/complete")                                                \
	X(SAMPLING_CREATE, "sampling/createMessage")                                                                   \
	X(ELICITATION_CREATE, "elicitation/create")                                                                    \
	X(ROOTS_LIST, "roots/list")

enum mcp_method {
#define X(id, name) MCP_M_##id,
	MCP_METHOD_TABLE(X)
#undef X
		MCP_METHODS,
};

/* The number of a wire name, MCP_M_OTHER for a method we do not know; and back ("" for that one).
 *   Runs on    any thread */
enum mcp_method mcp_method_of(struct str name);
struct str mcp_method_name(enum mcp_method method);

#endif
