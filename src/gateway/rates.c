/* Blocks and rates, counted in the state room under keys that outsiders cannot choose: the peer's address (behind
 * trusted proxies only what they say it is), the tenant's and the caller's ids. Clients of a Unix socket have no
 * address and share one. */
#include "gateway/rates.h"

#include "base/clock.h"
#include "base/log.h"
#include "gateway/admission.h"
#include "gateway/allowance.h"
#include "gateway/blocklist.h"
#include "gateway/metrics.h"

#define REFUSAL_WINDOW_MS 60000
#define BLOCK_SEEN_MS (4 * IDENTITY_POLL_MS) /* by then every loop has the row of a block */
#define BLOCK_ROWS 60	/* a minute that come by themselves: the rest only stay in the state room */
#define FAILURE_ROWS 10 /* of one address within the window; the metrics count all */

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

/* Whether this is among the first `rows` of its kind and subject within a minute: a flood of refusals must not fill
 * the disk. A key names both. */
AWAITS static bool has_row(struct request *req, struct str key, uint32_t rows)
{
	uint32_t times;

	return state_count(req->gateway->state, key, REFUSAL_WINDOW_MS, &times) == OK && times <= rows;
}

AWAITS void rates_note_exceeded(struct request *req, struct str key, const char *limit, enum err why)
{
	struct audit_record record = {
		.event = STR("rate_limit.exceeded"),
		.tenant_id = str_of(req->caller.tenant_id),
		.principal = str_of(req->caller.principal),
		.request_id = req->id,
		.target = str_of(limit),
		.outcome = str_of(err_name(why)),
	};

	if (!has_row(req, key, 1))
		return;
	record.ip = req->caller.principal[0] == '\0' ? req->ip_text : request_audit_ip(req);
	if (audit_append(req->gateway->audit, &record) != OK)
		log_error("audit.unavailable", LOG_STR("request_id", req->id));
}

/* Take one from each; the first that refuses is what the request meets. */
AWAITS static enum err take(struct request *req, struct state_take *takes, const enum metric_limit *limits,
			    size_t count)
{
	static const char *const names[METRIC_LIMITS] = {
		[METRIC_LIMIT_IP] = "per_ip",
		[METRIC_LIMIT_TENANT] = "per_tenant",
		[METRIC_LIMIT_PRINCIPAL] = "per_principal",
	};
	size_t allowed;

	if (req->counted)
		return OK; /* where it came in */
	TRY(state_take_each(req->gateway->state, takes, count, &allowed));
	if (likely(allowed == count))
		return OK;
	metrics_limited(req->here, limits[allowed]);
	rates_note_exceeded(req, takes[allowed].key, names[limits[allowed]], ERR_RATE_LIMITED);
	add_retry_headers(req, takes[allowed].rate, &takes[allowed].verdict);
	return ERR_RATE_LIMITED;
}

static enum err refuse_blocked(struct request *req, int64_t left_ms)
{
	if (left_ms > 0)
		req->exchange->extra_headers =
			arena_fmt(req->arena, "%.*sRetry-After: %lld\r\n", STR_ARG(req->exchange->extra_headers),
				  (long long)((left_ms + 999) / 1000));
	metrics_limited(req->here, METRIC_LIMIT_BLOCKED);
	return ERR_BLOCKED;
}

AWAITS enum err rates_check_block(struct request *req)
{
	char key[64];
	int64_t left_ms;

	if (unlikely(req->here->blocked != NULL) &&
	    blocklist_has(req->here->blocked, &req->exchange->peer, clock_wall_ms(), &left_ms))
		return refuse_blocked(req, left_ms);
	if (req->config->limits.auth_failures_max == 0)
		return OK;
	/* Other replicas have the row of it, or their own mark after one more failure: no round trip for it. */
	TRY(state_marked(state_here(req->gateway->state), peer_key(req, key, 'B'), &left_ms));
	return left_ms == 0 ? OK : refuse_blocked(req, left_ms);
}

/* A row for operators to see and lift, and for whoever else serves this database. What an attacker can make of them
 * is bounded: without a row the mark holds by itself. */
AWAITS static void block(struct request *req)
{
	int64_t now_ms = clock_wall_ms(), life_ms = req->config->limits.auth_block_ms;
	char key[64], text[PREFIX_TEXT_MAX];
	struct blocked blocked = {.reason = STR("too many failed sign-ins"), .created_ms = now_ms};
	struct prefix prefix;
	uint32_t rows;

	blocked.until_ms = now_ms + life_ms;
	if (prefix_of(&req->exchange->peer, &prefix) &&
	    state_count(req->gateway->state, STR("blocks"), REFUSAL_WINDOW_MS, &rows) == OK && rows <= BLOCK_ROWS) {
		if (req->exchange->peer.sa.sa_family == AF_INET6 && memcmp(prefix.bytes, (uint8_t[10]){0}, 10) != 0)
			prefix.bits = 64; /* what one customer has: as for the limits */
		prefix_cut(&prefix);
		blocked.prefix = prefix_text(&prefix, text);
		if (blocked_put(req->gateway->db, &blocked) == OK) {
			life_ms = life_ms < BLOCK_SEEN_MS ? life_ms : BLOCK_SEEN_MS;
			identity_look(req->gateway->identity);
		}
	}
	if (state_mark(state_here(req->gateway->state), peer_key(req, key, 'B'), life_ms) != OK)
		log_error("auth.block_lost", LOG_STR("ip", req->ip_text));
}

AWAITS void rates_note_claim(struct request *req)
{
	const struct audit_record record = {
		.event = STR("fleet.claim_refused"),
		.ip = req->ip_text,
		.request_id = req->id,
		.outcome = str_of(err_name(ERR_FORWARDED)),
	};
	char key[64];

	if (has_row(req, peer_key(req, key, 'W'), FAILURE_ROWS) && audit_append(req->gateway->audit, &record) != OK)
		log_error("audit.unavailable", LOG_STR("request_id", req->id));
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
	if (has_row(req, peer_key(req, key, 'A'), FAILURE_ROWS) && audit_append(req->gateway->audit, &record) != OK)
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
	block(req);
	if (audit_append(req->gateway->audit, &record) != OK)
		log_error("audit.unavailable", LOG_STR("request_id", req->id));
}

AWAITS enum err rates_take_address(struct request *req)
{
	static const enum metric_limit limit = METRIC_LIMIT_IP;
	char key[64];
	struct state_take one = {.key = peer_key(req, key, 'I'), .rate = &req->config->limits.per_ip};

	return one.rate->limit == 0 ? OK : take(req, &one, &limit, 1);
}

AWAITS static enum err refuse_network(struct request *req)
{
	struct audit_record record = {
		.event = STR("access.denied"),
		.tenant_id = str_of(req->caller.tenant_id),
		.principal = str_of(req->caller.principal),
		.request_id = req->id,
		.target = STR("networks"),
		.outcome = STR("NETWORK"),
	};
	char key[64];

	if (!has_row(req, rates_key(key, 'N', req->caller.principal, ID_LEN), 1))
		return ERR_NETWORK;
	record.ip = request_audit_ip(req);
	if (audit_append(req->gateway->audit, &record) != OK)
		log_error("audit.unavailable", LOG_STR("request_id", req->id));
	return ERR_NETWORK;
}

AWAITS enum err rates_take_caller(struct request *req)
{
	const struct rate *principal_rate = &req->config->limits.per_principal;
	const struct rate *tenant_rate = &req->config->limits.per_tenant;
	struct state_take takes[2];
	enum metric_limit limits[2];
	char principal_key[64], tenant_key[64];
	size_t count = 0;

	if (req->caller.credential == CREDENTIAL_OPERATOR)
		return OK;
	if (req->allowance == NULL) /* an element of a batch has the whole's */
		TRY(allowance_find(req));
	if (req->allowance != NULL) {
		principal_rate = &req->allowance->tenant->terms.principal_rate;
		tenant_rate = &req->allowance->tenant->terms.tenant_rate;
	}
	if (unlikely(!allowance_covers(req->allowance, &req->exchange->peer)))
		return refuse_network(req);
	if (principal_rate->limit > 0) {
		takes[count] = (struct state_take){.key = rates_key(principal_key, 'P', req->caller.principal, ID_LEN),
						   .rate = principal_rate};
		limits[count++] = METRIC_LIMIT_PRINCIPAL;
	}
	if (tenant_rate->limit > 0) {
		takes[count] = (struct state_take){.key = rates_key(tenant_key, 'T', req->caller.tenant_id, ID_LEN),
						   .rate = tenant_rate};
		limits[count++] = METRIC_LIMIT_TENANT;
	}
	return count == 0 ? OK : take(req, takes, limits, count);
}

AWAITS enum err rates_take_call(struct request *req)
{
	enum plan_limit limit;
	struct str key;
	char text[64];
	int64_t left_ms;
	enum err err;

	err = allowance_take(req->gateway->meters, req->allowance, &limit);
	if (likely(err != ERR_QUOTA))
		return err;
	left_ms = req->allowance->month_end_ms - clock_wall_ms();
	key = limit == PLAN_TENANT_MONTH ? rates_key(text, 'm', req->caller.tenant_id, ID_LEN)
					 : rates_key(text, 'M', req->caller.principal, ID_LEN);
	metrics_limited(req->here, METRIC_LIMIT_QUOTA);
	rates_note_exceeded(req, key, plan_limit_names[limit], ERR_QUOTA);
	req->exchange->extra_headers =
		arena_fmt(req->arena, "%.*sRetry-After: %lld\r\n", STR_ARG(req->exchange->extra_headers),
			  (long long)(left_ms < 1000 ? 1 : (left_ms + 999) / 1000));
	return ERR_QUOTA;
}
