/* What a server's refusal of a token leads to.
 *
 *     401 ── another token by now ────────────────▶ again
 *      ├── it cannot be renewed ──▶ reauth_required ▶ consent
 *      ├── renewed ────────────────────────────────▶ again
 *      └── it came from a renewal a moment ago ─────▶ give up    (the next pause is longer)
 *     403 insufficient_scope
 *      ├── it has these scopes already ────────────▶ give up
 *      ├── no person is needed ──▶ asked anew ──────▶ again
 *      └── noted for the next consent ──────────────▶ consent
 *
 * A server that refuses every token must not make us ask the service for one with each call: what may be asked again
 * waits as long after a renewal as after as many failures (renew_pause_ms). */
#include "authclient/scope.h"
#include "base/clock.h"
#include "base/log.h"
#include "connect/connect_private.h"
#include "connect/fresh.h"
#include "connect/renew.h"

#define SCOPE_BYTES_MAX 4096 /* of what a server asks for, with what we have; the longest known lists are near 2 KB */

/* Renew what was read, and say what that has come to. */
AWAITS static enum err renew_refused(struct connect *connect, const struct connect_at *at,
				     const struct credential_row *row, enum connect_verdict *ret_verdict)
{
	const struct renewal_of of = {.at = at, .old_ms = row->changed_ms, .refused = true};
	enum err err = renew_wait(connect, &of);

	if (err == ERR_CREDENTIAL_REAUTH) {
		*ret_verdict = CONNECT_CONSENT;
		return OK;
	}
	TRY(err);
	*ret_verdict = CONNECT_AGAIN;
	return OK;
}

AWAITS static enum err unauthorized(struct connect *connect, const struct connect_at *at, const struct grant *grant,
				    const struct credential_row *row, enum connect_verdict *ret_verdict)
{
	int64_t now_ms = clock_wall_ms();
	enum err err;

	if (!renew_is_possible(at, grant, now_ms)) {
		err = renew_give_up(connect, at, row, "refused");
		*ret_verdict = err == OK ? CONNECT_AGAIN : CONNECT_CONSENT; /* OK: it has changed meanwhile */
		return err == ERR_CREDENTIAL_REAUTH ? OK : err;
	}
	if (now_ms - row->changed_ms < renew_pause_ms(grant->refusals)) {
		*ret_verdict = CONNECT_GIVE_UP;
		if (str_eq(row->state, GRANT_REFUSED))
			return OK;
		return credential_note(connect->spec.db, at->tenant_id, row->id, row->changed_ms, GRANT_REFUSED);
	}
	return renew_refused(connect, at, row, ret_verdict);
}

/* The scopes that a server names in its challenge; p NULL: it is about something else. */
static struct str scope_of(const struct challenges *challenges)
{
	static const char *const schemes[] = {"Bearer", "DPoP"};

	for (size_t i = 0; challenges != NULL && i < ARRAY_LEN(schemes); i++) {
		const struct challenge *challenge = challenges_find(challenges, str_of(schemes[i]));
		struct str scope;

		if (challenge == NULL || !str_eq(challenge_get(challenge, STR("error")), STR("insufficient_scope")))
			continue;
		scope = challenge_get(challenge, STR("scope"));
		return scope.n <= SCOPE_BYTES_MAX / 2 && str_is_printable(scope) ? scope : STR("");
	}
	return STR_NONE;
}

AWAITS static enum err wants_more(struct connect *connect, struct arena *arena, const struct connect_at *at,
				  struct grant *grant, const struct credential_row *row, struct str scope,
				  enum connect_verdict *ret_verdict)
{
	struct str had = scope_union(arena, grant->scope, STR("")), all = scope_union(arena, had, scope);
	struct str wanted = scope_union(arena, grant->wanted_scope, scope);
	bool noted = wanted.n == scope_union(arena, grant->wanted_scope, STR("")).n;
	struct credential_row now;

	*ret_verdict = CONNECT_GIVE_UP;
	if (scope.n == 0 || all.n == had.n || wanted.n > SCOPE_BYTES_MAX)
		return OK;
	if (!noted) {
		enum err err;

		grant->wanted_scope = wanted;
		err = grant_swap(connect, row, grant, row->state);
		*ret_verdict = CONNECT_AGAIN;
		if (err == ERR_NOT_FOUND)
			return OK;
		TRY(err);
	}
	*ret_verdict = CONNECT_CONSENT;
	if (!renew_is_machine(at))
		return OK;
	TRY(grant_find(connect, arena, at, grant, &now));
	return unauthorized(connect, at, grant, &now, ret_verdict);
}

AWAITS static enum err judge(struct connect *connect, struct arena *arena, const struct connect_at *at,
			     const struct connect_refusal *refusal, enum connect_verdict *ret_verdict)
{
	struct str scope = refusal->status == 403 ? scope_of(refusal->challenges) : STR_NONE;
	struct credential_row row;
	struct grant grant;

	*ret_verdict = CONNECT_GIVE_UP;
	if (refusal->status != 401 && scope.p == NULL)
		return OK;
	TRY(grant_find(connect, arena, at, &grant, &row));
	*ret_verdict = CONNECT_CONSENT;
	if (str_eq(row.state, GRANT_REAUTH))
		return OK;
	*ret_verdict = CONNECT_AGAIN;
	if (row.changed_ms != refusal->changed_ms)
		return OK;
	if (scope.p != NULL)
		return wants_more(connect, arena, at, &grant, &row, scope, ret_verdict);
	return unauthorized(connect, at, &grant, &row, ret_verdict);
}

AWAITS enum err connect_refused(struct connect *connect, const struct connect_at *at,
				const struct connect_refusal *refusal, enum connect_verdict *ret_verdict)
{
	struct arena *arena = arena_new(GRANT_ARENA_BYTES);
	enum err err;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	err = judge(connect, arena, at, refusal, ret_verdict);
	arena_free_wiped(arena);
	if (err != ERR_CREDENTIAL_MISSING)
		return err;
	*ret_verdict = CONNECT_CONSENT;
	return OK;
}
