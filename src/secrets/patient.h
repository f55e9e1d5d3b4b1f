/* Requests to the server that keeps the secrets: what may pass is waited out. Private to the room. */
#ifndef GATEHOUSE_SECRETS_PATIENT_H
#define GATEHOUSE_SECRETS_PATIENT_H

#include "http/fetch.h"

/* About `ms`, so that a fleet does not come all at once: 10 % more or less. */
int64_t patient_spread(int64_t ms);

/* http_fetch, up to four times while the server cannot be reached or says 429, 502 or 503; about two seconds. What it
 * asks for in Retry-After is kept to, up to five.
 *   ret_fetched  the last answer
 *   Errors       as http_fetch; ERR_CANCELED */
NODISCARD enum err patient_fetch(struct arena *arena, const struct fetch *fetch, struct fetched *ret_fetched) AWAITS;

#endif
