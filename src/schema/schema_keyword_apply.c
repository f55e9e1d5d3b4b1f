/* Compiling the keywords that apply other schemas to the same value or to its items: references,
 * allOf to if, items and contains, unevaluated*. */
#include "schema/schema_compile.h"

static enum err call_reference(struct subject *subject, const char *keyword)
{
	struct compiler *compiler = subject->compiler;
	yyjson_val *value = json_get(subject->schema, keyword), *named;
	struct op op = {.kind = OP_CALL};
	struct place *target;
	struct str anchor;

	if (value == NULL)
		return OK;
	if (!yyjson_is_str(value))
		return compile_refuse(compiler, value, "%s must be a string", keyword);
	TRY(ref_resolve(compiler, subject->place->resource, value, json_str(value), &target, &anchor));
	TRY(emit_place(compiler, target, &op.a));
	/* spec: 2020-12 core 8.2.3.2: dynamic only when it leads to a $dynamicAnchor at first */
	named = json_get(target->schema, "$dynamicAnchor");
	if (strcmp(keyword, "$dynamicRef") == 0 && anchor.n > 0 && str_eq(json_str(named), anchor)) {
		struct text name = emit_text(compiler, anchor);

		op.kind = OP_DYNAMIC_CALL;
		op.b = EMIT(compiler->texts, name);
		compiler->dynamic = true;
	}
	subject_op(subject, op);
	return OK;
}

enum err keywords_reference(struct subject *subject)
{
	yyjson_val *recursive = json_get(subject->schema, "$recursiveRef");

	TRY(call_reference(subject, "$ref"));
	if (subject->dialect & DIALECT_DYNAMIC)
		return call_reference(subject, "$dynamicRef");
	if ((subject->dialect & DIALECT_2019) && recursive != NULL)
		return compile_refuse(subject->compiler, recursive, "$recursiveRef is not supported");
	return OK;
}

/* allOf is a series of calls; anyOf and oneOf choose from a list. */
static enum err combine(struct subject *subject, const char *keyword, enum schema_op kind)
{
	yyjson_val *branches = json_get(subject->schema, keyword);
	struct op op = {.kind = kind};

	if (branches == NULL)
		return OK;
	if (!yyjson_is_arr(branches) || yyjson_arr_size(branches) == 0)
		return compile_refuse(subject->compiler, branches, "%s must be an array with at least one schema",
				      keyword);
	TRY(subject_list(subject, branches, &op.a));
	op.b = (uint32_t)yyjson_arr_size(branches);
	if (kind != OP_CALL) {
		subject_op(subject, op);
		return OK;
	}
	for (uint32_t i = 0; i < op.b; i++) {
		const uint32_t *list = (const uint32_t *)subject->compiler->lists.p;

		subject_op(subject, (struct op){.kind = OP_CALL, .a = list[op.a + i]});
	}
	return OK;
}

static enum err optional_node(struct subject *subject, const char *keyword, uint32_t *ret_node)
{
	yyjson_val *schema = json_get(subject->schema, keyword);

	*ret_node = SCHEMA_NONE;
	return schema == NULL ? OK : subject_node(subject, schema, ret_node);
}

static enum err keyword_if(struct subject *subject)
{
	struct op op = {.kind = OP_IF};

	TRY(optional_node(subject, "if", &op.a));
	TRY(optional_node(subject, "then", &op.b));
	TRY(optional_node(subject, "else", &op.c));
	if (op.a != SCHEMA_NONE)
		subject_op(subject, op);
	return OK;
}

enum err keywords_apply(struct subject *subject)
{
	struct op op = {.kind = OP_NOT};

	TRY(combine(subject, "allOf", OP_CALL));
	TRY(combine(subject, "anyOf", OP_ANY_OF));
	TRY(combine(subject, "oneOf", OP_ONE_OF));
	TRY(optional_node(subject, "not", &op.a));
	if (op.a != SCHEMA_NONE)
		subject_op(subject, op);
	return keyword_if(subject);
}

/* prefixItems and items, or up to 2019-09 items as an array and additionalItems. */
static enum err keyword_items(struct subject *subject)
{
	yyjson_val *items = json_get(subject->schema, "items"), *prefix = NULL;
	const char *rest = "items";
	struct op op = {.kind = OP_ITEMS};

	if (subject->dialect & DIALECT_PREFIX_ITEMS) {
		prefix = json_get(subject->schema, "prefixItems");
		if (prefix != NULL && !yyjson_is_arr(prefix))
			return compile_refuse(subject->compiler, prefix, "prefixItems must be an array");
	} else if (yyjson_is_arr(items)) {
		prefix = items;
		rest = "additionalItems";
	}
	TRY(subject_list(subject, prefix, &op.a));
	op.b = (uint32_t)yyjson_arr_size(prefix);
	TRY(optional_node(subject, rest, &op.c));
	if (op.b > 0 || op.c != SCHEMA_NONE)
		subject_op(subject, op);
	return OK;
}

static enum err keyword_contains(struct subject *subject)
{
	struct compiler *compiler = subject->compiler;
	struct contains_range range = {.least = 1, .most = UINT64_MAX};
	yyjson_val *least = json_get(subject->schema, "minContains"), *most = json_get(subject->schema, "maxContains");

	TRY(optional_node(subject, "contains", &range.node));
	if (range.node == SCHEMA_NONE)
		return OK;
	range.marks = (subject->dialect & DIALECT_CONTAINS_MARKS) != 0;
	if (subject->dialect & DIALECT_2019 && subject->dialect & DIALECT_VALIDATION) {
		if (least != NULL)
			TRY(subject_count(subject, least, "minContains", &range.least));
		if (most != NULL)
			TRY(subject_count(subject, most, "maxContains", &range.most));
	}
	subject_op(subject, (struct op){.kind = OP_CONTAINS, .a = EMIT(compiler->contains, range)});
	return OK;
}

enum err keywords_array(struct subject *subject)
{
	yyjson_val *unique = json_get(subject->schema, "uniqueItems");

	TRY(keyword_items(subject));
	TRY(keyword_contains(subject));
	if (unique == NULL || !(subject->dialect & DIALECT_VALIDATION))
		return OK;
	if (!yyjson_is_bool(unique))
		return compile_refuse(subject->compiler, unique, "uniqueItems must be a boolean");
	if (yyjson_is_true(unique))
		subject_op(subject, (struct op){.kind = OP_UNIQUE});
	return OK;
}

enum err keywords_unevaluated(struct subject *subject)
{
	struct op items = {.kind = OP_UNEVALUATED_ITEMS}, properties = {.kind = OP_UNEVALUATED_PROPERTIES};

	if (!(subject->dialect & DIALECT_2019))
		return OK;
	TRY(optional_node(subject, "unevaluatedItems", &items.a));
	TRY(optional_node(subject, "unevaluatedProperties", &properties.a));
	if (items.a != SCHEMA_NONE)
		subject_op(subject, items);
	if (properties.a != SCHEMA_NONE)
		subject_op(subject, properties);
	subject->tracks = items.a != SCHEMA_NONE || properties.a != SCHEMA_NONE;
	return OK;
}
