/* Arguments that a tool wants repeated as HTTP headers: its input schema annotates properties with
 * "x-mcp-header":"Region", and the call then carries Mcp-Param-Region. Read once, when the tool
 * is put on its shelf.
 *   Source     SEP-2243; MCP 2026-07-28 server/tools#x-mcp-header */
#ifndef GATEHOUSE_CATALOG_PARAM_HEADER_H
#define GATEHOUSE_CATALOG_PARAM_HEADER_H

#include "base/json.h"

#define PARAM_HEADERS_MAX 32		 /* per tool: a request head has room for so many */
#define PARAM_HEADER_NAME_BYTES_MAX 128	 /* longer ones are no use to anybody who routes by them */
#define PARAM_HEADER_PREFIX "Mcp-Param-" /* before the annotated name */

enum param_kind { PARAM_STRING, PARAM_INTEGER, PARAM_BOOLEAN };

struct param_header {
	struct str name; /* "Region": a token */
	enum param_kind kind;
	const struct str *path; /* of the argument: keys from the arguments' root on */
	size_t depth;
};

struct param_headers {
	const struct param_header *header;
	size_t count;
};

/* Read the annotations of an input schema.
 *   ret_headers  in `arena`, strings copied; empty when there is a problem
 *   returns      NULL, or why clients must not use this tool
 *   Runs on      any thread */
const char *param_headers_read(struct arena *arena, yyjson_val *schema, struct param_headers *ret_headers);

/* What the header must say: the argument as plain text. STR_NONE when it is absent or null, which means
 * no header. `arguments` NULL: none.
 *   Runs on      any thread */
struct str param_header_text(const struct param_header *header, yyjson_val *arguments, struct arena *arena);

/* The arguments without those that are null where a header would be: null there means the same as
 * nothing, which a schema that says `"type":"boolean"` does not know. Of the arguments' root only.
 *   arguments      a JSON object
 *   ret_arguments  in `arena`
 *   returns        false when there is nothing to leave out
 *   Runs on        any thread
 *   Source         SEP-2243: null values send no header */
bool param_headers_without_nulls(const struct param_headers *headers, struct str arguments, struct arena *arena,
				 struct str *ret_arguments);

/* Whether a (decoded) header value says the same as the argument's text: strings byte by byte, integers by
 * value. */
bool param_header_agrees(const struct param_header *header, struct str text, struct str value, struct arena *arena);

#endif
