/* The corridor's door: see pipeline.c. */
#ifndef GATEHOUSE_GATEWAY_PIPELINE_H
#define GATEHOUSE_GATEWAY_PIPELINE_H

#include "http/server.h"

/* Serve one HTTP exchange; `arg` is the struct gateway.
 *   Runs on    the exchange's own fiber */
void gateway_handle(struct http_exchange *exchange, void *arg) AWAITS;

#endif
