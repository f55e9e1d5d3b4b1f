/* The calls that wait for an answer out of a channel: one table per upstream, by the id on the wire.
 * An entry ends in exactly one of four ways: answered, failed with its channel, found to be
 * garbage, or given up by its caller; each goes through pending_settle. */
#include <stdlib.h>

#include "base/check.h"
#include "upstream/channel.h"
#include "upstream/server_request.h"

static struct str key_of(const uint64_t *id)
{
	return (struct str){(const char *)id, sizeof(*id)};
}

struct pending *pending_add(struct instance *instance, uint64_t id, struct mailbox *mailbox,
			    const struct upstream_call *call, bool endless)
{
	struct upstream *upstream = instance->upstream;
	struct pending *pending;
	AUTO_BUF caller = {0};

	if (call != NULL)
		put_caller(upstream, call, &caller);
	pending = calloc(1, sizeof(*pending) + caller.n);
	CHECK(pending != NULL && loop_self() == upstream->home);
	pending->id = id;
	pending->instance = instance;
	pending->upstream = upstream;
	pending->mailbox = mailbox_ref(mailbox);
	pending->placed = call != NULL;
	pending->askable = call != NULL && call->on_request != NULL;
	pending->endless = endless;
	pending->caller = (struct str){(char *)(pending + 1), caller.n};
	if (caller.n > 0)
		memcpy(pending + 1, caller.p, caller.n);
	instance->in_flight += !endless;
	CHECK(map_put(&upstream->pending, key_of(&pending->id), pending) == NULL);
	return pending;
}

struct pending *pending_find(struct upstream *upstream, uint64_t id)
{
	return map_get(&upstream->pending, key_of(&id));
}

void pending_settle(struct pending *pending, struct letter *letter)
{
	struct upstream *upstream = pending->upstream;
	struct instance *instance = pending->instance;

	CHECK(map_remove(&upstream->pending, key_of(&pending->id)) == pending);
	instance->in_flight -= !pending->endless;
	instance->used_ms = loop_now(upstream->home);
	if (pending->placed)
		fair_leave(&upstream->fair);
	if (letter != NULL)
		mailbox_put(pending->mailbox, letter);
	mailbox_unref(pending->mailbox);
	free(pending);
}

struct pending *pending_sole(struct instance *instance)
{
	struct pending *pending, *sole = NULL;
	size_t cursor = 0;

	if (instance->in_flight != 1)
		return NULL;
	while ((pending = map_next(&instance->upstream->pending, &cursor)) != NULL)
		if (pending->instance == instance && !pending->endless)
			sole = pending;
	return sole;
}

struct pending *pending_sole_call(struct instance *instance)
{
	struct pending *pending, *sole = NULL;
	size_t cursor = 0;

	while ((pending = map_next(&instance->upstream->pending, &cursor)) != NULL) {
		if (pending->instance != instance || !pending->placed)
			continue;
		if (sole != NULL)
			return NULL;
		sole = pending;
	}
	return sole;
}

struct pending *pending_asked(struct instance *instance, unsigned *ret_calls)
{
	struct pending *pending, *first = NULL, *latest = NULL;
	bool mixed = false;
	size_t cursor = 0;

	*ret_calls = 0;
	while ((pending = map_next(&instance->upstream->pending, &cursor)) != NULL) {
		if (pending->instance != instance || !pending->placed)
			continue;
		++*ret_calls;
		if (first == NULL)
			first = pending;
		mixed |= !str_eq(first->caller, pending->caller);
		if (pending->askable && (latest == NULL || latest->id < pending->id))
			latest = pending;
	}
	return mixed ? NULL : latest;
}

void pending_fail_all(struct instance *instance, enum err err)
{
	struct pending *pending;
	size_t cursor = 0;

	while ((pending = map_next(&instance->upstream->pending, &cursor)) != NULL)
		if (pending->instance == instance)
			pending_settle(pending, letter_error(err));
}
