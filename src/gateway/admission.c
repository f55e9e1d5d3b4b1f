/* Admission: a name for the request, then who sent it and whether they may go on. The order
 * matters: the cheap checks that protect the gateway (rates.c) come before the ones that cost
 * (credentials.c). */
#include "gateway/admission.h"

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "gateway/credentials.h"
#include "gateway/memo.h"
#include "gateway/rates.h"

/* A request id from outside is kept when it is short and plain, since it goes into headers and logs,
 * and not when it looks like a credential: those last in the audit trail. */
static bool request_id_ok(struct str id)
{
	AUTO_BUF shown = {0};

	if (id.n == 0 || id.n > REQUEST_ID_BYTES_MAX)
		return false;
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
		      c == '_' || c == '.'))
			return false;
	}
	log_redact(&shown, id);
	return str_eq(buf_str(&shown), id);
}

void request_name(struct request *req)
{
	struct http_exchange *exchange = req->exchange;
	struct str given = http_field_get(&exchange->fields, HTTP_X_REQUEST_ID);
	struct str head = STR("X-Request-Id: ");
	char made[ID_LEN + 1];
	char *line;

	if (!request_id_ok(given)) {
		random_id(made);
		given = (struct str){made, ID_LEN};
	}
	line = arena_alloc(req->arena, head.n + given.n + 2);
	memcpy(line, head.p, head.n);
	memcpy(line + head.n, given.p, given.n);
	memcpy(line + head.n + given.n, "\r\n", 2);
	req->id = (struct str){line + head.n, given.n};
	exchange->extra_headers = (struct str){line, head.n + given.n + 2};
	fiber_label(req->id);
	memo_note_peer(req);
}

AWAITS enum err request_admit(struct request *req)
{
	TRY(rates_check_block(req));
	TRY(rates_take_address(req));
	TRY(credentials_check(req));
	TRY(rates_take_caller(req));
	return access_class_find(req, memo_of(req) == NULL ? NULL : &memo_of(req)->seen);
}

AWAITS enum err request_admit_client(struct request *req)
{
	TRY(request_admit(req));
	if (req->caller.credential != CREDENTIAL_OPERATOR)
		return OK;
	req->problem = STR("the operator's key manages the installation and calls no tools; make a key for a tenant: "
			   "`gatehouse key create --tenant NAME`");
	return ERR_FORBIDDEN;
}

AWAITS enum err request_count(struct request *req)
{
	struct str headers = req->exchange->extra_headers;
	enum err err = rates_take_address(req);

	if (err == OK)
		err = rates_take_caller(req);
	req->exchange->extra_headers = headers; /* of the whole: it is not the one that was refused */
	return err;
}

AWAITS struct str request_audit_ip(struct request *req)
{
	struct memo *memo = memo_of(req);
	struct str text;
	char *out;

	if (memo != NULL && memo->audit_ip_bytes > 0 && strcmp(memo->audit_principal, req->caller.principal) == 0)
		return arena_str(req->arena, (struct str){memo->audit_ip, memo->audit_ip_bytes});
	out = arena_alloc(req->arena, AUDIT_ADDRESS_BYTES_MAX);
	if (audit_address(req->gateway->audit, str_of(req->caller.tenant_id), str_of(req->caller.principal),
			  req->ip_text, out, &text) != OK)
		return STR("");
	if (memo != NULL && text.n > 0 && text.n <= sizeof(memo->audit_ip)) {
		memcpy(memo->audit_principal, req->caller.principal, sizeof(memo->audit_principal));
		memo->audit_ip_bytes = text.n;
		memcpy(memo->audit_ip, text.p, text.n);
	}
	return text;
}

AWAITS enum err request_permit(struct request *req, enum permission permission)
{
	const struct audit_record record = {
		.event = STR("access.denied"),
		.tenant_id = str_of(req->caller.tenant_id),
		.principal = str_of(req->caller.principal),
		.ip = req->ip_text,
		.request_id = req->id,
		.target = str_of(permission_name(permission)),
		.outcome = STR("FORBIDDEN"),
	};
	const struct policy *policy = req->access == NULL ? NULL : req->access->policy;
	enum err err = policy_decide(policy, &req->caller, permission);

	if (err == OK)
		return OK;
	if (err == ERR_FORBIDDEN)
		req->problem = arena_fmt(
			req->arena, "your role \"%s\" does not have %s; ask an administrator for a role that has it",
			req->caller.role_name, permission_name(permission));
	TRY(audit_append(req->gateway->audit, &record));
	return err;
}

static bool session_is_fresh(const struct request *req, const struct mcp_session *session)
{
	return clock_wall_ms() - session->created_ms <= req->config->limits.session_max_ms;
}

enum err request_open_token(struct request *req, struct str token)
{
	struct memo *memo = memo_of(req);

	if (memo != NULL && memo->token_bytes > 0 &&
	    str_eq_secret((struct str){memo->token, memo->token_bytes}, token) &&
	    session_is_fresh(req, &memo->session)) {
		req->session = memo->session;
		return OK;
	}
	TRY(mcp_session_open(req->gateway->session_key, token, str_of(req->caller.principal),
			     req->config->limits.session_max_ms, &req->session));
	if (memo != NULL && token.n <= sizeof(memo->token)) {
		memo->session = req->session;
		memo->token_bytes = token.n;
		memcpy(memo->token, token.p, token.n);
	}
	return OK;
}
