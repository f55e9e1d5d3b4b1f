/* The members of an object: one walk finds each name in the schema's hash table, checks its
 * value, and counts the required ones. The usual member, a known name with a value of the right
 * type, is decided without a call. */
#include "schema/schema_run.h"
#include "schema/schema_property.h"

static inline bool property_is(const struct run *run, const struct property *property, uint64_t tag, const char *p,
			       size_t n)
{
	return property->tag == tag && property->name.n == n &&
	       property_same(run->schema->pool + property->name.at, p, n);
}

/* The property named `key`, NULL for none. Most values have their members in the schema's order:
 * *next is the property after the last one found and is tried before the table. */
static inline const struct property *property_find(struct run *run, const struct object_rule *rule, yyjson_val *key,
						   const struct property **next, const struct property *end)
{
	const struct property *properties = end - rule->property_count;
	const char *p = unsafe_yyjson_get_str(key);
	size_t n = unsafe_yyjson_get_len(key);
	uint64_t tag = property_tag(p, n);
	const uint32_t *buckets;

	if (likely(*next < end && property_is(run, *next, tag, p, n)))
		return (*next)++;
	buckets = run->schema->buckets + rule->buckets;
	for (uint32_t at = property_bucket(rule, tag, n); buckets[at] != SCHEMA_NONE;
	     at = (at + 1) & rule->bucket_mask) {
		if (property_is(run, &properties[buckets[at]], tag, p, n)) {
			*next = &properties[buckets[at]] + 1;
			return *next - 1;
		}
		/* names chosen to collide must not get their lookups for nothing */
		run->steps -= run->steps > 0;
	}
	return NULL;
}

/* As node_check for a member, without a call when its type decides. */
static inline enum err member_check(struct run *run, uint32_t node_index, yyjson_val *value, const struct frame *frame)
{
	const struct node *node = &run->schema->nodes[node_index];

	if (likely(types_accept(node->types, value)))
		return likely(node->op_count == 0) ? OK : node_run(run, node, value, frame, NULL);
	return fail_type(run, node, value, frame);
}

static LEAF enum err name_check(struct run *run, const struct object_rule *rule, const struct frame *frame)
{
	bool naming = run->naming;
	enum err err;

	run->naming = true;
	err = node_check(run, rule->names, frame->key, frame, NULL);
	run->naming = naming;
	return err;
}

static LEAF enum err patterns_check(struct run *run, const struct object_rule *rule, yyjson_val *value,
				    const struct frame *frame, bool *known)
{
	const struct pattern_property *row = run->schema->pattern_properties + rule->patterns;

	for (uint32_t i = 0; i < rule->pattern_count; i++, row++) {
		bool matched;

		TRY(run_pattern(run, row->pattern, frame->key, &matched));
		if (!matched)
			continue;
		*known = true;
		TRY(member_check(run, row->node, value, frame));
	}
	return OK;
}

/* A member that is not named in `properties`, and what applies to names of all kinds. */
static LEAF enum err unusual_check(struct run *run, const struct object_rule *rule, yyjson_val *value,
				   const struct frame *frame, bool *known)
{
	if (rule->names != SCHEMA_NONE)
		TRY(name_check(run, rule, frame));
	TRY(patterns_check(run, rule, value, frame, known));
	if (*known || rule->additional == SCHEMA_NONE)
		return OK;
	*known = true;
	if (run->schema->nodes[rule->additional].types == 0)
		return fail_unknown(run, rule, "additionalProperties", frame);
	return member_check(run, rule->additional, value, frame);
}

/* Name the first required member that is not there. */
static COLD enum err missing(struct run *run, const struct object_rule *rule, yyjson_val *value,
			     const struct frame *frame)
{
	const struct property *property = run->schema->properties + rule->properties;

	for (uint32_t i = 0; i < rule->property_count && run->quiet == 0; i++, property++) {
		struct str name = schema_text(run->schema, property->name);

		if (property->required && yyjson_obj_getn(value, name.p, name.n) == NULL)
			return fail_missing(run, name, STR_NONE, frame);
	}
	return ERR_MCP_ARGUMENTS;
}

enum err object_check(struct run *run, const struct object_rule *rule, yyjson_val *value, const struct frame *frame,
		      struct marks *marks)
{
	bool unusual = rule->pattern_count > 0 || rule->names != SCHEMA_NONE;
	const struct property *next = run->schema->properties + rule->properties, *end = next + rule->property_count;
	size_t count = unsafe_yyjson_get_len(value);
	yyjson_val *key = unsafe_yyjson_get_first(value);
	struct frame inner = {.up = frame};
	uint32_t found = 0;

	TRY(run_steps(run, count));
	for (size_t i = 0; i < count; i++) {
		yyjson_val *member = key + 1;
		const struct property *property = property_find(run, rule, key, &next, end);
		bool known = false;

		inner.key = key;
		if (likely(property != NULL)) {
			found += property->required;
			known = property->node != SCHEMA_NONE;
			if (likely(known))
				TRY(member_check(run, property->node, member, &inner));
		}
		if (unlikely(!known || unusual))
			TRY(unusual_check(run, rule, member, &inner, &known));
		if (known)
			marks_set(marks, i);
		key = unsafe_yyjson_get_next(member);
	}
	return likely(found >= rule->required_count) ? OK : missing(run, rule, value, frame);
}

enum err op_dependent_required(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame)
{
	const struct text *texts = run->schema->texts + op->a;
	struct str trigger = schema_text(run->schema, texts[0]);

	if (!yyjson_is_obj(value))
		return OK;
	TRY(run_steps(run, (uint64_t)unsafe_yyjson_get_len(value) * (op->b + 1) / 4));
	if (yyjson_obj_getn(value, trigger.p, trigger.n) == NULL)
		return OK;
	for (uint32_t i = 1; i <= op->b; i++) {
		struct str name = schema_text(run->schema, texts[i]);

		if (yyjson_obj_getn(value, name.p, name.n) == NULL)
			return fail_missing(run, name, trigger, frame);
	}
	return OK;
}
