/* JSON Schema for tool arguments: compiled once to a flat program, then run on many values.
 *
 * Dialects: 2020-12 (the default) and draft-07, chosen by $schema; 2019-09 and draft-06 run as
 * their nearest relative. Numbers are compared as the decimals they are written as, never as
 * doubles. `format` and the content keywords are annotations: they are not checked. Nothing is
 * ever fetched: a reference leads inside the schema or into a document given at compile time.
 *
 * Both the schema and the values come from strangers: compiling and validating have bounds on
 * size, depth and work, and meet them with an error. */
#ifndef GATEHOUSE_SCHEMA_SCHEMA_H
#define GATEHOUSE_SCHEMA_SCHEMA_H

#include "base/arena.h"
#include "base/json.h"

#define SCHEMA_NODES_MAX 50000	 /* subschemas of one schema, references included */
#define SCHEMA_STEPS_MAX 1000000 /* work of one validation: about 20 ms at the very most expected */
#define SCHEMA_DEPTH_MAX 256	 /* subschemas inside one another while validating: bounds the stack */
#define SCHEMA_PATTERN_BYTES_MAX 8192

/* A compiled schema: immutable, shared by threads, reference-counted. */
struct schema;

/* A document that references may lead to, under its absolute URI (no fragment). */
struct schema_document {
	struct str uri;
	yyjson_val *root;
};

struct schema_options {
	const struct schema_document *documents;
	size_t document_count;
	struct str dialect; /* $schema URI of schemas that name none; empty: 2020-12 */
};

/* Why a value is not valid: the first failure met. All in the arena of the validation. */
struct schema_failure {
	struct str path;    /* JSON pointer of the value: "/items/0/price"; empty: the root */
	struct str keyword; /* the keyword that refused: "maximum" */
	struct str message; /* one sentence a model can act on: "/amount: must be <= 100" */
};

/* Compile a schema that json_read has read; what is needed of it is copied.
 *   problem     on error: a sentence, the JSON pointer of the place first
 *   ret_schema  one reference
 *   Errors      ERR_CONFIG (not a schema, unknown reference, unsupported dialect or pattern),
 *               ERR_LIMIT (more than SCHEMA_NODES_MAX subschemas)
 *   Runs on     any thread; takes a while for large schemas
 *   Source      JSON Schema 2020-12 and draft-07, core and validation; RFC 6901; RFC 3986 section 5 */
NODISCARD enum err schema_compile(yyjson_val *root, struct buf *problem, struct schema **ret_schema);

/* The same with documents that references may lead to and another default dialect. */
NODISCARD enum err schema_compile_with(yyjson_val *root, const struct schema_options *options, struct buf *problem,
				       struct schema **ret_schema);

/* One more reference; returns its argument. */
struct schema *schema_ref(struct schema *schema);

/* One reference less; the last one frees. NULL is fine. */
void schema_unref(struct schema *schema);
DEFINE_AUTO(schema, schema_unref);

/* Memory it holds, compiled patterns included. */
size_t schema_bytes(const struct schema *schema);

/* Check a value that json_read has read (its keys are unique, its strings UTF-8).
 *   arena        for the failure's texts, and for uniqueItems and unevaluated* while running
 *   ret_failure  set on ERR_MCP_ARGUMENTS only
 *   Errors       ERR_MCP_ARGUMENTS: not valid; ERR_LIMIT: more work than SCHEMA_STEPS_MAX,
 *                SCHEMA_DEPTH_MAX, the matching limits of a pattern or the arena allow
 *   Runs on      any thread, needs 80 KB of stack at most; never suspends */
NODISCARD enum err schema_validate(const struct schema *schema, yyjson_val *value, struct arena *arena,
				   struct schema_failure *ret_failure);

#endif
