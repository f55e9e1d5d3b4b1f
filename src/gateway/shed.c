/* Work that is put off. Its sender is told when to come again, not all at the same time; a flood of it leaves one row a
 * minute in the trail. */
#include "gateway/shed.h"

#include "base/random.h"
#include "gateway/metrics.h"
#include "gateway/rates.h"

#define RETRY_S_MIN 1 /* a queue is gone through in about a second, or it is a long one */
#define RETRY_S_SPREAD 4

/* In the header, and in the message for clients that read no headers. */
static void add_retry(struct request *req)
{
	uint8_t random;
	int seconds;

	random_bytes(&random, sizeof(random));
	seconds = RETRY_S_MIN + random % RETRY_S_SPREAD;
	req->exchange->extra_headers =
		arena_fmt(req->arena, "%.*sRetry-After: %d\r\n", STR_ARG(req->exchange->extra_headers), seconds);
	req->problem_data = arena_fmt(req->arena, "{\"retryable\":true,\"retryAfterMs\":%d}", seconds * 1000);
}

AWAITS void shed_queued(struct request *req, enum err why)
{
	const char *limit = why == ERR_QUEUE_TENANT ? "queue_per_tenant"
			    : why == ERR_QUEUE_FULL ? "queue"
						    : "queue_timeout";
	char key[64];

	metrics_limited(req->here, METRIC_LIMIT_QUEUE);
	rates_note_exceeded(req, rates_key(key, 'Q', req->caller.tenant_id, strlen(req->caller.tenant_id)), limit, why);
	add_retry(req);
}
