/* Why may somebody call something, or not? What `gatehouse why` answers, made by the same functions that judge calls.
 */
#ifndef GATEHOUSE_GATEWAY_WHY_H
#define GATEHOUSE_GATEWAY_WHY_H

#include "access/access.h"
#include "catalog/catalog.h"

struct why_question {
	struct str who;	      /* the id of a key or user, or a user's email */
	struct str item;      /* as clients name it, or UPSTREAM.ITEM */
	struct str arguments; /* raw JSON; p NULL: not asked about */
	struct str ip;	      /* p NULL: 127.0.0.1 */
};

/* Append {"ok":true,"answer":"allow"|"refuse"|"depends",...}.
 *   catalog    to find the item in; NULL: its label is taken as it is, for a tool's
 *   problem    a sentence
 *   Errors     ERR_NOT_FOUND: nobody of that name; ERR_EXISTS: several users have that address; ERR_RPC_PARAMS:
 *              the address or the arguments cannot be read; ERR_DB ... */
NODISCARD enum err why_write(struct db *db, struct access *access, const struct catalog *catalog,
			     const struct why_question *question, struct buf *problem, struct buf *out) AWAITS;

#endif
