/* Admission: a name for the request, then who sent it and whether they may go on. The order
 * matters: the cheap checks that protect the gateway come before the ones that cost.
 *
 * What a connection proved once is kept with it (struct memo), so that a keep-alive client
 * pays for its key's HMAC once, until the store's generation moves or the key expires. */
#include "gateway/admission.h"

#include "base/clock.h"
#include "base/crypto.h"
#include "base/limits.h"
#include "base/log.h"
#include "gateway/metrics.h"
#include "gateway/visible.h"

#define CREDENTIAL_BYTES_MAX 128 /* our keys have 46; anything longer is none of ours */
#define MEMO_MAGIC 0x4d454d4fu	 /* "MEMO" */

struct memo {
	uint32_t magic;
	struct sockaddr_in6 peer; /* whose text `ip` is; large enough for IPv4 too */
	size_t ip_bytes;	  /* 0: not written yet */
	char ip[INET6_ADDRSTRLEN];
	struct caller caller;
	int64_t generation;
	size_t credential_bytes; /* 0: nobody yet */
	char credential[CREDENTIAL_BYTES_MAX];
	struct seen_class seen;
	size_t audit_ip_bytes;						     /* 0: `ip` is not sealed yet */
	char audit_ip[AUDIT_ADDRESS_BYTES_MAX], audit_principal[ID_LEN + 1]; /* for whom it is sealed */
	struct mcp_session session;
	size_t token_bytes;
	char token[MCP_SESSION_TOKEN_MAX];
};

void memo_free(void *object)
{
	struct memo *memo = object;

	if (memo == NULL)
		return;
	seen_class_forget(&memo->seen);
	crypto_wipe(memo, sizeof(*memo));
	free(memo);
}

static struct memo *memo_of(struct request *req)
{
	struct memo *memo = req->exchange->memo;

	if (memo == NULL) {
		memo = calloc(1, sizeof(*memo));
		if (memo == NULL)
			return NULL;
		memo->magic = MEMO_MAGIC;
		req->exchange->memo = memo;
	}
	return memo;
}

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

/* The peer's address as text; behind a trusted proxy it may change from request to request. */
static void note_peer(struct request *req)
{
	const struct address *peer = &req->exchange->peer;
	struct memo *memo = memo_of(req);

	if (memo != NULL && memo->ip_bytes > 0 && memcmp(&memo->peer, &peer->in6, sizeof(memo->peer)) == 0) {
		req->ip_text = (struct str){memo->ip, memo->ip_bytes};
		return;
	}
	req->ip_text = address_text(peer, false, req->ip);
	if (memo == NULL || req->ip_text.n > sizeof(memo->ip))
		return;
	memo->peer = peer->in6;
	memo->audit_ip_bytes = 0;
	memo->ip_bytes = req->ip_text.n;
	memcpy(memo->ip, req->ip_text.p, req->ip_text.n);
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
	note_peer(req);
}

/* A key for the state room: one letter for the kind, then the bytes. */
static struct str state_key(char out[64], char kind, const void *bytes, size_t n)
{
	out[0] = kind;
	memcpy(out + 1, bytes, n);
	return (struct str){out, n + 1};
}

static struct str peer_key(const struct request *req, char out[64], char kind)
{
	uint8_t peer[16];

	address_peer_key(&req->exchange->peer, peer);
	return state_key(out, kind, peer, sizeof(peer));
}

/* Headers for a refusal that tells when to come again. */
static void add_retry_headers(struct request *req, const struct rate *rate, const struct rate_verdict *verdict)
{
	long long retry_s = (verdict->retry_ms + 999) / 1000, reset_s = (verdict->reset_ms + 999) / 1000;
	struct str before = req->exchange->extra_headers;

	req->exchange->extra_headers =
		arena_fmt(req->arena,
			  "%.*sRetry-After: %lld\r\nRateLimit-Limit: %u\r\nRateLimit-Remaining: %u\r\n"
			  "RateLimit-Reset: %lld\r\nRateLimit-Policy: %u;w=%lld\r\n",
			  STR_ARG(before), retry_s, verdict->limit, verdict->remaining, reset_s, rate->limit,
			  (long long)(rate->window_ms / 1000));
}

AWAITS static enum err take(struct request *req, struct str key, const struct rate *rate, enum metric_limit which)
{
	struct rate_verdict verdict;

	if (rate->limit == 0)
		return OK;
	TRY(state_take(req->gateway->state, key, rate, &verdict));
	if (verdict.allowed)
		return OK;
	metrics_limited(req->here, which);
	add_retry_headers(req, rate, &verdict);
	return ERR_RATE_LIMITED;
}

AWAITS static enum err check_block(struct request *req)
{
	const struct config_limits *limits = &req->config->limits;
	char key[64];
	int64_t left_ms;

	if (limits->auth_failures_max == 0)
		return OK;
	TRY(state_marked(req->gateway->state, peer_key(req, key, 'B'), &left_ms));
	if (left_ms == 0)
		return OK;
	req->exchange->extra_headers =
		arena_fmt(req->arena, "%.*sRetry-After: %lld\r\n", STR_ARG(req->exchange->extra_headers),
			  (long long)((left_ms + 999) / 1000));
	metrics_limited(req->here, METRIC_LIMIT_BLOCKED);
	return ERR_BLOCKED;
}

AWAITS static void note_failure(struct request *req)
{
	const struct config_limits *limits = &req->config->limits;
	struct audit_record record = {
		.event = STR("api_key.auth_failure"),
		.ip = req->ip_text,
		.request_id = req->id,
		.outcome = STR("KEY_INVALID"),
	};
	uint32_t failures;
	char key[64];

	metrics_auth_failed(req->here);
	if (audit_append(req->gateway->audit, &record) != OK)
		log_error("audit.unavailable", LOG_STR("request_id", req->id));
	if (limits->auth_failures_max == 0 ||
	    state_count(req->gateway->state, peer_key(req, key, 'F'), limits->auth_failures_window_ms, &failures) != OK)
		return;
	if (failures < limits->auth_failures_max)
		return;
	record.event = STR("auth.blocked_ip");
	record.outcome = STR("BLOCKED");
	log_warn("auth.blocked", LOG_STR("ip", req->ip_text), LOG_INT("failures", failures),
		 LOG_INT("block_ms", limits->auth_block_ms), LOG_STR("request_id", req->id));
	if (state_mark(req->gateway->state, peer_key(req, key, 'B'), limits->auth_block_ms) != OK ||
	    audit_append(req->gateway->audit, &record) != OK)
		log_error("audit.unavailable", LOG_STR("request_id", req->id));
}

/* The raw key of the request: X-API-Key, or a bearer token. STR_NONE when there is neither. */
static struct str credential_of(const struct http_fields *fields)
{
	struct str key = http_field_get(fields, HTTP_X_API_KEY);
	struct str bearer = http_field_get(fields, HTTP_AUTHORIZATION);
	struct str scheme, token;

	if (key.p != NULL)
		return str_trim(key);
	if (bearer.p == NULL)
		return STR_NONE;
	if (!str_cut(bearer, ' ', &scheme, &token) || !str_eq_nocase(scheme, STR("bearer")))
		return STR("");
	return str_trim(token);
}

static bool memo_knows(const struct request *req, const struct memo *memo, struct str credential)
{
	return memo != NULL && memo->credential_bytes == credential.n && credential.n > 0 &&
	       memo->generation == identity_generation(req->gateway->identity) &&
	       str_eq_secret((struct str){memo->credential, memo->credential_bytes}, credential) &&
	       (memo->caller.expires_ms == 0 || memo->caller.expires_ms > clock_wall_ms());
}

AWAITS static enum err authenticate(struct request *req)
{
	struct str credential = credential_of(&req->exchange->fields);
	struct memo *memo = memo_of(req);
	int64_t generation = 0;
	enum err err;

	if (!req->config->auth_required) {
		req->caller = (struct caller){.principal = "anonymous",
					      .tenant_name = "default",
					      .role_name = "owner",
					      .role = ROLE_OWNER,
					      .scopes = SCOPE_ALL};
		return OK;
	}
	if (credential.p == NULL)
		return ERR_UNAUTHENTICATED;
	if (memo_knows(req, memo, credential)) {
		req->caller = memo->caller;
		return OK;
	}
	generation = identity_generation(req->gateway->identity);
	err = credential.n > CREDENTIAL_BYTES_MAX ? ERR_KEY_INVALID
						  : identity_of_key(req->gateway->identity, credential, &req->caller);
	if (err == ERR_KEY_INVALID)
		note_failure(req);
	if (err != OK || memo == NULL)
		return err;
	memo->caller = req->caller;
	memo->generation = generation;
	memo->credential_bytes = credential.n;
	memcpy(memo->credential, credential.p, credential.n);
	memo->token_bytes = 0;
	return OK;
}

AWAITS static enum err take_of_address(struct request *req)
{
	char key[64];

	return take(req, peer_key(req, key, 'I'), &req->config->limits.per_ip, METRIC_LIMIT_IP);
}

AWAITS static enum err take_of_tenant(struct request *req)
{
	char key[64];

	return take(req, state_key(key, 'T', req->caller.tenant_id, ID_LEN), &req->config->limits.per_tenant,
		    METRIC_LIMIT_TENANT);
}

AWAITS enum err request_admit(struct request *req)
{
	TRY(check_block(req));
	TRY(take_of_address(req));
	TRY(authenticate(req));
	TRY(take_of_tenant(req));
	return access_class_find(req, memo_of(req) == NULL ? NULL : &memo_of(req)->seen);
}

AWAITS enum err request_count(struct request *req)
{
	struct str headers = req->exchange->extra_headers;
	enum err err = take_of_address(req);

	if (err == OK)
		err = take_of_tenant(req);
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
