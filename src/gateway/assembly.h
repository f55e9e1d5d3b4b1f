/* From upstreams to the catalog: keeps the configured upstreams running, collects what they
 * offer, builds a new catalog when something changes, and publishes it to every loop. All of
 * it on loop 0; other loops only read. */
#ifndef GATEHOUSE_GATEWAY_ASSEMBLY_H
#define GATEHOUSE_GATEWAY_ASSEMBLY_H

#include "gateway/gateway.h"

/* Create, with no upstreams, and publish an empty catalog.
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err assembly_start(struct gateway *gateway, struct assembly **ret_assembly) AWAITS;

/* Run the upstreams of this config: new ones are started, the same ones left alone; those that it
 * does not name any more run on until assembly_retire. On an error nothing has changed. One at a
 * time.
 *   problem    which upstream, and what is wrong with it
 *   Errors     ERR_CONFIG
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err assembly_apply(struct assembly *assembly, struct config *config, struct buf *problem) AWAITS;

/* Stop the upstreams that the last assembly_apply left out, once no catalog names them and nobody is on the way
 * to them any more; those who are, and calls in flight, have `grace_ms` together.
 *   Runs on    a fiber of loop 0 */
void assembly_retire(struct assembly *assembly, int64_t grace_ms) AWAITS;

/* Somebody may have connected an account: see upstream_accounts_changed.
 *   Runs on    loop 0 */
void assembly_accounts_changed(struct assembly *assembly);

/* Stop every upstream and wait for it. No assembly_apply may be running. */
void assembly_stop(struct assembly *assembly, int64_t grace_ms) AWAITS;

/* The upstreams of now, each with a reference that assembly_upstreams_done gives back.
 *   ret_upstreams  on the heap
 *   Runs on        any thread */
size_t assembly_upstreams(struct assembly *assembly, struct upstream ***ret_upstreams);
void assembly_upstreams_done(struct upstream **upstreams, size_t count);

/* Whether every upstream has come up or failed at least once, and the catalog shows it.
 *   Runs on    any thread */
bool assembly_settled(struct assembly *assembly);

/* The same of all upstreams, also those that were made at run time.
 *   Runs on    loop 0 */
bool assembly_complete(const struct assembly *assembly);

/* Judge an upstream's tools by their pins again, after some were accepted, and wait until every loop's
 * catalog shows it.
 *   Errors     ERR_TIMEOUT: the catalog takes longer; it will come
 *   Runs on    a fiber, any loop */
NODISCARD enum err assembly_review(struct assembly *assembly, struct str upstream) AWAITS;

/* A client's session has ended: free what upstreams kept for it.
 *   Runs on    a fiber, any loop */
void assembly_forget_session(struct assembly *assembly, struct str session) AWAITS;
/* Its client has other roots: tell the upstreams that keep an instance for it.
 *   Runs on    a fiber, any loop */
void assembly_roots_changed(struct assembly *assembly, struct str session) AWAITS;

#endif
