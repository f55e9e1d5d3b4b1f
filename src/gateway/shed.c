/* Work that is put off. Its sender is told when to come again, not all at the same time; a flood of it leaves one row a
 * minute in the trail, and one line in the log when it begins and when it is over.
 *
 * How late the loop is is known for nothing: the length of its last turn, which what has become readable meanwhile had
 * to wait. Requests look at it, SHED_LOOK_MS apart, so that an idle process has no timer for it; what comes before the
 * loop (the kernel's queues) is not seen. */
#include "gateway/shed.h"

#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "gateway/allowance.h"
#include "gateway/metrics.h"
#include "gateway/rates.h"

#define RETRY_S_MIN 1 /* a queue is gone through in about a second, or it is a long one */
#define RETRY_S_SPREAD 4
#define SHED_LOOK_MS 20 /* ms: often enough for the shortest interval of use */

struct shed *shed_new(void)
{
	struct shed *shed = calloc(1, sizeof(*shed));

	CHECK(shed != NULL);
	return shed;
}

void shed_free(struct shed *shed)
{
	free(shed);
}

/* ---- when, and which ------------------------------------------------------------- */

void shed_look(struct shed *shed, struct loop *loop, const struct config_limits *limits)
{
	const struct codel_law law = {limits->shed_lag_ms, limits->shed_interval_ms, SHED_LEVEL_MAX};
	unsigned before = shed->lag.level;
	int64_t now_ms = loop_now(loop);

	shed->look_ms = now_ms + SHED_LOOK_MS;
	(void)codel_take(&shed->lag, &law, now_ms, loop_turn_ms(loop));
	atomic_store_explicit(&shed->level, shed->lag.level, memory_order_relaxed);
	atomic_store_explicit(&shed->rest_at_ms, codel_rest_at_ms(&shed->lag, &law), memory_order_relaxed);
	if (unlikely((before == 0) != (shed->lag.level == 0)))
		LOG_AT(before == 0 ? LOG_WARN : LOG_INFO, before == 0 ? "shed.begun" : "shed.ended",
		       LOG_CSTR("what", "loop"), LOG_INT("loop", loop_index(loop)),
		       LOG_INT("turn_ms", loop_turn_ms(loop)));
}

unsigned shed_level(const struct shed *shed)
{
	if (clock_ms() >= atomic_load_explicit(&shed->rest_at_ms, memory_order_relaxed))
		return 0;
	return atomic_load_explicit(&shed->level, memory_order_relaxed);
}

bool shed_refuses(unsigned level, enum work work, unsigned rank)
{
	return work != WORK_CONTROL && rank < RANKS && rank * (WORKS - 1) + work <= level;
}

/* With a requestState a client answers what its call was asked. */
static bool is_in_flight(const struct request *req)
{
	return req->modern && req->message.params != NULL &&
	       json_member(&req->message.index, req->message.params, STR("requestState")) != NULL;
}

static unsigned plan_rank(const struct request *req)
{
	return req->allowance == NULL ? RANK_NORMAL : req->allowance->tenant->terms.rank;
}

static unsigned rank_of(const struct request *req)
{
	return is_in_flight(req) ? RANK_IN_FLIGHT : plan_rank(req);
}

struct fair_terms shed_terms(const struct request *req, bool is_new)
{
	return (struct fair_terms){
		.weight = req->allowance == NULL ? 1 : req->allowance->tenant->terms.weight,
		.rank = is_new ? rank_of(req) : RANK_IN_FLIGHT,
		.target_ms = req->config->limits.shed_wait_ms,
		.interval_ms = req->config->limits.shed_interval_ms,
	};
}

/* ---- the refusal ----------------------------------------------------------------- */

/* In the header, and in the message for clients that read no headers. The header of a batch is none of its elements'.
 */
static void add_retry(struct request *req)
{
	uint8_t random;
	int seconds;

	random_bytes(&random, sizeof(random));
	seconds = RETRY_S_MIN + random % RETRY_S_SPREAD;
	if (req->door != DOOR_BATCH)
		req->exchange->extra_headers = arena_fmt(req->arena, "%.*sRetry-After: %d\r\n",
							 STR_ARG(req->exchange->extra_headers), seconds);
	req->problem_data = arena_fmt(req->arena, "{\"retryable\":true,\"retryAfterMs\":%d}", seconds * 1000);
}

AWAITS static void note_shed(struct request *req, enum work work)
{
	char key[64];

	metrics_shed(req->here, work, plan_rank(req));
	rates_note_exceeded(req, rates_key(key, 'O', req->caller.tenant_id, strlen(req->caller.tenant_id)), "shed",
			    ERR_SHED);
	add_retry(req);
}

AWAITS enum err shed_admit(struct request *req, enum work work)
{
	struct shed *shed = req->here->shed;

	if (unlikely(loop_now(req->here->loop) >= shed->look_ms))
		shed_look(shed, req->here->loop, &req->config->limits);
	if (likely(shed->lag.level == 0) || !shed_refuses(shed->lag.level, work, rank_of(req)))
		return OK;
	note_shed(req, work);
	return ERR_SHED;
}

AWAITS void shed_queued(struct request *req, enum err why)
{
	const char *limit = why == ERR_QUEUE_TENANT ? "queue_per_tenant"
			    : why == ERR_QUEUE_FULL ? "queue"
						    : "queue_timeout";
	char key[64];

	if (why == ERR_SHED) {
		note_shed(req, WORK_CALL);
		return;
	}
	metrics_limited(req->here, METRIC_LIMIT_QUEUE);
	rates_note_exceeded(req, rates_key(key, 'Q', req->caller.tenant_id, strlen(req->caller.tenant_id)), limit, why);
	add_retry(req);
}
