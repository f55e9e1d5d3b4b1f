/* The way back. The answer is taken once, whatever it says; it must come to the browser that left, with the same person
 * signed in, and from the authorization server that was asked: else nothing of it is believed, nor shown. Then the code
 * becomes tokens, and the account gets a name.
 *
 * A code that was sent in vain is lost, and so is one whose answer never came: the person begins again. Nothing of an
 * account that was connected before is touched until the new one is there. */
#include "connect/flow_private.h"

#include "authclient/ask.h"
#include "authclient/authorize.h"
#include "authclient/dpop.h"
#include "authclient/providers.h"
#include "authclient/settings.h"
#include "base/log.h"
#include "connect/identity.h"
#include "connect/pick.h"
#include "connect/registration.h"
#include "connect/target.h"

AWAITS static enum err over(struct step *step)
{
	step->flow = (struct flow){0};
	return step_fail(step, 400, STR("NOT_FOUND"), "This sign-in is over",
			 STR("It was answered already, or begun in another browser, or too long ago."));
}

/* The accounts of an upstream share its callback, since services want to know of each address that they send people
 * back to. */
static bool is_callback_of(struct str path, struct str place)
{
	return str_starts(place, path) && (place.n == path.n || place.p[path.n] == '.');
}

/* Whose answer it is: of this path, this browser, this person. What is amiss is answered. */
AWAITS static enum err enter(struct step *step, struct str state)
{
	enum err err = flow_take(step->connect, step->arena, TICKET_CONSENT, state, &step->flow);

	if (err == ERR_NOT_FOUND ||
	    (err == OK && (!is_callback_of(step->upstream, step->flow.upstream) || !step_is_of_browser(step))))
		return over(step);
	TRY(err);
	err = step_check_person(step);
	if (err == OK && !str_eq(step->user.id, step->flow.person))
		err = ERR_FORBIDDEN;
	if (err == ERR_UNAUTHENTICATED || err == ERR_FORBIDDEN)
		return step_fail(step, 403, str_of(err_name(err)), "Somebody else is signed in",
				 STR("You were signed out, or somebody else has signed in here meanwhile."));
	TRY(err);
	err = step_find_upstream(step);
	if (err == ERR_NOT_FOUND)
		return step_fail(step, 404, STR("NOT_FOUND"), "There is nothing to connect",
				 STR("The configuration has no such server any more."));
	return err;
}

AWAITS static enum err refused(struct step *step, enum err err, struct str error, struct str problem)
{
	if (err == ERR_FORBIDDEN) {
		log_warn("connect.answer_refused", LOG_STR("upstream", step->upstream), LOG_STR("problem", problem),
			 LOG_STR("request_id", step->visit->request_id));
		return step_fail(step, 400, STR("TOKEN_INVALID"), "The answer cannot be trusted",
				 STR("It did not come from the service that you were sent to, or is malformed."));
	}
	if (str_eq(error, STR("access_denied")))
		return step_fail(step, 403, STR("OAUTH_DENIED"), "Not connected",
				 STR("You, or the service, did not agree."));
	return step_fail(step, 502, STR("UPSTREAM_AUTH"), "The service refused",
			 arena_fmt(step->arena, "It says: %.*s", STR_ARG(problem)));
}

/* ---- code to tokens -------------------------------------------------------------------- */

struct asking {
	struct client_identity client;
	struct dpop_key *dpop; /* NULL none */
};

AWAITS static enum err be_client(struct step *step, struct asking *asking)
{
	const struct flow *flow = &step->flow;

	asking->client = (struct client_identity){.id = flow->client_id,
						  .secret = flow->client_secret,
						  .auth = (enum client_auth)client_auth_of(flow->client_auth)};
	/* Signed now, not when the browser left: it lives for minutes, and so does a person's decision. */
	return connect_client_prove(step->arena, &step->at, flow->issuer, &asking->client);
}

static void fill_grant(struct step *step, const struct token_answer *answer, struct grant *ret_grant)
{
	const struct auth_settings *settings = step->at.settings;
	const struct flow *flow = &step->flow;

	*ret_grant = (struct grant){
		.issuer = flow->issuer,
		.token_url = settings->renew_url.n > 0 ? settings->renew_url : flow->token_url,
		.revoke_url = flow->revoke_url,
		.client_id = flow->client_id,
		.client_secret = flow->client_secret,
		.client_auth = (enum client_auth)client_auth_of(flow->client_auth),
		.resource = flow->resource,
		.scope = answer->scope.p != NULL ? answer->scope : flow->scope,
		.type = answer->type,
		.access_token = answer->access_token,
		.refresh_token = answer->refresh_token,
		.expires_ms = answer->expires_ms,
		.refresh_expires_ms = answer->refresh_expires_ms,
	};
}

/* Proofs are begun with only where the issuer knows them. */
static enum err make_proof_key(struct step *step, struct dpop_key **ret_key, struct buf *text)
{
	if (step->flow.dpop.n == 0 || !step->at.settings->dpop)
		return OK;
	TRY(dpop_key_new(ret_key));
	dpop_key_put(*ret_key, text);
	return OK;
}

AWAITS static enum err ask(struct step *step, const struct asking *asking, struct str code, struct buf *problem,
			   struct token_answer *ret_answer)
{
	const struct flow *flow = &step->flow;
	const struct token_endpoint endpoint = {
		.url = flow->token_url,
		.longer_url = step->at.settings->longer_url,
		.dialect = auth_dialect_of(step->at.settings->provider),
		.client = &asking->client,
		.dpop = asking->dpop,
		.ca_file = step->at.ca_file,
		.allow_private = step->at.allow_private,
	};
	const struct token_request request = {
		.grant = GRANT_CODE,
		.resource = flow->resource,
		.code = code,
		.verifier = flow->verifier,
		.redirect_uri = flow->redirect_uri,
	};
	enum token_refusal refusal = REFUSAL_OTHER;
	enum err err = token_ask(step->arena, &endpoint, &request, problem, ret_answer, &refusal);

	/* Whoever begins again registers anew. */
	if (err == ERR_UPSTREAM_AUTH && refusal == REFUSAL_CLIENT)
		TRY(registration_forget(step->connect, &step->at, flow->client_id));
	return err;
}

AWAITS static enum err exchange(struct step *step, struct str code, struct buf *problem, struct grant *ret_grant)
{
	AUTO(dpop_key) *key = NULL;
	struct asking asking = {0};
	struct token_answer answer;
	AUTO_BUF key_text = {0};
	enum err err = be_client(step, &asking);

	if (err == OK)
		err = make_proof_key(step, &key, &key_text);
	asking.dpop = key;
	if (err == OK)
		err = ask(step, &asking, code, problem, &answer);
	if (err == OK) {
		fill_grant(step, &answer, ret_grant);
		if (answer.type == TOKEN_DPOP)
			ret_grant->dpop_key = arena_str(step->arena, buf_str(&key_text));
	}
	crypto_wipe(key_text.p, key_text.n);
	return err;
}

AWAITS static enum err no_tokens(struct step *step, enum err err, struct str problem)
{
	if (err == ERR_CANCELED)
		return err;
	log_warn("connect.no_token", LOG_STR("upstream", step->upstream), LOG_STR("tenant", step->flow.tenant_id),
		 LOG_ERR(err), LOG_STR("problem", problem), LOG_STR("request_id", step->visit->request_id));
	if (err == ERR_UPSTREAM_AUTH)
		return step_fail(
			step, 502, str_of(err_name(err)), "The service gave no token",
			arena_fmt(step->arena, "You agreed, but the service refused to go on: %.*s", STR_ARG(problem)));
	return step_fail(step, 502, str_of(err_name(err)), "The service gave no token",
			 STR("You agreed, but the service did not answer as it should. Try again in a moment; if it "
			     "stays so, the gateway's log says why."));
}

/* ---- the account ------------------------------------------------------------------------ */

AWAITS static enum err settle(struct step *step, struct grant *grant)
{
	struct str choices, id, name;
	enum err err;

	TRY(identity_probe(step->arena, &step->at, grant));
	err = pick_find(step, grant, &choices);
	if (err == ERR_CANCELED || err == ERR_TIMEOUT)
		return err;
	if (err == ERR_NOT_FOUND)
		return step_fail(step, 409, STR("NOT_FOUND"), "There is nothing to choose",
				 STR("This account has none of what calls are about. Sign in there with another."));
	if (err != OK)
		return step_fail(step, 502, str_of(err_name(err)), "The service does not answer",
				 STR("What belongs to this account cannot be listed at the moment."));
	if (choices.p == NULL)
		return step_connected(step, grant);
	id = pick_only(step->arena, choices, &name);
	if (id.p == NULL)
		return pick_begin(step, grant, choices);
	pick_note(step->arena, grant, id, name);
	return step_connected(step, grant);
}

AWAITS static enum err answer(struct step *step, const struct form *query, struct str state)
{
	const struct issuer_facts issuer = {.issuer = step->flow.issuer, .iss_promised = step->flow.iss_promised.n > 0};
	const struct auth_dialect *dialect = auth_dialect_of(step->at.settings->provider);
	AUTO_BUF problem = {0};
	struct grant grant;
	struct str code;
	enum err err = authorize_answer(query, dialect, state, &issuer, &problem, &code);

	if (err != OK)
		return refused(step, err, form_get(query, STR("error")), buf_str(&problem));
	err = exchange(step, code, &problem, &grant);
	if (err != OK)
		return no_tokens(step, err, buf_str(&problem));
	return settle(step, &grant);
}

AWAITS enum err callback_take(struct step *step)
{
	struct form *query = ARENA_NEW(step->arena, struct form);
	struct str state;

	/* A code is good once: who closes the page now has agreed all the same. */
	step->visit->exchange->cancel_on_close = false;
	TRY(form_read(step->arena, step->visit->exchange->query, query));
	state = form_get(query, STR("state"));
	TRY(enter(step, state));
	if (step->visit->exchange->answered)
		return OK;
	return answer(step, query, state);
}
