/* A renewal by whoever has the lease: the service is asked once, and what it says is written before anybody sees it.
 *
 *     asked ── a token ──▶ kept                                  (by compare-and-swap)
 *       ├── later, nothing, garbage ──▶ a growing pause, the old token stays
 *       ├── the sign-in has ended ──▶ reauth_required, one audit row
 *       └── it refuses us as its client ──▶ a growing pause; of a registration that we asked for: reauth_required
 *
 * From the moment the request leaves, nobody's cancel counts: the answer may hold the only refresh token that works.
 * Who asks is bound by the lease's end, who writes is not: the row's changed_ms decides whether it still may. */
#include "authclient/ask.h"
#include "authclient/providers.h"
#include "authclient/scope.h"
#include "authclient/settings.h"
#include "audit/audit.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "connect/account.h"
#include "connect/machine.h"
#include "connect/registration.h"
#include "connect/renew_private.h"

#define KEEP_AGAIN_MS_MIN 50
#define KEEP_AGAIN_MS_MAX 2000
#define REFUSED_IN_ROW_MS (10 * 60 * 1000LL) /* refusals farther apart than that are not of one row */
#define FAILURES_MAX 1000

/* What a service said. */
struct said {
	enum err err;
	enum token_refusal refusal;
	struct grant next; /* on OK */
	struct buf problem;
};

/* ---- asking ---------------------------------------------------------------------- */

AWAITS static enum err ask_machine(struct renewal *renewal, struct arena *arena, const struct grant *grant,
				   struct said *said)
{
	struct str scope = STR("");

	if (grant->wanted_scope.n > 0)
		scope = scope_union(arena, grant->scope, grant->wanted_scope);
	return machine_ask(renewal->connect, arena, &renewal->at, scope, &said->problem, &said->next, &said->refusal);
}

AWAITS static enum err ask_refresh(struct renewal *renewal, struct arena *arena, const struct grant *grant,
				   struct said *said)
{
	const struct token_request request = {.grant = GRANT_REFRESH,
					      .refresh_token = grant->refresh_token,
					      .access_token = grant->access_token,
					      .resource = grant->resource};
	struct account_client client = {0};
	struct token_answer answer;
	enum err err = account_client(arena, &renewal->at, grant, grant->token_url, &client);

	if (err == OK)
		err = token_ask(arena, &client.endpoint, &request, &said->problem, &answer, &said->refusal);
	account_client_end(&client);
	TRY(err);
	said->next = *grant;
	said->next.type = answer.type;
	said->next.access_token = answer.access_token;
	said->next.expires_ms = answer.expires_ms;
	if (answer.refresh_token.n > 0) {
		said->next.refresh_token = answer.refresh_token;
		said->next.refresh_expires_ms = answer.refresh_expires_ms;
	}
	if (answer.scope.n > 0)
		said->next.scope = answer.scope;
	return OK;
}

AWAITS static void ask(struct renewal *renewal, struct arena *arena, const struct grant *grant, int64_t until_ms,
		       struct said *said)
{
	int64_t left_ms = until_ms - RENEW_MARGIN_MS - clock_wall_ms();
	struct fiber_shield shield;

	said->err = ERR_UPSTREAM_TIMEOUT;
	said->refusal = REFUSAL_LATER;
	if (left_ms <= 0) {
		buf_put(&said->problem, STR("the database took too long"));
		return;
	}
	shield = fiber_shield_begin(left_ms < RENEW_ASK_MS ? left_ms : RENEW_ASK_MS);
	if (renew_is_machine(&renewal->at))
		said->err = ask_machine(renewal, arena, grant, said);
	else if (!renew_is_possible(&renewal->at, grant, clock_wall_ms()))
		said->err = ERR_CREDENTIAL_REAUTH;
	else
		said->err = ask_refresh(renewal, arena, grant, said);
	fiber_shield_end(shield);
	if (said->err == ERR_TIMEOUT)
		said->err = ERR_UPSTREAM_TIMEOUT;
}

/* ---- writing --------------------------------------------------------------------- */

/* Somebody has removed the account while the service gave us a new pair for it. */
AWAITS static void end_orphan(struct renewal *renewal, struct arena *arena, const struct grant *grant)
{
	struct connect *connect = renewal->connect;
	struct credential_row row;
	struct grant found;
	AUTO_BUF problem = {0};

	if (grant_find(connect, arena, &renewal->at, &found, &row) != ERR_CREDENTIAL_MISSING)
		return;
	if (account_revoke(arena, &renewal->at, grant, &problem) != OK)
		log_warn("credential.not_revoked", LOG_STR("upstream", renewal->at.upstream),
			 LOG_STR("problem", buf_str(&problem)));
}

/* Until it is written, the row has changed, or the time is over. */
AWAITS static enum err swap_patiently(struct connect *connect, const struct credential_row *row,
				      const struct grant *grant)
{
	int64_t wait_ms = KEEP_AGAIN_MS_MIN;
	enum err err;

	for (;;) {
		err = grant_swap(connect, row, grant, GRANT_ACTIVE);
		if (err == OK || err == ERR_NOT_FOUND || err == ERR_LIMIT)
			return err;
		if (fiber_sleep(wait_ms) != OK)
			return err;
		wait_ms = 2 * wait_ms < KEEP_AGAIN_MS_MAX ? 2 * wait_ms : KEEP_AGAIN_MS_MAX;
	}
}

AWAITS static enum err keep(struct renewal *renewal, struct arena *arena, const struct credential_row *row,
			    const struct grant *grant)
{
	enum renew_outcome outcome = RENEW_OK;
	enum err err = swap_patiently(renewal->connect, row, grant);

	if (err == ERR_NOT_FOUND) {
		outcome = RENEW_LOST;
		end_orphan(renewal, arena, grant);
		err = OK;
	} else if (err != OK) {
		outcome = RENEW_UNKEPT;
		log_error("credential.not_kept", LOG_STR("upstream", row->upstream), LOG_STR("tenant", row->tenant_id),
			  LOG_STR("id", row->id), LOG_ERR(err));
	}
	counts_add(&renewal->connect->counts, row->upstream, outcome);
	return err;
}

/* Leave it alone for a while. Half of the pause more or less, so that accounts of one service do not come back at once.
 */
AWAITS static enum err put_off(struct renewal *renewal, const struct credential_row *row, struct str by,
			       struct str state, enum err why)
{
	int64_t failures = row->failures < FAILURES_MAX ? row->failures + 1 : row->failures;
	int64_t pause_ms = renew_pause_ms(failures), now_ms = clock_wall_ms();
	uint16_t part;

	random_bytes(&part, sizeof(part));
	pause_ms = pause_ms / 2 + pause_ms * part / UINT16_MAX / 2;
	if (credential_unlease(renewal->connect->spec.db, row, by, now_ms + pause_ms, state) != OK)
		log_debug("credential.lease_kept", LOG_STR("id", row->id));
	return why;
}

/* A registration that we asked for has gone, and with it all that was given to that client. */
AWAITS static bool client_is_gone(struct renewal *renewal, const struct grant *grant)
{
	const struct connect_at *at = &renewal->at;

	if (renew_is_machine(at) || at->settings->client_id.n > 0 || str_eq(grant->client_id, at->client_document))
		return false;
	if (registration_forget(renewal->connect, at, grant->client_id) != OK)
		log_debug("registration.not_forgotten", LOG_STR("upstream", at->upstream));
	return true;
}

AWAITS static enum err settle(struct renewal *renewal, const struct grant *grant, const struct credential_row *row,
			      struct str by, const struct said *said)
{
	bool refused = said->err == ERR_UPSTREAM_AUTH, machine = renew_is_machine(&renewal->at);
	enum renew_outcome outcome = RENEW_LATER;
	const char *why = NULL;
	enum err err = said->err;

	if (refused && said->refusal == REFUSAL_CLIENT) {
		outcome = RENEW_CLIENT;
		why = client_is_gone(renewal, grant) ? "invalid_client" : NULL;
	} else if ((refused && said->refusal == REFUSAL_GRANT) || err == ERR_CREDENTIAL_REAUTH) {
		outcome = RENEW_REFUSED;
		why = machine ? NULL : refused ? "invalid_grant" : "expired";
	}
	counts_add(&renewal->connect->counts, row->upstream, outcome);
	log_warn("credential.not_renewed", LOG_STR("upstream", row->upstream), LOG_STR("tenant", row->tenant_id),
		 LOG_STR("id", row->id), LOG_ERR(err), LOG_STR("problem", buf_str(&said->problem)));
	if (why != NULL)
		return renew_give_up(renewal->connect, &renewal->at, row, why);
	if (outcome == RENEW_LATER)
		return put_off(renewal, row, by, row->state, err);
	return put_off(renewal, row, by, GRANT_REFUSED, ERR_CREDENTIAL_REFUSED);
}

/* What the next token has to tell of refusals. */
static int64_t refusals_of(const struct renewal *renewal, const struct grant *grant, const struct credential_row *row)
{
	if (!renewal->refused)
		return 0;
	if (clock_wall_ms() - row->changed_ms >= REFUSED_IN_ROW_MS || grant->refusals >= FAILURES_MAX)
		return 1;
	return grant->refusals + 1;
}

AWAITS enum err renew_held(struct renewal *renewal, struct arena *arena, const struct grant *grant,
			   const struct credential_row *row, struct str by, int64_t until_ms)
{
	struct fiber_shield shield;
	struct said said = {0};
	enum err err;

	ask(renewal, arena, grant, until_ms, &said);
	said.next.refusals = refusals_of(renewal, grant, row);
	shield = fiber_shield_begin(RENEW_KEEP_MS);
	err = said.err == OK ? keep(renewal, arena, row, &said.next) : settle(renewal, grant, row, by, &said);
	fiber_shield_end(shield);
	buf_free(&said.problem);
	return err;
}

AWAITS enum err renew_give_up(struct connect *connect, const struct connect_at *at, const struct credential_row *row,
			      const char *why)
{
	const struct audit_record record = {
		.event = STR("credential.reauth_required"),
		.tenant_id = at->tenant_id,
		.principal = at->user_id,
		.target = row->id,
		.upstream = at->upstream,
		.outcome = str_of(why),
	};
	enum err err = credential_give_up(connect->spec.db, row);

	if (err == ERR_NOT_FOUND)
		return OK; /* it is another by now, or somebody has said so */
	TRY(err);
	if (audit_append(connect->spec.audit, &record) != OK)
		log_error("audit.unavailable", LOG_STR("id", row->id));
	return ERR_CREDENTIAL_REAUTH;
}
