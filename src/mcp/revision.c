/* Protocol revisions as text and as numbers: one table, searched linearly (five rows). They are
 * dates, so later ones compare greater both as text and as numbers. */
#include "mcp/revision.h"

#include <ctype.h>

/* With their quotes, as messages need them. */
static const struct str revision_json[MCP_REVISIONS] = {
	[MCP_UNKNOWN] = {"\"\"", 2},
	[MCP_2024_11_05] = {"\"2024-11-05\"", 12},
	[MCP_2025_03_26] = {"\"2025-03-26\"", 12},
	[MCP_2025_06_18] = {"\"2025-06-18\"", 12},
	[MCP_2025_11_25] = {"\"2025-11-25\"", 12},
	[MCP_2026_07_28] = {"\"2026-07-28\"", 12},
};

struct str mcp_revision_json(enum mcp_revision revision)
{
	return revision_json[revision];
}

struct str mcp_revision_text(enum mcp_revision revision)
{
	return (struct str){revision_json[revision].p + 1, revision_json[revision].n - 2};
}

enum mcp_revision mcp_revision_of(struct str text)
{
	for (enum mcp_revision r = MCP_REVISIONS - 1; r > MCP_UNKNOWN; r--)
		if (str_eq(mcp_revision_text(r), text))
			return r;
	return MCP_UNKNOWN;
}

static bool is_date(struct str text)
{
	if (text.n != 10 || text.p[4] != '-' || text.p[7] != '-')
		return false;
	for (size_t i = 0; i < 10; i++)
		if (i != 4 && i != 7 && !isdigit((unsigned char)text.p[i]))
			return false;
	return true;
}

bool mcp_claims_modern(struct str text)
{
	/* Dates of this form order as text. */
	return is_date(text) && str_cmp(text, mcp_revision_text(MCP_2026_07_28)) >= 0;
}
