/* Who renews: the callers of a loop share one flight for an account, and the flights of all loops and replicas one
 * lease, which lies in the row, where the new token must be written anyway.
 *
 *     LOOK ── another token, or none to be had ──▶ done
 *      │ ▲
 *      │ └─ somebody has the lease, or was faster: after a while
 *      ▼
 *     LEASE ──▶ renew_held: asks, writes, gives it back
 *
 * The lease is taken of the row as it was read: who gets it knows that nothing has changed in between, so that a
 * refresh token that somebody has used already is never sent. It ends by itself when its holder dies. */
#include <stdio.h>

#include "authclient/providers.h"
#include "authclient/settings.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/random.h"
#include "connect/renew_private.h"

#define RENEW_MS 90000	/* a flight's: another one's lease, then its own */
#define LOOK_MS_MIN 20	/* a service answers in 100 to 500 ms */
#define LOOK_MS_MAX 500 /* a look is one small read */
#define PAUSE_MS_MIN 1000
#define PAUSE_MS_MAX (5 * 60 * 1000LL)

bool renew_is_machine(const struct connect_at *at)
{
	return at->settings->flow != AUTH_FLOW_CODE;
}

bool renew_is_possible(const struct connect_at *at, const struct grant *grant, int64_t now_ms)
{
	if (renew_is_machine(at))
		return true;
	if (grant->refresh_expires_ms > 0 && grant->refresh_expires_ms <= now_ms)
		return false;
	return token_renews(auth_dialect_of(at->settings->provider), grant->refresh_token, grant->access_token,
			    grant->expires_ms, now_ms);
}

int64_t renew_pause_ms(int64_t failures)
{
	if (failures <= 0)
		return 0;
	return failures > 8 || PAUSE_MS_MIN << failures > PAUSE_MS_MAX ? PAUSE_MS_MAX : PAUSE_MS_MIN << failures;
}

enum err renew_pause_error(const struct credential_row *row)
{
	return str_eq(row->state, GRANT_REFUSED) ? ERR_CREDENTIAL_REFUSED : ERR_UPSTREAM_DOWN;
}

/* One look at the row, and the renewal when it is ours.
 *   ret_done   false: look again */
AWAITS static enum err look(struct renewal *renewal, struct arena *arena, bool *ret_done)
{
	struct db *db = renewal->connect->spec.db;
	int64_t now_ms = clock_wall_ms(), until_ms = now_ms + RENEW_LEASE_MS;
	struct credential_row row;
	struct grant grant;
	char by[ID_LEN + 1];
	enum err err = grant_find(renewal->connect, arena, &renewal->at, &grant, &row);

	*ret_done = false;
	if (err == ERR_CREDENTIAL_MISSING && renew_is_machine(&renewal->at))
		return grant_room(renewal->connect, &renewal->at);
	TRY(err);
	*ret_done = true;
	if (str_eq(row.state, GRANT_REAUTH))
		return ERR_CREDENTIAL_REAUTH;
	if (row.changed_ms != renewal->old_ms && grant.access_token.n > 0)
		return OK;
	if (row.lease_ms > now_ms && row.lease_by.n == 0)
		return renew_pause_error(&row);
	*ret_done = false;
	if (row.lease_ms > now_ms)
		return OK;
	random_id(by);
	err = credential_lease(db, &row, str_of(by), now_ms, until_ms);
	if (err == ERR_NOT_FOUND)
		return OK;
	TRY(err);
	*ret_done = true;
	return renew_held(renewal, arena, &grant, &row, str_of(by), until_ms);
}

AWAITS static enum err renew(void *arg)
{
	struct renewal *renewal = arg;
	int64_t end_ms = clock_ms() + RENEW_MS, wait_ms = LOOK_MS_MIN;

	for (;;) {
		struct arena *arena = arena_new(RENEW_ARENA_BYTES);
		bool done;
		enum err err = look(renewal, arena, &done);

		arena_free_wiped(arena);
		if (err != OK || done)
			return err;
		if (clock_ms() > end_ms)
			return ERR_UPSTREAM_TIMEOUT;
		TRY(fiber_sleep(wait_ms));
		wait_ms = 2 * wait_ms < LOOK_MS_MAX ? 2 * wait_ms : LOOK_MS_MAX;
	}
}

/* ---- flights --------------------------------------------------------------------- */

static void renewal_free(void *arg)
{
	struct renewal *renewal = arg;
	struct connect *connect = renewal->connect;

	arena_free_wiped(renewal->arena); /* the settings have secrets */
	atomic_fetch_sub(&connect->renewals, 1);
}

static struct renewal *renewal_new(struct connect *connect, const struct renewal_of *of)
{
	struct arena *arena = arena_new(RENEW_ARENA_BYTES);
	struct renewal *renewal = ARENA_NEW(arena, struct renewal);

	atomic_fetch_add(&connect->renewals, 1);
	*renewal = (struct renewal){.connect = connect, .arena = arena, .old_ms = of->old_ms, .refused = of->refused};
	connect_at_copy(arena, of->at, &renewal->at);
	return renewal;
}

static struct str key_of(const struct renewal *renewal)
{
	const struct connect_at *at = &renewal->at;

	return arena_fmt(renewal->arena, "renew %p %.*s %.*s %.*s", (void *)renewal->connect, STR_ARG(at->tenant_id),
			 STR_ARG(at->upstream), STR_ARG(at->user_id));
}

AWAITS enum err renew_wait(struct connect *connect, const struct renewal_of *of)
{
	struct renewal *renewal;

	if (atomic_load(&connect->ending))
		return ERR_SHUTDOWN;
	renewal = renewal_new(connect, of);
	return flight_join(key_of(renewal), renew, renewal, renewal_free);
}

void renew_begin(struct connect *connect, const struct renewal_of *of)
{
	struct renewal *renewal;
	enum err err;

	if (atomic_load(&connect->ending))
		return;
	renewal = renewal_new(connect, of);
	err = flight_begin(key_of(renewal), renew, renewal, renewal_free);
	if (err != OK)
		log_debug("credential.not_renewed", LOG_STR("upstream", of->at->upstream), LOG_ERR(err));
}
