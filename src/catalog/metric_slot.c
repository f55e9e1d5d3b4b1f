/* Numbers for things that are counted. A label keeps its number for the life of the process,
 * so counters survive reloads; beyond METRIC_SLOTS_MAX everything shares the last slot. */
#include "catalog/metric_slot.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/map.h"

static struct {
	pthread_mutex_t lock;
	struct map by_label;
	struct str label[METRIC_SLOTS_MAX];
	atomic_uint count;
} slots = {.lock = PTHREAD_MUTEX_INITIALIZER, .label = {{"other", 5}}, .count = 1};

unsigned catalog_metric_slot(struct str label)
{
	uintptr_t slot;

	pthread_mutex_lock(&slots.lock);
	slot = (uintptr_t)map_get(&slots.by_label, label);
	if (slot == 0 && atomic_load(&slots.count) < METRIC_SLOTS_MAX) {
		char *copy = malloc(label.n + 1);

		if (copy != NULL) {
			memcpy(copy, label.p, label.n);
			slot = atomic_load(&slots.count);
			slots.label[slot] = (struct str){copy, label.n};
			map_put(&slots.by_label, slots.label[slot], (void *)slot);
			atomic_store(&slots.count, slot + 1);
		}
	}
	pthread_mutex_unlock(&slots.lock);
	return (unsigned)slot;
}

unsigned catalog_metric_count(void)
{
	return atomic_load(&slots.count);
}

struct str catalog_metric_label(unsigned slot)
{
	return slots.label[slot];
}
