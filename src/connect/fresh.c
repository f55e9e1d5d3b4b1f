/* A token for a call: the row is read and judged, and who wants one waits for a renewal only when the present one has
 * ended. Nothing is kept here: callers keep a token until again_ms (gateway/outbound.c), so that this is asked a few
 * times an hour, account and loop. */
#include "connect/fresh.h"

#include "authclient/providers.h"
#include "authclient/settings.h"
#include "base/clock.h"
#include "connect/connect_private.h"
#include "connect/freshness.h"
#include "connect/renew.h"

#define TRIES 3		 /* a renewal, and another that a reconnect makes necessary */
#define DUE_LOOK_MS 2000 /* while somebody renews, the old one is kept no longer than this */

void fresh_end(struct fresh *fresh)
{
	secret_text_unref(fresh->token);
	dpop_key_unref(fresh->dpop);
	*fresh = (struct fresh){0};
}

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

enum freshness freshness_of(const struct grant *grant, const struct credential_row *row, int64_t ahead_ms,
			    int64_t now_ms, int64_t *ret_again_ms)
{
	int64_t life_ms = grant->expires_ms - row->changed_ms, due_ms, sent_ms;

	*ret_again_ms = 0;
	if (str_eq(row->state, GRANT_REAUTH))
		return FRESH_REAUTH;
	if (grant->access_token.n == 0)
		return FRESH_ENDED;
	if (grant->expires_ms == 0)
		return FRESH_GOOD;
	if (life_ms < 0)
		life_ms = 0;
	sent_ms = grant->expires_ms - least(life_ms / 20, FRESH_SPARE_MS_MAX);
	due_ms = grant->expires_ms -
		 (ahead_ms > 0 ? least(ahead_ms, life_ms / 2) : least(life_ms / 10, FRESH_AHEAD_MS_MAX));
	if (now_ms >= sent_ms)
		return FRESH_ENDED;
	if (now_ms < due_ms) {
		*ret_again_ms = due_ms;
		return FRESH_GOOD;
	}
	/* While it is left alone nobody need ask. */
	*ret_again_ms =
		least(sent_ms, row->lease_ms > now_ms && row->lease_by.n == 0 ? row->lease_ms : now_ms + DUE_LOOK_MS);
	return FRESH_DUE;
}

/* What is longer is as good as not known. */
static void put_text(char *out, size_t bytes_max, struct str text)
{
	if (text.n > 0 && text.n <= bytes_max)
		memcpy(out, text.p, text.n);
}

static enum err take(const struct grant *grant, const struct credential_row *row, int64_t again_ms,
		     struct fresh *ret_fresh)
{
	struct dpop_key *dpop = NULL;

	if (grant->dpop_key.n > 0 && grant->type == TOKEN_DPOP)
		TRY(dpop_key_read(grant->dpop_key, &dpop));
	*ret_fresh = (struct fresh){.token = secret_text_new(grant->access_token),
				    .type = grant->type,
				    .dpop = dpop,
				    .changed_ms = row->changed_ms,
				    .expires_ms = grant->expires_ms,
				    .again_ms = again_ms};
	if (str_is_printable(grant->picked))
		put_text(ret_fresh->picked, FRESH_PICKED_BYTES_MAX, grant->picked);
	put_text(ret_fresh->account_id, FRESH_PICKED_BYTES_MAX, grant->account_id);
	put_text(ret_fresh->account_name, FRESH_PICKED_BYTES_MAX, grant->account_name);
	put_text(ret_fresh->scopes, FRESH_SCOPES_BYTES_MAX, grant->scope);
	memcpy(ret_fresh->id, row->id.p, row->id.n < ID_LEN ? row->id.n : ID_LEN);
	return OK;
}

/* What was read, and what is to be done about it. */
struct reading {
	struct grant grant;
	struct credential_row row;
	int64_t now_ms, again_ms;
	enum freshness freshness;
};

AWAITS static enum err read_account(struct connect *connect, struct arena *arena, const struct connect_at *at,
				    struct reading *ret_reading)
{
	int64_t ahead_ms = 1000LL * auth_dialect_of(at->settings->provider)->ahead_s;

	TRY(grant_find(connect, arena, at, &ret_reading->grant, &ret_reading->row));
	ret_reading->now_ms = clock_wall_ms();
	ret_reading->freshness = freshness_of(&ret_reading->grant, &ret_reading->row, ahead_ms, ret_reading->now_ms,
					      &ret_reading->again_ms);
	return OK;
}

/* It has ended, or there is none yet: nothing can be given before a renewal. */
AWAITS static enum err wait_for_next(struct connect *connect, const struct connect_at *at,
				     const struct reading *reading)
{
	const struct renewal_of of = {.at = at, .old_ms = reading->row.changed_ms};

	if (!renew_is_possible(at, &reading->grant, reading->now_ms))
		return renew_give_up(connect, at, &reading->row, "expired");
	if (reading->row.lease_ms > reading->now_ms && reading->row.lease_by.n == 0)
		return renew_pause_error(&reading->row);
	return renew_wait(connect, &of);
}

/*   ret_done   false: a renewal has ended, look again */
AWAITS static enum err look(struct connect *connect, struct arena *arena, const struct connect_at *at,
			    struct fresh *ret_fresh, bool *ret_done)
{
	struct reading reading = {0};
	enum err err = read_account(connect, arena, at, &reading);

	*ret_done = false;
	if (err == ERR_CREDENTIAL_MISSING && renew_is_machine(at))
		return renew_wait(connect, &(struct renewal_of){.at = at});
	TRY(err);
	switch (reading.freshness) {
	case FRESH_REAUTH:
		return ERR_CREDENTIAL_REAUTH;
	case FRESH_ENDED:
		return wait_for_next(connect, at, &reading);
	case FRESH_DUE:
		if (reading.row.lease_ms <= reading.now_ms && renew_is_possible(at, &reading.grant, reading.now_ms))
			renew_begin(connect, &(struct renewal_of){.at = at, .old_ms = reading.row.changed_ms});
		break;
	case FRESH_GOOD:
		break;
	}
	*ret_done = true;
	return take(&reading.grant, &reading.row, reading.again_ms, ret_fresh);
}

AWAITS enum err connect_fresh(struct connect *connect, const struct connect_at *at, struct fresh *ret_fresh)
{
	CHECK_OBJ(connect, CONNECT_MAGIC);
	for (int i = 0; i < TRIES; i++) {
		struct arena *arena = arena_new(GRANT_ARENA_BYTES);
		bool done;
		enum err err = look(connect, arena, at, ret_fresh, &done);

		arena_free_wiped(arena);
		if (err != OK || done)
			return err;
	}
	return ERR_UPSTREAM_DOWN; /* its tokens end as soon as they come */
}
