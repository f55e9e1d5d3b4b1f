/* Legacy sessions without a table: the Mcp-Session-Id itself is the sealed state. It names
 * the revision, the client's capabilities and a random number, encrypted and bound to the
 * principal who made it. Any loop can serve it, a restart does not end it, and clients that
 * never say goodbye leave nothing behind. Ended sessions are marked in the state room. */
#ifndef GATEHOUSE_MCP_SESSION_H
#define GATEHOUSE_MCP_SESSION_H

#include "base/crypto.h"
#include "mcp/message.h"
#include "mcp/revision.h"

/* What a client said it can do, in initialize. */
enum mcp_capability {
	MCP_CAN_SAMPLE = 1 << 0,
	MCP_CAN_SAMPLE_TOOLS = 1 << 1,
	MCP_CAN_SAMPLE_CONTEXT = 1 << 2,
	MCP_CAN_ELICIT_FORM = 1 << 3,
	MCP_CAN_ELICIT_URL = 1 << 4,
	MCP_CAN_ROOTS = 1 << 5,
	MCP_CAN_ROOTS_CHANGED = 1 << 6,
	MCP_CAN_APPS = 1 << 7,
};

#define MCP_SESSION_NUMBER_LEN 16 /* 64 random bits in hex */
#define MCP_SESSION_TOKEN_MAX 96

struct mcp_session {
	enum mcp_revision revision;
	uint16_t capabilities;			 /* of enum mcp_capability */
	int64_t created_ms;			 /* wall time */
	uint64_t node;				 /* the process that made it, its home; 0: of none */
	char number[MCP_SESSION_NUMBER_LEN + 1]; /* names the session in logs, marks and instance keys */
};

/* A new session of `revision`; its capabilities are read from an initialize message. */
void mcp_session_new(const struct mcp_message *initialize, enum mcp_revision revision, struct mcp_session *ret_session);

/* The token for the Mcp-Session-Id header, appended; `principal` is who may use it.
 *   Source     visible ASCII, as the transport section demands */
void mcp_session_seal(const struct secret *key, const struct mcp_session *session, struct str principal,
		      struct buf *out);

/* Read a token back.
 *   Errors     ERR_MCP_SESSION_UNKNOWN: not ours, altered, of another principal, or older than
 *              `age_max_ms`: all the same to the client */
NODISCARD enum err mcp_session_open(const struct secret *key, struct str token, struct str principal,
				    int64_t age_max_ms, struct mcp_session *ret_session);

/* Those of a client's `capabilities` object, JSON; 0 for anything else.
 *   Runs on    any thread */
uint16_t mcp_capabilities_read(struct str object);

/* The capabilities as the JSON object a modern upstream wants in _meta. Static text pieces,
 * appended. */
void mcp_capabilities_write(uint16_t capabilities, struct buf *out);

/* The same as words for people: "sampling, elicitation.url". Appended. */
void mcp_capability_words(uint16_t capabilities, struct buf *out);

#endif
