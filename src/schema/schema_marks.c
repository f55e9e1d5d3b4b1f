/* Which members or items of one value have been looked at: a bit each, in the arena. Kept only
 * while a schema with unevaluatedProperties or unevaluatedItems runs on the value. */
#include "schema/schema_run.h"

static size_t words(const struct marks *marks)
{
	return (marks->count + 63) / 64;
}

enum err marks_init(struct run *run, yyjson_val *value, struct marks *ret_marks)
{
	struct marks marks = {.count = yyjson_is_ctn(value) ? unsafe_yyjson_get_len(value) : 0};

	marks.bits = arena_try_alloc(run->arena, (words(&marks) + 1) * sizeof(*marks.bits));
	if (marks.bits == NULL)
		return ERR_LIMIT;
	TRY(run_steps(run, words(&marks) / 8));
	marks_clear(&marks);
	*ret_marks = marks;
	return OK;
}

void marks_clear(struct marks *marks)
{
	marks->all = false;
	memset(marks->bits, 0, words(marks) * sizeof(*marks->bits));
}

void marks_merge(struct marks *marks, const struct marks *from)
{
	if (marks == NULL)
		return;
	CHECK(marks->count == from->count);
	marks->all = marks->all || from->all;
	for (size_t i = 0; i < words(marks); i++)
		marks->bits[i] |= from->bits[i];
}
