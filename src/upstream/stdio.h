/* Stdio servers: one child an instance, JSON lines on its pipes, calls in flight by id.
 * Everything runs on the upstream's home loop except stdio_call, which any loop may make. */
#ifndef GATEHOUSE_UPSTREAM_STDIO_H
#define GATEHOUSE_UPSTREAM_STDIO_H

#include "upstream/instance.h"
#include "upstream/mailbox.h"

struct stdio;

/* Start the instance's child; instance->stdio is set.
 *   Errors     ERR_UPSTREAM_DOWN (no such program, no process left), with a log line */
NODISCARD enum err stdio_spawn(struct instance *instance);

/* End it: stdin closed, SIGTERM, SIGKILL. instance_child_gone follows. */
void stdio_stop(struct stdio *stdio);

/* The same for one that did not even start well. */
void stdio_kill(struct stdio *stdio, int64_t kill_ms);

/* Our own exchange with an instance, on the home loop.
 *   endless    a listening: it does not keep the instance from being reaped
 *   Errors     ERR_UPSTREAM_*, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err stdio_ask(struct instance *instance, struct ask *ask, bool endless) AWAITS;

/* A client's call, from any loop. Fills the call's outputs.
 *   Errors     as upstream_call */
NODISCARD enum err stdio_call(struct upstream *upstream, struct lane *lane, struct upstream_call *call) AWAITS;

/* Write one line, its newline included.
 *   Errors     ERR_CLOSED, ERR_CANCELED, ERR_TIMEOUT */
NODISCARD enum err stdio_write(struct stdio *stdio, struct str line) AWAITS;

/* Write a message of ours that nobody waits for. */
void stdio_send(struct stdio *stdio, struct str message);

/* A call that waits for its answer. Its place at the gate, if it took one, goes back when it
 * is settled. */
struct pending {
	uint64_t id;
	struct instance *instance;
	struct mailbox *mailbox; /* one reference */
	struct upstream *upstream;
	bool placed, endless;
};

/* Enter a call into the upstream's table, and take it out again: with its last letter (then
 * it is the mailbox's), or NULL when nobody waits any more. */
struct pending *pending_add(struct instance *instance, uint64_t id, struct mailbox *mailbox, bool placed, bool endless);
struct pending *pending_find(struct upstream *upstream, uint64_t id);
void pending_settle(struct pending *pending, struct letter *letter);

/* The only client's call that a child has in flight; NULL when there are more, or none. */
struct pending *pending_sole(struct instance *instance);

/* All calls of an instance end with this error. */
void pending_fail_all(struct instance *instance, enum err err);

/* stdio_line.c: one line of a child's stdout. */
void stdio_take_line(struct instance *instance, struct str line);

#endif
