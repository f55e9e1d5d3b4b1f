/* What a tool is to a model, in one form whatever way it was written: see definition.c. */
#ifndef GATEHOUSE_CATALOG_DEFINITION_H
#define GATEHOUSE_CATALOG_DEFINITION_H

#include "base/json.h"

/* Append the definition of a tool: name, title, description, schemas and annotations as JSON, without
 * spaces, members in the order of their names.
 *   Runs on    any thread */
void definition_write(yyjson_val *tool, struct buf *out);

/* Its SHA-256; `scratch` is any buffer, empty afterwards.
 *   Runs on    any thread */
void definition_digest(yyjson_val *tool, struct buf *scratch, uint8_t ret_digest[32]);

#endif
