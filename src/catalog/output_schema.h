/* A tool's output schema for clients of the sessions era. There it must describe an object; since
 * 2026-07-28 it may be anything. Such a schema is shown as an object with one property, `result`, and
 * the structured content of its results is wrapped alike (mcp/compose.h), so that both still fit.
 *   Source     SEP-2106; the official SDK does the same */
#ifndef GATEHOUSE_CATALOG_OUTPUT_SCHEMA_H
#define GATEHOUSE_CATALOG_OUTPUT_SCHEMA_H

#include "base/json.h"

/* Whether a tool has an output schema that must be wrapped. */
bool output_schema_is_foreign(yyjson_val *tool);

/* Append the wrapped schema. Its pointers into itself go on pointing to the same places.
 *   Runs on    any thread */
void output_schema_wrap(yyjson_val *schema, struct buf *out);

#endif
