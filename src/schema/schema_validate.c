/* Running a compiled schema on a value: a node's types first, then its instructions in order; the
 * first failure ends it. This file has the loop and the instructions that look at one string,
 * number or count; objects, arrays and the combining keywords have their own.
 *
 * It recurses with the value and with references. Depth, steps and the work of patterns are
 * counted, so a circular reference or a hostile value ends with ERR_LIMIT. */
#include "schema/schema_run.h"

static LEAF enum err op_number(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame)
{
	const struct number_bound *bound = &run->schema->bounds[op->a];
	struct str bound_lexeme = schema_text(run->schema, bound->lexeme), lexeme;
	char scratch[NUMBER_SCRATCH_BYTES];
	struct decimal a, b;
	int64_t small;
	bool valid;
	int order;

	if (!number_lexeme(value, scratch, &lexeme))
		return OK;
	if (op->kind == OP_MULTIPLE || !bound->small || !number_small(lexeme, &small)) {
		TRY(run_steps(run, (lexeme.n + bound_lexeme.n) / 16));
		a = decimal_of(lexeme);
		b = decimal_of(bound_lexeme);
		order = op->kind == OP_MULTIPLE ? decimal_divides(&a, &b) : decimal_cmp(&a, &b);
	} else {
		order = (small > bound->value) - (small < bound->value);
	}
	valid = op->kind == OP_MINIMUM	 ? order >= 0
		: op->kind == OP_MAXIMUM ? order <= 0
		: op->kind == OP_BELOW	 ? order < 0
					 : order > 0; /* OP_ABOVE; OP_MULTIPLE: 1 is yes */
	return likely(valid) ? OK : fail_op(run, op, value, frame);
}

/* Characters, not bytes: every byte that does not continue one starts one. */
static size_t string_length(yyjson_val *value)
{
	const char *p = unsafe_yyjson_get_str(value), *end = p + unsafe_yyjson_get_len(value);
	size_t length = 0;

	for (; p < end; p++)
		length += ((uint8_t)*p & 0xC0) != 0x80;
	return length;
}

static LEAF enum err op_length(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame)
{
	size_t bytes = unsafe_yyjson_get_len(value);
	bool valid;

	if (!yyjson_is_str(value))
		return OK;
	/* a character has 1 to 4 bytes: mostly that decides */
	if (op->kind == OP_MAX_LENGTH) {
		if (likely(bytes <= op->n))
			return OK;
		valid = bytes / 4 <= op->n;
	} else {
		if (likely(bytes / 4 >= op->n))
			return OK;
		valid = bytes >= op->n;
	}
	if (valid) {
		TRY(run_steps(run, bytes / 64));
		valid = op->kind == OP_MAX_LENGTH ? string_length(value) <= op->n : string_length(value) >= op->n;
	}
	return valid ? OK : fail_op(run, op, value, frame);
}

static LEAF enum err op_size(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame)
{
	bool for_object = op->kind == OP_MIN_PROPERTIES || op->kind == OP_MAX_PROPERTIES;
	bool is_least = op->kind == OP_MIN_PROPERTIES || op->kind == OP_MIN_ITEMS;
	size_t size = unsafe_yyjson_get_len(value);

	if (for_object ? !yyjson_is_obj(value) : !yyjson_is_arr(value))
		return OK;
	return (is_least ? size >= op->n : size <= op->n) ? OK : fail_op(run, op, value, frame);
}

enum err run_pattern(struct run *run, uint32_t pattern, yyjson_val *text, bool *ret_matched)
{
	struct str s = {unsafe_yyjson_get_str(text), unsafe_yyjson_get_len(text)};
	uint64_t work = run->steps * WORK_PER_STEP;
	enum err err = pattern_match(run->schema->patterns[pattern], s, &work, ret_matched);

	run->steps = work / WORK_PER_STEP;
	return err;
}

static LEAF enum err op_pattern(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame)
{
	bool matched;

	if (!yyjson_is_str(value))
		return OK;
	TRY(run_pattern(run, op->a, value, &matched));
	return matched ? OK : fail_op(run, op, value, frame);
}

static LEAF enum err op_constant(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame)
{
	for (uint32_t i = 0; i < op->b; i++) {
		yyjson_val *constant = run->schema->constants[op->a + i];
		bool equal;

		TRY(values_equal(run, constant, value, &equal));
		if (equal)
			return OK;
	}
	return fail_op(run, op, value, frame);
}

static LEAF enum err op_unique(struct run *run, yyjson_val *value, const struct frame *frame)
{
	size_t first, second;

	if (!yyjson_is_arr(value))
		return OK;
	TRY(items_unique(run, value, &first, &second));
	return first == second ? OK : fail(run, OP_UNIQUE, frame, "items %zu and %zu must not be equal", first, second);
}

static enum err op_dependent_schema(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
				    struct marks *marks)
{
	struct str trigger = schema_text(run->schema, run->schema->texts[op->a]);

	if (!yyjson_is_obj(value))
		return OK;
	TRY(run_steps(run, unsafe_yyjson_get_len(value) / 4));
	return yyjson_obj_getn(value, trigger.p, trigger.n) == NULL ? OK : node_check(run, op->b, value, frame, marks);
}

static enum err run_op(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
		       struct marks *marks)
{
	switch ((enum schema_op)op->kind) {
	case OP_CONST:
	case OP_ENUM:
		return op_constant(run, op, value, frame);
	case OP_MINIMUM:
	case OP_MAXIMUM:
	case OP_ABOVE:
	case OP_BELOW:
	case OP_MULTIPLE:
		return op_number(run, op, value, frame);
	case OP_MIN_LENGTH:
	case OP_MAX_LENGTH:
		return op_length(run, op, value, frame);
	case OP_PATTERN:
		return op_pattern(run, op, value, frame);
	case OP_MIN_ITEMS:
	case OP_MAX_ITEMS:
	case OP_MIN_PROPERTIES:
	case OP_MAX_PROPERTIES:
		return op_size(run, op, value, frame);
	case OP_UNIQUE:
		return op_unique(run, value, frame);
	case OP_ITEMS:
		return op_items(run, op, value, frame, marks);
	case OP_CONTAINS:
		return op_contains(run, op, value, frame, marks);
	case OP_OBJECT:
		return yyjson_is_obj(value) ? object_check(run, &run->schema->objects[op->a], value, frame, marks) : OK;
	case OP_DEPENDENT_REQUIRED:
		return op_dependent_required(run, op, value, frame);
	case OP_DEPENDENT_SCHEMA:
		return op_dependent_schema(run, op, value, frame, marks);
	case OP_CALL:
		return node_check(run, op->a, value, frame, marks);
	case OP_DYNAMIC_CALL:
		return op_dynamic_call(run, op, value, frame, marks);
	case OP_ANY_OF:
		return op_any_of(run, op, value, frame, marks);
	case OP_ONE_OF:
		return op_one_of(run, op, value, frame, marks);
	case OP_NOT:
		return op_not(run, op, value, frame);
	case OP_IF:
		return op_if(run, op, value, frame, marks);
	case OP_UNEVALUATED_ITEMS:
	case OP_UNEVALUATED_PROPERTIES:
		return op_unevaluated(run, op, value, frame, marks);
	}
	return OK;
}

static inline enum err run_ops(struct run *run, const struct node *node, yyjson_val *value, const struct frame *frame,
			       struct marks *marks)
{
	const struct op *op = run->schema->ops + node->first_op, *end = op + node->op_count;

	for (; op < end; op++)
		TRY(run_op(run, op, value, frame, marks));
	return OK;
}

/* With unevaluated*, the node keeps its own account of the value, then hands it on. */
static LEAF enum err run_tracked(struct run *run, const struct node *node, yyjson_val *value, const struct frame *frame,
				 struct marks *marks)
{
	struct marks own;

	if (!yyjson_is_ctn(value))
		return run_ops(run, node, value, frame, NULL);
	TRY(marks_init(run, value, &own));
	TRY(run_ops(run, node, value, frame, &own));
	marks_merge(marks, &own);
	return OK;
}

/* Entering another resource widens the dynamic scope. */
static LEAF enum err run_scoped(struct run *run, const struct node *node, yyjson_val *value, const struct frame *frame,
				struct marks *marks)
{
	struct scope scope = {run->scope, node->resource};
	enum err err;

	run->scope = &scope;
	err = node->tracks ? run_tracked(run, node, value, frame, marks) : run_ops(run, node, value, frame, marks);
	run->scope = scope.up;
	return err;
}

enum err node_run(struct run *run, const struct node *node, yyjson_val *value, const struct frame *frame,
		  struct marks *marks)
{
	enum err err;

	if (unlikely(run->depth == SCHEMA_DEPTH_MAX))
		return ERR_LIMIT;
	TRY(run_steps(run, node->op_count));
	run->depth++;
	if (unlikely(run->schema->dynamics_count > 0))
		err = run_scoped(run, node, value, frame, marks);
	else if (unlikely(node->tracks))
		err = run_tracked(run, node, value, frame, marks);
	else
		err = run_ops(run, node, value, frame, marks);
	run->depth--;
	return err;
}

enum err node_check(struct run *run, uint32_t node_index, yyjson_val *value, const struct frame *frame,
		    struct marks *marks)
{
	const struct node *node = &run->schema->nodes[node_index];

	if (unlikely(!types_accept(node->types, value)))
		return fail_type(run, node, value, frame);
	return node->op_count == 0 ? OK : node_run(run, node, value, frame, marks);
}

enum err node_ask(struct run *run, uint32_t node, yyjson_val *value, const struct frame *frame, struct marks *marks,
		  bool *ret_valid)
{
	enum err err;

	run->quiet++;
	err = node_check(run, node, value, frame, marks);
	run->quiet--;
	if (err != OK && err != ERR_MCP_ARGUMENTS)
		return err;
	*ret_valid = err == OK;
	return OK;
}

enum err schema_validate(const struct schema *schema, yyjson_val *value, struct arena *arena,
			 struct schema_failure *ret_failure)
{
	struct run run = {
		.schema = schema,
		.arena = arena,
		.failure = ret_failure,
		.steps = SCHEMA_STEPS_MAX,
	};

	CHECK_OBJ(schema, SCHEMA_MAGIC);
	CHECK(value != NULL);
	return node_check(&run, 0, value, NULL, NULL);
}
