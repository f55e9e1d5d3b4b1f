/* What the server runs for us: Lua, because each reads, decides and writes as one. Private to state. */
#ifndef GATEHOUSE_STATE_SCRIPT_H
#define GATEHOUSE_STATE_SCRIPT_H

#include "base/str.h"

/*   TAKE       keys of rates; limit and window (ms) of each. Four numbers for each that was taken, the last one's
 *              first being 0 when it refused: allowed, remaining, ms until all is free, ms until one is
 *   COUNT      a counter; window (ms). Its number
 *   LEASE      a lease; holder, life (ms). 1: held
 *   LEASE_END  a lease; holder
 *   JOIN       ends and words of a set; id, life (ms), words, members at most. 0: too many
 *   LEAVE      ends and words of a set; id
 *   MEMBERS    ends and words of a set; members at most. Ids, each followed by its words
 *   DRAW       a counter; what it begins with (-1: it must be there), at most, wanted, life (ms). How many were
 *              drawn, -1: it is not there */
enum script {
	SCRIPT_TAKE,
	SCRIPT_COUNT,
	SCRIPT_LEASE,
	SCRIPT_LEASE_END,
	SCRIPT_JOIN,
	SCRIPT_LEAVE,
	SCRIPT_MEMBERS,
	SCRIPT_DRAW,
	SCRIPTS,
};

/* Static. */
struct str script_text(enum script script);

#endif
