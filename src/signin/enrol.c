/* /login/enrol: a person who signs in with a password adds an authenticator app, or takes it away. The fresh secret
 * waits in the form, sealed for this person, until a code proves that the app has it; the password is asked again,
 * so that a borrowed browser is not enough to lock its owner out. */
#include "base/clock.h"
#include "signin/signin_private.h"
#include "signin/totp.h"

#define ENROL_LIFE_MS (15 * 60 * 1000LL)
#define PURPOSE STR("enrolment")

static void put_code_fields(struct buf *body, const char *password_problem_text, const char *code_problem)
{
	page_field(body, &(struct page_field){.label = "Your password",
					      .name = "password",
					      .type = "password",
					      .autocomplete = "current-password",
					      .problem = password_problem_text});
	page_field(body, &(struct page_field){.label = "Code that the app shows",
					      .name = "code",
					      .type = "text",
					      .autocomplete = "one-time-code",
					      .problem = code_problem});
}

static void put_secret(struct buf *body, const struct visit *visit, const struct user *user, struct str secret)
{
	AUTO_BUF uri = {0};
	struct str host = str_skip(visit->origin, str_starts(visit->origin, STR("https")) ? 8 : 7);
	struct str issuer = arena_fmt(visit->arena, "Gatehouse %.*s", STR_ARG(host));

	totp_uri_put(&uri, issuer, user->email, secret);
	buf_put(body, STR("<p>Add this secret to an authenticator app, by hand or by the link on a phone:</p>\n"
			  "<p><code id=\"secret\">"));
	base32_put(body, (const uint8_t *)secret.p, secret.n);
	page_text(body, "</code></p>\n<p><a href=\"", buf_str(&uri), "\">Open in the authenticator app</a></p>\n");
}

AWAITS static enum err show(struct signin *signin, struct visit *visit, const struct live *live, struct str secret,
			    int status, const char *password_problem_text, const char *code_problem)
{
	AUTO_BUF body = {0}, fields = {0}, encoded = {0}, sealed = {0};

	if (live->user.totp.n > 0) {
		buf_put(&body, STR("<p>A one-time code is asked for after your password.</p>\n"));
	} else {
		put_secret(&body, visit, &live->user, secret);
		base64url_put(&encoded, secret.p, secret.n);
		form_put(&fields, STR("user"), live->user.id);
		form_put(&fields, STR("secret"), buf_str(&encoded));
		flow_seal(signin, PURPOSE, buf_str(&fields), ENROL_LIFE_MS, &sealed);
	}
	buf_put(&body, STR("<form method=\"post\" action=\"/login/enrol\">\n"));
	page_hidden(&body, "csrf", live->csrf);
	page_hidden(&body, "enrolment", buf_str(&sealed));
	put_code_fields(&body, password_problem_text, code_problem);
	buf_put_fmt(&body, "<button type=\"submit\">%s</button>\n</form>\n<p><a href=\"/login\">Back</a></p>\n",
		    live->user.totp.n > 0 ? "Stop asking for codes" : "Turn on");
	crypto_wipe(encoded.p, encoded.n);
	return signin_page(visit, status, STR(""), STR(""), "One-time codes", buf_str(&body));
}

AWAITS enum err enrol_show(struct signin *signin, struct visit *visit)
{
	uint8_t secret[TOTP_SECRET_BYTES];
	struct live live;

	TRY(session_current(signin, visit, &live));
	if (live.user.password.n == 0)
		return ERR_HTTP_ROUTE; /* a provider asks for its own */
	random_bytes(secret, sizeof(secret));
	return show(signin, visit, &live, (struct str){(const char *)secret, sizeof(secret)}, 200, NULL, NULL);
}

/* The secret that the form carries, for this user. */
static enum err read_secret(struct signin *signin, struct visit *visit, const struct form *form,
			    const struct user *user, uint8_t secret[TOTP_SECRET_BYTES])
{
	struct form fields;
	size_t n;

	TRY(flow_open(signin, visit->arena, PURPOSE, form_get(form, STR("enrolment")), &fields));
	if (!str_eq(form_get(&fields, STR("user")), user->id) ||
	    base64url_get(form_get(&fields, STR("secret")), secret, TOTP_SECRET_BYTES, &n) != OK ||
	    n != TOTP_SECRET_BYTES)
		return ERR_CRYPTO;
	return OK;
}

/* Keep the secret (n 0: none any more). All sessions end; this browser gets a new one. */
AWAITS static enum err keep(struct signin *signin, struct visit *visit, const struct user *user, struct str secret,
			    int64_t step)
{
	AUTO_BUF sealed = {0}, headers = {0};
	int64_t now_ms = clock_wall_ms();

	TRY(user_signed_in(signin->spec.db, user->tenant_id, user->id, step, now_ms)); /* the code is used up */
	if (secret.n > 0)
		proof_totp_seal(signin, user->id, secret, &sealed);
	TRY(user_set_totp(signin->spec.db, user->tenant_id, user->id, buf_str(&sealed), now_ms));
	TRY(finish_audit(signin, visit, secret.n > 0 ? "user.totp_set" : "user.totp_removed", user->tenant_id, user->id,
			 user->id, STR("ok")));
	TRY(session_open(signin, visit, user, &headers));
	return reply_redirect(visit->exchange, buf_str(&headers), STR("/login"));
}

AWAITS static enum err check(struct signin *signin, struct visit *visit, const struct live *live,
			     const struct form *form, struct str secret)
{
	struct str code = form_get(form, STR("code"));
	int64_t step = 0;
	bool right;
	enum err err;

	TRY(proof_password(signin, &live->user, form_get(form, STR("password")), &right));
	if (!right)
		return show(signin, visit, live, secret, 422, "This is not your password.", NULL);
	if (live->user.totp.n > 0)
		err = proof_totp(signin, &live->user, code, &step);
	else
		err = totp_matches(secret, code, clock_wall_ms(), live->user.totp_step, &step) ? OK
											       : ERR_UNAUTHENTICATED;
	if (err == OK)
		err = keep(signin, visit, &live->user, live->user.totp.n > 0 ? STR_NONE : secret, step);
	if (err == ERR_UNAUTHENTICATED || err == ERR_EXISTS)
		return show(signin, visit, live, secret, 422, NULL,
			    "This code is not right, or was used before. Wait for the next one.");
	return err;
}

AWAITS enum err enrol_take(struct signin *signin, struct visit *visit)
{
	uint8_t secret[TOTP_SECRET_BYTES] = {0};
	struct form form;
	struct live live;
	int64_t wait_ms;
	enum err err;

	TRY(guard_signed_in(signin, visit, &form, &live));
	if (live.user.password.n == 0)
		return ERR_HTTP_ROUTE;
	TRY(throttle_account(signin, visit, 'e', live.user.id, live.user.id, &wait_ms));
	if (wait_ms > 0)
		return page_wait(visit, wait_ms);
	if (live.user.totp.n == 0 && read_secret(signin, visit, &form, &live.user, secret) != OK)
		return reply_redirect(visit->exchange, STR(""), STR("/login/enrol")); /* too late: a new one */
	err = check(signin, visit, &live, &form, (struct str){(const char *)secret, sizeof(secret)});
	crypto_wipe(secret, sizeof(secret));
	return err;
}
