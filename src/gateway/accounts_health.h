/* How accounts of connectors are: what their latest call showed, or a probe that is made when somebody asks and the
 * latest is old. Known to this process alone, and forgotten with it. */
#ifndef GATEHOUSE_GATEWAY_ACCOUNTS_HEALTH_H
#define GATEHOUSE_GATEWAY_ACCOUNTS_HEALTH_H

#include "gateway/gateway.h"

#define ACCOUNTS_HEALTH_MAX 4096    /* of a process: when there are more, all are forgotten */
#define ACCOUNT_PROBE_REST_MS 60000 /* between two probes of an account */
#define ACCOUNT_PROBES_MAX 8	    /* at once: a list of hundreds of accounts must not ask hundreds of services */
#define ACCOUNT_PROBE_MS 30000	    /* the longest one takes */

enum account_health {
	ACCOUNT_UNKNOWN,     /* nobody has asked yet */
	ACCOUNT_WELL,	     /* its latest call worked */
	ACCOUNT_RECONNECT,   /* its credential is refused, or a person must agree anew */
	ACCOUNT_UNREACHABLE, /* its service does not answer */
	ACCOUNT_FAILING,     /* its probe is refused for another reason */
	ACCOUNT_HEALTHS,
	ACCOUNT_UNWATCHED = ACCOUNT_HEALTHS, /* nothing can tell: no connector's, or one without a probe */
};

/* "ok", "reconnect", ...; empty for ACCOUNT_UNWATCHED; static. */
const char *account_health_name(enum account_health health);

/* Whose account, where. */
struct account_place {
	struct str tenant_id, place, user_id; /* place: UPSTREAM or UPSTREAM.ACCOUNT */
};

/* Of a process.
 *   Runs on    loop 0, before and after the others run */
struct accounts_health *accounts_health_new(void);
void accounts_health_free(struct accounts_health *healths);

/* End probes that are under way, when nobody asks any more.
 *   Runs on    a fiber of loop 0 */
void accounts_health_stop(struct accounts_health *healths) AWAITS;

/* A call or a probe has shown how it is.
 *   Runs on    any thread */
void accounts_health_note(struct accounts_health *healths, const struct account_place *of, enum account_health health);

/* What is known of it. A probe is begun when that is old; who asks again hears what it showed.
 *   Runs on    a fiber of any loop; does not wait */
enum account_health accounts_health_ask(struct gateway *gateway, const struct account_place *of);

/* How many are how: counts by enum account_health.
 *   Runs on    any thread */
void accounts_health_count(struct accounts_health *healths, unsigned counts[ACCOUNT_HEALTHS]);

#endif
