/* Schemas that choose among schemas for the same value: anyOf, oneOf, not, if, $dynamicRef.
 *
 * A branch is asked quietly, since its failure may mean nothing. When the types leave only one
 * branch that can match, it is checked aloud instead: its own failure says far more than "none
 * matches", and "this object or null" is what most unions are. */
#include "schema/schema_run.h"

/* How many branches the value's type allows; *ret_only is the last of them. */
static LEAF uint32_t candidates(struct run *run, const struct op *op, yyjson_val *value, uint32_t *ret_only)
{
	const uint32_t *list = run->schema->lists + op->a;
	uint32_t count = 0;

	for (uint32_t i = 0; i < op->b; i++) {
		if (types_accept(run->schema->nodes[list[i]].types, value)) {
			*ret_only = list[i];
			count++;
		}
	}
	return count;
}

/* Ask one branch; what it has looked at counts only if it accepts. */
static enum err ask_branch(struct run *run, uint32_t node, yyjson_val *value, const struct frame *frame,
			   struct marks *marks, struct marks *scratch, bool *ret_valid)
{
	if (likely(marks == NULL))
		return node_ask(run, node, value, frame, NULL, ret_valid);
	marks_clear(scratch);
	TRY(node_ask(run, node, value, frame, scratch, ret_valid));
	if (*ret_valid)
		marks_merge(marks, scratch);
	return OK;
}

static enum err scratch_init(struct run *run, yyjson_val *value, const struct marks *marks, struct marks *ret_scratch)
{
	return marks == NULL ? OK : marks_init(run, value, ret_scratch);
}

enum err op_any_of(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
		   struct marks *marks)
{
	const uint32_t *list = run->schema->lists + op->a;
	struct marks scratch;
	bool matched = false;
	uint32_t only;

	TRY(run_steps(run, op->b));
	if (candidates(run, op, value, &only) == 1)
		return node_check(run, only, value, frame, marks);
	TRY(scratch_init(run, value, marks, &scratch));
	for (uint32_t i = 0; i < op->b; i++) {
		bool valid;

		TRY(ask_branch(run, list[i], value, frame, marks, &scratch, &valid));
		matched = matched || valid;
		/* with unevaluated* the other branches may look at more */
		if (valid && marks == NULL)
			return OK;
	}
	return matched ? OK : fail_op(run, op, value, frame);
}

enum err op_one_of(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
		   struct marks *marks)
{
	const uint32_t *list = run->schema->lists + op->a;
	struct marks scratch;
	uint32_t matched = 0, only;

	TRY(run_steps(run, op->b));
	if (candidates(run, op, value, &only) == 1)
		return node_check(run, only, value, frame, marks);
	TRY(scratch_init(run, value, marks, &scratch));
	for (uint32_t i = 0; i < op->b && matched < 2; i++) {
		bool valid;

		TRY(ask_branch(run, list[i], value, frame, marks, &scratch, &valid));
		matched += valid;
	}
	if (matched == 2)
		return fail(run, op->kind, frame, "must match exactly one of the %u alternatives, not several", op->b);
	return matched == 1 ? OK : fail_op(run, op, value, frame);
}

enum err op_not(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame)
{
	bool valid;

	TRY(node_ask(run, op->a, value, frame, NULL, &valid));
	return valid ? fail_op(run, op, value, frame) : OK;
}

enum err op_if(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame, struct marks *marks)
{
	struct marks scratch;
	uint32_t node;
	bool valid;

	TRY(scratch_init(run, value, marks, &scratch));
	TRY(ask_branch(run, op->a, value, frame, marks, &scratch, &valid));
	node = valid ? op->b : op->c;
	return node == SCHEMA_NONE ? OK : node_check(run, node, value, frame, marks);
}

/* The outermost resource entered that has the anchor decides; spec: 2020-12 core 8.2.3.2 */
enum err op_dynamic_call(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
			 struct marks *marks)
{
	const struct schema *schema = run->schema;
	struct str name = schema_text(schema, schema->texts[op->b]);
	uint32_t node = op->a;

	for (const struct scope *scope = run->scope; scope != NULL; scope = scope->up) {
		TRY(run_steps(run, schema->dynamics_count));
		for (uint32_t i = 0; i < schema->dynamics_count; i++) {
			const struct dynamic_anchor *anchor = &schema->dynamics[i];

			if (anchor->resource == scope->resource && str_eq(schema_text(schema, anchor->name), name))
				node = anchor->node;
		}
	}
	return node_check(run, node, value, frame, marks);
}
