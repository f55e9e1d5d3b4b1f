/* The load generator: one thread, epoll, keep-alive connections, one request at a time on
 * each, every answer checked. load.c reads the command line and reports; load_run.c drives. */
#ifndef GATEHOUSE_BENCH_LOAD_H
#define GATEHOUSE_BENCH_LOAD_H

#include "base/check.h"
#include "base/str.h"

#define ID_DIGITS 10
#define ID_FIRST 1000000000u

/* Log-linear buckets: 64 to each power of two of nanoseconds, so within 1.6 %. */
#define HISTOGRAM_STEPS 64
#define HISTOGRAM_BUCKETS (40 * HISTOGRAM_STEPS)

struct histogram {
	uint32_t counts[HISTOGRAM_BUCKETS];
	uint64_t total;
	int64_t max_ns;
};

struct load_options {
	const char *host;
	int port;
	unsigned connections;
	int64_t warmup_ms, run_ms;
	uint64_t requests;  /* stop after so many instead of after run_ms; 0: by time */
	struct str request; /* whole request; "@ID@" stands where the ten digits go, at most once */
	struct str expect;  /* must occur in each body */
	bool check_id;	    /* the body must carry the request's id */
};

struct load_result {
	struct histogram latency;
	uint64_t answers, errors, body_bytes;
	uint64_t body_min, body_max;
	int64_t run_ns;
	char first_error[512]; /* what went wrong first */
};

void histogram_add(struct histogram *h, int64_t ns);
/* The latency that `share` (0..1) of all stay under, in ns. */
int64_t histogram_at(const struct histogram *h, double share);

/* Run to the end. */
void load_run(const struct load_options *options, struct load_result *result);

#endif
