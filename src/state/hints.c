/* A hint crosses to loop 0 as a task of its own, so that a listener is never called from inside state_hint. Whether
 * anything is done about one is the listener's business.
 *
 * Tasks cannot be called back: state_free waits until none is under way. */
#include "state/hints.h"

#include <stdlib.h>

#include "base/check.h"

struct crossing {
	struct task task;
	struct hints *hints;
	size_t n;
	char text[STATE_HINT_BYTES_MAX];
};

static void arrive(struct task *task)
{
	struct crossing *crossing = CONTAINER_OF(task, struct crossing, task);
	struct hints *hints = crossing->hints;

	if (hints->on_hint != NULL)
		hints->on_hint(hints->arg, (struct str){crossing->text, crossing->n});
	atomic_fetch_sub(&hints->under_way, 1);
	free(crossing);
}

void hints_tell(struct hints *hints, struct str hint)
{
	struct crossing *crossing;

	if (hint.n > STATE_HINT_BYTES_MAX)
		return;
	if (atomic_fetch_add(&hints->under_way, 1) >= HINTS_UNDER_WAY_MAX) {
		atomic_fetch_sub(&hints->under_way, 1);
		return;
	}
	crossing = calloc(1, sizeof(*crossing));
	CHECK(crossing != NULL);
	crossing->task.run = arrive;
	crossing->hints = hints;
	crossing->n = hint.n;
	memcpy(crossing->text, hint.p, hint.n);
	loop_post(loop_at(0), &crossing->task);
}
