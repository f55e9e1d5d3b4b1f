/* HTTP headers: the names this program looks at, as small numbers, and a table of fields. */
#ifndef GATEHOUSE_HTTP_HEADER_H
#define GATEHOUSE_HTTP_HEADER_H

#include "base/str.h"

/* X(ID, "lower-case-name") */
#define HTTP_HEADER_TABLE(X)                                                                                           \
	X(OTHER, "")                                                                                                   \
	X(ACCEPT, "accept")                                                                                            \
	X(ACCEPT_ENCODING, "accept-encoding")                                                                          \
	X(AUTHORIZATION, "authorization")                                                                              \
	X(CONNECTION, "connection")                                                                                    \
	X(CONTENT_ENCODING, "content-encoding")                                                                        \
	X(CONTENT_LENGTH, "content-length")                                                                            \
	X(CONTENT_TYPE, "content-type")                                                                                \
	X(COOKIE, "cookie")                                                                                            \
	X(EXPECT, "expect")                                                                                            \
	X(FORWARDED, "forwarded")                                                                                      \
	X(GATEHOUSE_FORWARDED, "gatehouse-forwarded")                                                                  \
	X(HOST, "host")                                                                                                \
	X(IF_NONE_MATCH, "if-none-match")                                                                              \
	X(LAST_EVENT_ID, "last-event-id")                                                                              \
	X(LOCATION, "location")                                                                                        \
	X(MCP_METHOD, "mcp-method")                                                                                    \
	X(MCP_NAME, "mcp-name")                                                                                        \
	X(MCP_PROTOCOL_VERSION, "mcp-protocol-version")                                                                \
	X(MCP_SESSION_ID, "mcp-session-id")                                                                            \
	X(ORIGIN, "origin")                                                                                            \
	X(ACCESS_CONTROL_REQUEST_HEADERS, "access-control-request-headers")                                            \
	X(ACCESS_CONTROL_REQUEST_METHOD, "access-control-request-method")                                              \
	X(RETRY_AFTER, "retry-after")                                                                                  \
	X(TRACEPARENT, "traceparent")                                                                                  \
	X(TRACESTATE, "tracestate")                                                                                    \
	X(BAGGAGE, "baggage")                                                                                          \
	X(TRANSFER_ENCODING, "transfer-encoding")                                                                      \
	X(UPGRADE, "upgrade")                                                                                          \
	X(USER_AGENT, "user-agent")                                                                                    \
	X(WWW_AUTHENTICATE, "www-authenticate")                                                                        \
	X(X_API_KEY, "x-api-key")                                                                                      \
	X(X_FORWARDED_FOR, "x-forwarded-for")                                                                          \
	X(X_FORWARDED_PROTO, "x-forwarded-proto")                                                                      \
	X(X_REQUEST_ID, "x-request-id")

enum http_header_id {
#define X(id, name) HTTP_##id,
	HTTP_HEADER_TABLE(X)
#undef X
		HTTP_HEADER_COUNT,
};

struct http_field {
	struct str name;  /* as it came */
	struct str value; /* OWS trimmed */
	enum http_header_id id;
};

struct http_fields {
	struct http_field *field;
	size_t count;
	int16_t first[HTTP_HEADER_COUNT]; /* index of the first field with that id, -1 none */
	bool repeated[HTTP_HEADER_COUNT]; /* that id came more than once */
};

/* The id of a field name (any case), HTTP_OTHER when it is none of the table. */
enum http_header_id http_header_id(struct str name);

/* The value of the first field with that id; STR_NONE (p NULL) when absent. */
static inline struct str http_field_get(const struct http_fields *fields, enum http_header_id id)
{
	return fields->first[id] < 0 ? STR_NONE : fields->field[fields->first[id]].value;
}

/* The same for any name, by a linear search. */
struct str http_field_find(const struct http_fields *fields, struct str name);

#endif
