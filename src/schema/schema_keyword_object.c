/* Compiling the keywords about an object's members: properties, required, patternProperties,
 * additionalProperties and propertyNames become one rule with a hash table of names, so that
 * validating walks the members once; dependencies get instructions of their own. */
#include "schema/schema_compile.h"
#include "schema/schema_property.h"

#define BUCKETS_PER_PROPERTY 2 /* half full: few probes */

struct draft_rule {
	struct object_rule rule;
	struct map index; /* name to its position among the properties, plus 1 */
	bool needed;
};

/* The property of that name, made when it is new. */
static struct property *property_of(struct subject *subject, struct draft_rule *draft, struct str name)
{
	struct compiler *compiler = subject->compiler;
	uintptr_t at = (uintptr_t)map_get(&draft->index, name);
	struct property property = {.node = SCHEMA_NONE};

	if (at == 0) {
		property.name = emit_text(compiler, name);
		property.tag = property_tag(name.p, name.n);
		EMIT(compiler->properties, property);
		at = ++draft->rule.property_count;
		map_put(&draft->index, name, (void *)at);
	}
	return (struct property *)compiler->properties.p + draft->rule.properties + at - 1;
}

static enum err rule_properties(struct subject *subject, struct draft_rule *draft)
{
	yyjson_val *properties = json_get(subject->schema, "properties"), *key, *schema;
	size_t i, max;

	if (properties == NULL)
		return OK;
	if (!yyjson_is_obj(properties))
		return compile_refuse(subject->compiler, properties, "properties must be an object");
	draft->needed = true;
	yyjson_obj_foreach(properties, i, max, key, schema)
	{
		uint32_t node;

		TRY(subject_node(subject, schema, &node));
		property_of(subject, draft, json_str(key))->node = node;
	}
	return OK;
}

static enum err rule_required(struct subject *subject, struct draft_rule *draft)
{
	yyjson_val *required = json_get(subject->schema, "required"), *name;
	size_t i, max;

	if (required == NULL || !(subject->dialect & DIALECT_VALIDATION))
		return OK;
	if (!yyjson_is_arr(required))
		return compile_refuse(subject->compiler, required, "required must be an array of names");
	yyjson_arr_foreach(required, i, max, name)
	{
		struct property *property;

		if (!yyjson_is_str(name))
			return compile_refuse(subject->compiler, name, "required must be an array of names");
		property = property_of(subject, draft, json_str(name));
		draft->rule.required_count += !property->required;
		property->required = true;
		draft->needed = true;
	}
	return OK;
}

static enum err rule_patterns(struct subject *subject, struct draft_rule *draft)
{
	struct compiler *compiler = subject->compiler;
	yyjson_val *patterns = json_get(subject->schema, "patternProperties"), *key, *schema;
	size_t i, max;

	draft->rule.patterns = (uint32_t)(compiler->pattern_properties.n / sizeof(struct pattern_property));
	if (patterns == NULL)
		return OK;
	if (!yyjson_is_obj(patterns))
		return compile_refuse(compiler, patterns, "patternProperties must be an object");
	yyjson_obj_foreach(patterns, i, max, key, schema)
	{
		struct pattern_property row;

		TRY(subject_node(subject, schema, &row.node));
		TRY(subject_pattern(subject, schema, json_str(key), &row.pattern));
		EMIT(compiler->pattern_properties, row);
		draft->rule.pattern_count++;
		draft->needed = true;
	}
	return OK;
}

static enum err rule_others(struct subject *subject, struct draft_rule *draft)
{
	yyjson_val *additional = json_get(subject->schema, "additionalProperties");
	yyjson_val *names = json_get(subject->schema, "propertyNames");

	if (additional != NULL)
		TRY(subject_node(subject, additional, &draft->rule.additional));
	if (names != NULL)
		TRY(subject_node(subject, names, &draft->rule.names));
	draft->needed = draft->needed || additional != NULL || names != NULL;
	return OK;
}

static void rule_hash(struct compiler *compiler, struct object_rule *rule)
{
	const uint32_t none = SCHEMA_NONE;
	uint32_t *buckets, size = 1;

	while (size < rule->property_count * BUCKETS_PER_PROPERTY)
		size *= 2;
	rule->bucket_mask = size - 1;
	rule->buckets = (uint32_t)(compiler->buckets.n / sizeof(uint32_t));
	for (uint32_t i = 0; i < size; i++)
		EMIT(compiler->buckets, none);
	buckets = (uint32_t *)compiler->buckets.p + rule->buckets;
	for (uint32_t i = 0; i < rule->property_count; i++) {
		struct property *property = (struct property *)compiler->properties.p + rule->properties + i;
		uint32_t at = property_bucket(rule, property->tag, property->name.n);

		while (buckets[at] != SCHEMA_NONE)
			at = (at + 1) & rule->bucket_mask;
		buckets[at] = i;
	}
}

static enum err fill_rule(struct subject *subject, struct draft_rule *draft)
{
	struct compiler *compiler = subject->compiler;

	TRY(rule_properties(subject, draft));
	TRY(rule_required(subject, draft));
	TRY(rule_patterns(subject, draft));
	TRY(rule_others(subject, draft));
	if (!draft->needed)
		return OK;
	rule_hash(compiler, &draft->rule);
	subject_op(subject, (struct op){.kind = OP_OBJECT, .a = EMIT(compiler->objects, draft->rule)});
	return OK;
}

static enum err keyword_object(struct subject *subject)
{
	struct draft_rule draft = {.rule = {.additional = SCHEMA_NONE, .names = SCHEMA_NONE}};
	enum err err;

	draft.rule.properties = (uint32_t)(subject->compiler->properties.n / sizeof(struct property));
	err = fill_rule(subject, &draft);
	map_free(&draft.index);
	return err;
}

/* {"a": ["b", "c"]}: with a, b and c are required. The trigger and the names are consecutive. */
static enum err depend_required(struct subject *subject, yyjson_val *trigger, yyjson_val *names)
{
	struct compiler *compiler = subject->compiler;
	struct op op = {.kind = OP_DEPENDENT_REQUIRED, .b = (uint32_t)yyjson_arr_size(names)};
	struct text text = emit_text(compiler, json_str(trigger));
	size_t i, max;
	yyjson_val *name;

	op.a = EMIT(compiler->texts, text);
	yyjson_arr_foreach(names, i, max, name)
	{
		if (!yyjson_is_str(name))
			return compile_refuse(compiler, name, "a property name must be a string");
		text = emit_text(compiler, json_str(name));
		EMIT(compiler->texts, text);
	}
	subject_op(subject, op);
	return OK;
}

static enum err depend_schema(struct subject *subject, yyjson_val *trigger, yyjson_val *schema)
{
	struct compiler *compiler = subject->compiler;
	struct op op = {.kind = OP_DEPENDENT_SCHEMA};
	struct text text = emit_text(compiler, json_str(trigger));

	op.a = EMIT(compiler->texts, text);
	TRY(subject_node(subject, schema, &op.b));
	subject_op(subject, op);
	return OK;
}

enum depend_forms { DEPEND_NAMES = 1 << 0, DEPEND_SCHEMAS = 1 << 1 };

static enum err keyword_depend(struct subject *subject, const char *keyword, unsigned forms)
{
	yyjson_val *dependencies = json_get(subject->schema, keyword), *key, *value;
	size_t i, max;

	if (dependencies == NULL)
		return OK;
	if (!yyjson_is_obj(dependencies))
		return compile_refuse(subject->compiler, dependencies, "%s must be an object", keyword);
	yyjson_obj_foreach(dependencies, i, max, key, value)
	{
		if ((forms & DEPEND_NAMES) && yyjson_is_arr(value))
			TRY(depend_required(subject, key, value));
		else if (forms & DEPEND_SCHEMAS)
			TRY(depend_schema(subject, key, value));
		else
			return compile_refuse(subject->compiler, value, "%s must hold arrays of names", keyword);
	}
	return OK;
}

enum err keywords_object(struct subject *subject)
{
	TRY(keyword_object(subject));
	if (subject->dialect & DIALECT_2019) {
		if (subject->dialect & DIALECT_VALIDATION)
			TRY(keyword_depend(subject, "dependentRequired", DEPEND_NAMES));
		TRY(keyword_depend(subject, "dependentSchemas", DEPEND_SCHEMAS));
	}
	/* later drafts split it in two, but schemas that still say it mean it */
	return keyword_depend(subject, "dependencies", DEPEND_NAMES | DEPEND_SCHEMAS);
}
