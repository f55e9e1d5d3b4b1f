/* Fibers that wait for each other: a group for its members, a flight's callers for the one that
 * does the work, a gate's queue for a place. All of it is loop-local and needs no lock; whoever
 * completes a wait only queues the fiber (wait.c). */
#include <stdlib.h>

#include "base/check.h"
#include "rt/private.h"

/* ---- groups ---------------------------------------------------------------------- */

void group_init(struct group *group, struct loop *loop)
{
	*group = (struct group){.loop = loop};
	list_init(&group->members);
}

enum err group_spawn(struct group *group, const char *name, fiber_main *main, void *arg)
{
	struct fiber *self = fiber_self(), *fiber;

	TRY(fiber_spawn(group->loop, name, main, arg, self == NULL ? 0 : self->deadline_ms, &fiber));
	fiber->group = group;
	list_add_tail(&group->members, &fiber->group_link);
	group->count++;
	return OK;
}

void group_cancel(struct group *group)
{
	for (struct list *l = group->members.next; l != &group->members; l = l->next)
		fiber_cancel(LIST_OBJ(l, struct fiber, group_link));
}

static bool abandon_group(void *arg)
{
	group_cancel(arg);
	return false; /* they must have ended before the group may go */
}

AWAITS enum err group_join(struct group *group)
{
	struct wait wait = WAIT_INIT;

	if (group->count == 0)
		return OK;
	group->waiter = &wait;
	return wait_for(&wait, abandon_group, group);
}

/* ---- single flight --------------------------------------------------------------- */

struct flight {
	struct str key; /* own copy, in the same allocation */
	struct loop *loop;
	enum err (*work)(void *arg);
	void *arg;
	void (*release)(void *arg);
	struct list waiters; /* struct wait.link */
};

AWAITS_ENTRY static void flight_main(void *arg)
{
	struct flight *flight = arg;
	enum err err = flight->work(flight->arg);
	struct list *link;

	map_remove(&flight->loop->flights, flight->key);
	while ((link = list_pop(&flight->waiters)) != NULL)
		wait_done(LIST_OBJ(link, struct wait, link), err);
	if (flight->release != NULL)
		flight->release(flight->arg);
	free(flight);
}

static bool abandon_waiter(void *arg)
{
	struct wait *wait = arg;

	list_remove(&wait->link);
	return true;
}

static enum err flight_start(struct loop *loop, struct str key, enum err (*work)(void *arg), void *arg,
			     void (*release)(void *arg), struct flight **ret_flight)
{
	struct flight *flight = calloc(1, sizeof(*flight) + key.n);
	enum err err;

	CHECK(flight != NULL);
	memcpy(flight + 1, key.p, key.n);
	flight->key = (struct str){(const char *)(flight + 1), key.n};
	flight->loop = loop;
	flight->work = work;
	flight->arg = arg;
	flight->release = release;
	list_init(&flight->waiters);
	err = fiber_spawn(loop, "flight", flight_main, flight, 0, NULL);
	if (err != OK) {
		free(flight);
		return err;
	}
	map_put(&loop->flights, flight->key, flight);
	*ret_flight = flight;
	return OK;
}

AWAITS enum err flight_join(struct str key, enum err (*work)(void *arg), void *arg, void (*release)(void *arg))
{
	struct loop *loop = loop_self();
	struct flight *flight = map_get(&loop->flights, key);
	struct wait wait = WAIT_INIT;
	enum err err = OK;

	if (flight == NULL)
		err = flight_start(loop, key, work, arg, release, &flight);
	else if (release != NULL)
		release(arg);
	if (err != OK) {
		if (release != NULL)
			release(arg);
		return err;
	}
	list_add_tail(&flight->waiters, &wait.link);
	return wait_for(&wait, abandon_waiter, &wait);
}

/* ---- gates ----------------------------------------------------------------------- */

void gate_init(struct gate *gate, size_t places, size_t queue_max)
{
	*gate = (struct gate){.free = places, .queue_max = queue_max};
	list_init(&gate->waiters);
}

struct gate_waiter {
	struct wait wait;
	struct gate *gate;
};

static bool abandon_gate(void *arg)
{
	struct gate_waiter *waiter = arg;

	list_remove(&waiter->wait.link);
	waiter->gate->queued--;
	return true;
}

AWAITS enum err gate_enter(struct gate *gate)
{
	struct gate_waiter waiter = {.wait = WAIT_INIT, .gate = gate};

	if (gate->free > 0 && list_empty(&gate->waiters)) {
		gate->free--;
		return OK;
	}
	if (gate->queued >= gate->queue_max)
		return ERR_BUSY;
	gate->queued++;
	list_add_tail(&gate->waiters, &waiter.wait.link);
	return wait_for(&waiter.wait, abandon_gate, &waiter);
}

void gate_leave(struct gate *gate)
{
	struct list *link = list_pop(&gate->waiters);

	if (link == NULL) {
		gate->free++;
		return;
	}
	gate->queued--; /* the place passes on, it never becomes free */
	wait_done(LIST_OBJ(link, struct wait, link), OK);
}
