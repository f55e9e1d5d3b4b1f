/* The findings of `gatehouse doctor`: one line each, printed as it is found. Private to doctor*.c. */
#ifndef GATEHOUSE_CLI_DOCTOR_H
#define GATEHOUSE_CLI_DOCTOR_H

#include "cli/installation.h"

enum finding { FINDING_OK, FINDING_WARN, FINDING_FAIL, FINDINGS };

struct doctor {
	const struct invocation *invocation;
	struct config *config; /* NULL while it is not read */
	unsigned count[FINDINGS];
	bool server_runs;
	struct buf json; /* the findings so far, for --json */
};

/* Note one finding about `what` ("port", "upstream billing").
 *   fmt        the finding; WARN and FAIL say also what to do */
void doctor_note(struct doctor *doctor, enum finding finding, const char *what, const char *fmt, ...) PRINTF(4, 5);

/* The machine: limit of open files, modes of data directory, key and database. */
void doctor_check_limits(struct doctor *doctor);
void doctor_check_files(struct doctor *doctor);

/* Whether a server runs on this data; if none does, whether its addresses are free. */
void doctor_check_server(struct doctor *doctor);
void doctor_check_ports(struct doctor *doctor);

/* Commands of upstreams are found, addresses of upstreams can be connected to.
 *   Runs on    a fiber */
void doctor_check_upstreams(struct doctor *doctor) AWAITS;

/* Database, audit trail, keys, clock. Opens the data, unless there is none yet. */
void doctor_check_data(struct doctor *doctor, struct installation *installation) AWAITS;

#endif
