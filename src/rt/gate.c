/* A counting semaphore within one loop. Places are handed over in order: one that is left while
 * somebody waits never becomes free, so a newcomer cannot overtake the queue. */
#include "base/check.h"
#include "rt/loop_private.h"

struct queued {
	struct wait wait;
	struct gate *gate;
};

void gate_init(struct gate *gate, size_t places, size_t queue_max)
{
	*gate = (struct gate){.free = places, .queue_max = queue_max};
	list_init(&gate->waiters);
}

static bool step_out(void *arg)
{
	struct queued *queued = arg;

	list_remove(&queued->wait.link);
	queued->gate->queued--;
	return true;
}

AWAITS enum err gate_enter(struct gate *gate)
{
	struct queued queued = {.wait = WAIT_INIT, .gate = gate};

	TRY(fiber_status());
	if (gate->free > 0) {
		CHECK(gate->queued == 0);
		gate->free--;
		return OK;
	}
	if (gate->queued >= gate->queue_max)
		return ERR_BUSY;
	gate->queued++;
	list_add_tail(&gate->waiters, &queued.wait.link);
	return wait_for(&queued.wait, step_out, &queued);
}

void gate_leave(struct gate *gate)
{
	struct list *link = list_pop(&gate->waiters);

	if (link == NULL) {
		gate->free++;
		return;
	}
	gate->queued--;
	wait_done(LIST_OBJ(link, struct wait, link), OK);
}
