/* The gateway's own jobs: what it does at its times, whoever calls or not. */
#ifndef GATEHOUSE_GATEWAY_CHORES_H
#define GATEHOUSE_GATEWAY_CHORES_H

#include "base/err.h"
#include "base/str.h"

struct gateway;
struct conf_reading;
struct conf_node;

/* Another time for one of them, from the configuration. */
struct chore_setting {
	struct str name, schedule; /* known and readable */
};

/* Begin with every chore at its time; stop them. They run on one replica at a time.
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err chores_start(struct gateway *gateway) AWAITS;
void chores_stop(struct gateway *gateway) AWAITS;

/* When a job is to run by the configuration; empty: as it does by itself. */
struct config;
struct str chores_schedule(const struct config *config, struct str name);

/* Move rows of the audit trail that are past their period into files.
 *   words      what was done, or what is wrong
 *   Errors     those of retention_archive */
NODISCARD enum err chores_archive(struct gateway *gateway, struct buf *words) AWAITS;

/* Read `jobs:`, a map of names and schedules. */
NODISCARD enum err config_read_jobs(struct conf_reading *reading, const struct conf_node *node, void *object);

#endif
