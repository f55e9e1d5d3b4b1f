/* Groups: a fiber that starts others does not end before them. The group lies on its owner's
 * stack; members find it through their fiber, and the last one to end wakes the owner. */
#include "base/check.h"
#include "rt/loop_private.h"

void group_init(struct group *group, struct loop *loop)
{
	*group = (struct group){.loop = loop};
	list_init(&group->members);
}

enum err group_spawn(struct group *group, const char *name, fiber_main *main, void *arg)
{
	struct fiber *spawner = fiber_self(), *fiber;

	TRY(fiber_spawn(group->loop, name, main, arg, spawner == NULL ? 0 : spawner->deadline_ms, &fiber));
	fiber->group = group;
	list_add_tail(&group->members, &fiber->member_link);
	group->count++;
	return OK;
}

void group_leave(struct group *group, struct fiber *fiber)
{
	CHECK(group->count > 0);
	list_remove(&fiber->member_link);
	if (--group->count == 0 && group->waiter != NULL)
		wait_done(group->waiter, OK);
}

void group_cancel(struct group *group)
{
	for (struct list *link = group->members.next; link != &group->members; link = link->next)
		fiber_cancel(LIST_OBJ(link, struct fiber, member_link));
}

/* The members hold pointers to the group, so their end has to be waited for. */
static bool cancel_members(void *arg)
{
	group_cancel(arg);
	return false;
}

AWAITS enum err group_join(struct group *group)
{
	struct wait wait = WAIT_INIT;
	enum err err;

	CHECK(group->waiter == NULL);
	if (group->count == 0)
		return OK;
	group->waiter = &wait;
	err = wait_for(&wait, cancel_members, group);
	group->waiter = NULL;
	return err;
}
