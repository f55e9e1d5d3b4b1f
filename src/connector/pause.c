/* Accounts that a platform wants to be left alone, until when. A table for all loops, bounded: what ends first goes
 * when it is full, for then a request more than needed is sent, and refused again. */
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "base/list.h"
#include "connector/runner.h"

struct pause {
	struct list link;
	int64_t until_ms; /* on clock_ms() */
	struct str account;
	char bytes[];
};

struct pauses {
	atomic_size_t count; /* of the map, to be read without the lock: most of the time there is none */
	pthread_mutex_t lock;
	struct map map;
	struct list all; /* no order: the table is small, and full only under attack */
};

struct pauses *pauses_new(void)
{
	struct pauses *pauses = calloc(1, sizeof(*pauses));

	CHECK(pauses != NULL);
	pthread_mutex_init(&pauses->lock, NULL);
	list_init(&pauses->all);
	return pauses;
}

static void pause_drop(struct pauses *pauses, struct pause *pause)
{
	map_remove(&pauses->map, pause->account);
	atomic_store_explicit(&pauses->count, pauses->map.used, memory_order_relaxed);
	list_remove(&pause->link);
	free(pause);
}

void pauses_free(struct pauses *pauses)
{
	if (pauses == NULL)
		return;
	while (!list_empty(&pauses->all))
		pause_drop(pauses, LIST_OBJ(pauses->all.next, struct pause, link));
	map_free(&pauses->map);
	pthread_mutex_destroy(&pauses->lock);
	free(pauses);
}

bool pauses_any(const struct pauses *pauses)
{
	return atomic_load_explicit(&pauses->count, memory_order_relaxed) > 0;
}

int64_t pauses_left_ms(struct pauses *pauses, struct str account)
{
	int64_t left_ms = 0;
	struct pause *pause;

	pthread_mutex_lock(&pauses->lock);
	pause = map_get(&pauses->map, account);
	if (pause != NULL) {
		left_ms = pause->until_ms - clock_ms();
		if (left_ms <= 0)
			pause_drop(pauses, pause);
	}
	pthread_mutex_unlock(&pauses->lock);
	return left_ms > 0 ? left_ms : 0;
}

static struct pause *ends_first(struct pauses *pauses)
{
	struct pause *first = NULL;

	for (const struct list *link = pauses->all.next; link != &pauses->all; link = link->next) {
		struct pause *pause = LIST_OBJ(link, struct pause, link);

		if (first == NULL || pause->until_ms < first->until_ms)
			first = pause;
	}
	return first;
}

static struct pause *pause_add(struct pauses *pauses, struct str account)
{
	struct pause *pause = calloc(1, sizeof(*pause) + account.n);

	CHECK(pause != NULL);
	if (pauses->map.used >= PAUSES_MAX)
		pause_drop(pauses, ends_first(pauses));
	memcpy(pause->bytes, account.p, account.n);
	pause->account = (struct str){pause->bytes, account.n};
	list_add_tail(&pauses->all, &pause->link);
	map_put(&pauses->map, pause->account, pause);
	atomic_store_explicit(&pauses->count, pauses->map.used, memory_order_relaxed);
	return pause;
}

void pauses_begin(struct pauses *pauses, struct str account, int64_t ms)
{
	int64_t until_ms = clock_ms() + (ms < PAUSE_MS_MAX ? ms : PAUSE_MS_MAX);
	struct pause *pause;

	if (ms <= 0)
		return;
	pthread_mutex_lock(&pauses->lock);
	pause = map_get(&pauses->map, account);
	if (pause == NULL)
		pause = pause_add(pauses, account);
	if (until_ms > pause->until_ms)
		pause->until_ms = until_ms;
	pthread_mutex_unlock(&pauses->lock);
}
