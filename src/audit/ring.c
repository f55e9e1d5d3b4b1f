/* The ring of encoded rows. A row lies in one piece:
 *
 *     | bytes (4) | previous MAC (16) | seq (8) | body |        bytes 0: go on at the start
 *
 *     0 ....... free_at ########## write_at ............ RING_BYTES    rows in one run
 *     0 ### write_at ........... free_at ############ 0 . RING_BYTES   rows wrapped round
 *
 * `write_at == free_at` happens only when the ring is empty: a wrapped producer stops short of it.
 * The consumer publishes free_at before `committed`, the producer reads them the other way round,
 * so an empty ring is known with its right free_at.
 *
 * Waking: a fiber that must wait sets WANTED and looks at `committed` again; the consumer
 * publishes `committed` and looks at `wake` after. It posts once per commit, whoever waits. */
#include "audit/ring.h"

#include <stdlib.h>
#include <sys/mman.h>

#include "base/check.h"
#include "base/limits.h"

#define RING_MAGIC 0x72696e67u
#define MARK_BYTES sizeof(uint32_t)
#define START_OVER_BYTES (64 * 1024) /* an empty ring beyond it goes back to its warm pages */

enum ring_wake { WAKE_NONE, WAKE_WANTED, WAKE_POSTED };

struct ring_waiter {
	struct wait wait; /* its link is in ring->waiters */
	uint64_t row;
};

static void on_commit(struct task *task);

struct ring *ring_new(struct loop *loop)
{
	struct ring *ring = aligned_alloc(64, sizeof(*ring));

	CHECK(ring != NULL);
	memset(ring, 0, sizeof(*ring));
	ring->magic = RING_MAGIC;
	ring->loop = loop;
	ring->bytes =
		mmap(NULL, RING_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(ring->bytes != MAP_FAILED);
	list_init(&ring->waiters);
	ring->task.run = on_commit;
	return ring;
}

void ring_free(struct ring *ring)
{
	if (ring == NULL)
		return;
	CHECK_OBJ(ring, RING_MAGIC);
	CHECK(list_empty(&ring->waiters));
	CHECK(munmap(ring->bytes, RING_BYTES) == 0);
	ring->magic = 0;
	free(ring);
}

/* --- the producer --- */

static void mark_put(uint8_t *at, uint32_t mark)
{
	memcpy(at, &mark, sizeof(mark));
}

static uint32_t mark_get(const uint8_t *at)
{
	uint32_t mark;

	memcpy(&mark, at, sizeof(mark));
	return mark;
}

static void start_over(struct ring *ring)
{
	mark_put(ring->bytes + ring->write_at, 0);
	ring->write_at = 0;
}

/* `need` bytes in one piece at write_at, with room for a mark behind them. */
static bool reserve(struct ring *ring, size_t need)
{
	uint64_t committed = atomic_load_explicit(&ring->committed, memory_order_acquire);
	size_t free_at = atomic_load_explicit(&ring->free_at, memory_order_acquire);

	if (unlikely(ring->put - committed >= AUDIT_RING_ROWS))
		return false;
	if (ring->write_at < free_at) /* wrapped */
		return need < free_at - ring->write_at;
	if (ring->put == committed && ring->write_at > START_OVER_BYTES) {
		start_over(ring);
		return true;
	}
	if (likely(need <= RING_BYTES - MARK_BYTES - ring->write_at))
		return true;
	if (need >= free_at)
		return false;
	start_over(ring);
	return true;
}

bool ring_put(struct ring *ring, const struct chain_body *body)
{
	size_t body_bytes;
	uint8_t *slot;

	if (unlikely(!reserve(ring, MARK_BYTES + CHAIN_HEAD_BYTES + chain_body_bytes_max(body))))
		return false;
	slot = ring->bytes + ring->write_at;
	body_bytes = chain_encode(body, slot + MARK_BYTES + CHAIN_HEAD_BYTES);
	mark_put(slot, (uint32_t)body_bytes);
	ring->write_at += MARK_BYTES + CHAIN_HEAD_BYTES + body_bytes;
	atomic_store_explicit(&ring->queued, ++ring->put, memory_order_release);
	return true;
}

static bool is_due(struct ring *ring, const struct ring_waiter *waiter)
{
	return atomic_load(&ring->committed) >= waiter->row;
}

/* The consumer has committed something since somebody asked to be told. */
static void on_commit(struct task *task)
{
	struct ring *ring = CONTAINER_OF(task, struct ring, task);
	struct list *link = ring->waiters.next;

	CHECK_OBJ(ring, RING_MAGIC);
	/* From here on a new commit posts again. Waiters that stay see it: we look after this. */
	atomic_store(&ring->wake, WAKE_WANTED);
	while (link != &ring->waiters) {
		struct ring_waiter *waiter = LIST_OBJ(link, struct ring_waiter, wait.link);

		link = link->next;
		if (!is_due(ring, waiter))
			continue;
		list_remove(&waiter->wait.link);
		wait_done(&waiter->wait, OK);
	}
	if (list_empty(&ring->waiters)) {
		unsigned wanted = WAKE_WANTED;

		(void)atomic_compare_exchange_strong(&ring->wake, &wanted, WAKE_NONE);
	}
}

static bool forget(void *arg)
{
	struct ring_waiter *waiter = arg;

	if (waiter->wait.done)
		return false;
	list_remove(&waiter->wait.link);
	return true;
}

AWAITS enum err ring_wait(struct ring *ring, uint64_t row)
{
	struct ring_waiter waiter = {.wait = WAIT_INIT, .row = row};
	unsigned none = WAKE_NONE;

	(void)atomic_compare_exchange_strong(&ring->wake, &none, WAKE_WANTED);
	if (is_due(ring, &waiter))
		return OK;
	list_add_tail(&ring->waiters, &waiter.wait.link);
	return wait_for(&waiter.wait, forget, &waiter);
}

/* --- the consumer --- */

bool ring_drain(struct ring *ring, struct ring_row *ret_row)
{
	uint8_t *slot = ring->bytes + ring->read_at;

	if (ring->drained == atomic_load_explicit(&ring->queued, memory_order_acquire))
		return false;
	if (mark_get(slot) == 0) {
		ring->read_at = 0;
		slot = ring->bytes;
	}
	ret_row->body_bytes = mark_get(slot);
	ret_row->head = slot + MARK_BYTES;
	ring->read_at += MARK_BYTES + CHAIN_HEAD_BYTES + ret_row->body_bytes;
	ring->drained++;
	return true;
}

void ring_commit(struct ring *ring)
{
	unsigned wanted = WAKE_WANTED;

	if (ring->drained == atomic_load_explicit(&ring->committed, memory_order_relaxed))
		return;
	atomic_store_explicit(&ring->free_at, ring->read_at, memory_order_release);
	atomic_store(&ring->committed, ring->drained);
	if (atomic_compare_exchange_strong(&ring->wake, &wanted, WAKE_POSTED))
		loop_post(ring->loop, &ring->task);
}

void ring_rewind(struct ring *ring)
{
	ring->read_at = atomic_load_explicit(&ring->free_at, memory_order_relaxed);
	ring->drained = atomic_load_explicit(&ring->committed, memory_order_relaxed);
}

uint64_t ring_committed(const struct ring *ring)
{
	return atomic_load_explicit(&ring->committed, memory_order_acquire);
}

uint64_t ring_waiting(const struct ring *ring)
{
	uint64_t committed = ring_committed(ring);

	return atomic_load_explicit(&ring->queued, memory_order_acquire) - committed;
}
