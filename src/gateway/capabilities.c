/* Capabilities of a view. Tools, prompts and resources are always there, be they empty: their lists
 * change while a client watches. The rest is there when some server in view has it. */
#include "gateway/capabilities.h"

#include "mcp/extension.h"

#define TASKS_CAPABILITY ",\"tasks\":{\"cancel\":{},\"requests\":{\"tools\":{\"call\":{}}}}"

/* Extensions that clients of this era can use: tasks came with the modern one. */
static unsigned extensions_of(const struct request *req)
{
	unsigned carried = MCP_EXT_APPS | MCP_EXT_SKILLS | MCP_EXT_SKILLS_DIRECTORY;

	return req->view->extensions & (req->modern ? carried | MCP_EXT_TASKS : carried);
}

void capabilities_write(const struct request *req, struct buf *out)
{
	const struct catalog_view *view = req->view;
	unsigned extensions = extensions_of(req);

	buf_put(out, STR("{\"tools\":{\"listChanged\":true},\"prompts\":{\"listChanged\":true},"
			 "\"resources\":{\"listChanged\":true"));
	buf_put(out, view->subscribe ? STR(",\"subscribe\":true}") : STR("}"));
	if (!req->modern || view->logging)
		buf_put(out, STR(",\"logging\":{}"));
	if (view->completions)
		buf_put(out, STR(",\"completions\":{}"));
	if (!req->modern && req->revision == MCP_2025_11_25 && (view->extensions & MCP_EXT_CORE_TASKS))
		buf_put(out, STR(TASKS_CAPABILITY));
	if (extensions != 0) {
		buf_put(out, STR(",\"extensions\":{"));
		mcp_extensions_write(extensions, out);
		buf_put_byte(out, '}');
	}
	buf_put_byte(out, '}');
}
