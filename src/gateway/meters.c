/* One meter for each caller and month, the same for all loops: a quota is met exactly however many loops count. The
 * counters are atomic; the lock is for the table, and a request that knows its meter does not need it. How several
 * processes count together is meter_draw.c's.
 *
 * A meter begins with the row's numbers. Who needs one that is not there yet reads the row first and looks again: of
 * two at the same time one is put into the table, and as nothing is written before something was counted, both have
 * read the same. The writer adds to the row what has come since its last write, and lets go of meters that nobody
 * holds and that are written; so the next one to need it reads it again. */
#include <stdio.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/log.h"
#include "gateway/meters_private.h"
#include "rt/loop.h"
#include "state/state.h"
#include "store/usage.h"

#define METERS_MAGIC 0x4d545253u /* "MTRS" */
#define METER_MAGIC 0x4d455452u	 /* "METR" */

static size_t write_key(char out[METER_KEY_BYTES_MAX], struct str tenant_id, struct str principal, int month)
{
	int n = snprintf(out, METER_KEY_BYTES_MAX, "%d/%.*s/%.*s", month, STR_ARG(tenant_id), STR_ARG(principal));

	CHECK(n > 0 && n < METER_KEY_BYTES_MAX); /* ids are ours */
	return (size_t)n;
}

static struct meter *meter_new(const struct usage *usage, bool drawing)
{
	struct meter *meter = calloc(1, sizeof(*meter));
	char *at;

	CHECK(meter != NULL);
	meter->magic = METER_MAGIC;
	meter->drawing = drawing;
	atomic_init(&meter->refs, 1);
	atomic_init(&meter->calls, usage->calls);
	atomic_init(&meter->failures, usage->failures);
	atomic_init(&meter->sent_calls, usage->calls);
	meter->written_calls = meter->settled_calls = usage->calls;
	meter->written_failures = usage->failures;
	meter->month = usage->month;
	meter->key = (struct str){meter->key_text,
				  write_key(meter->key_text, usage->tenant_id, usage->principal, usage->month)};
	at = meter->key_text + meter->key.n - usage->principal.n;
	meter->principal = (struct str){at, usage->principal.n};
	meter->tenant_id = (struct str){at - 1 - usage->tenant_id.n, usage->tenant_id.n};
	return meter;
}

void meter_unref(struct meter *meter)
{
	if (meter == NULL)
		return;
	CHECK_OBJ(meter, METER_MAGIC);
	if (atomic_fetch_sub(&meter->refs, 1) > 1)
		return;
	meter->magic = 0;
	free(meter);
}

bool meter_take(struct meter *meter, int64_t max)
{
	long long calls;

	if (meter->drawing && max > 0)
		return meter_take_drawn(meter);
	if (meter->drawing)
		meter_undrawn(meter);
	calls = atomic_load_explicit(&meter->calls, memory_order_relaxed);
	do {
		if (max > 0 && calls >= max)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&meter->calls, &calls, calls + 1, memory_order_relaxed,
							memory_order_relaxed));
	return true;
}

AWAITS enum err meters_take(struct meters *meters, struct meter *meter, int64_t max)
{
	if (likely(meter_take(meter, max)))
		return OK;
	return meter->drawing ? meter_draw(meters, meter, max) : ERR_QUOTA;
}

void meter_give_back(struct meter *meter, int64_t max)
{
	atomic_fetch_sub_explicit(&meter->calls, 1, memory_order_relaxed);
	if (meter->drawing && max > 0)
		atomic_fetch_add_explicit(&meter->drawn, 1, memory_order_relaxed);
}

void meter_failed(struct meter *meter)
{
	atomic_fetch_add_explicit(&meter->failures, 1, memory_order_relaxed);
}

/* ---- the table ------------------------------------------------------------------ */

/*   fresh      put there when there is none; NULL: only look
 *   returns    one reference, or NULL */
static struct meter *find(struct meters *meters, struct str key, struct meter *fresh)
{
	struct meter *meter;

	pthread_mutex_lock(&meters->lock);
	meter = map_get(&meters->by_key, key);
	if (meter == NULL && fresh != NULL && meters->by_key.used < METERS_MAX) {
		map_put(&meters->by_key, fresh->key, fresh);
		meter = fresh;
	}
	if (meter != NULL)
		atomic_fetch_add(&meter->refs, 1);
	pthread_mutex_unlock(&meters->lock);
	return meter;
}

AWAITS enum err meters_get(struct meters *meters, struct str tenant_id, struct str principal, int month,
			   struct meter **ret_meter)
{
	char text[METER_KEY_BYTES_MAX];
	struct str key = {text, write_key(text, tenant_id, principal, month)};
	struct meter *fresh, *meter = find(meters, key, NULL);
	struct usage usage;

	if (meter == NULL) {
		TRY(usage_get(meters->db, tenant_id, principal, month, &usage));
		fresh = meter_new(&usage, meters->state != NULL && state_is_shared(meters->state));
		meter = find(meters, key, fresh);
		if (meter != fresh)
			meter_unref(fresh);
	}
	if (meter == NULL)
		return ERR_BUSY;
	*ret_meter = meter;
	return OK;
}

/* ---- writing -------------------------------------------------------------------- */

struct pending {
	struct meter **meters; /* one reference each */
	struct usage *usages;
	size_t count;
};

static bool is_written(const struct meter *meter)
{
	return atomic_load(&meter->calls) == meter->written_calls &&
	       atomic_load(&meter->failures) == meter->written_failures;
}

static void pending_add(struct pending *pending, struct meter *meter)
{
	int64_t calls = atomic_load(&meter->calls);

	atomic_fetch_add(&meter->refs, 1);
	atomic_store(&meter->sent_calls, calls);
	pending->meters[pending->count] = meter;
	pending->usages[pending->count++] = (struct usage){
		.tenant_id = meter->tenant_id,
		.principal = meter->principal,
		.month = meter->month,
		.calls = calls - meter->written_calls,
		.failures = atomic_load(&meter->failures) - meter->written_failures,
	};
}

/* What is to be written; meters that nobody needs go. References are only taken under the lock: one that is the
 * table's alone stays so. */
static void collect(struct meters *meters, struct pending *pending)
{
	struct meter *meter;
	size_t cursor = 0;

	pthread_mutex_lock(&meters->lock);
	pending->meters = calloc(meters->by_key.used + 1, sizeof(struct meter *));
	pending->usages = calloc(meters->by_key.used + 1, sizeof(struct usage));
	CHECK(pending->meters != NULL && pending->usages != NULL);
	while ((meter = map_next(&meters->by_key, &cursor)) != NULL) {
		bool unused = atomic_load(&meter->refs) == 1;

		if (!is_written(meter)) {
			pending_add(pending, meter);
		} else if (unused && meter_is_settled(meter)) {
			(void)map_remove(&meters->by_key, meter->key);
			meter_unref(meter);
		}
	}
	pthread_mutex_unlock(&meters->lock);
}

AWAITS static enum err write_rows(struct meters *meters)
{
	struct pending pending = {0};
	size_t done;
	enum err err;

	collect(meters, &pending);
	err = usage_add(meters->db, pending.usages, pending.count, &done);
	for (size_t i = 0; i < pending.count; i++) {
		if (i < done) {
			pending.meters[i]->written_calls += pending.usages[i].calls;
			pending.meters[i]->written_failures += pending.usages[i].failures;
		}
		atomic_store(&pending.meters[i]->sent_calls, pending.meters[i]->written_calls);
		meter_unref(pending.meters[i]);
	}
	free(pending.meters);
	free(pending.usages);
	return err;
}

AWAITS enum err meters_write(struct meters *meters)
{
	enum err err;

	CHECK_OBJ(meters, METERS_MAGIC);
	err = write_rows(meters);
	if (meters->state != NULL && state_is_shared(meters->state))
		meters_settle(meters, false);
	return err;
}

AWAITS_ENTRY static void writer_main(void *arg)
{
	struct meters *meters = arg;

	while (fiber_sleep(METERS_WRITE_MS) == OK) {
		/* A write that was queued is done: its outcome must be known, or it would be written twice. */
		struct fiber_shield shield = fiber_shield_begin(10 * METERS_WRITE_MS);
		enum err err = meters_write(meters);

		fiber_shield_end(shield);
		if (err != OK)
			log_warn("usage.unwritten", LOG_ERR(err));
	}
}

AWAITS enum err meters_start(struct db *db, struct state *state, struct meters **ret_meters)
{
	struct meters *meters = calloc(1, sizeof(*meters));
	enum err err;

	CHECK(meters != NULL);
	meters->magic = METERS_MAGIC;
	meters->db = db;
	meters->state = state;
	pthread_mutex_init(&meters->lock, NULL);
	group_init(&meters->writer, loop_self());
	err = group_spawn(&meters->writer, "usage", writer_main, meters);
	if (err != OK) {
		pthread_mutex_destroy(&meters->lock);
		free(meters);
		return err;
	}
	*ret_meters = meters;
	return OK;
}

AWAITS void meters_stop(struct meters *meters)
{
	struct meter *meter;
	size_t cursor = 0;

	if (meters == NULL)
		return;
	CHECK_OBJ(meters, METERS_MAGIC);
	group_cancel(&meters->writer);
	if (group_join(&meters->writer) != OK)
		log_warn("usage.slow_stop", LOG_BOOL("joined", false));
	if (write_rows(meters) != OK)
		log_error("usage.lost", LOG_INT("meters", (int64_t)meters->by_key.used));
	if (meters->state != NULL && state_is_shared(meters->state))
		meters_settle(meters, true);
	while ((meter = map_next(&meters->by_key, &cursor)) != NULL)
		meter_unref(meter);
	map_free(&meters->by_key);
	pthread_mutex_destroy(&meters->lock);
	meters->magic = 0;
	free(meters);
}
