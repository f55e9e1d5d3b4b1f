/* Blocks and rates, counted in the state room under keys that outsiders cannot choose: the peer's address (behind
 * trusted proxies only what they say it is), the tenant's and the caller's ids. Clients of a Unix socket have no
 * address and share one. */
#include "gateway/rates.h"

#include "base/log.h"
#include "gateway/metrics.h"

struct str rates_key(char out[64], char kind, const void *bytes, size_t n)
{
	out[0] = kind;
	memcpy(out + 1, bytes, n);
	return (struct str){out, n + 1};
}

static struct str peer_key(const struct request *req, char out[64], char kind)
{
	uint8_t peer[16];

	address_peer_key(&req->exchange->peer, peer);
	return rates_key(out, kind, peer, sizeof(peer));
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

AWAITS enum err rates_check_block(struct request *req)
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

AWAITS void rates_note_failure(struct request *req, enum err why)
{
	const struct config_limits *limits = &req->config->limits;
	struct audit_record record = {
		.event = STR("api_key.auth_failure"),
		.ip = req->ip_text,
		.request_id = req->id,
		.outcome = str_of(err_name(why)),
	};
	uint32_t failures;
	char key[64];

	metrics_auth_failed(req->here);
	if (audit_append(req->gateway->audit, &record) != OK)
		log_error("audit.unavailable", LOG_STR("request_id", req->id));
	/* Who comes with what was good once, or is good elsewhere, guesses nothing. */
	if (limits->auth_failures_max == 0 || why == ERR_TOKEN_EXPIRED || why == ERR_TOKEN_AUDIENCE ||
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

AWAITS enum err rates_take_address(struct request *req)
{
	char key[64];

	return take(req, peer_key(req, key, 'I'), &req->config->limits.per_ip, METRIC_LIMIT_IP);
}

AWAITS enum err rates_take_caller(struct request *req)
{
	char key[64];

	if (req->caller.credential == CREDENTIAL_OPERATOR)
		return OK;
	return take(req, rates_key(key, 'T', req->caller.tenant_id, ID_LEN), &req->config->limits.per_tenant,
		    METRIC_LIMIT_TENANT);
}
