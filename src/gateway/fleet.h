/* The fleet: which replicas of this installation there are, and which of them has what a request is about.
 *
 * A node is one life of one process, a random number. Each joins the set of nodes in the state room every second with
 * its address, and is forgotten NODE_LIFE_MS after it stopped. What is known of the others is an immutable snapshot
 * that every loop holds; without a `fleet` in the configuration there is none, and nothing here is asked.
 *   Source     doc/decisions/0014-fleet.md */
#ifndef GATEHOUSE_GATEWAY_FLEET_H
#define GATEHOUSE_GATEWAY_FLEET_H

#include <stdatomic.h>

#include "gateway/gateway.h"

#define FLEET_BEAT_MS 1000	/* how often a node says that it is there, and looks who else is */
#define FLEET_NODE_LIFE_MS 3000 /* two beats may be lost */
#define FLEET_LOOK_MS 250	/* a node that nobody here knows yet is looked for at most this often by each loop */
#define FLEET_GONE_MAX 4	/* nodes that one request finds out of reach before it is served where it is */

/* This life of this process; never 0.
 *   Runs on    any thread */
uint64_t fleet_self(void);

struct fleet_node {
	uint64_t id;
	struct str address; /* URL of its listener */
};

/* Who is there; immutable. This process is always among them. */
struct fleet_nodes {
	atomic_uint refs;
	size_t count;
	struct fleet_node node[]; /* by ascending id; texts in the same allocation */
};

/* The snapshot of these members, with this process added where it is missing.
 *   members    words of a member are its address; one that has none is left out
 *   returns    one reference
 *   Runs on    any thread */
struct fleet_nodes *fleet_nodes_new(const struct state_member *members, size_t count, struct str own_address);
struct fleet_nodes *fleet_nodes_ref(struct fleet_nodes *nodes);
void fleet_nodes_unref(struct fleet_nodes *nodes); /* NULL is fine */
DEFINE_AUTO(fleet_nodes, fleet_nodes_unref);

/* NULL: it is not there. */
const struct fleet_node *fleet_find(const struct fleet_nodes *nodes, uint64_t id);

/* What a request says of where it belongs. */
struct fleet_wish {
	uint64_t thing;		       /* the node of the stream, parked call, question or task that it names; 0 none */
	uint64_t session;	       /* the node that made its session; 0 none */
	struct str number;	       /* of its session; p NULL: it has none that could live elsewhere */
	uint64_t gone[FLEET_GONE_MAX]; /* nodes found out of reach meanwhile */
	size_t gone_count;
};

enum fleet_place {
	FLEET_HERE,  /* serve it */
	FLEET_THERE, /* another replica has it */
	FLEET_LOST,  /* who had it has gone: served here, as after a restart */
};

/* Where a request belongs: the node of the thing that it names, if it lives; else its session's, if it lives; else
 * the one that rendezvous hashing of the session's number picks among the living, the same on every replica.
 *   ret_node   set with FLEET_THERE; borrowed from `nodes`
 *   Runs on    any thread */
enum fleet_place fleet_home_of(const struct fleet_nodes *nodes, const struct fleet_wish *wish,
			       const struct fleet_node **ret_node);

struct fleet;

/* Join the others and publish who they are; then so every FLEET_BEAT_MS. Nothing when the configuration has no fleet
 * (*ret_fleet NULL). When nobody can be asked who is there the process begins alone and looks on.
 *   problem    what is wrong with the address or the certificates
 *   Errors     ERR_CONFIG, ERR_TLS
 *   Runs on    loop 0 */
NODISCARD enum err fleet_start(struct gateway *gateway, struct buf *problem, struct fleet **ret_fleet) AWAITS;

/* No more requests from the others: leave the set. What was forwarded meanwhile is still served. Then the end.
 *   fleet      NULL is fine
 *   Runs on    loop 0 */
void fleet_leave(struct fleet *fleet) AWAITS;
void fleet_stop(struct fleet *fleet) AWAITS;

/* A request names a node that is not known here. It may have come a moment ago: look now, unless this loop has just
 * looked; here->nodes may be another one afterwards.
 *   Runs on    any loop */
void fleet_look(struct fleet *fleet) AWAITS;

/* For TLS to the others; NULL when the fleet trusts the system's certificates only over plain HTTP. Borrowed. */
struct tls *fleet_tls(const struct fleet *fleet);

#endif
