/* Sessions in the browser: 256 random bits in a cookie, of which the store keeps the MAC. They end by themselves when
 * idle or old, with the sign-in of anybody in the same browser, at sign-out, and when what the user signs in with
 * changes. The token that forms carry back is another MAC of the same bits: a page of ours knows it, a foreign one
 * cannot. */
#include "base/check.h"
#include "base/clock.h"
#include "base/log.h"
#include "signin/signin_private.h"

#define COOKIE_BYTES 32
#define COOKIE_TEXT_LEN 43
#define TOUCHES 16 /* a session in use is written this often within its idle time: often enough, and rarely */

static void mac_of(const struct signin *signin, struct str purpose, struct str cookie, uint8_t out[CRYPTO_MAC_BYTES])
{
	const struct str pieces[] = {purpose, STR("\0"), cookie};

	crypto_mac(signin->spec.key, pieces, ARRAY_LEN(pieces), out);
}

static struct str csrf_of(const struct signin *signin, struct arena *arena, struct str cookie)
{
	uint8_t mac[CRYPTO_MAC_BYTES];
	AUTO_BUF text = {0};

	mac_of(signin, STR("web-session csrf"), cookie, mac);
	base64url_put(&text, mac, sizeof(mac));
	CHECK(text.n == CSRF_LEN);
	return arena_str(arena, buf_str(&text));
}

static int64_t expiry(const struct visit *visit, int64_t created_ms, int64_t seen_ms)
{
	int64_t idle = seen_ms + visit->settings->web_idle_ms, end = created_ms + visit->settings->web_session_ms;

	return idle < end ? idle : end;
}

AWAITS static void touch(struct signin *signin, const struct visit *visit, struct web_session *session, int64_t now_ms)
{
	int64_t expires_ms = expiry(visit, session->created_ms, now_ms);

	if (now_ms - session->seen_ms < visit->settings->web_idle_ms / TOUCHES || expires_ms <= session->expires_ms)
		return;
	session->seen_ms = now_ms;
	session->expires_ms = expires_ms;
	if (web_session_touch(signin->spec.db, session) != OK)
		log_warn("web_session.untouched", LOG_STR("user", session->user_id));
}

AWAITS enum err session_current(struct signin *signin, struct visit *visit, struct live *ret_live)
{
	struct str cookie = cookie_read(visit, COOKIE_SESSION);
	uint8_t mac[CRYPTO_MAC_BYTES];
	int64_t now_ms = clock_wall_ms();
	struct live live;
	enum err err;

	if (cookie.n != COOKIE_TEXT_LEN)
		return ERR_UNAUTHENTICATED;
	mac_of(signin, STR("web-session"), cookie, mac);
	err = web_session_find(signin->spec.db, visit->arena, mac, now_ms, &live.session);
	if (err == OK)
		err = user_get(signin->spec.db, live.session.tenant_id, visit->arena, live.session.user_id, &live.user);
	if (err == ERR_NOT_FOUND)
		return ERR_UNAUTHENTICATED;
	TRY(err);
	/* Settings may have become shorter since the row was written. */
	if (live.user.disabled || live.user.tenant_disabled || !str_eq(live.user.tenant_id, live.session.tenant_id) ||
	    expiry(visit, live.session.created_ms, live.session.seen_ms) <= now_ms)
		return ERR_UNAUTHENTICATED;
	touch(signin, visit, &live.session, now_ms);
	live.csrf = csrf_of(signin, visit->arena, cookie);
	*ret_live = live;
	return OK;
}

AWAITS static enum err end(struct signin *signin, const struct visit *visit)
{
	struct str cookie = cookie_read(visit, COOKIE_SESSION);
	uint8_t mac[CRYPTO_MAC_BYTES];

	if (cookie.n != COOKIE_TEXT_LEN)
		return OK;
	mac_of(signin, STR("web-session"), cookie, mac);
	return web_session_remove(signin->spec.db, mac);
}

AWAITS enum err session_open(struct signin *signin, struct visit *visit, const struct user *user, struct buf *headers)
{
	struct web_session session = {.tenant_id = user->tenant_id, .user_id = user->id};
	AUTO_BUF cookie = {0};
	enum err err;

	TRY(end(signin, visit));
	random_text_put(&cookie, COOKIE_BYTES);
	mac_of(signin, STR("web-session"), buf_str(&cookie), session.mac);
	session.created_ms = session.seen_ms = clock_wall_ms();
	session.expires_ms = expiry(visit, session.created_ms, session.created_ms);
	err = web_session_insert(signin->spec.db, &session);
	if (err == OK)
		cookie_put(headers, visit->origin, COOKIE_SESSION, buf_str(&cookie), 0);
	crypto_wipe(cookie.p, cookie.n);
	return err;
}

AWAITS enum err session_close(struct signin *signin, struct visit *visit, struct buf *headers)
{
	TRY(end(signin, visit));
	cookie_put(headers, visit->origin, COOKIE_SESSION, STR(""), 0);
	return OK;
}

AWAITS enum err signin_session(struct signin *signin, struct visit *visit, struct user *ret_user, struct str *ret_csrf)
{
	struct live live;

	TRY(session_current(signin, visit, &live));
	*ret_user = live.user;
	*ret_csrf = live.csrf;
	return OK;
}

static bool is_safe_method(enum http_method method)
{
	return method == HTTP_GET || method == HTTP_HEAD || method == HTTP_OPTIONS;
}

static void text_set(char *out, size_t cap, struct str text)
{
	size_t n = text.n < cap ? text.n : cap - 1;

	memcpy(out, text.p, n);
	out[n] = '\0';
}

/* What unsafe methods must prove; who only reads is told the token for it. No page of another origin can read it. */
static enum err check_csrf(struct visit *visit, struct str csrf)
{
	struct http_exchange *exchange = visit->exchange;

	if (is_safe_method(exchange->method)) {
		exchange->extra_headers = arena_fmt(visit->arena, "%.*sX-CSRF-Token: %.*s\r\n",
						    STR_ARG(exchange->extra_headers), STR_ARG(csrf));
		return OK;
	}
	TRY(signin_check_origin(visit));
	if (str_eq_secret(http_field_find(&exchange->fields, STR("x-csrf-token")), csrf))
		return OK;
	visit->problem = STR("send the X-CSRF-Token that a GET was answered with");
	return ERR_FORBIDDEN;
}

AWAITS enum err signin_caller(struct signin *signin, struct visit *visit, struct caller *ret_caller)
{
	/* All that the person may: they make keys for /mcp too, where the cookie itself is nothing. */
	struct caller caller = {.credential = CREDENTIAL_COOKIE, .scopes = SCOPE_ALL};
	struct live live;

	TRY(session_current(signin, visit, &live));
	TRY(check_csrf(visit, live.csrf));
	text_set(caller.tenant_id, sizeof(caller.tenant_id), live.user.tenant_id);
	text_set(caller.principal, sizeof(caller.principal), live.user.id);
	text_set(caller.user_id, sizeof(caller.user_id), live.user.id);
	text_set(caller.tenant_name, sizeof(caller.tenant_name), live.user.tenant_name);
	text_set(caller.role_name, sizeof(caller.role_name), live.user.role);
	caller.role = role_of(live.user.role);
	caller.expires_ms = live.session.expires_ms;
	*ret_caller = caller;
	return OK;
}
