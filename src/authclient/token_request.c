/* A request for a token is a form. What each grant adds is a table of names and fields; who asks is added as the client
 * was registered, with its id and secret encoded once more before Base64, which the standard wants and few expect. */
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

static void put_if(struct buf *form, const char *name, struct str value)
{
	if (value.n > 0)
		form_put(form, str_of(name), value);
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

static void put_client(const struct client_identity *client, const struct auth_dialect *dialect, struct buf *headers,
		       struct buf *form)
{
	if (client->auth == CLIENT_AUTH_BASIC) {
		put_basic(client, headers);
		return;
	}
	form_put(form, dialect_client_id(dialect), client->id);
	if (client->auth == CLIENT_AUTH_POST)
		form_put(form, STR("client_secret"), client->secret);
	if (client->auth == CLIENT_AUTH_JWT) {
		form_put(form, STR("client_assertion_type"), STR(ASSERTION_TYPE));
		form_put(form, STR("client_assertion"), client->assertion);
	}
}

void token_request_put(const struct token_request *request, const struct client_identity *client,
		       const struct auth_dialect *dialect, struct buf *headers, struct buf *form)
{
	AUTO_BUF scope = {0};

	buf_put(headers, STR("Accept: application/json\r\n"));
	if (!dialect->token_by_get)
		buf_put(headers, STR("Content-Type: application/x-www-form-urlencoded\r\n"));
	form_put(form, STR("grant_type"), str_of(grant_table[request->grant].type));
	for (size_t i = 0; i < GRANT_FIELDS_MAX; i++) {
		const struct grant_field *field = &grant_table[request->grant].field[i];

		if (field->name != NULL)
			put_if(form, field->name,
			       *(const struct str *)(const void *)((const char *)request + field->offset));
	}
	scope_put(&scope, request->scope, dialect);
	put_if(form, "scope", buf_str(&scope));
	put_if(form, "resource", request->resource);
	put_client(client, dialect, headers, form);
}
