/* Counters and latency histograms, one set per loop so that counting costs no lock, added up
 * when somebody looks. */
#ifndef GATEHOUSE_GATEWAY_METRICS_H
#define GATEHOUSE_GATEWAY_METRICS_H

#include "gateway/request.h"

enum metric_limit {
	METRIC_LIMIT_IP,
	METRIC_LIMIT_TENANT,
	METRIC_LIMIT_PRINCIPAL,
	METRIC_LIMIT_AUTH,
	METRIC_LIMIT_BLOCKED,
	METRIC_LIMIT_QUOTA,
	METRIC_LIMIT_QUEUE, /* of a server: no place, or none in time */
	METRIC_LIMITS
};

/* One loop's set; lives as long as the process. */
struct metrics *metrics_new(void);
void metrics_free(struct metrics *metrics);

/* Count a finished request by its route's answer and time. */
void metrics_request(const struct request *req, enum err err);

/* Count an upstream's answer under the item's slot.
 *   Runs on    the loop */
void metrics_call(struct gateway_loop *here, unsigned slot, int64_t duration_ns, bool ok);
void metrics_limited(struct gateway_loop *here, enum metric_limit which);
void metrics_auth_failed(struct gateway_loop *here);

/* Count what the policy has done: a call refused by a rule, a name answered as unknown since it is hidden, a call that
 * a rule on trial would have refused. */
enum metric_policy { METRIC_POLICY_REFUSED, METRIC_POLICY_HIDDEN, METRIC_POLICY_SHADOW, METRIC_POLICIES };
void metrics_policy(struct gateway_loop *here, enum metric_policy which);

/* Count a request between replicas: handed on; its home could not be connected to, or broke off; taken from another
 * one; refused for a statement that is not true. */
enum metric_forward {
	METRIC_FORWARD_SENT,
	METRIC_FORWARD_UNREACHED,
	METRIC_FORWARD_BROKEN,
	METRIC_FORWARD_TAKEN,
	METRIC_FORWARD_REFUSED,
	METRIC_FORWARDS
};
void metrics_forward(struct gateway_loop *here, enum metric_forward which);

/* Count new work that was put off: `work` and `rank` are enum work and enum fair_rank (shed.h). */
void metrics_shed(struct gateway_loop *here, unsigned work, unsigned rank);

/* Count a request that never became one (malformed, too large, too slow). */
void metrics_refused(struct gateway_loop *here);

/* Append everything in Prometheus' text format.
 *   Runs on    any loop
 *   Source     Prometheus exposition format 0.0.4 */
void metrics_write(struct gateway *gateway, struct buf *out);

/* The table of families in Markdown, for doc/metrics.md. */
void metrics_reference_write(struct buf *out);

/* Resident memory of this process in bytes; 0 when it cannot be read. */
uint64_t metrics_rss_bytes(void);

#endif
