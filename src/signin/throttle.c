/* How often may be tried. Two counts stand against guessing: what one address tries at one endpoint (limits.per_auth),
 * and what anybody tries at one account, known or not. The second could be used to lock a person out, so a browser that
 * has signed in as them before carries a cookie that says so, and has a count of its own. */
#include "signin/signin_private.h"

#define ACCOUNT_TRIES 20 /* in ACCOUNT_WINDOW_MS, until one succeeds: hopeless against twelve characters */
#define ACCOUNT_WINDOW_MS (60 * 60 * 1000LL)
#define DEVICE_LIFE_MS (400LL * 24 * 3600 * 1000) /* browsers keep no cookie longer */
#define DEVICE_NONCE_BYTES 16
#define DEVICE_BYTES (DEVICE_NONCE_BYTES + CRYPTO_MAC_BYTES)

AWAITS static enum err take(struct signin *signin, struct str key, const struct rate *rate, int64_t *ret_wait_ms)
{
	struct rate_verdict verdict;

	*ret_wait_ms = 0;
	if (rate->limit == 0)
		return OK;
	TRY(state_take(signin->spec.state, key, rate, &verdict));
	if (!verdict.allowed)
		*ret_wait_ms = verdict.retry_ms > 0 ? verdict.retry_ms : 1;
	return OK;
}

AWAITS enum err throttle_address(struct signin *signin, const struct visit *visit, char endpoint, int64_t *ret_wait_ms)
{
	char key[32] = "signin/ip ";
	size_t n = strlen(key);

	key[n++] = endpoint;
	address_peer_key(&visit->exchange->peer, (uint8_t *)key + n);
	return take(signin, (struct str){key, n + 16}, &visit->per_auth, ret_wait_ms);
}

static struct str failures_key(const struct visit *visit, char out[32])
{
	static const char prefix[] = "signin/failed ";

	memcpy(out, prefix, sizeof(prefix) - 1);
	address_peer_key(&visit->exchange->peer, (uint8_t *)out + sizeof(prefix) - 1);
	return (struct str){out, sizeof(prefix) - 1 + 16};
}

AWAITS enum err throttle_failures(struct signin *signin, const struct visit *visit, int64_t *ret_wait_ms)
{
	char key[32];

	return state_marked(signin->spec.state, failures_key(visit, key), ret_wait_ms);
}

AWAITS enum err throttle_note_failure(struct signin *signin, const struct visit *visit)
{
	char key[32];
	int64_t wait_ms;

	TRY(take(signin, failures_key(visit, key), &visit->per_auth, &wait_ms));
	return wait_ms > 0 ? state_mark(signin->spec.state, failures_key(visit, key), wait_ms) : OK;
}

static void device_mac(const struct signin *signin, struct str user_id, const uint8_t nonce[DEVICE_NONCE_BYTES],
		       uint8_t out[CRYPTO_MAC_BYTES])
{
	const struct str pieces[] = {STR("device\0"), user_id, {(const char *)nonce, DEVICE_NONCE_BYTES}};

	crypto_mac(signin->spec.key, pieces, ARRAY_LEN(pieces), out);
}

/* Whether the browser has signed in as this user before. */
static bool is_known(const struct signin *signin, const struct visit *visit, struct str user_id,
		     uint8_t ret_device[DEVICE_BYTES])
{
	struct str text = cookie_read(visit, COOKIE_DEVICE);
	uint8_t mac[CRYPTO_MAC_BYTES];
	size_t n;

	if (user_id.n == 0 || base64url_get(text, ret_device, DEVICE_BYTES, &n) != OK || n != DEVICE_BYTES)
		return false;
	device_mac(signin, user_id, ret_device, mac);
	return str_eq_secret((struct str){(const char *)mac, sizeof(mac)},
			     (struct str){(const char *)ret_device + DEVICE_NONCE_BYTES, sizeof(mac)});
}

static struct str account_key(const struct signin *signin, const struct visit *visit, char kind, struct str account,
			      struct str user_id, char out[64])
{
	static const char prefix[] = "signin/who ";
	uint8_t device[DEVICE_BYTES];
	size_t n = sizeof(prefix) - 1;

	memcpy(out, prefix, n);
	out[n++] = kind;
	if (is_known(signin, visit, user_id, device))
		account = (struct str){(const char *)device, sizeof(device)};
	crypto_sha256(account, (uint8_t *)out + n);
	return (struct str){out, n + 32};
}

AWAITS enum err throttle_account(struct signin *signin, const struct visit *visit, char kind, struct str account,
				 struct str user_id, int64_t *ret_wait_ms)
{
	uint32_t count;
	char key[64];

	TRY(state_count(signin->spec.state, account_key(signin, visit, kind, account, user_id, key), ACCOUNT_WINDOW_MS,
			&count));
	*ret_wait_ms = count > ACCOUNT_TRIES ? ACCOUNT_WINDOW_MS : 0;
	return OK;
}

AWAITS enum err throttle_forgive(struct signin *signin, const struct visit *visit, char kind, struct str account,
				 struct str user_id)
{
	char key[64];

	return state_clear(signin->spec.state, account_key(signin, visit, kind, account, user_id, key));
}

void throttle_remember(const struct signin *signin, const struct visit *visit, struct str user_id, struct buf *headers)
{
	uint8_t device[DEVICE_BYTES];
	AUTO_BUF text = {0};

	if (is_known(signin, visit, user_id, device))
		return;
	random_bytes(device, DEVICE_NONCE_BYTES);
	device_mac(signin, user_id, device, device + DEVICE_NONCE_BYTES);
	base64url_put(&text, device, sizeof(device));
	cookie_put(headers, visit->origin, COOKIE_DEVICE, buf_str(&text), DEVICE_LIFE_MS);
}
