/* Time: one wall clock and one monotonic clock, both in milliseconds since a fixed origin. */
#ifndef GATEHOUSE_BASE_CLOCK_H
#define GATEHOUSE_BASE_CLOCK_H

#include "base/str.h"

/* Unix time in ms. May jump when the machine's clock is set.
 *   Runs on    any thread */
int64_t clock_wall_ms(void);

/* Monotonic time in ms and in ns. Never goes back; its origin means nothing.
 *   Runs on    any thread */
int64_t clock_ms(void);
int64_t clock_ns(void);

#define CLOCK_ISO_LEN 24 /* "2026-11-21T01:02:03.456Z" */

/* Write a wall time as ISO 8601 UTC with ms; `out` gets CLOCK_ISO_LEN bytes and a NUL.
 *   Runs on    any thread */
void clock_iso(int64_t wall_ms, char out[CLOCK_ISO_LEN + 1]);

/* The other way round: RFC 3339 with Z or an offset, seconds' fraction optional.
 *   Errors     ERR_RPC_PARAMS */
NODISCARD enum err clock_iso_read(struct str text, int64_t *ret_wall_ms);

#endif
