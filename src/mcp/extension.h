/* Extensions that the gateway carries from end to end: both sides declare them in the `extensions` map of
 * their capabilities, and what neither the gateway nor the other side knows is not passed on.
 *   Source     MCP 2026-07-28 extensions (SEP-2133) */
#ifndef GATEHOUSE_MCP_EXTENSION_H
#define GATEHOUSE_MCP_EXTENSION_H

#include "mcp/message.h"

/* X(BIT, "id") */
#define MCP_EXTENSION_TABLE(X)                                                                                         \
	X(TASKS, "io.modelcontextprotocol/tasks")                                                                      \
	X(APPS, "io.modelcontextprotocol/ui")                                                                          \
	X(SKILLS, "io.modelcontextprotocol/skills")

/* A client's declaration of apps, as servers look for it. */
#define MCP_APPS_SETTINGS "{\"mimeTypes\":[\"text/html;profile=mcp-app\"]}"
#define MCP_APPS_DECLARED "\"io.modelcontextprotocol/ui\":" MCP_APPS_SETTINGS

enum mcp_extension_number {
#define X(id, name) MCP_EXT_NUMBER_##id,
	MCP_EXTENSION_TABLE(X)
#undef X
		MCP_EXTENSIONS,
};

enum mcp_extension {
#define X(id, name) MCP_EXT_##id = 1 << MCP_EXT_NUMBER_##id,
	MCP_EXTENSION_TABLE(X)
#undef X
		MCP_EXT_SKILLS_DIRECTORY = 1 << MCP_EXTENSIONS, /* skills with directoryRead */
	MCP_EXT_CARRIED = (1 << MCP_EXTENSIONS) - 1,		/* all of the table */
	MCP_EXT_CORE_TASKS = 2 << MCP_EXTENSIONS, /* no extension: `tasks` of 2025-11-25, for tools/call */
};

/* The bits of enum mcp_extension that a capabilities object (JSON, p NULL absent) declares. */
unsigned mcp_extensions_read(struct arena *arena, struct str capabilities);

/* Append the members of a server's `extensions` map: "\"id\":{},...". Nothing for 0. */
void mcp_extensions_write(unsigned extensions, struct buf *out);

/* A client's capabilities without the extensions that are not in `kept`, settings of the others as they
 * came. The same text when there is nothing to leave out. */
struct str mcp_extensions_keep(struct arena *arena, struct str capabilities, unsigned kept);

/* {"requiredCapabilities":{"extensions":{"id":{}}}}: data of the error for a client that did not declare
 * one. Static. */
struct str mcp_extension_required(enum mcp_extension_number number);

/* What the gateway declares in its own requests to modern servers: all that it carries. Static. */
extern const struct str mcp_own_capabilities;

#endif
