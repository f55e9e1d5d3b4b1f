/* Files over HTTP: uploads by callers, and the addresses that platforms fetch files from. */
#ifndef GATEHOUSE_GATEWAY_UPLOADS_H
#define GATEHOUSE_GATEWAY_UPLOADS_H

#include "gateway/request.h"
#include "media/uploads.h"

/* The store of files, in `media` of the data directory, over the gateway's other rooms; end it with media_store_stop
 * before them, and after the last call.
 *   key        of addresses and of keys that are nobody's; borrowed
 *   problem    what is wrong with the directory
 *   Errors     ERR_SYSTEM
 *   Runs on    loop 0 */
NODISCARD enum err uploads_start(struct gateway *gateway, const struct secret *key, struct buf *problem,
				 struct media_store **ret_store) AWAITS;

/* Answer a request for /media or below it: also when it fails.
 *   Errors     what was wrong, for the log; the answer is written */
NODISCARD enum err uploads_serve(struct request *req) AWAITS;

#endif
