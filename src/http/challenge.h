/* What a server asks for when it answers 401 or 403: the challenges of WWW-Authenticate. */
#ifndef GATEHOUSE_HTTP_CHALLENGE_H
#define GATEHOUSE_HTTP_CHALLENGE_H

#include "base/arena.h"
#include "http/header.h"

#define CHALLENGES_MAX 8	/* of one answer; servers offer two or three schemes */
#define CHALLENGE_PARAMS_MAX 12 /* of one challenge; Digest, the longest, has nine */

struct challenge_param {
	struct str name, value; /* the value without its quotes */
};
struct challenge {
	struct str scheme;
	struct str token68; /* p NULL: parameters, or nothing */
	struct challenge_param param[CHALLENGE_PARAMS_MAX];
	size_t count;
};
struct challenges {
	struct challenge item[CHALLENGES_MAX];
	size_t count;
};

/* Read one field value, or add another line's to what is there. Servers write this header in many wrong ways, and what
 * a client cannot read it may ignore: reading ends at the first mistake, and what stood before it counts.
 *   challenges  begins zeroed; strings in `arena` or slices of `field`
 *   Source      RFC 9110 section 11.6.1 */
void challenges_read(struct arena *arena, struct str field, struct challenges *challenges);

/* All lines of an answer. */
void challenges_of(struct arena *arena, const struct http_fields *fields, struct challenges *ret_challenges);

/* The first of a scheme (any case); NULL none. */
const struct challenge *challenges_find(const struct challenges *challenges, struct str scheme);

/* A parameter (any case), p NULL absent. */
struct str challenge_get(const struct challenge *challenge, struct str name);

#endif
