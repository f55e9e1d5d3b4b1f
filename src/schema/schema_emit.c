/* The program under construction: growing tables while keywords are compiled, one packed block
 * at the end. Nodes are handed out before their instructions exist, so references may be
 * circular and compiling never recurses. */
#include "schema/schema_compile.h"

#include <stdlib.h>

uint32_t emit_rows(struct buf *table, const void *rows, size_t bytes, size_t count)
{
	uint32_t first = (uint32_t)(table->n / bytes);

	buf_put(table, (struct str){rows, bytes * count});
	return first;
}

struct text emit_text(struct compiler *compiler, struct str text)
{
	struct text at = {(uint32_t)compiler->pool.n, (uint32_t)text.n};

	buf_put(&compiler->pool, text);
	return at;
}

enum err emit_place(struct compiler *compiler, struct place *place, uint32_t *ret_node)
{
	struct node node = {.types = TYPE_ANY};

	if (place->node == SCHEMA_NONE) {
		if (!yyjson_is_obj(place->schema) && !yyjson_is_bool(place->schema))
			return compile_refuse(compiler, place->schema, "a schema is an object or a boolean");
		if (compiler->nodes.n / sizeof(node) >= SCHEMA_NODES_MAX)
			return ERR_LIMIT;
		node.resource = place->resource->number;
		place->node = EMIT(compiler->nodes, node);
		*compiler->queue_tail = place;
		compiler->queue_tail = &place->next_queued;
	}
	*ret_node = place->node;
	return OK;
}

enum err emit_node(struct compiler *compiler, struct resource *resource, yyjson_val *schema, uint32_t *ret_node)
{
	struct place *place = index_place(compiler, schema);

	if (place == NULL) {
		TRY(index_subschema(compiler, schema, resource));
		place = index_place(compiler, schema);
	}
	return emit_place(compiler, place, ret_node);
}

/* The constants become one small document, apart from the schema they were in. */
static enum err read_constants(struct compiler *compiler, yyjson_doc **ret_doc, size_t *ret_bytes)
{
	struct buf *text = &compiler->constant_text;
	yyjson_val *value;
	size_t i, max;
	yyjson_doc *doc;

	*ret_bytes = 0;
	*ret_doc = NULL;
	if (compiler->constant_count == 0)
		return OK;
	buf_put_byte(text, ']');
	doc = yyjson_read(text->p, text->n, YYJSON_READ_NUMBER_AS_RAW);
	if (doc == NULL)
		return compile_refuse(compiler, NULL, "a const or enum value is not valid JSON");
	yyjson_arr_foreach(yyjson_doc_get_root(doc), i, max, value) EMIT(compiler->constants, value);
	*ret_bytes = text->n + sizeof(yyjson_val) * yyjson_doc_get_val_count(doc);
	*ret_doc = doc;
	return OK;
}

static size_t pack(char *block, size_t at, const struct buf *table, void *ret_start, uint32_t *ret_count, size_t row)
{
	char *start = block + at;

	if (table->n > 0)
		memcpy(start, table->p, table->n);
	memcpy(ret_start, &start, sizeof(start));
	*ret_count = (uint32_t)(table->n / row);
	return at + table->n;
}

enum err emit_program(struct compiler *compiler, struct schema **ret_schema)
{
	size_t bytes = sizeof(struct schema), at = sizeof(struct schema), constant_bytes;
	struct schema *schema;
	yyjson_doc *doc;

	TRY(read_constants(compiler, &doc, &constant_bytes));
#define X(type, name) bytes += compiler->name.n;
	SCHEMA_TABLES(X)
#undef X
	if (bytes > UINT32_MAX) {
		yyjson_doc_free(doc);
		return ERR_LIMIT;
	}
	schema = malloc(bytes);
	CHECK(schema != NULL);
	*schema = (struct schema){.magic = SCHEMA_MAGIC, .bytes = bytes + constant_bytes, .constant_doc = doc};
	atomic_init(&schema->refs, 1);
#define X(type, name)                                                                                                  \
	at = pack((char *)schema, at, &compiler->name, &schema->name, &schema->name##_count, sizeof(type));
	SCHEMA_TABLES(X)
#undef X
	for (uint32_t i = 0; i < schema->patterns_count; i++)
		schema->bytes += pattern_bytes(schema->patterns[i]);
	compiler->patterns.n = 0; /* they belong to the schema now */
	*ret_schema = schema;
	return OK;
}
