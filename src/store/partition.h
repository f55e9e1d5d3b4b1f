/* The months of the audit trail and of usage: PostgreSQL keeps each in a table of its own, SQLite all in one. */
#ifndef GATEHOUSE_STORE_PARTITION_H
#define GATEHOUSE_STORE_PARTITION_H

#include "store/store.h"

/* A job that fails for weeks is noticed before its rows have no table of their own. */
#define PARTITION_MONTHS_AHEAD 2

/* Make the tables of this month and of those ahead; where they are there already, and with SQLite, nothing. A
 * job's: once a day. Errors     ERR_DB: also when a table was in use all the time; the next run tries again */
NODISCARD enum err partition_prepare(struct db *db, int64_t now_ms) AWAITS;

#endif
