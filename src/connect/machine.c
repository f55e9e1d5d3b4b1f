/* Flows without a browser. Each is a request or two; what differs is what they start from.
 *
 *     client       nothing ──────────────────────────────────▶ token
 *     workload     a token of our platform, or a statement ──▶ token (as an assertion)
 *     exchange     the same ─────────────────────────────────▶ token (exchanged)
 *     enterprise   the same ──exchanged at the company's ────▶ a grant for the server ──as an assertion──▶ token
 *
 * A statement is what the gateway signs about the caller, with the keys of its own issuer: whoever believes it finds
 * them at its public URL. The caller's own token is never among what is sent. */
#include "connect/machine.h"

#include <fcntl.h>

#include "authclient/ask.h"
#include "authclient/dpop.h"
#include "authclient/scope.h"
#include "authclient/settings.h"
#include "base/clock.h"
#include "base/random.h"
#include "base/secret_file.h"
#include "connect/connect_private.h"
#include "connect/discover.h"
#include "connect/registration.h"
#include "identity/signing.h"
#include "rt/loop.h"

#define STATEMENT_LIFE_MS 300000			/* it is used at once; clocks differ */
#define STATEMENT_KEY_LIFE_MS (90LL * 24 * 3600 * 1000) /* as the configuration's oauth.signing_key by default */
#define TYPE_PREFIX "urn:ietf:params:oauth:token-type:"

struct machine {
	struct connect *connect;
	struct arena *arena;
	const struct connect_at *at;
	const struct auth_settings *settings;
	struct buf *problem;
	enum token_refusal *ret_refusal;
	struct connect_target target;
	struct str scope;
	struct str issuer; /* whom the server believes; where that is not said, whom we ask */
};

/* ---- what is started from ------------------------------------------------------------ */

struct reading {
	const char *path;
	struct buf *problem;
	struct secret_text *text;
};

/* Platforms write it for all of a container to read. */
static enum err read_subject(void *arg)
{
	struct reading *reading = arg;

	return secret_file_text(AT_FDCWD, reading->path, SECRET_FILE_ANY, reading->problem, &reading->text);
}

AWAITS static enum err take_from_file(struct machine *machine, struct str *ret_token)
{
	struct str path = arena_str(machine->arena, machine->settings->subject_file);
	struct reading reading = {.path = path.p, .problem = machine->problem};

	TRY(work_run(read_subject, &reading));
	*ret_token = arena_str(machine->arena, secret_text_str(reading.text));
	secret_text_unref(reading.text);
	return OK;
}

static void put_claim(struct buf *claims, const char *name, struct str value)
{
	buf_put_fmt(claims, ",\"%s\":", name);
	buf_put_json(claims, value);
}

/* A tenant's own account is about nobody but the tenant. */
AWAITS static enum err make_statement(struct machine *machine, struct str audience, struct str *ret_token)
{
	const struct connect_at *at = machine->at;
	int64_t now_ms = clock_wall_ms();
	AUTO_BUF claims = {0}, token = {0};
	char id[ID_LEN + 1];

	random_id(id);
	buf_put_fmt(&claims, "{\"jti\":\"%s\"", id);
	put_claim(&claims, "iss", at->public_url);
	put_claim(&claims, "sub", at->subject.n > 0 ? at->subject : at->tenant_id);
	put_claim(&claims, "aud", audience);
	put_claim(&claims, "tenant", at->tenant_id);
	if (memchr(at->subject.p == NULL ? "" : at->subject.p, '@', at->subject.n) != NULL)
		put_claim(&claims, "email", at->subject);
	buf_put_fmt(&claims, ",\"iat\":%lld,\"exp\":%lld}", (long long)(now_ms / 1000),
		    (long long)((now_ms + STATEMENT_LIFE_MS) / 1000));
	TRY(signing_sign(machine->connect->spec.signing, STATEMENT_KEY_LIFE_MS, STR("JWT"), buf_str(&claims), &token));
	*ret_token = arena_str(machine->arena, buf_str(&token));
	crypto_wipe(token.p, token.n);
	return OK;
}

AWAITS static enum err take_subject(struct machine *machine, struct str audience, struct str *ret_token)
{
	if (machine->settings->subject_file.n > 0)
		return take_from_file(machine, ret_token);
	return make_statement(machine, audience, ret_token);
}

/* ---- asking --------------------------------------------------------------------------- */

AWAITS static enum err ask(struct machine *machine, const struct token_request *request, const struct dpop_key *dpop,
			   struct token_answer *ret_answer)
{
	const struct connect_at *at = machine->at;
	struct connect_target *target = &machine->target;
	const struct token_endpoint endpoint = {.url = target->issuer.token_endpoint,
						.dialect = target->dialect,
						.client = &target->client,
						.dpop = dpop,
						.ca_file = at->ca_file,
						.allow_private = at->allow_private};

	TRY(connect_client_prove(machine->arena, at, machine->issuer, &target->client));
	return token_ask(machine->arena, &endpoint, request, machine->problem, ret_answer, machine->ret_refusal);
}

/* The company's identity provider: its token endpoint, and who we are there. */
AWAITS static enum err find_company(struct machine *machine, struct issuer_facts *ret_issuer,
				    struct client_identity *ret_client)
{
	const struct auth_settings *settings = machine->settings;
	bool has_secret = settings->idp_client_secret.n > 0;

	*ret_issuer = (struct issuer_facts){.issuer = settings->idp_issuer, .token_endpoint = settings->idp_token_url};
	if (settings->idp_token_url.n == 0)
		TRY(discover_issuer(machine->connect->documents, machine->arena, machine->at, settings->idp_issuer,
				    machine->problem, ret_issuer));
	*ret_client = (struct client_identity){.id = settings->idp_client_id,
					       .secret = settings->idp_client_secret,
					       .auth = client_auth_choose(ret_issuer->auths, has_secret, false)};
	return OK;
}

/* The grant that the company's provider gives for this server, in exchange for who the caller is. */
AWAITS static enum err ask_company(struct machine *machine, struct str *ret_assertion)
{
	static const struct auth_dialect standard;
	const struct connect_at *at = machine->at;
	struct issuer_facts company;
	struct client_identity client;
	struct token_request request = {.grant = GRANT_EXCHANGE,
					.subject_type = STR(TYPE_PREFIX "id_token"),
					.requested_type = STR(TYPE_PREFIX "id-jag"),
					.audience = machine->issuer,
					.resource = machine->target.resource,
					.scope = machine->scope};
	struct token_endpoint endpoint = {
		.dialect = &standard, .client = &client, .ca_file = at->ca_file, .allow_private = at->allow_private};
	struct token_answer answer;

	TRY(find_company(machine, &company, &client));
	endpoint.url = company.token_endpoint;
	TRY(take_subject(machine, company.issuer.n > 0 ? company.issuer : company.token_endpoint,
			 &request.subject_token));
	TRY(token_ask(machine->arena, &endpoint, &request, machine->problem, &answer, machine->ret_refusal));
	*ret_assertion = answer.access_token;
	return OK;
}

AWAITS static enum err make_request(struct machine *machine, struct token_request *request)
{
	const struct auth_settings *settings = machine->settings;

	request->scope = machine->scope;
	request->resource = machine->target.resource;
	switch (settings->flow) {
	case AUTH_FLOW_WORKLOAD:
		request->grant = GRANT_JWT_BEARER;
		return take_subject(machine, settings->audience.n > 0 ? settings->audience : machine->issuer,
				    &request->assertion);
	case AUTH_FLOW_EXCHANGE:
		request->grant = GRANT_EXCHANGE;
		request->subject_type = STR(TYPE_PREFIX "jwt");
		request->requested_type = STR(TYPE_PREFIX "access_token");
		request->audience = settings->audience;
		return take_subject(machine, machine->issuer, &request->subject_token);
	case AUTH_FLOW_ENTERPRISE:
		request->grant = GRANT_JWT_BEARER;
		return ask_company(machine, &request->assertion);
	case AUTH_FLOW_CODE:
	case AUTH_FLOW_CLIENT:
		break;
	}
	CHECK(settings->flow == AUTH_FLOW_CLIENT);
	request->grant = GRANT_CLIENT;
	return OK;
}

/* ---- what comes of it -------------------------------------------------------------------- */

static enum err make_grant(struct machine *machine, const struct token_answer *answer, const struct dpop_key *dpop,
			   struct grant *ret_grant)
{
	const struct connect_target *target = &machine->target;
	struct grant grant = {
		.issuer = machine->issuer,
		.token_url = target->issuer.token_endpoint,
		.revoke_url = target->issuer.revocation_endpoint,
		.client_id = target->client.id,
		.client_secret = target->client.secret,
		.client_auth = target->client.auth,
		.resource = target->resource,
		.scope = answer->scope.p != NULL ? answer->scope : machine->scope,
		.type = answer->type,
		.access_token = answer->access_token,
		.expires_ms = answer->expires_ms,
	};

	if (answer->type == TOKEN_NOT_APPLICABLE || (answer->type == TOKEN_DPOP && dpop == NULL)) {
		buf_put(machine->problem, STR("it has given a token of a type that was not asked for"));
		return ERR_UPSTREAM_GARBAGE;
	}
	if (answer->type == TOKEN_DPOP) {
		AUTO_BUF text = {0};

		dpop_key_put(dpop, &text);
		grant.dpop_key = arena_str(machine->arena, buf_str(&text));
		crypto_wipe(text.p, text.n);
	}
	*ret_grant = grant;
	return OK;
}

AWAITS enum err machine_ask(struct connect *connect, struct arena *arena, const struct connect_at *at, struct str scope,
			    struct buf *problem, struct grant *ret_grant, enum token_refusal *ret_refusal)
{
	struct machine machine = {connect, arena, at, at->settings, problem, ret_refusal};
	struct token_request request = {0};
	AUTO(dpop_key) *dpop = NULL;
	struct token_answer answer;

	CHECK_OBJ(connect, CONNECT_MAGIC);
	CHECK(at->settings->flow != AUTH_FLOW_CODE);
	*ret_refusal = REFUSAL_OTHER;
	TRY(connect_target_find(connect, arena, at, STR_NONE, problem, &machine.target));
	machine.issuer = machine.target.issuer.issuer.n > 0 ? machine.target.issuer.issuer
							    : machine.target.issuer.token_endpoint;
	machine.scope = scope_union(arena, machine.target.scope, scope);
	if (at->settings->dpop && machine.target.issuer.dpop)
		TRY(dpop_key_new(&dpop));
	TRY(make_request(&machine, &request));
	TRY(ask(&machine, &request, dpop, &answer));
	return make_grant(&machine, &answer, dpop, ret_grant);
}
