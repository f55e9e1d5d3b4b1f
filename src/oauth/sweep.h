/* What the authorization server forgets, for the job that runs it (gateway/chores.c). */
#ifndef GATEHOUSE_OAUTH_SWEEP_H
#define GATEHOUSE_OAUTH_SWEEP_H

#include "base/err.h"

#include <stdint.h>

struct db;

#define OAUTH_CODE_KEPT_MS (24 * 3600 * 1000LL)	       /* a second use is noticed this long */
#define OAUTH_ENDED_GRANT_MS (30 * 24 * 3600 * 1000LL) /* shown this long after its end */

/* Remove what has expired, a bounded number of rows of each kind; the rest goes next time.
 *   Errors     ERR_DB ... */
NODISCARD enum err oauth_sweep(struct db *db, int64_t now_ms) AWAITS;

#endif
