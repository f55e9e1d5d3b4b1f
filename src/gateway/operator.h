/* The operator's view over HTTP: health, metrics, status, and the control socket. */
#ifndef GATEHOUSE_GATEWAY_OPERATOR_H
#define GATEHOUSE_GATEWAY_OPERATOR_H

#include "gateway/request.h"

/* /health/live: the process runs. /health/ready: it can serve; each dependency with its
 * latency. /metrics: Prometheus. /status: everything, for a caller with status:read. */
NODISCARD enum err operator_live(struct request *req) AWAITS;
NODISCARD enum err operator_ready(struct request *req) AWAITS;
NODISCARD enum err operator_metrics(struct request *req) AWAITS;
NODISCARD enum err operator_status(struct request *req) AWAITS;

/* Append the status document (JSON).
 *   ret_ready  whether the gateway can serve */
struct status_asked {
	bool full;	      /* with what only an operator may read: numbers, error texts, tools that wait */
	bool everything;      /* upstreams of every tenant; else of nobody and of this one */
	struct str tenant_id; /* empty: none */
};
void operator_status_write(struct gateway *gateway, const struct status_asked *asked, struct buf *out, bool *ret_ready)
	AWAITS;

#endif
