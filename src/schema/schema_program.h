/* What a schema is compiled to, shared by its compiler and its runner. Private to the room.
 *
 *   node (a subschema) --first_op, op_count--> ops --a, b, c--> nodes, bounds, patterns, ...
 *
 * Everything lies in one allocation and refers to the rest by index; texts are slices of one
 * pool. Each node holds the types it accepts, so that most of a usual tool schema is decided
 * without running an instruction. */
#ifndef GATEHOUSE_SCHEMA_SCHEMA_PROGRAM_H
#define GATEHOUSE_SCHEMA_SCHEMA_PROGRAM_H

#include <stdatomic.h>

#include "base/check.h"
#include "schema/pattern.h"
#include "schema/schema.h"
#include "schema/schema_number.h"

#define SCHEMA_NONE UINT32_MAX

/* Bit 1 << yyjson_get_type(v) for each type a value can have; bit 0 stands for integers, which
 * are numbers of a certain value. TYPE_NUMBER contains it, so masks may be and-ed and or-ed. */
enum schema_type {
	TYPE_INTEGER = 1 << 0,
	TYPE_NUMBER = TYPE_INTEGER | 1 << YYJSON_TYPE_RAW | 1 << YYJSON_TYPE_NUM,
	TYPE_NULL = 1 << YYJSON_TYPE_NULL,
	TYPE_BOOLEAN = 1 << YYJSON_TYPE_BOOL,
	TYPE_STRING = 1 << YYJSON_TYPE_STR,
	TYPE_ARRAY = 1 << YYJSON_TYPE_ARR,
	TYPE_OBJECT = 1 << YYJSON_TYPE_OBJ,
	TYPE_ANY = 0xff,
};

/* One row an instruction: name, keyword. */
#define SCHEMA_OPS(X)                                                                                                  \
	X(CONST, "const")     /* a: first of the constants */                                                          \
	X(ENUM, "enum")	      /* a: first constant, b: count */                                                        \
	X(MINIMUM, "minimum") /* a: bound */                                                                           \
	X(MAXIMUM, "maximum")                                                                                          \
	X(ABOVE, "exclusiveMinimum")                                                                                   \
	X(BELOW, "exclusiveMaximum")                                                                                   \
	X(MULTIPLE, "multipleOf")                                                                                      \
	X(MIN_LENGTH, "minLength") /* n */                                                                             \
	X(MAX_LENGTH, "maxLength")                                                                                     \
	X(PATTERN, "pattern") /* a: pattern */                                                                         \
	X(MIN_ITEMS, "minItems")                                                                                       \
	X(MAX_ITEMS, "maxItems")                                                                                       \
	X(UNIQUE, "uniqueItems")                                                                                       \
	X(ITEMS, "items")	/* a: first of the list of prefix nodes, b: their count, c: node of the rest */        \
	X(CONTAINS, "contains") /* a: range: node, least, most */                                                      \
	X(MIN_PROPERTIES, "minProperties")                                                                             \
	X(MAX_PROPERTIES, "maxProperties")                                                                             \
	X(OBJECT, "properties")			   /* a: object rule */                                                \
	X(DEPENDENT_REQUIRED, "dependentRequired") /* a: trigger and names among the texts, b: count of names */       \
	X(DEPENDENT_SCHEMA, "dependentSchemas")	   /* a: trigger among the texts, b: node */                           \
	X(CALL, "$ref")				   /* a: node */                                                       \
	X(DYNAMIC_CALL, "$dynamicRef")		   /* a: node, b: anchor among the texts */                            \
	X(ANY_OF, "anyOf")			   /* a: first of the list of nodes, b: count */                       \
	X(ONE_OF, "oneOf")                                                                                             \
	X(NOT, "not")				 /* a: node */                                                         \
	X(IF, "if")				 /* a: node, b: then or none, c: else or none */                       \
	X(UNEVALUATED_ITEMS, "unevaluatedItems") /* a: node */                                                         \
	X(UNEVALUATED_PROPERTIES, "unevaluatedProperties")

enum schema_op {
#define X(name, keyword) OP_##name,
	SCHEMA_OPS(X)
#undef X
};

struct op {
	uint32_t kind; /* enum schema_op */
	uint32_t a;
	union {
		uint64_t n;
		struct {
			uint32_t b, c;
		};
	};
};

struct node {
	uint32_t first_op;
	uint32_t op_count;
	uint32_t resource; /* whose dynamic anchors are in scope inside */
	uint8_t types;	   /* enum schema_type bits; 0: the schema `false` */
	bool tracks;	   /* has unevaluated*: what its other keywords look at is remembered */
};

struct text {
	uint32_t at, n; /* in the pool */
};

/* A number of the schema that values are compared with. */
struct number_bound {
	struct text lexeme;
	bool small; /* `value` is exactly it */
	int64_t value;
};

/* A name that `properties` or `required` mentions. */
struct property {
	uint64_t tag; /* property_tag() of the name */
	struct text name;
	uint32_t node; /* SCHEMA_NONE: only required */
	bool required;
};

/* All keywords about an object's members, which one walk over them decides. */
struct object_rule {
	uint32_t properties, property_count;
	uint32_t buckets, bucket_mask; /* hash table of indexes into the properties */
	uint32_t required_count;
	uint32_t patterns, pattern_count; /* of patternProperties */
	uint32_t additional;		  /* node of the other members, or SCHEMA_NONE */
	uint32_t names;			  /* node of propertyNames, or SCHEMA_NONE */
};

struct pattern_property {
	uint32_t pattern, node;
};

struct contains_range {
	uint32_t node;
	bool marks; /* matched items count as evaluated */
	uint64_t least, most;
};

struct dynamic_anchor {
	uint32_t resource;
	uint32_t node;
	struct text name;
};

/* The tables, in one block behind the struct. The order keeps each aligned. */
#define SCHEMA_TABLES(X)                                                                                               \
	X(struct property, properties)                                                                                 \
	X(struct contains_range, contains)                                                                             \
	X(struct number_bound, bounds)                                                                                 \
	X(yyjson_val *, constants)                                                                                     \
	X(struct pattern *, patterns)                                                                                  \
	X(struct op, ops)                                                                                              \
	X(struct node, nodes)                                                                                          \
	X(struct object_rule, objects)                                                                                 \
	X(struct pattern_property, pattern_properties)                                                                 \
	X(struct dynamic_anchor, dynamics)                                                                             \
	X(struct text, texts)                                                                                          \
	X(uint32_t, lists)                                                                                             \
	X(uint32_t, buckets)                                                                                           \
	X(char, pool)

struct schema {
	uint32_t magic;
	atomic_uint refs;
	size_t bytes;
	yyjson_doc *constant_doc; /* what const and enum compare with; NULL when there are none */
#define X(type, name)                                                                                                  \
	type *name;                                                                                                    \
	uint32_t name##_count;
	SCHEMA_TABLES(X)
#undef X
};

#define SCHEMA_MAGIC 0x5343484du

static inline struct str schema_text(const struct schema *schema, struct text text)
{
	return (struct str){schema->pool + text.at, text.n};
}

/* Append one token of a JSON pointer, escaped. Source: RFC 6901 section 3 */
void pointer_put_token(struct buf *out, struct str token);

#endif
