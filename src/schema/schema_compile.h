/* The inside of the schema compiler. Private to the room.
 *
 *   index    finds resources ($id), anchors and subschemas of a document; resolves references
 *   emit     growing tables of the program under construction, packed at the end
 *   keyword  one function a keyword, writing instructions */
#ifndef GATEHOUSE_SCHEMA_SCHEMA_COMPILE_H
#define GATEHOUSE_SCHEMA_SCHEMA_COMPILE_H

#include "base/map.h"
#include "schema/schema_program.h"

/* Compile-time memory is the product of these with small factors: far below the arena's cap. */
#define SCHEMA_URI_BYTES_MAX 1024 /* of $id, $ref and anchors, as written and resolved */
#define SCHEMA_PLACES_MAX 200000  /* subschemas in all documents, used or not */
#define SCHEMA_COMPILE_BYTES_MAX (UINT64_C(4) << 30)

/* What differs between the dialects, as bits. */
enum schema_dialect {
	DIALECT_REF_ALONE = 1 << 0,	 /* draft-07: $ref hides all its siblings, $id too */
	DIALECT_ID_ANCHOR = 1 << 1,	 /* draft-07: "$id": "#name" is an anchor */
	DIALECT_ITEMS_ARRAY = 1 << 2,	 /* up to 2019-09: items may be an array; additionalItems */
	DIALECT_PREFIX_ITEMS = 1 << 3,	 /* 2020-12 */
	DIALECT_DYNAMIC = 1 << 4,	 /* 2020-12: $dynamicRef, $dynamicAnchor */
	DIALECT_2019 = 1 << 5,		 /* $anchor, dependent*, unevaluated*, min/maxContains */
	DIALECT_CONTAINS_MARKS = 1 << 6, /* 2020-12: contains counts for unevaluatedItems */
	DIALECT_VALIDATION = 1 << 7,	 /* the validation vocabulary is in use */
};

#define DIALECT_DRAFT7 (DIALECT_REF_ALONE | DIALECT_ID_ANCHOR | DIALECT_ITEMS_ARRAY | DIALECT_VALIDATION)
#define DIALECT_2019_09 (DIALECT_2019 | DIALECT_ITEMS_ARRAY | DIALECT_VALIDATION)
#define DIALECT_2020_12                                                                                                \
	(DIALECT_2019 | DIALECT_PREFIX_ITEMS | DIALECT_DYNAMIC | DIALECT_CONTAINS_MARKS | DIALECT_VALIDATION)

/* A schema with an identity of its own: the root, a document, or a subschema with $id. */
struct resource {
	struct str uri; /* absolute where the document says so; without fragment */
	yyjson_val *root;
	unsigned dialect;
	uint32_t number;
};

/* A place where a subschema stands. */
struct place {
	yyjson_val *schema;
	struct resource *resource;
	uint32_t node; /* SCHEMA_NONE until something needs it */
	struct place *next_queued;
};

/* A schema with $dynamicAnchor. */
struct dynamic_place {
	struct place *place;
	struct str name;
};

struct compiler {
	struct arena *arena; /* of the compilation; gone when it ends */
	const struct schema_options *options;
	struct buf *problem;
	yyjson_val *root;
	struct map resources; /* by URI */
	struct map anchors;   /* by "URI#name", to struct place */
	struct map places;    /* by the address of the value, to struct place */
	uint32_t resource_count;
	uint32_t place_count;
	struct place *queue_head, **queue_tail; /* places whose node has no instructions yet */
	struct buf dynamic_places;		/* struct dynamic_place */
	bool dynamic;				/* some $dynamicRef depends on the dynamic scope */
	struct buf constant_text;		/* const and enum values as the text of one array */
	uint32_t constant_count;
#define X(type, name) struct buf name;
	SCHEMA_TABLES(X)
#undef X
};

/* Say what is wrong at `where` (a value of the schema; NULL: unknown place).
 *   returns ERR_CONFIG */
enum err compile_refuse(struct compiler *compiler, yyjson_val *where, const char *fmt, ...) PRINTF(3, 4);

/* --- schema_index.c --- */

/* Index a document: its resources, anchors and subschemas.
 *   uri  where it is known from; a $id in it is resolved against this */
NODISCARD enum err index_document(struct compiler *compiler, yyjson_val *root, struct str uri);

/* Index a value that stands where no known keyword has a schema, and what lies in it. */
NODISCARD enum err index_subschema(struct compiler *compiler, yyjson_val *schema, struct resource *resource);

/* The place of an indexed value, NULL when it is not indexed. */
struct place *index_place(struct compiler *compiler, yyjson_val *schema);

/* Key of `name` in compiler->anchors. */
struct str index_anchor_key(struct compiler *compiler, struct str uri, struct str name);

/* --- schema_ref.c --- */

/* The place a $ref or $dynamicRef in `resource` leads to.
 *   where       the value that holds the reference, for the problem
 *   ret_anchor  the plain-name fragment, empty for none */
NODISCARD enum err ref_resolve(struct compiler *compiler, struct resource *resource, yyjson_val *where, struct str ref,
			       struct place **ret_place, struct str *ret_anchor);

/* --- schema_uri.c --- */

/* Resolve a reference against a base; both without fragment. In the arena.
 *   Source  RFC 3986 section 5.2 */
struct str uri_resolve(struct arena *arena, struct str base, struct str ref);

/* Decode %XX; an invalid escape stays as it is. In the arena. */
struct str uri_decode(struct arena *arena, struct str text);

/* --- schema_emit.c --- */

/* Append `count` rows of `bytes` each to a table; the index of the first. */
uint32_t emit_rows(struct buf *table, const void *rows, size_t bytes, size_t count);
#define EMIT(table, row) emit_rows(&(table), &(row), sizeof(row), 1)

/* Copy a text into the pool. */
struct text emit_text(struct compiler *compiler, struct str text);

/* The node of a subschema; queues its compilation at the first need.
 *   Errors  ERR_LIMIT, ERR_CONFIG: neither object nor boolean */
NODISCARD enum err emit_node(struct compiler *compiler, struct resource *resource, yyjson_val *schema,
			     uint32_t *ret_node);
NODISCARD enum err emit_place(struct compiler *compiler, struct place *place, uint32_t *ret_node);

/* Everything into one immutable block; takes over the compiled patterns. */
NODISCARD enum err emit_program(struct compiler *compiler, struct schema **ret_schema);

/* --- schema_keyword.c and its siblings --- */

/* One schema object being compiled. */
struct subject {
	struct compiler *compiler;
	struct place *place;
	yyjson_val *schema;
	unsigned dialect;
	uint8_t types;
	bool tracks;
};

/* Write the instructions of one place into its node. */
NODISCARD enum err compile_place(struct compiler *compiler, struct place *place);

/* An instruction at the end of the subject's. */
void subject_op(struct subject *subject, struct op op);

/* A subschema of the subject as a node. */
NODISCARD enum err subject_node(struct subject *subject, yyjson_val *schema, uint32_t *ret_node);

/* An array of subschemas as consecutive entries of `lists`. */
NODISCARD enum err subject_list(struct subject *subject, yyjson_val *array, uint32_t *ret_first);

/* The value of a keyword as a count such as minLength has. */
NODISCARD enum err subject_count(struct subject *subject, yyjson_val *value, const char *keyword, uint64_t *ret_count);

/* The value of a pattern, compiled. */
NODISCARD enum err subject_pattern(struct subject *subject, yyjson_val *where, struct str source,
				   uint32_t *ret_pattern);

/* Groups of keywords, in the order they run. */
NODISCARD enum err keywords_assert(struct subject *subject);
NODISCARD enum err keywords_array(struct subject *subject);
NODISCARD enum err keywords_object(struct subject *subject);
NODISCARD enum err keywords_reference(struct subject *subject);
NODISCARD enum err keywords_apply(struct subject *subject);
NODISCARD enum err keywords_unevaluated(struct subject *subject);

#endif
