/* steal: what share of 200 ms two busy cores lose to anybody else, the hypervisor included
 * (whose theft the guest's own counters need not show). A thread on each core reads the
 * clock without pause; every gap over 20 us is lost time. Prints the percentage. */
#include <pthread.h>
#include <sched.h>
#include <stdio.h>

#include "base/clock.h"

#define PROBE_NS 200000000
#define GAP_NS 20000

struct probe {
	int core;
	int64_t lost_ns;
};

static void *spin(void *argument)
{
	struct probe *probe = argument;
	int64_t start, last, now;
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(probe->core, &set);
	pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
	for (start = last = clock_ns(); last - start < PROBE_NS; last = now) {
		now = clock_ns();
		if (now - last > GAP_NS)
			probe->lost_ns += now - last;
	}
	return NULL;
}

int main(void)
{
	struct probe probes[2] = {{.core = 0}, {.core = 1}};
	pthread_t threads[2];

	for (int i = 0; i < 2; i++)
		pthread_create(&threads[i], NULL, spin, &probes[i]);
	for (int i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	printf("%.2f\n", 100.0 * (double)(probes[0].lost_ns + probes[1].lost_ns) / (2.0 * PROBE_NS));
	return 0;
}
