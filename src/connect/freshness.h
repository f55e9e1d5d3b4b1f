/* How a token stands at a moment. Private to the room, and its tests. */
#ifndef GATEHOUSE_CONNECT_FRESHNESS_H
#define GATEHOUSE_CONNECT_FRESHNESS_H

#include "connect/grant.h"

enum freshness {
	FRESH_GOOD,
	FRESH_DUE,    /* good, but to be renewed */
	FRESH_ENDED,  /* or about to, or there is none yet */
	FRESH_REAUTH, /* only its owner can help */
};

/* Judge one. Pure.
 *   ahead_ms      before its end a renewal begins; 0: the usual
 *   ret_again_ms  as struct fresh */
enum freshness freshness_of(const struct grant *grant, const struct credential_row *row, int64_t ahead_ms,
			    int64_t now_ms, int64_t *ret_again_ms);

#endif
