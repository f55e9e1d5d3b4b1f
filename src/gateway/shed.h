/* Work that is put off: when the loop is late, which work that is, how its sender hears of it, and the trail.
 *
 * Two things can be too slow. A server that has too many calls waiting is the queue's business (upstream/fair.h), since
 * only calls to that server matter. The loop itself being late is everybody's: then lists and calls are refused here,
 * before anything is done for them. */
#ifndef GATEHOUSE_GATEWAY_SHED_H
#define GATEHOUSE_GATEWAY_SHED_H

#include "base/codel.h"
#include "gateway/request.h"
#include "upstream/fair.h"

/* What a method is: put off in this order, within a priority. Control work never is: it is cheap, or ends something, or
 * belongs to what has begun. */
enum work { WORK_CONTROL, WORK_LIST, WORK_CALL, WORKS };

#define SHED_LEVEL_MAX (RANKS * (WORKS - 1))

/* A loop's. Level 1 refuses lists of the lowest rank, 2 its calls too, 3 lists of the next one, and so on. */
struct shed {
	struct codel lag;
	int64_t look_ms;	 /* when the loop is looked at again, by the next request */
	atomic_uint level;	 /* lag's, for other loops ... */
	atomic_llong rest_at_ms; /* ... until then, if no request comes */
};

/* One for each loop, owned by its struct gateway_loop. */
struct shed *shed_new(void);

/* NULL is fine. Runs after the loop's end. */
void shed_free(struct shed *shed);

/* Whether new work may begin on this loop. Costs two compares while nothing is wrong.
 *   Errors     ERR_SHED, with Retry-After, the count, a row a minute for its tenant */
NODISCARD enum err shed_admit(struct request *req, enum work work) AWAITS;

/* A call found no place in the queue for its server (ERR_QUEUE_*, ERR_SHED): the same. */
void shed_queued(struct request *req, enum err why) AWAITS;

/* Whether `err` says that: its server has not seen the call. */
static inline bool shed_is_queued(enum err err)
{
	return err == ERR_QUEUE_TENANT || err == ERR_QUEUE_FULL || err == ERR_QUEUE_TIMEOUT || err == ERR_SHED;
}

/* On what terms the request's call waits for a place; what is not new goes on with a call that has begun. */
struct fair_terms shed_terms(const struct request *req, bool is_new);

/* The loop's level now.
 *   Runs on    any thread */
unsigned shed_level(const struct shed *shed);

/* The parts, for tests: look at the loop, and whether such work is refused at a level. */
void shed_look(struct shed *shed, struct loop *loop, const struct config_limits *limits);
bool shed_refuses(unsigned level, enum work work, unsigned rank);

#endif
