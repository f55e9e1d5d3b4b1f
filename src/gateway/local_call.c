/* A call of a connector's tool: which account it is about, with what settings and what credential. Runs on the caller's
 * fiber; what it makes lives in the call's arena or on this stack.
 *
 *     arguments ─▶ account ─▶ settings ─▶ who it is at the service ─▶ connector_run ─▶ result
 *                                                                        │ each request
 *                                                                        └▶ outbound.c: what to send with it
 *
 * What the service says of the account is looked for before the first step, so that templates can name it. That there
 * is none is no failure yet: a tool may do without. What came with it is what the first request carries. */
#include "gateway/local.h"

#include "base/json.h"
#include "connector/connector.h"
#include "gateway/connectors.h"
#include "gateway/local_events.h"
#include "gateway/outbound.h"
#include "http/client.h"

#define PROBE_ARENA_BYTES (16 * 1024 * 1024) /* one answer of a service and what is made of it */

/* One call on its way; borrowed by the functions that room connector calls back. */
struct local_run {
	struct gateway *gateway;
	const struct upstream_spec *spec;
	const struct upstream_call *call;
	struct arena *arena;
	struct upstream_asking asking;
	bool signs;
	struct {
		bool there;
		struct secret_text *lines, *secret;
	} given; /* when the account was looked at, for the first who asks */
};

/* ---- credentials ----------------------------------------------------------------- */

/*   ret_secret   a reference; NULL: nothing is known of it */
AWAITS static enum err ask(struct local_run *run, const struct upstream_asking *asking, struct secret_text **ret_lines,
			   struct secret_text **ret_secret, const struct upstream_identity **ret_identity)
{
	const struct upstream_credentials source = outbound_source(run->gateway);

	TRY(source.get(source.arg, run->spec, asking, ret_lines, ret_identity));
	*ret_secret = *ret_identity == NULL ? NULL : secret_text_ref((*ret_identity)->secret);
	return OK;
}

AWAITS static enum err get(void *arg, const struct connector_request *request, struct secret_text **ret_lines,
			   bool *ret_in_query, struct secret_text **ret_secret)
{
	struct local_run *run = arg;
	struct upstream_asking asking = run->asking;
	const struct upstream_identity *identity;
	struct url url;

	*ret_lines = *ret_secret = NULL;
	*ret_in_query = run->spec->auth.kind == UPSTREAM_AUTH_QUERY;
	if (asking.tenant_id.n == 0)
		return ERR_CREDENTIAL_MISSING; /* it must not go by the gateway's own */
	if (request == NULL && run->given.there) {
		*ret_lines = run->given.lines;
		*ret_secret = run->given.secret;
		run->given.there = false;
		return OK;
	}
	if (request != NULL) {
		if (run->signs && url_parse(request->url, &url) != OK)
			return ERR_RPC_PARAMS;
		asking.method = request->method;
		asking.url = request->url;
		asking.body = request->body;
	}
	return ask(run, &asking, ret_lines, ret_secret, &identity);
}

static void drop_given(struct local_run *run)
{
	if (!run->given.there)
		return;
	secret_text_unref(run->given.lines);
	secret_text_unref(run->given.secret);
	run->given.there = false;
}

AWAITS static enum err refused(void *arg, int status, const struct secret_text *sent, bool *ret_again)
{
	static const struct http_fields none; /* what a platform says in headers is the connector's business */
	struct local_run *run = arg;
	const struct upstream_credentials source = outbound_source(run->gateway);
	const struct upstream_refusal refusal = {.status = status, .fields = &none, .sent = sent};

	return source.refused(source.arg, run->spec, &run->asking, &refusal, ret_again);
}

AWAITS static enum err progress(void *arg, uint64_t done, uint64_t total, struct str text)
{
	const struct local_run *run = arg;

	return upstream_local_progress(run->call, done, total, text);
}

/* ---- the account ----------------------------------------------------------------- */

/* The only one, or that which the arguments name.
 *   ret_account  NULL: the upstream has none, or the tool is about all of them
 *   Errors     ERR_RPC_PARAMS: there is no such account */
static enum err choose_account(const struct upstream_local *local, struct arena *arena, struct str arguments,
			       const struct local_account **ret_account)
{
	const struct local_account *accounts;
	size_t count = local_accounts(local, &accounts);
	yyjson_val *root;
	struct str name;

	*ret_account = count == 1 ? &accounts[0] : NULL;
	if (count < 2)
		return OK;
	TRY(json_read(arena, arguments, &root));
	name = json_str(json_get(root, "account"));
	if (name.p == NULL)
		return OK;
	*ret_account = local_account_find(local, name);
	return *ret_account == NULL ? ERR_RPC_PARAMS : OK;
}

/* Who the account is at its service, as far as that is known. */
AWAITS static enum err look_at_account(struct local_run *run, struct connector_call *call)
{
	const struct upstream_identity *identity;
	enum err err;

	call->secret_is_token = run->spec->auth.kind == UPSTREAM_AUTH_BEARER;
	if (run->asking.tenant_id.n == 0)
		return OK;
	err = ask(run, &run->asking, &run->given.lines, &run->given.secret, &identity);
	if (err == ERR_CANCELED || err == ERR_TIMEOUT)
		return err;
	if (err != OK)
		return OK; /* who asks for the credential hears of it */
	run->given.there = true;
	if (identity == NULL)
		return OK;
	run->signs = identity->signs;
	call->secret_is_token |= identity->is_token;
	call->account_id = arena_str(call->arena, str_of(identity->account_id));
	call->account_name = arena_str(call->arena, str_of(identity->account_name));
	if (identity->knows_scopes)
		call->scopes = arena_str(call->arena, str_of(identity->scopes));
	return OK;
}

/* ---- how it is --------------------------------------------------------------------- */

/* What the end of a call says of its account; false: nothing. */
static bool shows(const struct connector_call *call, enum err err, enum account_health *ret_health)
{
	if (err == ERR_CREDENTIAL_MISSING || err == ERR_CREDENTIAL_REAUTH || err == ERR_CREDENTIAL_REFUSED)
		*ret_health = ACCOUNT_RECONNECT;
	else if (err == OK && call->sick)
		*ret_health = ACCOUNT_UNREACHABLE;
	else if (err == OK && !call->failed)
		*ret_health = ACCOUNT_WELL;
	else
		return false;
	return true;
}

/* Of an account that is there; that somebody has none is no trouble of its. */
static void note_health(struct local_run *run, const struct connector_call *call, enum err err)
{
	const struct account_place of = {.tenant_id = run->asking.tenant_id,
					 .place = local_place(call->arena, run->spec->name, run->asking.account),
					 .user_id = run->asking.principal};
	enum account_health health;

	if (run->spec->auth.kind != UPSTREAM_AUTH_NONE && err != ERR_CREDENTIAL_MISSING && shows(call, err, &health))
		accounts_health_note(run->gateway->accounts_health, &of, health);
}

/* ---- the call -------------------------------------------------------------------- */

static struct connector_call call_of(struct local_run *run, const struct local_request *request,
				     const struct local_account *account)
{
	const struct upstream_spec *spec = run->spec;
	const struct upstream_call *call = run->call;

	return (struct connector_call){
		.arena = run->arena,
		.tool = request->tool,
		.arguments = request->arguments,
		.setup = local_setup(spec->local, account),
		.account_id = STR(""),
		.account_name = STR(""),
		.holder = run->asking.principal,
		.scopes = STR_NONE,
		.tenant_id = call->tenant_id,
		.principal = call->principal,
		.upstream = spec->name,
		.account = account == NULL ? STR("") : account->name,
		.request_id = call->request_id,
		.terms = {.allow_private = spec->allow_private,
			  .ca_file = spec->ca_file,
			  .timeout_ms = spec->timeout_ms},
		.deadline_ms = fiber_deadline(),
		.progress = call->outgoing.wants_progress ? progress : NULL,
		.arg = run,
	};
}

AWAITS static enum err make(struct local_run *run, struct connector_call *call)
{
	enum err err;

	if (run->spec->auth.kind != UPSTREAM_AUTH_NONE) {
		TRY(look_at_account(run, call));
		call->credentials =
			(struct connector_credentials){.get = get, .refused = refused, .signs = run->signs, .arg = run};
	}
	err = connector_run(run->gateway->connectors, local_connector(run->spec->local), call);
	drop_given(run);
	note_health(run, call, err);
	return err;
}

AWAITS static enum err serve(void *arg, const struct upstream_spec *spec, struct upstream_call *call,
			     const struct local_request *request, struct local_answer *ret_answer)
{
	struct gateway *gateway = arg;
	struct local_run run = {.gateway = gateway, .spec = spec, .call = call, .arena = call->arena};
	const struct local_account *account;
	struct connector_call made;
	enum err err;

	TRY(choose_account(spec->local, call->arena, request->arguments, &account));
	if (account != NULL)
		call->account = arena_str(call->arena, account->name);
	run.asking = (struct upstream_asking){
		.tenant_id = call->tenant_id,
		.principal = spec->auth.each == UPSTREAM_EACH_USER ? call->principal : STR(""),
		.account = call->account,
	};
	made = call_of(&run, request, account);
	err = make(&run, &made);
	if (made.wanted.upstream.n > 0)
		call->wanted = local_place(call->arena, made.wanted.upstream, made.wanted.account);
	*ret_answer = (struct local_answer){
		.result = made.result, .sick = made.sick, .bytes_out = made.bytes_out, .bytes_in = made.bytes_in};
	return err;
}

/* ---- the gateway's own calls --------------------------------------------------------- */

AWAITS enum err local_ask(struct gateway *gateway, const struct upstream_spec *spec, const struct local_ask *ask,
			  struct arena *arena, struct connector_call *ret_made)
{
	const struct upstream_call call = {
		.tenant_id = ask->tenant_id, .principal = ask->holder, .request_id = ask->request_id};
	struct local_run run = {.gateway = gateway, .spec = spec, .call = &call, .arena = arena};
	const struct local_request request = {.tool = ask->tool, .arguments = ask->arguments};
	const struct local_account *account = NULL;

	*ret_made = (struct connector_call){0};
	if (ask->account.n > 0 && (account = local_account_find(spec->local, ask->account)) == NULL)
		return ERR_NOT_FOUND;
	run.asking = (struct upstream_asking){
		.tenant_id = ask->tenant_id, .principal = ask->holder, .account = ask->account};
	*ret_made = call_of(&run, &request, account);
	ret_made->bare = ask->bare;
	return make(&run, ret_made);
}

bool local_has_probe(const struct upstream_spec *spec)
{
	return spec->kind == UPSTREAM_LOCAL && spec->auth.kind != UPSTREAM_AUTH_NONE &&
	       connector_health_tool(local_connector(spec->local)).n > 0;
}

AWAITS enum err local_probe(struct gateway *gateway, const struct upstream_spec *spec, const struct account_place *of,
			    enum account_health *ret_health)
{
	AUTO(arena) *arena = arena_new(PROBE_ARENA_BYTES);
	struct local_ask ask = {
		.tenant_id = of->tenant_id, .holder = of->user_id, .arguments = STR("{}"), .request_id = STR("probe")};
	struct connector_call made;
	struct str name;
	enum err err;

	if (!local_has_probe(spec))
		return ERR_NOT_FOUND;
	local_place_cut(of->place, &name, &ask.account);
	ask.tool = connector_health_tool(local_connector(spec->local));
	err = local_ask(gateway, spec, &ask, arena, &made);
	if (shows(&made, err, ret_health))
		return OK;
	if (err == ERR_NOT_FOUND)
		return err;
	*ret_health = ACCOUNT_FAILING;
	return err;
}

struct upstream_locals local_service(struct gateway *gateway)
{
	return (struct upstream_locals){.ref = local_ref,
					.unref = local_unref,
					.offer = local_offer,
					.call = serve,
					.read = local_events_read,
					.arg = gateway};
}
