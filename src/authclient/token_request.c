/* A request for a token is names and values. What each grant adds is a table of names and fields; who asks is added as
 * the client was registered, with its id and secret encoded once more before Base64, which the standard wants and few
 * expect. What it travels in, a form, an object or a query, is known to the smallest function here alone. */
#include <stddef.h>

#include "authclient/scope.h"
#include "authclient/token.h"
#include "base/crypto.h"
#include "base/random.h"
#include "http/form.h"

#define ASSERTION_TYPE "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

struct grant_field {
	const char *name;
	size_t offset; /* of a struct str in struct token_request */
};
#define FIELD(name, member)                                                                                            \
	{                                                                                                              \
		name, offsetof(struct token_request, member)                                                           \
	}
#define GRANT_FIELDS_MAX 4

static const struct {
	const char *type;
	struct grant_field field[GRANT_FIELDS_MAX];
} grant_table[] = {
	[GRANT_CODE] = {"authorization_code",
			{FIELD("code", code), FIELD("redirect_uri", redirect_uri), FIELD("code_verifier", verifier)}},
	[GRANT_REFRESH] = {"refresh_token", {FIELD("refresh_token", refresh_token)}},
	[GRANT_CLIENT] = {"client_credentials", {{NULL, 0}}},
	[GRANT_JWT_BEARER] = {"urn:ietf:params:oauth:grant-type:jwt-bearer", {FIELD("assertion", assertion)}},
	[GRANT_EXCHANGE] = {"urn:ietf:params:oauth:grant-type:token-exchange",
			    {FIELD("subject_token", subject_token), FIELD("subject_token_type", subject_type),
			     FIELD("requested_token_type", requested_type), FIELD("audience", audience)}},
};

/* Where names and values go. */
struct telling {
	struct buf *text;
	bool json;
};

static void tell(const struct telling *to, struct str name, struct str value)
{
	if (!to->json) {
		form_put(to->text, name, value);
		return;
	}
	buf_put(to->text, to->text->p[to->text->n - 1] == '{' ? STR("") : STR(","));
	buf_put_json(to->text, name);
	buf_put_byte(to->text, ':');
	buf_put_json(to->text, value);
}

static void tell_if(const struct telling *to, const char *name, struct str value)
{
	if (value.n > 0)
		tell(to, str_of(name), value);
}

static void put_basic(const struct client_identity *client, struct buf *headers)
{
	AUTO_BUF pair = {0};

	percent_put(&pair, client->id);
	buf_put_byte(&pair, ':');
	percent_put(&pair, client->secret);
	buf_put(headers, STR("Authorization: Basic "));
	base64_put(headers, pair.p, pair.n);
	buf_put(headers, STR("\r\n"));
	crypto_wipe(pair.p, pair.n);
}

static void tell_client(const struct telling *to, const struct client_identity *client,
			const struct auth_dialect *dialect, struct buf *headers)
{
	if (client->auth == CLIENT_AUTH_BASIC) {
		put_basic(client, headers);
		return;
	}
	if (client->id.n > 0) /* an assertion may do without a client */
		tell(to, dialect_client_id(dialect), client->id);
	if (client->auth == CLIENT_AUTH_POST)
		tell(to, dialect_client_secret(dialect), client->secret);
	if (client->auth == CLIENT_AUTH_JWT) {
		tell(to, STR("client_assertion_type"), STR(ASSERTION_TYPE));
		tell(to, STR("client_assertion"), client->assertion);
	}
}

static void tell_grant(const struct telling *to, const struct token_request *request)
{
	tell(to, STR("grant_type"), str_of(grant_table[request->grant].type));
	for (size_t i = 0; i < GRANT_FIELDS_MAX; i++) {
		const struct grant_field *field = &grant_table[request->grant].field[i];

		if (field->name != NULL)
			tell_if(to, field->name,
				*(const struct str *)(const void *)((const char *)request + field->offset));
	}
}

/* A code as the dialect wants it. */
static void tell_code(const struct telling *to, const struct token_request *request, const struct auth_dialect *dialect)
{
	if (dialect->code_form == CODE_STANDARD)
		tell(to, STR("grant_type"), STR("authorization_code"));
	tell(to, dialect_code(dialect), request->code);
	if (dialect->code_form == CODE_BARE)
		return;
	tell_if(to, "redirect_uri", request->redirect_uri);
	tell_if(to, "code_verifier", dialect->pkce == PKCE_OFF ? STR_NONE : request->verifier);
}

static void tell_scope(const struct telling *to, struct str scopes, const struct auth_dialect *dialect)
{
	AUTO_BUF scope = {0};

	scope_put(&scope, scopes, dialect);
	tell_if(to, "scope", buf_str(&scope));
}

/* The exchange that a request is, of those that the dialect has of its own; NULL: it is of the standard's. */
static const struct auth_exchange *exchange_of(const struct token_request *request, const struct auth_dialect *dialect)
{
	if (request->grant == GRANT_LONGER)
		return &dialect->longer;
	return request->grant == GRANT_REFRESH && dialect->again.grant != NULL ? &dialect->again : NULL;
}

enum auth_carriage token_carriage(const struct token_request *request, const struct auth_dialect *dialect)
{
	const struct auth_exchange *exchange = exchange_of(request, dialect);

	return exchange == NULL ? dialect->carriage : exchange->carriage;
}

static void put_exchange(const struct telling *to, const struct auth_exchange *exchange,
			 const struct token_request *request, const struct client_identity *client,
			 const struct auth_dialect *dialect)
{
	tell(to, STR("grant_type"), str_of(exchange->grant));
	tell(to, str_of(exchange->token), request->access_token);
	if (!exchange->unnamed)
		tell(to, dialect_client_id(dialect), client->id);
	if (!exchange->unproven)
		tell(to, dialect_client_secret(dialect), client->secret);
}

static void put_standard(const struct telling *to, const struct token_request *request,
			 const struct client_identity *client, const struct auth_dialect *dialect, struct buf *headers)
{
	if (request->grant == GRANT_CODE)
		tell_code(to, request, dialect);
	else
		tell_grant(to, request);
	tell_scope(to, request->scope, dialect);
	tell_if(to, "resource", request->resource);
	tell_client(to, client, dialect, headers);
	if (request->grant == GRANT_CODE && dialect->token_more != NULL)
		buf_put_fmt(to->text, "&%s", dialect->token_more);
}

void token_request_put(const struct token_request *request, const struct client_identity *client,
		       const struct auth_dialect *dialect, struct buf *headers, struct buf *text)
{
	static const char *const type_line[] = {
		[CARRY_FORM] = "Content-Type: application/x-www-form-urlencoded\r\n",
		[CARRY_JSON] = "Content-Type: application/json\r\n",
		[CARRY_QUERY] = "",
	};
	const struct auth_exchange *exchange = exchange_of(request, dialect);
	enum auth_carriage carriage = token_carriage(request, dialect);
	const struct telling to = {.text = text, .json = carriage == CARRY_JSON};

	buf_put(headers, STR("Accept: application/json\r\n"));
	buf_put(headers, str_of(type_line[carriage]));
	if (to.json)
		buf_put_byte(text, '{');
	if (exchange != NULL)
		put_exchange(&to, exchange, request, client, dialect);
	else
		put_standard(&to, request, client, dialect, headers);
	if (to.json)
		buf_put_byte(text, '}');
}

bool token_renews(const struct auth_dialect *dialect, struct str refresh_token, struct str access_token,
		  int64_t expires_ms, int64_t now_ms)
{
	if (dialect->refresh_none)
		return false;
	if (dialect->again.grant == NULL)
		return refresh_token.n > 0;
	return access_token.n > 0 && (expires_ms == 0 || now_ms < expires_ms);
}

void token_ending_make(struct arena *arena, struct str refresh_token, struct str access_token,
		       const struct client_identity *client, const struct auth_dialect *dialect,
		       struct token_ending *ret_ending)
{
	bool refresh = refresh_token.n > 0 && dialect->ending == END_STANDARD;
	AUTO_BUF headers = {0}, text = {0};
	const struct telling to = {.text = &text, .json = dialect->carriage == CARRY_JSON};

	ret_ending->method = dialect->ending == END_DELETE ? STR("DELETE") : STR("POST");
	if (dialect->ending == END_DELETE) {
		buf_put_fmt(&headers, "Authorization: Bearer %.*s\r\n", STR_ARG(access_token));
	} else {
		buf_put(&headers, to.json ? STR("Content-Type: application/json\r\n")
					  : STR("Content-Type: application/x-www-form-urlencoded\r\n"));
		buf_put(&text, to.json ? STR("{") : STR(""));
		tell(&to, dialect->revoke_name == NULL ? STR("token") : str_of(dialect->revoke_name),
		     refresh ? refresh_token : access_token);
		if (dialect->ending == END_STANDARD)
			tell(&to, STR("token_type_hint"), refresh ? STR("refresh_token") : STR("access_token"));
		tell_client(&to, client, dialect, &headers);
		buf_put(&text, to.json ? STR("}") : STR(""));
	}
	ret_ending->headers = arena_str(arena, buf_str(&headers));
	ret_ending->body = arena_str(arena, buf_str(&text));
	crypto_wipe(headers.p, headers.n);
	crypto_wipe(text.p, text.n);
}
