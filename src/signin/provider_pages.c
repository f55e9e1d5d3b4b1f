/* The way to the company's provider and back. What binds the answer to the browser that asked (state, nonce, PKCE
 * verifier) travels in a sealed cookie of ten minutes; the issuer in the answer, where the provider promises one, keeps
 * two providers from being mixed up. What the provider says on the way is shown, never followed. */
#include "authclient/authorize.h"
#include "base/log.h"
#include "base/random.h"
#include "signin/provider.h"

#define FLOW_LIFE_MS (10 * 60 * 1000LL)
#define PURPOSE STR("provider")
#define RANDOM_BYTES 32
#define ERROR_BYTES_MAX 64
#define DESCRIPTION_BYTES_MAX 200

/* "/login/NAME/what" */
static const struct provider_settings *find(const struct visit *visit, struct str *ret_what)
{
	const struct identity_settings *settings = visit->settings;
	struct str name;

	if (!str_cut(str_skip(visit->path, strlen("/login/")), '/', &name, ret_what))
		return NULL;
	for (size_t i = 0; i < settings->provider_count; i++)
		if (str_eq(settings->providers[i].name, name))
			return &settings->providers[i];
	return NULL;
}

static struct str random_text(struct arena *arena)
{
	AUTO_BUF text = {0};

	random_text_put(&text, RANDOM_BYTES);
	return arena_str(arena, buf_str(&text));
}

static struct str redirect_uri(const struct visit *visit, const struct provider_settings *provider)
{
	return arena_fmt(visit->arena, "%.*s/login/%.*s/callback", STR_ARG(visit->origin), STR_ARG(provider->name));
}

static void put_request(struct buf *to, const struct visit *visit, const struct provider_settings *provider,
			const struct provider_facts *facts, const struct provider_code *code, struct str state)
{
	const struct authorize_request request = {
		.client_id = provider->client_id,
		.redirect_uri = redirect_uri(visit, provider),
		.scope = provider->scopes,
		.state = state,
		.verifier = code->verifier,
		.nonce = code->nonce,
	};

	authorize_put(&request, facts->authorization_endpoint, &(const struct auth_dialect){0}, to);
}

AWAITS static enum err start(struct signin *signin, struct visit *visit, const struct provider_settings *provider)
{
	AUTO_BUF fields = {0}, sealed = {0}, headers = {0}, to = {0};
	struct provider_code code = {.verifier = random_text(visit->arena), .nonce = random_text(visit->arena)};
	struct str state = random_text(visit->arena);
	struct provider_facts facts;
	struct form query;
	enum err err;

	TRY(form_read(visit->arena, visit->exchange->query, &query));
	err = provider_facts_get(signin, visit->arena, provider, &facts);
	if (err == ERR_CANCELED || err == ERR_TIMEOUT)
		return err;
	if (err != OK)
		return page_sorry(visit, 502, "The provider does not answer",
				  STR("Signing in there is not possible at the moment. Try again later."));
	form_put(&fields, STR("provider"), provider->name);
	form_put(&fields, STR("state"), state);
	form_put(&fields, STR("nonce"), code.nonce);
	form_put(&fields, STR("verifier"), code.verifier);
	form_put(&fields, STR("return_to"), return_to_safe(form_get(&query, STR("return_to"))));
	flow_seal(signin, PURPOSE, buf_str(&fields), FLOW_LIFE_MS, &sealed);
	cookie_put(&headers, visit->origin, COOKIE_FLOW, buf_str(&sealed), FLOW_LIFE_MS);
	put_request(&to, visit, provider, &facts, &code, state);
	return reply_redirect(visit->exchange, buf_str(&headers), buf_str(&to));
}

/* A state is good for one answer, whatever becomes of it. */
static void forget_flow(struct visit *visit)
{
	AUTO_BUF line = {0};

	cookie_put(&line, visit->origin, COOKIE_FLOW, STR(""), 0);
	visit->exchange->extra_headers =
		arena_fmt(visit->arena, "%.*s%.*s", STR_ARG(visit->exchange->extra_headers), STR_ARG(buf_str(&line)));
}

AWAITS static enum err refuse(struct signin *signin, struct visit *visit, const struct provider_settings *provider,
			      int status, enum err why, struct str sentence)
{
	TRY(finish_audit(signin, visit, "user.sign_in_failed", STR(""), STR(""), provider->name,
			 str_of(err_name(why))));
	TRY(throttle_note_failure(signin, visit));
	return page_sorry(visit, status, "Signing in did not work", sentence);
}

/* The provider's own words, for the person to tell whoever looks after it. */
static struct str providers_error(struct arena *arena, const struct provider_settings *provider,
				  const struct form *query)
{
	struct str error = str_shorten(form_get(query, STR("error")), ERROR_BYTES_MAX);
	struct str more = str_shorten(form_get(query, STR("error_description")), DESCRIPTION_BYTES_MAX);
	struct str title = provider->title.n > 0 ? provider->title : provider->name;

	return arena_fmt(arena, "%.*s refused: %.*s%s%.*s", STR_ARG(title), STR_ARG(error), more.n > 0 ? ". " : "",
			 STR_ARG(more));
}

/* Whether the answer belongs to what this browser began, and to this provider.
 *   ret_code, ret_return_to in the visit's arena */
static bool answers_us(const struct signin *signin, const struct visit *visit, const struct provider_settings *provider,
		       const struct form *query, struct provider_code *ret_code, struct str *ret_return_to)
{
	struct form flow;

	if (flow_open(signin, visit->arena, PURPOSE, cookie_read(visit, COOKIE_FLOW), &flow) != OK)
		return false;
	for (size_t i = 0; i < query->count; i++)
		if (form_repeats(query, query->field[i].name))
			return false;
	*ret_code = (struct provider_code){.code = form_get(query, STR("code")),
					   .verifier = form_get(&flow, STR("verifier")),
					   .nonce = form_get(&flow, STR("nonce")),
					   .redirect_uri = redirect_uri(visit, provider)};
	*ret_return_to = form_get(&flow, STR("return_to"));
	return str_eq(form_get(&flow, STR("provider")), provider->name) && form_get(&flow, STR("state")).n > 0 &&
	       str_eq_secret(form_get(&flow, STR("state")), form_get(query, STR("state")));
}

AWAITS static enum err enter(struct signin *signin, struct visit *visit, const struct provider_settings *provider,
			     const struct provider_facts *facts, const struct provider_code *code, struct str return_to)
{
	struct str method = arena_fmt(visit->arena, "oidc %.*s", STR_ARG(provider->name));
	const char *problem = NULL;
	struct user user;
	yyjson_val *claims;
	enum err err = provider_exchange(signin, visit->arena, provider, facts, code, &claims);

	if (err == OK) {
		err = person_of(signin, visit, provider, claims, &user, &problem);
		if (err == ERR_FORBIDDEN)
			return refuse(signin, visit, provider, 403, err, str_of(problem));
		TRY(err);
		return finish(signin, visit, &user, method, 0, return_to);
	}
	if (err == ERR_CANCELED || err == ERR_TIMEOUT || err == ERR_DB)
		return err;
	log_warn("provider.sign_in_failed", LOG_STR("provider", provider->name), LOG_ERR(err),
		 LOG_STR("request_id", visit->request_id));
	return refuse(
		signin, visit, provider, 502, err,
		STR("The provider's answer cannot be used. Try again; if it stays so, the gateway's log says why."));
}

AWAITS static enum err callback(struct signin *signin, struct visit *visit, const struct provider_settings *provider)
{
	struct provider_facts facts;
	struct provider_code code;
	struct str return_to, iss;
	struct form query;
	int64_t wait_ms;

	TRY(form_read(visit->arena, visit->exchange->query, &query));
	TRY(throttle_failures(signin, visit, &wait_ms));
	if (wait_ms > 0)
		return page_wait(visit, wait_ms);
	if (!answers_us(signin, visit, provider, &query, &code, &return_to))
		return refuse(signin, visit, provider, 400, ERR_TOKEN_INVALID,
			      STR("This sign-in was begun in another browser, or too long ago. Begin again."));
	forget_flow(visit);
	TRY(provider_facts_get(signin, visit->arena, provider, &facts));
	iss = form_get(&query, STR("iss"));
	if ((iss.p != NULL || facts.iss_promised) && !str_eq(iss, provider->issuer))
		return refuse(signin, visit, provider, 400, ERR_TOKEN_INVALID,
			      STR("The answer came from another provider than the one you went to."));
	if (form_get(&query, STR("error")).n > 0)
		return refuse(signin, visit, provider, 403, ERR_FORBIDDEN,
			      providers_error(visit->arena, provider, &query));
	if (code.code.n == 0)
		return refuse(signin, visit, provider, 400, ERR_TOKEN_INVALID,
			      STR("The provider's answer is incomplete."));
	return enter(signin, visit, provider, &facts, &code, return_to);
}

AWAITS enum err provider_serve(struct signin *signin, struct visit *visit)
{
	struct str what = STR("");
	const struct provider_settings *provider = find(visit, &what);

	if (provider == NULL)
		return ERR_HTTP_ROUTE;
	if (!str_eq(what, STR("start")) && !str_eq(what, STR("callback")))
		return ERR_HTTP_ROUTE;
	if (visit->exchange->method != HTTP_GET)
		return ERR_HTTP_METHOD;
	return str_eq(what, STR("start")) ? start(signin, visit, provider) : callback(signin, visit, provider);
}
