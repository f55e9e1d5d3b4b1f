/* JSON-RPC batches: see batch.c. */
#ifndef GATEHOUSE_GATEWAY_BATCH_H
#define GATEHOUSE_GATEWAY_BATCH_H

#include "gateway/request.h"

/* Serve a POST whose body is an array: req->message.index is of it.
 *   Errors     ERR_RPC_BATCH: not in this revision; ERR_RPC_INVALID: empty; ERR_LIMIT: too many
 *              elements; those of request_session
 *   Source     basic/index, "Batching" (2025-03-26) */
NODISCARD enum err batch_serve(struct request *req) AWAITS;

#endif
