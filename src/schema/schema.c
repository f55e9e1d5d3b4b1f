/* A compiled schema's life: references, release, size. What it is made of stands in
 * schema_program.h; compiling and running it have their own files. */
#include "schema/schema_program.h"

#include <stdlib.h>

struct schema *schema_ref(struct schema *schema)
{
	CHECK_OBJ(schema, SCHEMA_MAGIC);
	atomic_fetch_add_explicit(&schema->refs, 1, memory_order_relaxed);
	return schema;
}

void schema_unref(struct schema *schema)
{
	if (schema == NULL)
		return;
	CHECK_OBJ(schema, SCHEMA_MAGIC);
	if (atomic_fetch_sub_explicit(&schema->refs, 1, memory_order_acq_rel) > 1)
		return;
	for (uint32_t i = 0; i < schema->patterns_count; i++)
		pattern_free(schema->patterns[i]);
	yyjson_doc_free(schema->constant_doc);
	schema->magic = 0;
	free(schema);
}

size_t schema_bytes(const struct schema *schema)
{
	CHECK_OBJ(schema, SCHEMA_MAGIC);
	return schema->bytes;
}
