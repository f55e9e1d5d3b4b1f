/* The keeper: one fiber per upstream on its home loop that connects, reads what the server
 * offers, listens for changes, and comes back with backoff when it fails. It alone publishes
 * offers and reports states, so the owner of the upstream hears of everything in order.
 *
 * Others tell it what they noticed by wishes, from any loop: bits that are set, and a wake-up
 * that is posted when it is not home. */
#include "base/check.h"
#include "base/limits.h"
#include "base/log.h"
#include "upstream/listen.h"
#include "upstream/lists.h"
#include "upstream/local_private.h"

#define SETTLE_MS 100 /* servers announce changes in bursts */
#define RETRY_MS_MIN 500

static void wake(struct upstream *upstream)
{
	struct wait *wait = upstream->keeper_wait;

	upstream->keeper_wait = NULL;
	if (wait != NULL)
		wait_done(wait, OK);
}

static void on_posted(struct task *task)
{
	struct upstream *upstream = CONTAINER_OF(task, struct upstream, keeper_task);

	atomic_store(&upstream->keeper_posted, false);
	wake(upstream);
	upstream_unref(upstream);
}

void keeper_wish(struct upstream *upstream, unsigned wishes)
{
	atomic_fetch_or(&upstream->keeper_wishes, wishes);
	if (loop_self() == upstream->home) {
		wake(upstream);
	} else if (!atomic_exchange(&upstream->keeper_posted, true)) {
		(void)upstream_ref(upstream);
		upstream->keeper_task.run = on_posted;
		loop_post(upstream->home, &upstream->keeper_task);
	}
}

static void on_timer(struct timer *timer)
{
	wake(CONTAINER_OF(timer, struct upstream, keeper_timer));
}

static bool forget_wait(void *arg)
{
	struct upstream *upstream = arg;

	upstream->keeper_wait = NULL;
	return true;
}

/* Until there is a wish among `awaited`, at most `ms` (0: for ever).
 *   ret_wishes  taken; 0 when the time was over
 *   Errors      ERR_CANCELED */
AWAITS static enum err wait_wish(struct upstream *upstream, unsigned awaited, int64_t ms, unsigned *ret_wishes)
{
	int64_t until_ms = loop_now(upstream->home) + ms;
	enum err err = fiber_status();

	while (err == OK && (atomic_load(&upstream->keeper_wishes) & awaited) == 0) {
		struct wait wait = WAIT_INIT;

		if (ms > 0 && loop_now(upstream->home) >= until_ms)
			break;
		if (ms > 0)
			timer_set(upstream->home, &upstream->keeper_timer, until_ms - loop_now(upstream->home),
				  on_timer);
		upstream->keeper_wait = &wait;
		err = wait_for(&wait, forget_wait, upstream);
	}
	if (upstream->keeper_timer.at_ms != 0)
		timer_stop(&upstream->keeper_timer);
	*ret_wishes = atomic_fetch_and(&upstream->keeper_wishes, ~awaited) & awaited;
	return err;
}

static void report(struct upstream *upstream)
{
	atomic_fetch_and(&upstream->keeper_wishes, ~(unsigned)KEEPER_REPORT);
	if (upstream->events.on_change != NULL)
		upstream->events.on_change(upstream->events.arg, upstream, upstream->offer);
}

/* How long a modern server's lists may be trusted when nobody announces their changes. */
static int64_t trusted_ms(int64_t told_ms)
{
	if (told_ms <= 0)
		return UPSTREAM_LISTS_TTL_MS;
	return told_ms < UPSTREAM_LISTS_TTL_MS_MIN   ? UPSTREAM_LISTS_TTL_MS_MIN
	       : told_ms > UPSTREAM_LISTS_TTL_MS_MAX ? UPSTREAM_LISTS_TTL_MS_MAX
						     : told_ms;
}

/* What was read anew without a change is not worth anybody's work. */
static void take_offer(struct upstream *upstream, struct offer *offer)
{
	if (upstream->offer != NULL && offer_same(upstream->offer, offer)) {
		offer_unref(offer);
		return;
	}
	offer_unref(upstream->offer);
	upstream->offer = offer;
}

/* Connect if need be, and read the lists. */
AWAITS static enum err refresh(struct upstream *upstream)
{
	static const struct instance_owner nobody = {0};
	struct instance *instance;
	struct offer *offer;
	int64_t ttl_ms = 0;
	uint64_t serial;
	enum err err;

	TRY(instance_get(upstream, &nobody, &instance));
	atomic_fetch_and(&upstream->keeper_wishes, ~(unsigned)(KEEPER_LISTS | KEEPER_CONNECT));
	serial = instance->facts->serial;
	err = lists_read(instance, &offer, &ttl_ms);
	if (err == OK) {
		upstream->lists_silent = instance->hello.lists_silent;
		upstream->lists_ttl_ms = mcp_is_modern(instance->hello.revision) ? trusted_ms(ttl_ms) : 0;
	}
	if (err == ERR_UPSTREAM_SESSION && instance->facts != NULL)
		atomic_store(&instance->facts->stale, true);
	instance_unpin(instance);
	TRY(err);
	take_offer(upstream, offer);
	if (serial != upstream->heard_serial) {
		upstream->heard_serial = serial;
		listen_begin(upstream);
	}
	return OK;
}

/* What is served here is always there, and needs nobody to be asked. */
static enum err refresh_local(struct upstream *upstream)
{
	atomic_fetch_and(&upstream->keeper_wishes, ~(unsigned)(KEEPER_LISTS | KEEPER_CONNECT));
	take_offer(upstream, local_offer_make(upstream));
	return OK;
}

/* As refresh, with its consequences for the upstream's state. */
AWAITS static enum err keep(struct upstream *upstream)
{
	enum err err;

	/* Before the account is looked for: one that comes meanwhile is a reason to look again. */
	atomic_fetch_and(&upstream->keeper_wishes, ~(unsigned)KEEPER_ACCOUNT);
	err = upstream->spec.kind == UPSTREAM_LOCAL ? refresh_local(upstream) : refresh(upstream);
	if (err == ERR_CANCELED)
		return err;
	if (err == OK) {
		upstream->keeper_failures = 0;
		upstream_well(upstream);
	} else {
		upstream->keeper_failures++;
		upstream_note_error(upstream, err, STR_NONE);
		upstream_set_state(upstream, UPSTREAM_DOWN);
	}
	report(upstream);
	return err;
}

void upstream_accounts_changed(struct upstream *upstream)
{
	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	if (upstream->spec.auth.kind != UPSTREAM_AUTH_NONE && atomic_load(&upstream->state) != UPSTREAM_UP)
		keeper_wish(upstream, KEEPER_ACCOUNT);
}

static int64_t retry_ms(struct upstream *upstream)
{
	int64_t ms = RETRY_MS_MIN, rest = instance_rest_ms(upstream);

	for (unsigned i = 1; i < upstream->keeper_failures && ms < UPSTREAM_BACKOFF_MAX_MS; i++)
		ms *= 2;
	if (ms > UPSTREAM_BACKOFF_MAX_MS)
		ms = UPSTREAM_BACKOFF_MAX_MS;
	return rest > ms ? rest : ms;
}

/* Nothing has happened for long. A legacy verdict would go on working for ever, though the
 * server may have learned the modern era meanwhile: ask. (Who gives up a channel's transport for it
 * ends its streams.) */
AWAITS static void ask_era_again(struct upstream *upstream)
{
	static const struct instance_owner nobody = {0};
	struct instance *instance;

	if (upstream->spec.kind != UPSTREAM_HTTP || upstream->spec.revision != MCP_UNKNOWN ||
	    mcp_is_modern(atomic_load(&upstream->revision)) || atomic_load(&upstream->channeled) ||
	    instance_get(upstream, &nobody, &instance) != OK)
		return;
	if (instance_turned_modern(instance) && instance->facts != NULL) {
		atomic_store(&instance->facts->stale, true);
		keeper_wish(upstream, KEEPER_CONNECT);
	}
	instance_unpin(instance);
}

/* How long the lists may be trusted, 0 for ever. Of a child that runs on demand they are read when it
 * starts: none is started to be asked only that. */
static int64_t lists_trusted_ms(const struct upstream *upstream)
{
	if (upstream->spec.kind == UPSTREAM_STDIO && !upstream->spec.warm)
		return 0;
	return upstream->lists_silent || upstream->deaf ? upstream->lists_ttl_ms : 0;
}

/* What to do next, when the last attempt ended like this. */
AWAITS static enum err await_reason(struct upstream *upstream, enum err last)
{
	unsigned wishes;

	if (last == ERR_UPSTREAM_AUTH)
		return wait_wish(upstream, KEEPER_ACCOUNT, retry_ms(upstream), &wishes);
	if (last != OK)
		return wait_wish(upstream, 0, retry_ms(upstream), &wishes);
	for (;;) {
		bool resting = atomic_load(&upstream->state) == UPSTREAM_RESTING;
		int64_t ttl_ms = lists_trusted_ms(upstream);

		TRY(wait_wish(upstream, KEEPER_CONNECT | KEEPER_LISTS | KEEPER_LEVEL | KEEPER_REPORT,
			      resting	   ? upstream->spec.breaker_rest_ms
			      : ttl_ms > 0 ? ttl_ms
					   : UPSTREAM_VERDICT_MS,
			      &wishes));
		if (wishes == 0 && !resting && ttl_ms > 0)
			return OK;
		if (wishes == 0 && !resting)
			ask_era_again(upstream);
		if ((wishes & KEEPER_LEVEL) != 0)
			level_tell_all(upstream);
		if ((wishes & KEEPER_REPORT) != 0)
			report(upstream);
		if ((wishes & KEEPER_LISTS) != 0)
			TRY(fiber_sleep(SETTLE_MS));
		if ((wishes & (KEEPER_CONNECT | KEEPER_LISTS)) != 0 || (wishes == 0 && resting))
			return OK;
	}
}

AWAITS void keeper_main(void *arg)
{
	struct upstream *upstream = arg;
	enum err err = OK;

	CHECK_OBJ(upstream, UPSTREAM_MAGIC);
	while (err != ERR_CANCELED) {
		err = keep(upstream);
		if (err != ERR_CANCELED && await_reason(upstream, err) != OK)
			err = ERR_CANCELED;
	}
	listen_end(upstream);
	upstream->keeper = NULL;
	upstream_helper_end(upstream);
}
