/* Counters by upstream, one table for the process behind a lock: renewals come once an hour and account, so that a set
 * for each loop would be all zeros. Names come from the configuration or the database, never from callers; beyond
 * COUNTED_MAX new ones are not counted. */
#include "connect/counts.h"

#include <stdlib.h>

#include "base/limits.h"
#include "connect/connect_private.h"

#define COUNTED_MAX (4 * UPSTREAMS_MAX) /* names: those that were, too */

static const char *const outcome_names[RENEW_OUTCOMES] = {"ok", "later", "refused", "client_refused", "lost", "unkept"};

struct count {
	uint64_t n[RENEW_OUTCOMES];
	size_t name_bytes;
	char name[];
};

void counts_init(struct counts *counts)
{
	CHECK(pthread_mutex_init(&counts->lock, NULL) == 0);
}

void counts_finish(struct counts *counts)
{
	map_free_values(&counts->of, free);
	pthread_mutex_destroy(&counts->lock);
}

static struct count *count_of(struct counts *counts, struct str upstream)
{
	struct count *count = map_get(&counts->of, upstream);

	if (count != NULL || counts->of.used >= COUNTED_MAX)
		return count;
	count = calloc(1, sizeof(*count) + upstream.n);
	CHECK(count != NULL);
	if (upstream.n > 0)
		memcpy(count->name, upstream.p, upstream.n);
	count->name_bytes = upstream.n;
	map_put(&counts->of, (struct str){count->name, count->name_bytes}, count);
	return count;
}

void counts_add(struct counts *counts, struct str upstream, enum renew_outcome outcome)
{
	struct count *count;

	CHECK(pthread_mutex_lock(&counts->lock) == 0);
	count = count_of(counts, upstream);
	if (count != NULL)
		count->n[outcome]++;
	CHECK(pthread_mutex_unlock(&counts->lock) == 0);
}

void connect_each_count(struct connect *connect,
			void (*on)(void *arg, struct str upstream, const char *outcome, uint64_t n), void *arg)
{
	struct counts *counts = &connect->counts;
	struct count *count;
	size_t cursor = 0;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	CHECK(pthread_mutex_lock(&counts->lock) == 0);
	while ((count = map_next(&counts->of, &cursor)) != NULL)
		for (size_t i = 0; i < RENEW_OUTCOMES; i++)
			if (count->n[i] > 0)
				on(arg, (struct str){count->name, count->name_bytes}, outcome_names[i], count->n[i]);
	CHECK(pthread_mutex_unlock(&counts->lock) == 0);
}
