/* Streams end when the credential that opened them does: a key that was revoked or has expired, a
 * tenant that was disabled. Requests are checked one by one; a stream is checked as long as it is open. */
#ifndef GATEHOUSE_GATEWAY_STREAM_WATCH_H
#define GATEHOUSE_GATEWAY_STREAM_WATCH_H

#include "gateway/gateway.h"

struct stream_watch;

/* Begin, and end, watching all loops' streams.
 *   Errors     ERR_BUSY
 *   Runs on    a fiber of loop 0 */
NODISCARD enum err stream_watch_start(struct gateway *gateway, struct stream_watch **ret_watch) AWAITS;
void stream_watch_stop(struct stream_watch *watch) AWAITS; /* NULL is fine */

/* A stream is kept open whose credential ends then (wall time; 0 never).
 *   Runs on    any thread */
void stream_watch_note(struct stream_watch *watch, int64_t expires_ms);

#endif
