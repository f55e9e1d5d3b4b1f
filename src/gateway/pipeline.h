/* The corridor's door: see pipeline.c. */
#ifndef GATEHOUSE_GATEWAY_PIPELINE_H
#define GATEHOUSE_GATEWAY_PIPELINE_H

#include "gateway/request.h"

/* Serve one HTTP exchange; `arg` is the struct gateway.
 *   Runs on    the exchange's own fiber */
void gateway_handle(struct http_exchange *exchange, void *arg) AWAITS;

/* Read req->body as one message, and tell its era.
 *   Errors     ERR_RPC_BATCH: it is an array; ERR_JSON_*, ERR_RPC_*, ERR_MCP_* */
NODISCARD enum err pipeline_read(struct request *req) AWAITS;

#endif
