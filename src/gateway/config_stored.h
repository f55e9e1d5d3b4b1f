/* Parts of the configuration that were made at run time (store/part.h): checked, and put beside those of the file. */
#ifndef GATEHOUSE_GATEWAY_CONFIG_STORED_H
#define GATEHOUSE_GATEWAY_CONFIG_STORED_H

#include "gateway/config.h"
#include "store/part.h"

/* Whether a document describes an upstream (a toolset) that may be made at run time under this name.
 *   problem    one line for each, "/http/url: must be ..."
 *   Errors     ERR_CONFIG
 *   Runs on    any thread; reads no files */
NODISCARD enum err config_check_upstream(struct str name, struct str document, struct buf *problem);
NODISCARD enum err config_check_toolset(struct str name, struct str document, struct buf *problem);

/* The file's configuration with the stored parts behind its own. One that does not hold up, or whose name the file has,
 * is left out, named in `skipped` and in the log; it never stops the others.
 *   returns    one reference, also when there are no parts */
struct stored_parts {
	const struct part *parts[PART_KINDS];
	size_t count[PART_KINDS];
};
struct config *config_with_stored(struct config *file, const struct stored_parts *stored);

#endif
