/* Counting. Each loop writes its own numbers with relaxed atomics (plain adds on every
 * machine), and the reader adds the loops up; a sum may be a moment old, never torn. */
#include "gateway/metrics.h"

#include <sys/mman.h>

#include "base/check.h"
#include "base/clock.h"
#include "catalog/metric_slot.h"
#include "gateway/metrics_private.h"

const int64_t metric_bucket_us[METRIC_BUCKETS - 1] = {250,    500,    1000,   2500,    5000,	10000,	 25000,	  50000,
						      100000, 250000, 500000, 1000000, 2500000, 5000000, 10000000};

/* Mapped, not allocated: pages of slots that are never used stay untouched. */
struct metrics *metrics_new(void)
{
	void *p = mmap(NULL, sizeof(struct metrics), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	CHECK(p != MAP_FAILED);
	return p;
}

void metrics_free(struct metrics *metrics)
{
	if (metrics != NULL)
		munmap(metrics, sizeof(*metrics));
}

static void bump(metric_number *number, uint64_t by)
{
	atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + by, memory_order_relaxed);
}

static void observe(struct metric_histogram *histogram, int64_t duration_ns)
{
	int64_t us = duration_ns / 1000;
	size_t bucket = 0;

	while (bucket < METRIC_BUCKETS - 1 && us > metric_bucket_us[bucket])
		bucket++;
	bump(&histogram->bucket[bucket], 1);
	bump(&histogram->sum_us, us < 0 ? 0 : (uint64_t)us);
}

void metrics_request(const struct request *req, enum err err)
{
	struct metrics *metrics = req->here->metrics;
	int status = req->exchange->status;
	size_t class = status >= 100 && status < 600 ? (size_t)status / 100 : 0;

	bump(&metrics->status_class[class], 1);
	bump(&metrics->error[err], 1);
	observe(&metrics->request, clock_ns() - req->started_ns);
}

void metrics_call(struct gateway_loop *here, unsigned slot, int64_t duration_ns, bool ok)
{
	struct metric_item *item = &here->metrics->item[slot];

	observe(&item->latency, duration_ns);
	if (!ok)
		bump(&item->failures, 1);
}

void metrics_limited(struct gateway_loop *here, enum metric_limit which)
{
	bump(&here->metrics->limited[which], 1);
}

void metrics_auth_failed(struct gateway_loop *here)
{
	bump(&here->metrics->auth_failures, 1);
}

void metrics_policy(struct gateway_loop *here, enum metric_policy which)
{
	bump(&here->metrics->policy[which], 1);
}

void metrics_forward(struct gateway_loop *here, enum metric_forward which)
{
	bump(&here->metrics->forward[which], 1);
}

void metrics_shed(struct gateway_loop *here, unsigned work, unsigned rank)
{
	CHECK(work < WORKS && rank < RANKS);
	bump(&here->metrics->shed[work][rank], 1);
}

void metrics_refused(struct gateway_loop *here)
{
	bump(&here->metrics->refused, 1);
}
