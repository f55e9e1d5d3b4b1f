/* A table of leaders under a lock that is held for a look-up. Who waits lies on the stack of its own fiber, in the
 * leader's list; the leader takes them all out under the lock and posts each to its loop, where the fiber is woken. So
 * a waiter that leaves is either still in the list, and takes itself out, or a task is on its way to it, and it stays
 * for that. */
#include "gateway/fetches.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/map.h"

#define FETCHES_MAGIC 0x46455443u /* "FETC" */

struct fetches {
	uint32_t magic;
	pthread_mutex_t lock; /* guards the table and the lists of waiters */
	struct map leaders;
};

struct waiter {
	struct task task;
	struct list link; /* in its leader's list; empty: out of it */
	struct fetches *fetches;
	struct loop *loop;
	struct wait wait;
	struct timer timer;
	enum fetch_end end;
};

struct fetches *fetches_new(void)
{
	struct fetches *fetches = calloc(1, sizeof(*fetches));

	CHECK(fetches != NULL);
	fetches->magic = FETCHES_MAGIC;
	pthread_mutex_init(&fetches->lock, NULL);
	return fetches;
}

void fetches_free(struct fetches *fetches)
{
	if (fetches == NULL)
		return;
	CHECK_OBJ(fetches, FETCHES_MAGIC);
	CHECK(fetches->leaders.used == 0);
	map_free(&fetches->leaders);
	pthread_mutex_destroy(&fetches->lock);
	fetches->magic = 0;
	free(fetches);
}

/* False: somebody has taken it out, and a task is on its way. */
static bool step_out(struct waiter *waiter)
{
	bool in_list;

	pthread_mutex_lock(&waiter->fetches->lock);
	in_list = !list_empty(&waiter->link);
	list_remove(&waiter->link);
	pthread_mutex_unlock(&waiter->fetches->lock);
	return in_list;
}

static bool abandon(void *arg)
{
	return step_out(arg);
}

static void too_late(struct timer *timer)
{
	struct waiter *waiter = CONTAINER_OF(timer, struct waiter, timer);

	if (step_out(waiter))
		wait_done(&waiter->wait, ERR_BUSY);
}

static void arrive(struct task *task)
{
	wait_done(&CONTAINER_OF(task, struct waiter, task)->wait, OK);
}

/* False: there is a leader, and the waiter is in its list. */
static bool lead(struct fetches *fetches, struct shared_fetch *fetch, struct waiter *waiter)
{
	struct shared_fetch *leader;

	pthread_mutex_lock(&fetches->lock);
	leader = map_get(&fetches->leaders, fetch->key);
	if (leader != NULL) {
		list_add_tail(&leader->waiters, &waiter->link);
	} else {
		list_init(&fetch->waiters);
		(void)map_put(&fetches->leaders, fetch->key, fetch);
	}
	pthread_mutex_unlock(&fetches->lock);
	return leader == NULL;
}

AWAITS enum err fetches_join(struct fetches *fetches, struct shared_fetch *fetch, int64_t wait_ms, bool *ret_leads,
			     enum fetch_end *ret_end)
{
	struct waiter waiter = {.fetches = fetches, .loop = loop_self(), .wait = WAIT_INIT};
	enum err err;

	CHECK_OBJ(fetches, FETCHES_MAGIC);
	waiter.task.run = arrive;
	list_init(&waiter.link);
	if (lead(fetches, fetch, &waiter)) {
		*ret_leads = true;
		return OK;
	}
	timer_set(waiter.loop, &waiter.timer, wait_ms, too_late);
	err = wait_for(&waiter.wait, abandon, &waiter);
	timer_stop(&waiter.timer);
	TRY(err);
	*ret_leads = false;
	*ret_end = waiter.end;
	return OK;
}

void fetches_end(struct fetches *fetches, struct shared_fetch *fetch, enum fetch_end end)
{
	struct list *link;

	CHECK_OBJ(fetches, FETCHES_MAGIC);
	pthread_mutex_lock(&fetches->lock);
	CHECK(map_remove(&fetches->leaders, fetch->key) == fetch);
	while ((link = list_pop(&fetch->waiters)) != NULL) {
		struct waiter *waiter = LIST_OBJ(link, struct waiter, link);

		waiter->end = end;
		/* Under the lock: once the task has run the waiter is gone. */
		loop_post(waiter->loop, &waiter->task);
	}
	pthread_mutex_unlock(&fetches->lock);
}
