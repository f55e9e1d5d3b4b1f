/* Dates of accounts: days as numbers, and which day it is where the account is. */
#ifndef GATEHOUSE_ANALYTICS_CIVIL_H
#define GATEHOUSE_ANALYTICS_CIVIL_H

#include "analytics/rows.h"
#include "base/str.h"
#include "base/err.h"

/* "2026-11-14", also with a time behind it, which is ignored. false: it is no date. */
bool civil_read(struct str text, civil_day *ret_day);
void civil_put(struct buf *out, civil_day day);
/* 0 Monday ... 6 Sunday. */
int civil_weekday(civil_day day);

/* The day at a moment in an IANA time zone, by the system's zone files.
 *   at_ms      wall time
 *   Errors     ERR_NOT_FOUND: no such zone here (the caller uses UTC and says so)
 *   Runs on    a worker thread or at start: reads a file; cached by the caller */
NODISCARD enum err civil_today(struct str zone, int64_t at_ms, civil_day *ret_day);

#endif
