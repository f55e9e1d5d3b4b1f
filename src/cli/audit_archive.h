/* The archived part of the trail, for `audit verify`. */
#ifndef GATEHOUSE_CLI_AUDIT_ARCHIVE_H
#define GATEHOUSE_CLI_AUDIT_ARCHIVE_H

#include "cli/installation.h"

/* Check every archived file and how they hang together; what does not hold is in installation->problem.
 *   Errors     ERR_DB_CORRUPT, ERR_SYSTEM, ERR_DB ... */
NODISCARD enum err audit_archive_verify(struct installation *installation) AWAITS;

#endif
