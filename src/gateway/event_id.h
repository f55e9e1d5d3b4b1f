/* The ids of events: NODE.LOG.NUMBER.REQUEST, all of it visible ASCII.
 *
 *     0Zk3mQ9aXc4.r1f.3.Nw     event 3 of log 0x1f of a process, which answers request 7
 *
 * NODE is the process's number (fleet.h): ids of an earlier life are known as such, those of another replica lead to
 * it.
 * REQUEST is the JSON-RPC id (its lexeme, base64url): who comes back when the log is gone can be
 * told which call was lost. */
#ifndef GATEHOUSE_GATEWAY_EVENT_ID_H
#define GATEHOUSE_GATEWAY_EVENT_ID_H

#include "gateway/event_log.h"

#define EVENT_ID_REQUEST_BYTES_MAX 64 /* of a lexeme; longer ones are left out */
#define EVENT_ID_BYTES_MAX 160

struct event_id {
	uint64_t node;
	bool here; /* of this life of this process */
	enum event_log_kind kind;
	uint64_t log, number;			  /* log 0: a session's stream that has said nothing yet */
	char request[EVENT_ID_REQUEST_BYTES_MAX]; /* a string or integer lexeme, checked */
	size_t request_bytes;			  /* 0: none */
};

/* Append the id of event `number`; number 0 stands before the first.
 *   request_id  lexeme, p NULL none */
void event_id_write(enum event_log_kind kind, uint64_t log, uint64_t number, struct str request_id, struct buf *out);

/* Read what a client sends as Last-Event-ID.
 *   Errors     ERR_MCP_EVENT_ID: not of this form
 *   Runs on    any thread */
NODISCARD enum err event_id_read(struct str text, struct event_id *ret_id);

#endif
