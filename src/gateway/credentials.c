/* From a request to its caller, in one order:
 *
 *     operator's key ──▶ API key ──▶ token of ours or of an issuer ──▶ certificate of the TLS client
 *     (by its MAC)       └────────── identity_of ──────────┘           (only when no header says who)
 *
 * A credential is X-API-Key or a bearer token, never both unless they are the same: which of two did the client mean,
 * and which would a proxy in between have checked? Cookies count where pages are served only (visits.c). */
#include "gateway/credentials.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "gateway/admission.h"
#include "gateway/memo.h"
#include "gateway/metrics.h"
#include "gateway/operator_key.h"
#include "gateway/rates.h"
#include "gateway/visits.h"

#define SUCCESS_WINDOW_MS 60000 /* one row a minute for each credential, however many connections use it */

/* Behind "Bearer"; empty for another scheme, which is none of ours and will not be known. */
static struct str bearer_of(struct str header)
{
	struct str scheme, token;

	if (!str_cut(header, ' ', &scheme, &token) || !str_eq_nocase(scheme, STR("bearer")))
		return STR("");
	return str_trim(token);
}

/*   ret_text   p NULL: there is none */
static enum err read_headers(const struct http_fields *fields, struct str *ret_text)
{
	struct str key = http_field_get(fields, HTTP_X_API_KEY), header = http_field_get(fields, HTTP_AUTHORIZATION);
	struct str bearer = header.p == NULL ? STR_NONE : bearer_of(header);

	if (fields->repeated[HTTP_X_API_KEY] || fields->repeated[HTTP_AUTHORIZATION])
		return ERR_CREDENTIALS;
	if (key.p == NULL) {
		*ret_text = bearer;
		return OK;
	}
	*ret_text = str_trim(key);
	return bearer.p == NULL || str_eq_secret(*ret_text, bearer) ? OK : ERR_CREDENTIALS;
}

static void be_anonymous(struct caller *caller)
{
	*caller = (struct caller){.principal = "anonymous",
				  .tenant_name = "default",
				  .role_name = "owner",
				  .role = ROLE_OWNER,
				  .scopes = SCOPE_ALL};
}

static void be_operator(struct caller *caller)
{
	*caller = (struct caller){.principal = "operator",
				  .grant_id = "operator",
				  .role_name = "operator",
				  .credential = CREDENTIAL_OPERATOR,
				  .scopes = SCOPE_API};
}

AWAITS static enum err find_caller(struct request *req, struct str text, struct str resource)
{
	const struct credential_text credential = {.text = text, .origin = visits_origin(req), .resource = resource};

	if (operator_key_is(req->config, req->gateway->api_key, text)) {
		be_operator(&req->caller);
		return OK;
	}
	if (text.n > CREDENTIAL_TEXT_MAX)
		return str_starts(text, STR("gh_")) ? ERR_KEY_INVALID : ERR_TOKEN_INVALID;
	return identity_of(req->gateway->identity, &credential, &req->caller);
}

/* Best effort: a full queue must not lock everybody out. */
AWAITS static void note_success(struct request *req)
{
	const char *proof = req->caller.grant_id[0] != '\0' ? req->caller.grant_id : req->caller.principal;
	struct audit_record record = {
		.event = STR("api_key.auth_success"),
		.tenant_id = str_of(req->caller.tenant_id),
		.principal = str_of(req->caller.principal),
		.target = str_of(proof),
		.request_id = req->id,
		.outcome = STR("ok"),
	};
	uint32_t times;
	char key[64];

	if (state_count(req->gateway->state, rates_key(key, 'S', proof, ID_LEN), SUCCESS_WINDOW_MS, &times) != OK ||
	    times > 1)
		return;
	record.ip = request_audit_ip(req);
	if (audit_append(req->gateway->audit, &record) != OK)
		log_error("audit.unavailable", LOG_STR("request_id", req->id));
}

/* The certificate that this connection was opened with. A browser shows the one its machine has to every page of ours:
 * where cookies count, who signed in there counts. */
static const struct tls_client_cert *certificate_of(const struct request *req)
{
	const struct http_exchange *exchange = req->exchange;

	if (exchange->client_cert.expires_ms == 0)
		return NULL;
	if (http_field_get(&exchange->fields, HTTP_COOKIE).p != NULL && str_starts(exchange->path, STR("/api/")))
		return NULL;
	return &exchange->client_cert;
}

AWAITS static enum err check_certificate(struct request *req, struct memo *memo)
{
	const struct tls_client_cert *cert = certificate_of(req);
	char text[1 + sizeof(cert->fingerprint)] = {0}; /* begins as no header does */
	const struct str proof = {text, sizeof(text)};
	int64_t generation = identity_generation(req->gateway->identity);
	enum err err;

	if (cert == NULL)
		return ERR_UNAUTHENTICATED;
	memcpy(text + 1, cert->fingerprint, sizeof(cert->fingerprint));
	if (memo_caller(req, memo, proof, STR(""), &req->caller))
		return OK;
	err = cert->expires_ms <= clock_wall_ms() ? ERR_KEY_INVALID : /* it was good when the connection began */
		      identity_of_certificate(req->gateway->identity, cert->fingerprint, &req->caller);
	if (err == ERR_KEY_INVALID) {
		req->problem = STR("your client certificate is good, but stands for nobody here, or no longer: bind it "
				   "with `gatehouse certificate create`, or send an API key");
		return ERR_UNAUTHENTICATED;
	}
	TRY(err);
	req->caller.expires_ms = cert->expires_ms;
	memo_keep(memo, proof, STR(""), generation, &req->caller);
	note_success(req);
	return OK;
}

static bool is_refusal(enum err err)
{
	return err == ERR_KEY_INVALID || err == ERR_TOKEN_INVALID || err == ERR_TOKEN_EXPIRED ||
	       err == ERR_TOKEN_AUDIENCE;
}

AWAITS enum err credentials_check(struct request *req)
{
	struct memo *memo = memo_of(req);
	struct str text = STR_NONE, resource;
	int64_t generation;
	enum err err;

	if (!req->config->auth_required) {
		be_anonymous(&req->caller);
		return OK;
	}
	TRY(read_headers(&req->exchange->fields, &text));
	if (text.p == NULL)
		return check_certificate(req, memo);
	resource = str_starts(text, STR("gh")) ? STR("") : visits_asked(req); /* keys are for any */
	if (memo_caller(req, memo, text, resource, &req->caller))
		return OK;
	generation = identity_generation(req->gateway->identity);
	err = find_caller(req, text, resource);
	if (is_refusal(err))
		rates_note_failure(req, err);
	if (err != OK)
		return err;
	memo_keep(memo, text, resource, generation, &req->caller);
	note_success(req);
	return OK;
}
