/* What a client in search mode sees instead of the tools: two, with words that lead a model from
 * the one to the other. The text is ready JSON, the same for both eras. What they do is
 * gateway/search_mode.c. */
#include "catalog/search.h"

#define JSON(...) #__VA_ARGS__

const struct str search_tool_find = {"search_tools", 12};
const struct str search_tool_call = {"call_tool", 9};

/* clang-format off */
static const char listing[] = "["
	JSON({"name":"search_tools","title":"Search tools",
	"description":"Find tools by what they do. The tools of this server are not listed: search for them here, then run one with call_tool. Answers the best matches first, each with its name, description and inputSchema. Search with a few words for the task and the system it is about, such as 'create github issue' or 'list unpaid invoices'; search again with other words when nothing fits.",
	"inputSchema":{"type":"object","properties":{
	"query":{"type":"string","minLength":1,"description":"What the tool should do, in a few words; or the name of a tool."},
	"limit":{"type":"integer","minimum":1,"maximum":50,"default":8,"description":"Most tools to answer."}},
	"required":["query"],"additionalProperties":false},
	"outputSchema":{"type":"object","properties":{
	"tools":{"type":"array","description":"Best match first.","items":{"type":"object","properties":{
	"name":{"type":"string","description":"What call_tool takes as name."},
	"title":{"type":"string"},"description":{"type":"string"},
	"inputSchema":{"type":"object","description":"What call_tool takes as arguments."},
	"annotations":{"type":"object"},
	"shortened":{"type":"boolean","description":"Too long to be shown whole: search for its name alone to see more."}},
	"required":["name"]}},
	"total":{"type":"integer","description":"How many tools there are to search in."}},
	"required":["tools","total"]},
	"annotations":{"title":"Search tools","readOnlyHint":true,"destructiveHint":false,"idempotentHint":true,"openWorldHint":false}})
	","
	JSON({"name":"call_tool","title":"Call a tool",
	"description":"Run a tool that search_tools found, by its name and with arguments that match its inputSchema. The answer is the tool's own.",
	"inputSchema":{"type":"object","properties":{
	"name":{"type":"string","minLength":1,"description":"The tool's name, as search_tools gives it."},
	"arguments":{"type":"object","description":"The tool's arguments, as its inputSchema says; leave out for none."}},
	"required":["name"],"additionalProperties":false},
	"annotations":{"title":"Call a tool"}})
	"]";
/* clang-format on */

const struct str search_listing = {listing, sizeof(listing) - 1};
