/* The inside of the schema runner. Private to the room.
 *
 *   run       what one validation carries along: work done, depth, who is listening
 *   frame     where in the value we are: one on the C stack for each member or item entered
 *   marks     which members or items have been looked at, for unevaluated* */
#ifndef GATEHOUSE_SCHEMA_SCHEMA_RUN_H
#define GATEHOUSE_SCHEMA_SCHEMA_RUN_H

#include "schema/schema_program.h"

struct frame {
	const struct frame *up; /* NULL: the root */
	yyjson_val *key;	/* the member entered; NULL: the item */
	size_t index;
};

/* The resources entered so far, innermost first; only kept for schemas with $dynamicRef. */
struct scope {
	const struct scope *up;
	uint32_t resource;
};

struct marks {
	uint64_t *bits; /* in the arena */
	size_t count;	/* members or items of the value */
	bool all;
};

struct run {
	const struct schema *schema;
	struct arena *arena;
	const struct scope *scope;
	struct schema_failure *failure;
	uint64_t steps; /* left */
	uint32_t depth;
	uint32_t quiet; /* above 0: a failure is an answer, not a message */
	bool naming;	/* the value is a property's name */
};

#define WORK_PER_STEP 4 /* a pattern's unit of work is this much less than ours */

/* Take `n` steps from what is left. */
static inline enum err run_steps(struct run *run, uint64_t n)
{
	if (unlikely(run->steps < n))
		return ERR_LIMIT;
	run->steps -= n;
	return OK;
}

/* Whether v has one of the types. */
static inline bool types_accept(uint8_t types, yyjson_val *v)
{
	if (likely(types & 1u << yyjson_get_type(v)))
		return true;
	return (types & TYPE_INTEGER) && number_value_is_integer(v);
}

/* Run the instructions of a node whose types have accepted the value. */
NODISCARD enum err node_run(struct run *run, const struct node *node, yyjson_val *value, const struct frame *frame,
			    struct marks *marks);

/* Check a value against a node.
 *   marks   of the same value; NULL when nobody asks
 *   Errors  ERR_MCP_ARGUMENTS, ERR_LIMIT */
NODISCARD enum err node_check(struct run *run, uint32_t node, yyjson_val *value, const struct frame *frame,
			      struct marks *marks);

/* Match a pattern against a string, paying with steps.
 *   Errors  ERR_LIMIT */
NODISCARD enum err run_pattern(struct run *run, uint32_t pattern, yyjson_val *text, bool *ret_matched);

/* As node_check, as a question: ERR_MCP_ARGUMENTS becomes an answer.
 *   Errors  ERR_LIMIT */
NODISCARD enum err node_ask(struct run *run, uint32_t node, yyjson_val *value, const struct frame *frame,
			    struct marks *marks, bool *ret_valid);

/* Validation recurses through these: what only the last call needs must not be in every frame. */
#define LEAF __attribute__((noinline))

/* --- schema_failure.c: each returns ERR_MCP_ARGUMENTS --- */

/* The value has none of the node's types; the node `false` allows nothing. */
enum err fail_type(struct run *run, const struct node *node, yyjson_val *value, const struct frame *frame);

/* An instruction refuses the value. */
enum err fail_op(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame);

/* `fmt` is the sentence behind the path. */
enum err fail(struct run *run, enum schema_op op, const struct frame *frame, const char *fmt, ...) PRINTF(4, 5);

/* A member that must be there, always or (trigger not empty) because another one is. */
enum err fail_missing(struct run *run, struct str name, struct str trigger, const struct frame *frame);

/* A member that no property, pattern or schema allows. */
enum err fail_unknown(struct run *run, const struct object_rule *rule, const char *keyword, const struct frame *frame);

/* --- schema_object.c, schema_array.c, schema_apply.c: one group of instructions each --- */

/* The members of an object; op_dependent_required looks at names only. */
NODISCARD enum err object_check(struct run *run, const struct object_rule *rule, yyjson_val *value,
				const struct frame *frame, struct marks *marks);
NODISCARD enum err op_dependent_required(struct run *run, const struct op *op, yyjson_val *value,
					 const struct frame *frame);

/* Items of an array, and what is left over of arrays and objects. */
NODISCARD enum err op_items(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
			    struct marks *marks);
NODISCARD enum err op_contains(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
			       struct marks *marks);
NODISCARD enum err op_unevaluated(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
				  struct marks *marks);

/* Other schemas for the same value. */
NODISCARD enum err op_any_of(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
			     struct marks *marks);
NODISCARD enum err op_one_of(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
			     struct marks *marks);
NODISCARD enum err op_not(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame);
NODISCARD enum err op_if(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
			 struct marks *marks);
NODISCARD enum err op_dynamic_call(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
				   struct marks *marks);

/* --- schema_equal.c --- */

/* Whether two values are equal as JSON Schema says: 1 and 1.0 are, members have no order.
 *   Errors  ERR_LIMIT */
NODISCARD enum err values_equal(struct run *run, yyjson_val *a, yyjson_val *b, bool *ret_equal);

/* The first two equal items of an array, or the same index twice.
 *   Errors  ERR_LIMIT (steps or arena) */
NODISCARD enum err items_unique(struct run *run, yyjson_val *array, size_t *ret_first, size_t *ret_second);

/* --- schema_marks.c --- */

/* Fresh marks for a value, none set.
 *   Errors  ERR_LIMIT (arena) */
NODISCARD enum err marks_init(struct run *run, yyjson_val *value, struct marks *ret_marks);

static inline void marks_set(struct marks *marks, size_t i)
{
	if (unlikely(marks != NULL))
		marks->bits[i / 64] |= UINT64_C(1) << i % 64;
}

static inline bool marks_has(const struct marks *marks, size_t i)
{
	return marks->all || (marks->bits[i / 64] >> i % 64 & 1) != 0;
}

/* Add what `from` has; NULL on either side is nothing to do. */
void marks_merge(struct marks *marks, const struct marks *from);

/* Forget all. */
void marks_clear(struct marks *marks);

#endif
