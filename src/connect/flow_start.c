/* The way to the service. The page shows what is about to happen and changes nothing, since programs open links, too;
 * its form asks who the service's authorization server is, uses the link up and sends the browser there. A service that
 * cannot be asked leaves the link as it was: one may try again.
 *
 * The browser gets a cookie, and the callback must come with it: an answer that was begun in another browser, for
 * another person, is nobody's here. One cookie stands for all flows of a browser, so that two at a time do not spoil
 * each other. */
#include "connect/flow_private.h"

#include "authclient/authorize.h"
#include "authclient/scope.h"
#include "authclient/settings.h"
#include "base/pkce.h"
#include "base/random.h"
#include "connect/target.h"
#include "http/reply.h"
#include "signin/cookie.h"
#include "signin/page.h"
#include "signin/signin.h"

#define COOKIE_BITS 256
#define COOKIE_LIFE_MS (3600 * 1000LL) /* longer than any flow; each one begins it anew */

AWAITS static enum err link_over(struct step *step)
{
	return step_fail(step, 410, STR("NOT_FOUND"), "This link is over",
			 STR("A link is good for some minutes and can be used once."));
}

/* Somebody else's account must not come to be used for the one who sent the link, nor the other way round. */
AWAITS static enum err wrong_person(struct step *step)
{
	struct str name = step->user.email.n > 0 ? step->user.email : step->user.name;

	return step_fail(
		step, 403, STR("FORBIDDEN"), "This link is for somebody else",
		arena_fmt(step->arena, "You are signed in as %.*s. %s", STR_ARG(name),
			  step->flow.user_id.n > 0
				  ? "Sign out at /login first if the account that this link is for is yours, too."
				  : "Only who may manage the tenant's servers can connect an account for all."));
}

AWAITS static enum err look(struct step *step, struct str ticket)
{
	TRY(flow_look(step->connect, step->arena, TICKET_LINK, ticket, &step->flow));
	if (str_eq(step->flow.upstream, step->upstream))
		return OK;
	step->flow = (struct flow){0};
	return ERR_NOT_FOUND;
}

AWAITS static enum err sign_in(struct step *step, struct str ticket)
{
	return signin_begin(step->connect->spec.signin, step->visit,
			    arena_fmt(step->arena, "%.*s?ticket=%.*s", STR_ARG(step->visit->path), STR_ARG(ticket)));
}

/* The link, the person, the server: what is amiss with them is answered here. */
AWAITS static enum err enter(struct step *step, struct str ticket)
{
	enum err err = look(step, ticket);

	if (err == ERR_NOT_FOUND)
		return link_over(step);
	TRY(err);
	err = step_check_person(step);
	if (err == ERR_UNAUTHENTICATED)
		return sign_in(step, ticket);
	if (err == ERR_FORBIDDEN)
		return wrong_person(step);
	TRY(err);
	err = step_find_upstream(step);
	if (err == ERR_NOT_FOUND || (err == OK && step->at.settings->flow != AUTH_FLOW_CODE))
		return step_fail(step, 404, STR("NOT_FOUND"), "There is nothing to connect",
				 STR("The configuration has no such server any more, or it needs nobody's account."));
	return err;
}

/* What is connected now, if anything is. */
AWAITS static enum err find_present(struct step *step, struct grant *ret_grant)
{
	struct credential_row row;
	enum err err = grant_find(step->connect, step->arena, &step->at, ret_grant, &row);

	/* One that cannot be read any more is what a new one mends. */
	if (err == OK || err == ERR_CANCELED || err == ERR_TIMEOUT || err == ERR_DB)
		return err;
	*ret_grant = (struct grant){0};
	return OK;
}

AWAITS enum err start_show(struct step *step)
{
	struct form *query = ARENA_NEW(step->arena, struct form);
	struct str ticket, name;
	struct grant present;

	TRY(form_read(step->arena, step->visit->exchange->query, query));
	ticket = form_get(query, STR("ticket"));
	TRY(enter(step, ticket));
	if (step->visit->exchange->answered)
		return OK;
	TRY(find_present(step, &present));
	name = present.account_name.n > 0 ? present.account_name : present.account_id;
	if (present.access_token.n == 0)
		name = STR_NONE;
	return screen_start(step, ticket, name);
}

/* ---- leaving ------------------------------------------------------------------------- */

static void put_cookie(struct step *step, struct buf *headers)
{
	struct str cookie = cookie_read(step->visit, COOKIE_CONNECT);
	AUTO_BUF fresh = {0}, digest = {0};

	if (cookie.n != TICKET_TEXT_LEN || !str_is_printable(cookie)) {
		random_text_put(&fresh, COOKIE_BITS / 8);
		cookie = buf_str(&fresh);
	}
	cookie_put(headers, step->visit->origin, COOKIE_CONNECT, cookie, COOKIE_LIFE_MS);
	ticket_digest(cookie, &digest);
	step->flow.browser = arena_str(step->arena, buf_str(&digest));
}

/* What is to be asked for: the usual, and what a server has asked for beside what the present token has. */
static struct str scope_of(struct step *step, const struct connect_target *target, const struct grant *present)
{
	if (present->wanted_scope.n == 0)
		return target->scope;
	return scope_union(step->arena, target->scope, scope_union(step->arena, present->scope, present->wanted_scope));
}

static void note_target(struct step *step, const struct connect_target *target, struct str scope)
{
	struct flow *flow = &step->flow;
	const struct issuer_facts *issuer = &target->issuer;
	char verifier[PKCE_VERIFIER_TEXT];

	pkce_verifier(verifier);
	flow->verifier = arena_str(step->arena, str_of(verifier));
	flow->person = step->user.id;
	flow->redirect_uri = target->redirect_uri;
	flow->issuer = issuer->issuer;
	flow->iss_promised = issuer->iss_promised ? STR("1") : STR("");
	flow->dpop = issuer->dpop ? STR("1") : STR("");
	flow->token_url = issuer->token_endpoint;
	flow->revoke_url = issuer->revocation_endpoint;
	flow->client_id = target->client.id;
	flow->client_secret = target->client.secret;
	flow->client_auth = client_auth_name(target->client.auth);
	flow->resource = target->resource;
	flow->scope = scope;
}

AWAITS static enum err leave(struct step *step, const struct connect_target *target)
{
	char state[TICKET_TEXT_LEN + 1];
	struct authorize_request request;
	AUTO_BUF headers = {0}, to = {0};

	put_cookie(step, &headers);
	TRY(flow_keep(step->connect, TICKET_CONSENT, &step->flow, step->at.life_ms, state));
	request = (struct authorize_request){
		.client_id = step->flow.client_id,
		.redirect_uri = step->flow.redirect_uri,
		.scope = step->flow.scope,
		.resource = step->flow.resource,
		.state = str_of(state),
		.verifier = step->flow.verifier,
	};
	authorize_put(&request, target->issuer.authorization_endpoint, target->dialect, &to);
	return reply_redirect(step->visit->exchange, buf_str(&headers), buf_str(&to));
}

AWAITS static enum err no_target(struct step *step, enum err err, struct str problem)
{
	if (err == ERR_CANCELED || err == ERR_TIMEOUT || err == ERR_DB || err == ERR_BUSY)
		return err;
	return step_fail(step, 502, str_of(err_name(err)), "The service cannot be asked",
			 arena_fmt(step->arena,
				   "%.*s%sThe link is still good: try again, or ask who runs this gateway.",
				   STR_ARG(problem), problem.n > 0 ? ". " : ""));
}

AWAITS static enum err take(struct step *step, struct str ticket)
{
	struct connect_target target;
	struct grant present;
	AUTO_BUF problem = {0};
	enum err err;

	/* Asking costs other servers something, too; a link whose service fails is not used up by it. */
	TRY(flow_take_turn(step->connect, "starts", step->flow.tenant_id, step->flow.by));
	TRY(find_present(step, &present));
	err = connect_target_find(step->connect, step->arena, &step->at, STR_NONE, &problem, &target);
	if (err != OK)
		return no_target(step, err, buf_str(&problem));
	/* Now that nothing else can fail: of two clicks one goes on. */
	err = flow_take(step->connect, step->arena, TICKET_LINK, ticket, &step->flow);
	if (err == ERR_NOT_FOUND)
		return link_over(step);
	TRY(err);
	note_target(step, &target, scope_of(step, &target, &present));
	return leave(step, &target);
}

AWAITS enum err start_take(struct step *step)
{
	struct form *form = ARENA_NEW(step->arena, struct form);
	struct str ticket;

	TRY(guard_form(step->visit, form));
	ticket = form_get(form, STR("ticket"));
	TRY(enter(step, ticket));
	if (step->visit->exchange->answered)
		return OK;
	if (step->signs_in && !str_eq_secret(form_get(form, STR("csrf")), step->csrf))
		return ERR_FORBIDDEN;
	return take(step, ticket);
}
