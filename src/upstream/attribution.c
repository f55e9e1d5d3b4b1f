/* Whose request is it? One on the GET stream of an HTTP instance names no call. It can be given to a
 * call only if all calls that may be meant are of one tenant, principal and session; then it is the
 * latest one's. Asking the wrong person is worse than asking nobody.
 *
 * There is no table of calls that all loops share: the home loop asks each of them for its askable
 * calls. Calls whose clients cannot be asked are not in those lists, but the server may mean one of
 * them as well; so more calls in flight than were found make it nobody's, unless the instance is kept
 * for one principal anyway. */
#include "base/check.h"
#include "base/log.h"
#include "upstream/instance.h"
#include "upstream/server_request.h"

/* What is found out on the way from loop to loop. */
struct roll {
	struct upstream *upstream;
	uint64_t facts_serial;
	struct str request_id;		/* the cancellation's */
	struct server_request *request; /* the one to give away */
	struct lane *lane;		/* the one being asked; then that of the latest */
	/* out */
	struct buf caller;
	unsigned count;
	bool mixed, taken;
	int64_t latest_ns;
	struct lane *latest_lane;
};

void put_caller(const struct upstream *upstream, const struct upstream_call *call, struct buf *out)
{
	/* Clients without a session that share a key cannot be told apart: each call stands for itself, unless
	 * the config says that a principal is one user. */
	bool one_user = upstream->spec.isolation >= ISOLATION_USER;
	struct str who = call->session.n > 0 ? call->session : one_user ? STR("") : call->request_id;
	const struct str part[] = {call->tenant_id, call->principal, who};

	for (size_t i = 0; i < ARRAY_LEN(part); i++) {
		buf_put_u64(out, part[i].n);
		buf_put_byte(out, ':');
		buf_put(out, part[i]);
	}
}

static void roll_note(struct roll *roll, const struct askable *askable)
{
	AUTO_BUF caller = {0};

	put_caller(roll->upstream, askable->call, &caller);
	if (roll->count++ == 0)
		buf_put(&roll->caller, buf_str(&caller));
	else if (!str_eq(buf_str(&roll->caller), buf_str(&caller)))
		roll->mixed = true;
	if (askable->begun_ns >= roll->latest_ns) {
		roll->latest_ns = askable->begun_ns;
		roll->latest_lane = roll->lane;
	}
}

AWAITS static enum err roll_here(void *arg)
{
	struct roll *roll = arg;

	for (struct list *l = roll->lane->askables.next; l != &roll->lane->askables; l = l->next) {
		const struct askable *askable = LIST_OBJ(l, struct askable, link);

		if (askable->facts_serial == roll->facts_serial)
			roll_note(roll, askable);
	}
	return OK;
}

/* The latest call of that loop, if it has not ended meanwhile. */
AWAITS static enum err give_here(void *arg)
{
	struct roll *roll = arg;

	for (struct list *l = roll->lane->askables.next; l != &roll->lane->askables; l = l->next) {
		struct askable *askable = LIST_OBJ(l, struct askable, link);

		if (askable->facts_serial != roll->facts_serial || askable->begun_ns != roll->latest_ns)
			continue;
		roll->taken = true;
		askable_take(askable, roll->request);
		return OK;
	}
	return OK;
}

AWAITS static enum err take_back_here(void *arg)
{
	struct roll *roll = arg;

	for (struct list *l = roll->lane->askables.next; l != &roll->lane->askables && !roll->taken; l = l->next) {
		struct askable *askable = LIST_OBJ(l, struct askable, link);

		if (askable->facts_serial != roll->facts_serial)
			continue;
		/* After a callback the list may be another one. */
		roll->taken = askable_take_back(askable, roll->request_id);
		if (roll->taken)
			return OK;
	}
	return OK;
}

AWAITS static enum err on_each_loop(struct roll *roll, enum err (*work)(void *arg))
{
	struct upstream *upstream = roll->upstream;

	for (unsigned i = 0; i < upstream->lanes && !roll->taken; i++) {
		roll->lane = &upstream->lane[i];
		TRY(loop_call(roll->lane->loop, "upstream attribution", work, roll));
	}
	return OK;
}

/* Calls that this instance may be serving, whoever made them. */
static unsigned calls_of(const struct instance *instance)
{
	struct upstream *upstream = instance->upstream;
	unsigned n = 0;

	if (instance->key.n > 0)
		return instance->facts == NULL ? 0 : atomic_load(&instance->facts->in_flight);
	for (unsigned i = 0; i < upstream->lanes; i++)
		n += atomic_load(&upstream->lane[i].in_flight);
	return n;
}

/* Whether the roll names one client that alone can be meant. */
static bool roll_is_clear(const struct roll *roll, unsigned calls)
{
	bool one_principal = roll->upstream->spec.isolation >= ISOLATION_USER;

	return roll->count > 0 && !roll->mixed && (one_principal || calls <= roll->count);
}

AWAITS void attribute_request(struct instance *instance, struct str head, const struct mcp_message *message)
{
	struct upstream *upstream = instance->upstream;
	struct roll roll = {.upstream = upstream};
	unsigned before, after;

	if (mcp_method_of(message->method) == MCP_M_PING) {
		errand_answer(instance, message);
		return;
	}
	roll.request = server_request_from_stream(
		upstream, head, &(struct behalf){instance->owner.tenant, instance->owner.principal}, message);
	if (roll.request == NULL)
		return;
	roll.facts_serial = instance->facts == NULL ? ASKABLE_NO_STREAM : instance->facts->serial;
	/* One that ends while we look may have been meant: count before and after. */
	before = calls_of(instance);
	if (on_each_loop(&roll, roll_here) == OK) {
		after = calls_of(instance);
		if (roll_is_clear(&roll, before > after ? before : after)) {
			roll.lane = roll.latest_lane;
			(void)!loop_call(roll.lane->loop, "upstream request", give_here, &roll);
		}
	}
	if (!roll.taken) {
		log_debug("upstream.request_refused", LOG_STR("upstream", upstream->spec.name),
			  LOG_INT("askable", roll.count), LOG_INT("calls", before));
		server_request_drop(roll.request, roll.count == 0 ? -32601 : -32603,
				    roll.count == 0 ? "no client can be asked this"
						    : "which client is meant cannot be told");
	}
	buf_free(&roll.caller);
}

AWAITS void attribute_cancelled(struct instance *instance, const struct mcp_message *message)
{
	struct roll roll = {.upstream = instance->upstream, .request_id = cancelled_id(message)};

	if (roll.request_id.p == NULL || instance->facts == NULL)
		return;
	roll.facts_serial = instance->facts->serial;
	(void)!on_each_loop(&roll, take_back_here);
}
