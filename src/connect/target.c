/* Whom to ask and as whom, put together of what is configured and what is discovered.
 *
 *     token_url given ─────────────────────────────▶ endpoints as given ──┐
 *     issuer given ───▶ its document ──────────────▶ facts ───────────────┼─▶ client: given, document, dynamic
 *     else ───────────▶ the server's, then issuer's ▶ facts ──────────────┘   scopes: configured, challenge, document
 */
#include "connect/target.h"

#include "authclient/assertion.h"
#include "authclient/providers.h"
#include "authclient/scope.h"
#include "authclient/settings.h"
#include "base/clock.h"
#include "connect/connect_private.h"
#include "connect/discover.h"
#include "connect/registration.h"
#include "rt/loop.h"

#define CLIENT_NAME "Gatehouse"

struct choice {
	struct connect *connect;
	struct arena *arena;
	const struct connect_at *at;
	struct buf *problem;
	struct discovered found;
	bool discovered; /* whose tokens these are, the server has told us */
};

/* ---- where ------------------------------------------------------------------------ */

static void take_given(struct choice *choice, const struct auth_dialect *dialect)
{
	const struct auth_settings *settings = choice->at->settings;

	choice->found = (struct discovered){
		.issuer = {.issuer = settings->issuer,
			   .authorization_endpoint = settings->authorize_url,
			   .token_endpoint = settings->token_url,
			   .revocation_endpoint = settings->revoke_url,
			   .auths = dialect->client_auths},
		.resource = settings->resource,
	};
}

AWAITS static enum err find_where(struct choice *choice, struct str challenge, const struct auth_dialect *dialect)
{
	const struct connect_at *at = choice->at;
	const struct auth_settings *settings = at->settings;
	struct discovered *found = &choice->found;

	if (settings->token_url.n > 0) {
		take_given(choice, dialect);
		return OK;
	}
	if (settings->issuer.n > 0) {
		TRY(discover_issuer(choice->connect->documents, choice->arena, at, settings->issuer, choice->problem,
				    &found->issuer));
		found->resource = at->url;
	} else {
		choice->discovered = true;
		TRY(discover_server(choice->connect->documents, choice->arena, at, challenge, choice->problem, found));
	}
	if (settings->resource.n > 0)
		found->resource = settings->resource;
	if (settings->revoke_url.n > 0)
		found->issuer.revocation_endpoint = settings->revoke_url;
	return OK;
}

/* ---- what ------------------------------------------------------------------------- */

/* Who refreshes must ask to be able to, where the issuer wants to be asked. Alone it is not asked for: without any
 * scope a server gives what it thinks right, with one only that. */
static struct str scope_of(const struct choice *choice)
{
	const struct auth_settings *settings = choice->at->settings;
	struct str scope = choice->found.asked.n > 0 ? choice->found.asked : choice->found.scopes;

	if (settings->scope.n > 0)
		return settings->scope;
	if (scope.n > 0 && settings->flow == AUTH_FLOW_CODE && choice->found.issuer.offline_access)
		scope = scope_union(choice->arena, scope, STR("offline_access"));
	return scope.n > 0 ? scope : STR("");
}

/* ---- as whom ---------------------------------------------------------------------- */

/* Some servers give a client no scope later that it has not named now. */
static struct client_description describe(const struct choice *choice, const struct connect_target *target)
{
	const struct connect_at *at = choice->at;

	return (struct client_description){
		.name = at->client_name.n > 0 ? at->client_name : STR(CLIENT_NAME),
		.redirect_uri = target->redirect_uri,
		.uri = at->public_url,
		.scope = scope_union(choice->arena, target->scope, choice->found.scopes),
		.auth = client_auth_choose(target->issuer.auths, true, false),
	};
}

AWAITS static enum err take_given_client(struct choice *choice, struct connect_target *target)
{
	const struct auth_settings *settings = choice->at->settings;

	target->client = (struct client_identity){
		.id = settings->client_id,
		.secret = settings->client_secret,
		.auth = client_auth_choose(target->issuer.auths, settings->client_secret.n > 0,
					   settings->private_key.n > 0),
	};
	/* What is signed names whom it is for; a secret does not. */
	if (!choice->discovered || settings->client_secret.n == 0)
		return OK;
	return registration_bind(choice->connect, choice->at, target->issuer.issuer, settings->client_id,
				 choice->problem);
}

static enum err refuse(struct choice *choice, const struct connect_target *target)
{
	struct str whom = target->issuer.issuer.n > 0 ? target->issuer.issuer : target->issuer.token_endpoint;

	buf_put_fmt(choice->problem,
		    "the gateway is no client of %.*s, which registers nobody by itself: register it "
		    "there, with the redirect URI %.*s, and set `auth.client_id` and what proves it",
		    STR_ARG(whom), STR_ARG(target->redirect_uri));
	return ERR_UPSTREAM_AUTH;
}

/* A machine's client is registered by somebody who says what it may do, or needs to be none. */
AWAITS static enum err choose_client(struct choice *choice, struct connect_target *target)
{
	const struct connect_at *at = choice->at;
	bool is_person = at->settings->flow == AUTH_FLOW_CODE;
	struct client_description description;

	switch (registration_choose(&target->issuer, at->settings->client_id.n > 0,
				    is_person && at->client_document.n > 0)) {
	case REGISTRATION_GIVEN:
		return take_given_client(choice, target);
	case REGISTRATION_DOCUMENT:
		target->client = (struct client_identity){.id = at->client_document, .auth = CLIENT_AUTH_NONE};
		return OK;
	case REGISTRATION_DYNAMIC:
		if (!is_person)
			break;
		description = describe(choice, target);
		return registration_get(choice->connect, choice->arena, at, &target->issuer, &description,
					choice->problem, &target->client);
	case REGISTRATION_NONE:
		break;
	}
	if (at->settings->flow == AUTH_FLOW_WORKLOAD || at->settings->flow == AUTH_FLOW_EXCHANGE) {
		target->client = (struct client_identity){.id = STR(""), .auth = CLIENT_AUTH_NONE};
		return OK;
	}
	return refuse(choice, target);
}

AWAITS enum err connect_target_find(struct connect *connect, struct arena *arena, const struct connect_at *at,
				    struct str challenge, struct buf *problem, struct connect_target *ret_target)
{
	struct choice choice = {connect, arena, at, problem, .discovered = false};
	struct connect_target target = {.dialect = auth_dialect_of(at->settings->provider)};

	CHECK_OBJ(connect, CONNECT_MAGIC);
	TRY(find_where(&choice, challenge, target.dialect));
	target.issuer = choice.found.issuer;
	target.resource = choice.found.resource;
	target.scope = scope_of(&choice);
	target.redirect_uri = arena_fmt(arena, "%.*s/auth/%.*s/callback", STR_ARG(at->public_url),
					STR_ARG(at->callback.n > 0 ? at->callback : at->upstream));
	if (at->settings->flow == AUTH_FLOW_CODE && target.issuer.authorization_endpoint.n == 0) {
		buf_put(problem, STR("its authorization server names no page where a person could agree"));
		return ERR_UPSTREAM_AUTH;
	}
	TRY(choose_client(&choice, &target));
	*ret_target = target;
	return OK;
}

/* ---- its proof ------------------------------------------------------------------------ */

struct proving {
	struct str key, client_id, audience;
	struct buf jwt;
};

static enum err prove(void *arg)
{
	struct proving *proving = arg;

	return client_assertion_put(proving->key, proving->client_id, proving->audience, clock_wall_ms(),
				    &proving->jwt);
}

AWAITS enum err connect_client_prove(struct arena *arena, const struct connect_at *at, struct str issuer,
				     struct client_identity *client)
{
	struct proving proving = {.key = at->settings->private_key, .client_id = client->id, .audience = issuer};
	enum err err;

	if (client->auth != CLIENT_AUTH_JWT)
		return OK;
	err = work_run(prove, &proving);
	if (err == OK)
		client->assertion = arena_str(arena, buf_str(&proving.jwt));
	buf_free(&proving.jwt);
	return err;
}
