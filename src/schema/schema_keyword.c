/* Compiling one schema object: its keywords, in a fixed order, become instructions of its node.
 * This file has what all keywords share and those that look at the value itself: type, const,
 * enum, numbers and strings. */
#include "schema/schema_compile.h"

static const struct type_name {
	const char *name;
	uint8_t types;
} type_names[] = {
	{"string", TYPE_STRING},   {"object", TYPE_OBJECT}, {"integer", TYPE_INTEGER}, {"number", TYPE_NUMBER},
	{"boolean", TYPE_BOOLEAN}, {"array", TYPE_ARRAY},   {"null", TYPE_NULL},
};

void subject_op(struct subject *subject, struct op op)
{
	struct compiler *compiler = subject->compiler;

	EMIT(compiler->ops, op);
}

enum err subject_node(struct subject *subject, yyjson_val *schema, uint32_t *ret_node)
{
	return emit_node(subject->compiler, subject->place->resource, schema, ret_node);
}

enum err subject_list(struct subject *subject, yyjson_val *array, uint32_t *ret_first)
{
	struct compiler *compiler = subject->compiler;
	uint32_t first = (uint32_t)(compiler->lists.n / sizeof(uint32_t));
	size_t i, max;
	yyjson_val *schema;

	yyjson_arr_foreach(array, i, max, schema)
	{
		uint32_t node;

		TRY(subject_node(subject, schema, &node));
		EMIT(compiler->lists, node);
	}
	*ret_first = first;
	return OK;
}

enum err subject_count(struct subject *subject, yyjson_val *value, const char *keyword, uint64_t *ret_count)
{
	char scratch[NUMBER_SCRATCH_BYTES];
	struct str lexeme;

	if (!number_lexeme(value, scratch, &lexeme) || !number_count(lexeme, ret_count))
		return compile_refuse(subject->compiler, value, "%s must be a non-negative integer", keyword);
	return OK;
}

enum err subject_pattern(struct subject *subject, yyjson_val *where, struct str source, uint32_t *ret_pattern)
{
	struct compiler *compiler = subject->compiler;
	struct pattern *pattern;
	AUTO_BUF problem = {0};

	if (pattern_compile(source, &problem, &pattern) != OK)
		return compile_refuse(compiler, where, "%.*s", STR_ARG(buf_str(&problem)));
	*ret_pattern = EMIT(compiler->patterns, pattern);
	return OK;
}

static enum err type_bits(struct subject *subject, yyjson_val *name, uint8_t *types)
{
	for (size_t i = 0; i < ARRAY_LEN(type_names); i++) {
		if (str_eq(json_str(name), str_of(type_names[i].name))) {
			*types |= type_names[i].types;
			return OK;
		}
	}
	return compile_refuse(subject->compiler, name, "this is not a type of JSON Schema");
}

static enum err keyword_type(struct subject *subject)
{
	yyjson_val *type = json_get(subject->schema, "type"), *name;
	size_t i, max;

	if (type == NULL)
		return OK;
	subject->types = 0;
	if (!yyjson_is_arr(type))
		return type_bits(subject, type, &subject->types);
	yyjson_arr_foreach(type, i, max, name) TRY(type_bits(subject, name, &subject->types));
	return OK;
}

static uint32_t constant_add(struct compiler *compiler, yyjson_val *value)
{
	buf_put_byte(&compiler->constant_text, compiler->constant_count == 0 ? '[' : ',');
	json_write(&compiler->constant_text, value);
	return compiler->constant_count++;
}

static enum err keyword_constants(struct subject *subject)
{
	struct compiler *compiler = subject->compiler;
	yyjson_val *constant = json_get(subject->schema, "const"), *values = json_get(subject->schema, "enum"), *value;
	struct op op = {.kind = OP_ENUM, .a = compiler->constant_count};
	size_t i, max;

	if (values != NULL && !yyjson_is_arr(values))
		return compile_refuse(compiler, values, "enum must be an array");
	if (values != NULL) {
		op.b = (uint32_t)yyjson_arr_size(values);
		yyjson_arr_foreach(values, i, max, value) constant_add(compiler, value);
		subject_op(subject, op);
	}
	if (constant != NULL)
		subject_op(subject, (struct op){.kind = OP_CONST, .a = constant_add(compiler, constant), .b = 1});
	return OK;
}

/* A keyword whose value is a number to compare with. */
static enum err keyword_bound(struct subject *subject, const char *keyword, enum schema_op kind)
{
	struct compiler *compiler = subject->compiler;
	yyjson_val *value = json_get(subject->schema, keyword);
	char scratch[NUMBER_SCRATCH_BYTES];
	struct number_bound bound = {0};
	struct decimal decimal;
	struct str lexeme;

	if (value == NULL)
		return OK;
	if (!number_lexeme(value, scratch, &lexeme))
		return compile_refuse(compiler, value, "%s must be a number", keyword);
	decimal = decimal_of(lexeme);
	if (kind == OP_MULTIPLE && (decimal.n == 0 || decimal.negative))
		return compile_refuse(compiler, value, "multipleOf must be greater than 0");
	if (kind == OP_MULTIPLE && decimal_digits(&decimal) > NUMBER_DIVISOR_DIGITS_MAX)
		return compile_refuse(compiler, value, "multipleOf has more than %d significant digits",
				      NUMBER_DIVISOR_DIGITS_MAX);
	bound.small = number_small(lexeme, &bound.value);
	bound.lexeme = emit_text(compiler, lexeme);
	subject_op(subject, (struct op){.kind = kind, .a = EMIT(compiler->bounds, bound)});
	return OK;
}

static enum err keyword_count(struct subject *subject, const char *keyword, enum schema_op kind)
{
	yyjson_val *value = json_get(subject->schema, keyword);
	struct op op = {.kind = kind};

	if (value == NULL)
		return OK;
	TRY(subject_count(subject, value, keyword, &op.n));
	subject_op(subject, op);
	return OK;
}

static enum err keyword_pattern(struct subject *subject)
{
	yyjson_val *value = json_get(subject->schema, "pattern");
	struct compiler *compiler = subject->compiler;
	struct op op = {.kind = OP_PATTERN};
	struct text source;

	if (value == NULL)
		return OK;
	if (!yyjson_is_str(value))
		return compile_refuse(compiler, value, "pattern must be a string");
	TRY(subject_pattern(subject, value, json_str(value), &op.a));
	source = emit_text(compiler, json_str(value)); /* for the message */
	op.b = EMIT(compiler->texts, source);
	subject_op(subject, op);
	return OK;
}

enum err keywords_assert(struct subject *subject)
{
	static const struct bound_keyword {
		const char *name;
		enum schema_op kind;
	} bounds[] = {{"minimum", OP_MINIMUM},
		      {"maximum", OP_MAXIMUM},
		      {"exclusiveMinimum", OP_ABOVE},
		      {"exclusiveMaximum", OP_BELOW},
		      {"multipleOf", OP_MULTIPLE}},
	  counts[] = {{"minLength", OP_MIN_LENGTH},	    {"maxLength", OP_MAX_LENGTH},
		      {"minItems", OP_MIN_ITEMS},	    {"maxItems", OP_MAX_ITEMS},
		      {"minProperties", OP_MIN_PROPERTIES}, {"maxProperties", OP_MAX_PROPERTIES}};

	if (!(subject->dialect & DIALECT_VALIDATION))
		return OK;
	TRY(keyword_type(subject));
	TRY(keyword_constants(subject));
	for (size_t i = 0; i < ARRAY_LEN(bounds); i++)
		TRY(keyword_bound(subject, bounds[i].name, bounds[i].kind));
	for (size_t i = 0; i < ARRAY_LEN(counts); i++)
		TRY(keyword_count(subject, counts[i].name, counts[i].kind));
	return keyword_pattern(subject);
}

static enum err compile_keywords(struct subject *subject)
{
	yyjson_val *ref = json_get(subject->schema, "$ref");

	if ((subject->dialect & DIALECT_REF_ALONE) && ref != NULL)
		return keywords_reference(subject);
	TRY(keywords_assert(subject));
	TRY(keywords_object(subject));
	TRY(keywords_array(subject));
	TRY(keywords_reference(subject));
	TRY(keywords_apply(subject));
	return keywords_unevaluated(subject);
}

enum err compile_place(struct compiler *compiler, struct place *place)
{
	uint32_t first_op = (uint32_t)(compiler->ops.n / sizeof(struct op));
	struct subject subject = {
		.compiler = compiler,
		.place = place,
		.schema = place->schema,
		.dialect = place->resource->dialect,
		.types = TYPE_ANY,
	};
	struct node *node;

	if (yyjson_is_obj(place->schema))
		TRY(compile_keywords(&subject));
	else if (yyjson_is_false(place->schema))
		subject.types = 0;
	node = (struct node *)compiler->nodes.p + place->node;
	node->first_op = first_op;
	node->op_count = (uint32_t)(compiler->ops.n / sizeof(struct op)) - first_op;
	node->types = subject.types;
	node->tracks = subject.tracks;
	return OK;
}
