/* OpenAPI documents to connector files: each operation becomes a tool, its parameters and the members of its body
 * become arguments. What comes out is text for people to read and change; it compiles, or an error says why not.
 *
 *   Source     OpenAPI 3.0.4 and 3.1.1; doc/connector-language.md */
#ifndef GATEHOUSE_OPENAPI_OPENAPI_H
#define GATEHOUSE_OPENAPI_OPENAPI_H

#include "base/arena.h"

#define OPENAPI_BYTES_MAX (32 * 1024 * 1024) /* of a document: GitHub's is 12 MB */

struct openapi_wish {
	struct str name;   /* of the connector; empty: made from the title */
	struct str source; /* the document's own URL, for relative servers; empty: it was a file */
	/* Globs over tools' names, paths ("/repos/{owner}") and tags: p NULL each. */
	struct str include, exclude;
};

/* Append the connector file.
 *   problem    what is wrong, one sentence a line
 *   Errors     ERR_CONFIG: no document of OpenAPI 3, nothing to make tools of, or too much
 *              ERR_LIMIT
 *   Runs on    any thread; takes a second for the largest documents */
NODISCARD enum err openapi_to_connector(struct str text, const struct openapi_wish *wish, struct buf *problem,
					struct buf *out);

#endif
