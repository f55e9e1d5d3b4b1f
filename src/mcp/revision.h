/* Protocol revisions and the two eras they fall into.
 *   Source     the specification's revision list; doc/conformance.md */
#ifndef GATEHOUSE_MCP_REVISION_H
#define GATEHOUSE_MCP_REVISION_H

#include "base/str.h"

enum mcp_revision {
	MCP_UNKNOWN,
	MCP_2024_11_05,
	MCP_2025_03_26,
	MCP_2025_06_18,
	MCP_2025_11_25, /* the newest with sessions */
	MCP_2026_07_28, /* the first without */
	MCP_REVISIONS,
};

#define MCP_LEGACY_LATEST MCP_2025_11_25
#define MCP_MODERN_LATEST MCP_2026_07_28

static inline bool mcp_is_modern(enum mcp_revision revision)
{
	return revision >= MCP_2026_07_28;
}

/* "2025-11-25" to its number, MCP_UNKNOWN for any other text; and back ("" for MCP_UNKNOWN). */
enum mcp_revision mcp_revision_of(struct str text);
struct str mcp_revision_text(enum mcp_revision revision);

/* The same as a JSON string, quotes included. */
struct str mcp_revision_json(enum mcp_revision revision);

/* Whether the text is a date at or after the first modern revision, known here or not. */
bool mcp_claims_modern(struct str text);

#endif
