/* A client's call, on its own fiber and loop. In steady state (server known and well, a place
 * free, the shared instance ready) an HTTP call does nothing here but compose, send and scan:
 * what it needs to know lies in its lane, and nothing that other loops write is touched.
 *
 * What goes wrong in a way that another attempt can mend is tried once more: a session that
 * the server forgot, an era it has left, a header it found wrong. All of these were refused
 * before the server did anything, so repeating is safe. */
#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "upstream/channel.h"
#include "upstream/credential.h"
#include "upstream/local_private.h"
#include "upstream/server_request.h"

/* What an attempt uses. */
struct pick {
	struct facts *facts; /* borrowed from the lane until the next await, or our own */
	bool own;
	uint64_t serial;
};

struct facts_order {
	struct upstream *upstream;
	struct instance_owner owner;
	struct facts *facts;
};

AWAITS static enum err facts_main(void *arg)
{
	struct facts_order *order = arg;
	struct instance *instance;

	TRY(instance_get(order->upstream, &order->owner, &instance));
	order->facts = facts_ref(instance->facts);
	instance_unpin(instance);
	return OK;
}

static bool facts_are_good(const struct facts *facts)
{
	return facts != NULL && !atomic_load_explicit(&facts->stale, memory_order_relaxed);
}

/* From the home loop, as this lane's own copy. */
AWAITS static enum err fetch_shared(struct upstream *upstream, struct lane *lane)
{
	struct facts_order order = {.upstream = upstream};

	TRY(loop_call(upstream->home, "upstream facts", facts_main, &order));
	facts_unref(lane->facts);
	lane->facts = order.facts;
	return OK;
}

AWAITS static enum err pick_facts(struct upstream *upstream, struct lane *lane, const struct upstream_call *call,
				  struct pick *ret_pick)
{
	struct facts_order order = {.upstream = upstream};
	enum mcp_revision revision = atomic_load_explicit(&upstream->revision, memory_order_relaxed);
	bool isolated = upstream->spec.isolation != ISOLATION_SHARED;

	/* A modern server has no sessions that could be mixed up, so all callers share its facts. */
	if (!isolated || revision == MCP_UNKNOWN || mcp_is_modern(revision)) {
		if (unlikely(!facts_are_good(lane->facts)))
			TRY(fetch_shared(upstream, lane));
		*ret_pick = (struct pick){.facts = lane->facts, .serial = lane->facts->serial};
		if (!isolated || mcp_is_modern(lane->facts->revision))
			return OK;
	}
	order.owner = instance_owner_of(upstream, call);
	TRY(loop_call(upstream->home, "upstream facts", facts_main, &order));
	atomic_fetch_add(&order.facts->in_flight, 1);
	*ret_pick = (struct pick){.facts = order.facts, .own = true, .serial = order.facts->serial};
	return OK;
}

static void pick_mark_stale(struct lane *lane, const struct pick *pick)
{
	if (pick->own)
		atomic_store(&pick->facts->stale, true);
	else if (lane->facts != NULL && lane->facts->serial == pick->serial)
		atomic_store(&lane->facts->stale, true);
}

static void pick_done(struct lane *lane, struct pick *pick)
{
	if (!pick->own)
		return;
	atomic_fetch_sub(&pick->facts->in_flight, 1);
	atomic_store(&pick->facts->used_ms, loop_now(lane->loop));
	facts_unref(pick->facts);
}

/* Whether the server refused the attempt for a reason that is ours, not the client's.
 * spec: 2026-07-28 streamable-http: -32022 unsupported version, -32020 header mismatch */
static bool is_our_fault(struct upstream *upstream, const struct ask *ask, struct upstream_call *call)
{
	const struct json_member *code;

	if (!ask->answered || ask->answer.error == NULL)
		return false;
	code = json_member(&ask->answer.index, ask->answer.error, STR("code"));
	if (code == NULL)
		return false;
	if (str_eq(code->value, STR("-32022"))) {
		atomic_store(&upstream->renegotiate, true);
		return true;
	}
	if (!str_eq(code->value, STR("-32020")) || !mcp_is_modern(ask->revision))
		return false;
	call->headers_refused = true;
	keeper_wish(upstream, KEEPER_LISTS); /* the tool's headers have changed, most likely */
	return true;
}

/* A legacy server goes on working for a client that has gone unless it is told. Errors of the
 * exchange itself leave nothing to cancel. */
static bool must_cancel(const struct ask *ask, enum err err)
{
	switch (err) {
	case OK:
	case ERR_UPSTREAM_DOWN:
	case ERR_UPSTREAM_GARBAGE:
	case ERR_UPSTREAM_BUSY:
	case ERR_UPSTREAM_AUTH:
	case ERR_CREDENTIAL_MISSING:
	case ERR_CREDENTIAL_REFUSED:
	case ERR_CREDENTIAL_REAUTH:
	case ERR_UPSTREAM_SESSION:
	case ERR_REFUSED_ADDRESS:
		return false;
	default:
		return ask->sent && !mcp_is_modern(ask->revision);
	}
}

/* The exchange; meanwhile the server may ask the client something. */
AWAITS static enum err ask_for_client(struct upstream *upstream, struct lane *lane, struct ask *ask, uint64_t serial)
{
	struct askable askable;
	enum err err;

	if (ask->call->on_request == NULL || mcp_is_modern(ask->revision))
		return http_ask(upstream, lane, ask);
	askable_begin(&askable, upstream, lane, ask->call, serial);
	ask->askable = &askable;
	err = http_ask(upstream, lane, ask);
	askable_end(&askable);
	ask->askable = NULL;
	return err;
}

/* With the caller's credential, which goes in behind all else, since what it is may depend on the rest. */
AWAITS static enum err ask_in_name(struct upstream *upstream, struct lane *lane, struct ask *ask, struct buf *head,
				   uint64_t serial)
{
	struct carried carried = {.behalf = ask->behalf, .method = STR("POST"), .body = ask->body};
	bool again;
	enum err err;

	do {
		TRY(carried_put(upstream, &carried, head, &ask->path));
		ask->head = buf_str(head);
		ask->answered = false;
		err = ask_for_client(upstream, lane, ask, serial);
		err = carried_settle(upstream, &carried, err, ask->status, ask->fields, &again);
	} while (again);
	return err;
}

/* One attempt. Everything is composed before the first await, so that the facts may change
 * under it.
 *   ret_again  another one may mend it */
AWAITS static enum err attempt(struct upstream *upstream, struct lane *lane, struct upstream_call *call,
			       bool *ret_again)
{
	struct ask ask = {
		.arena = call->arena,
		.call = call,
		.idempotent = call->idempotent,
		.timeout_ms = upstream->spec.timeout_ms,
		.behalf = {call->tenant_id, call->principal},
	};
	struct scratch *scratch;
	struct pick pick;
	enum err err;

	*ret_again = false;
	TRY(pick_facts(upstream, lane, call, &pick));
	if (unlikely(pick.facts->channeled)) {
		atomic_store(&upstream->channeled, true);
		pick_done(lane, &pick);
		return ERR_UPSTREAM_SESSION;
	}
	scratch = lane_scratch(lane);
	ask.id = lane_next_id(upstream, lane);
	ask.revision = pick.facts->revision;
	ask.has_session = pick.facts->has_session;
	buf_put(&scratch->head, pick.facts->head);
	http_call_lines(&scratch->head, ask.revision, call->outgoing.method, call->mcp_name, call);
	mcp_compose_request(&call->outgoing, ask.revision, ask.id, &scratch->body);
	ask.head = buf_str(&scratch->head);
	ask.bare_bytes = ask.head.n;
	ask.body = buf_str(&scratch->body);
	err = likely(upstream->spec.auth.kind == UPSTREAM_AUTH_NONE)
		      ? ask_for_client(upstream, lane, &ask, pick.serial)
		      : ask_in_name(upstream, lane, &ask, &scratch->head, pick.serial);
	if (must_cancel(&ask, err)) {
		ask.head = buf_str(&scratch->head);
		errand_cancelled(upstream, lane, &ask);
	}
	if (err == ERR_UPSTREAM_SESSION || (err == OK && is_our_fault(upstream, &ask, call))) {
		pick_mark_stale(lane, &pick);
		*ret_again = true;
		err = err == OK ? ERR_UPSTREAM_GARBAGE : err;
	}
	call->answer = ask.answer;
	call->revision = ask.revision;
	call->bytes_out += ask.body.n;
	call->bytes_in += ask.bytes_in;
	pick_done(lane, &pick);
	lane_scratch_back(lane, scratch);
	return err;
}

AWAITS static enum err http_client_call(struct upstream *upstream, struct lane *lane, struct upstream_call *call)
{
	bool again = true;
	enum err err = OK;

	/* Who is of no tenant has none, and must not go by the gateway's own. */
	if (upstream->spec.auth.kind != UPSTREAM_AUTH_NONE && call->tenant_id.n == 0)
		return ERR_CREDENTIAL_MISSING;
	for (int i = 0; i < 2 && again; i++) {
		err = attempt(upstream, lane, call, &again);
		again = again && err != OK;
	}
	return err;
}

/* A place among the calls in flight. Few places are kept at home, since dividing them would
 * let some loops have none. */
struct place {
	struct task task;
	struct upstream *upstream;
	struct fair_caller caller; /* while it is asked for */
	bool taken;
};

AWAITS static enum err place_main(void *arg)
{
	struct place *place = arg;

	TRY(fair_enter(&place->upstream->fair, &place->caller));
	place->taken = true;
	return OK;
}

AWAITS static enum err place_enter(struct upstream *upstream, struct lane *lane, const struct upstream_call *call,
				   struct place **ret_place)
{
	const struct fair_caller caller = {call->tenant_id, call->terms};
	struct place *place;
	enum err err;

	*ret_place = NULL;
	if (likely(upstream->divided))
		return fair_enter(&lane->fair, &caller);
	place = calloc(1, sizeof(*place));
	CHECK(place != NULL);
	place->upstream = upstream_ref(upstream);
	place->caller = caller;
	err = loop_call(upstream->home, "upstream place", place_main, place);
	if (place->taken)
		*ret_place = place;
	if (err == OK || place->taken)
		return err;
	upstream_unref(upstream);
	free(place);
	return err;
}

static void place_back(struct task *task)
{
	struct place *place = CONTAINER_OF(task, struct place, task);

	fair_leave(&place->upstream->fair);
	upstream_unref(place->upstream);
	free(place);
}

static void place_leave(struct upstream *upstream, struct lane *lane, struct place *place)
{
	if (upstream->divided) {
		fair_leave(&lane->fair);
	} else if (place != NULL && lane->loop == upstream->home) {
		place_back(&place->task);
	} else if (place != NULL) {
		place->task.run = place_back;
		loop_post(upstream->home, &place->task);
	}
}

/*   ret_sick   there is an answer, but what stands behind it is not well */
AWAITS static enum err placed_call(struct upstream *upstream, struct lane *lane, struct upstream_call *call,
				   bool *ret_sick)
{
	struct place *place;
	enum err err;

	err = place_enter(upstream, lane, call, &place);
	if (err != OK && place == NULL)
		return err;
	if (err == OK && unlikely(upstream->spec.kind == UPSTREAM_LOCAL))
		err = local_call(upstream, call, ret_sick);
	else if (err == OK)
		err = http_client_call(upstream, lane, call);
	place_leave(upstream, lane, place);
	return err;
}

AWAITS static enum err carry(struct upstream *upstream, struct lane *lane, struct upstream_call *call, bool channeled,
			     bool *ret_sick)
{
	return channeled ? channel_call(upstream, lane, call) : placed_call(upstream, lane, call, ret_sick);
}

/* Counters that only this loop writes; health reads them from elsewhere. */
static void bump(atomic_ullong *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

AWAITS enum err upstream_call(struct upstream *upstream, struct upstream_call *call)
{
	struct lane *lane;
	int64_t start_ns;
	bool channeled, sick = false;
	enum err err;

	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	CHECK(call->arena != NULL && call->outgoing.method.n > 0);
	if (atomic_load_explicit(&upstream->stopped, memory_order_relaxed))
		return ERR_UPSTREAM_DOWN;
	TRY(upstream_admit(upstream));
	lane = lane_here(upstream);
	start_ns = clock_ns();
	call->bytes_in = call->bytes_out = 0;
	call->headers_refused = false;
	atomic_fetch_add_explicit(&lane->in_flight, 1, memory_order_relaxed);
	channeled = atomic_load_explicit(&upstream->channeled, memory_order_relaxed);
	err = carry(upstream, lane, call, channeled, &sick);
	/* The server came back with the other transport: it has not seen the call. */
	if (err == ERR_UPSTREAM_SESSION && atomic_load(&upstream->channeled) != channeled)
		err = carry(upstream, lane, call, !channeled, &sick);
	atomic_fetch_sub_explicit(&lane->in_flight, 1, memory_order_relaxed);
	bump(&lane->calls);
	call->terms.rank = RANK_IN_FLIGHT; /* a next round of it is no new work */
	if (err != OK || sick)
		bump(&lane->failures);
	else
		atomic_store_explicit(&lane->latency_us, (clock_ns() - start_ns) / 1000, memory_order_relaxed);
	/* A client that gives up what its server has begun to answer is no reason to doubt the server. */
	upstream_judge(upstream, sick ? ERR_UPSTREAM_DOWN : err == ERR_CANCELED && call->bytes_in > 0 ? OK : err);
	return err;
}
