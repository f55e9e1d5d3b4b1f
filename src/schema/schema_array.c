/* The items of an array, by position and by search, and what is left over of arrays and objects
 * for unevaluatedItems and unevaluatedProperties. */
#include "schema/schema_run.h"

enum err op_items(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
		  struct marks *marks)
{
	struct frame inner = {.up = frame};
	size_t i, max;
	yyjson_val *item;

	if (!yyjson_is_arr(value))
		return OK;
	TRY(run_steps(run, unsafe_yyjson_get_len(value)));
	yyjson_arr_foreach(value, i, max, item)
	{
		uint32_t node = i < op->b ? run->schema->lists[op->a + i] : op->c;

		if (node == SCHEMA_NONE)
			return OK;
		inner.index = i;
		TRY(node_check(run, node, item, &inner, NULL));
		marks_set(marks, i);
	}
	return OK;
}

enum err op_contains(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
		     struct marks *marks)
{
	const struct contains_range *range = &run->schema->contains[op->a];
	struct frame inner = {.up = frame};
	uint64_t found = 0;
	size_t i, max;
	yyjson_val *item;

	if (!yyjson_is_arr(value))
		return OK;
	TRY(run_steps(run, unsafe_yyjson_get_len(value)));
	yyjson_arr_foreach(value, i, max, item)
	{
		bool valid;

		inner.index = i;
		TRY(node_ask(run, range->node, item, &inner, NULL, &valid));
		found += valid;
		if (valid && range->marks)
			marks_set(marks, i);
		if (found > range->most)
			return fail(run, op->kind, frame, "at most %llu items may match what it can contain",
				    (unsigned long long)range->most);
	}
	if (found >= range->least)
		return OK;
	return fail(run, op->kind, frame, "at least %llu items must match what it must contain; %llu do",
		    (unsigned long long)range->least, (unsigned long long)found);
}

/* The value of the i-th member or item starts at *at; step to the next one. */
static yyjson_val *next_value(yyjson_val *value, yyjson_val **at, struct frame *inner, size_t i)
{
	yyjson_val *item = *at;

	inner->index = i;
	if (yyjson_is_obj(value))
		inner->key = item++;
	*at = unsafe_yyjson_get_next(item);
	return item;
}

enum err op_unevaluated(struct run *run, const struct op *op, yyjson_val *value, const struct frame *frame,
			struct marks *marks)
{
	bool for_object = op->kind == OP_UNEVALUATED_PROPERTIES;
	struct frame inner = {.up = frame};
	size_t count = unsafe_yyjson_get_len(value);
	yyjson_val *at;

	if (for_object ? !yyjson_is_obj(value) : !yyjson_is_arr(value))
		return OK;
	TRY(run_steps(run, count));
	at = unsafe_yyjson_get_first(value);
	for (size_t i = 0; i < count; i++) {
		yyjson_val *item = next_value(value, &at, &inner, i);

		if (marks_has(marks, i))
			continue;
		if (run->schema->nodes[op->a].types == 0 && for_object)
			return fail_unknown(run, NULL, "unevaluatedProperties", &inner);
		TRY(node_check(run, op->a, item, &inner, NULL));
	}
	marks->all = true;
	return OK;
}
