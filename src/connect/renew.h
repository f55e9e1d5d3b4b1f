/* Getting the next token of an account: by one of the fleet, for all of it. Private to the room. */
#ifndef GATEHOUSE_CONNECT_RENEW_H
#define GATEHOUSE_CONNECT_RENEW_H

#include "connect/grant.h"

/* What is to be renewed. */
struct renewal_of {
	const struct connect_at *at;
	int64_t old_ms; /* changed_ms of the row whose token it is; 0: there is no row yet */
	bool refused;	/* a server has refused that token before its end */
};

/* Whether it needs no person at all. */
bool renew_is_machine(const struct connect_at *at);

/* Whether it can be renewed without one. */
bool renew_is_possible(const struct connect_at *at, const struct grant *grant, int64_t now_ms);

/* How long an account is left alone after so many failures in a row; and a token that comes from that many renewals
 * that servers asked for, before they may ask again. */
int64_t renew_pause_ms(int64_t failures);

/* What a caller gets while it is left alone. */
enum err renew_pause_error(const struct credential_row *row);

/* Renew, or wait until somebody has: the row is another afterwards, or in another state.
 *   Errors     as connect_fresh; ERR_CANCELED, ERR_TIMEOUT are the caller's own, the renewal goes on */
NODISCARD enum err renew_wait(struct connect *connect, const struct renewal_of *of) AWAITS;

/* Begin it for whoever comes later. */
void renew_begin(struct connect *connect, const struct renewal_of *of);

/* Only its owner can help: say so, once. An account that has changed since stays as it is.
 *   why        for the trail: "invalid_grant"
 *   Errors     ERR_DB ... */
NODISCARD enum err renew_give_up(struct connect *connect, const struct connect_at *at, const struct credential_row *row,
				 const char *why) AWAITS;

#endif
