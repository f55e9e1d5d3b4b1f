/* How often may they: blocked addresses, rates, and what becomes of refusals. */
#ifndef GATEHOUSE_GATEWAY_RATES_H
#define GATEHOUSE_GATEWAY_RATES_H

#include "gateway/request.h"

/* A key for the state room: one letter for the kind, then at most 63 bytes. */
struct str rates_key(char out[64], char kind, const void *bytes, size_t n);

/* Refuse an address that failed too often, or that an operator blocked.
 *   Errors     ERR_BLOCKED */
NODISCARD enum err rates_check_block(struct request *req) AWAITS;

/* One request against the rate of its address; of its caller's tenant and of the caller.
 *   Errors     ERR_RATE_LIMITED; ERR_NETWORK: its tenant may not be called from there */
NODISCARD enum err rates_take_address(struct request *req) AWAITS;
NODISCARD enum err rates_take_caller(struct request *req) AWAITS;

/* One call against the month's quotas of its caller and of the tenant; what the caller was told to have failed.
 *   Errors     ERR_QUOTA, with Retry-After to the month's end; those of meters_take */
NODISCARD enum err rates_take_call(struct request *req) AWAITS;

/* A refusal for a limit's sake: one row a minute under each key, as a flood of refusals must not fill the disk.
 *   limit      what it is called in the configuration */
void rates_note_exceeded(struct request *req, struct str key, const char *limit, enum err why) AWAITS;

/* A header claimed that another replica sent the request, and that is not so: a row in the trail. */
void rates_note_claim(struct request *req) AWAITS;

/* A credential was refused: a row in the trail, and after too many of them the address is blocked. */
void rates_note_failure(struct request *req, enum err why) AWAITS;

#endif
