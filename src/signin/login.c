/* /login: the ways to sign in, the password form, and for who is signed in the page of their account. Whether an
 * address has an account shows in nothing: the same words, the same work, the same counts. */
#include "signin/signin_private.h"

#define EMAIL_BYTES_MAX 254 /* RFC 5321 section 4.5.3.1.3, less its brackets */

static const char wrong[] = "This email address and password do not go together.";

/* What the page needs to be shown again. */
struct attempt {
	struct str return_to, tenant, email;
	const char *problem;
};

static void put_providers(struct buf *body, const struct visit *visit, struct str return_to)
{
	const struct identity_settings *settings = visit->settings;

	for (size_t i = 0; i < settings->provider_count; i++) {
		const struct provider_settings *provider = &settings->providers[i];
		AUTO_BUF link = {0};

		buf_put_fmt(&link, "/login/%.*s/start?", STR_ARG(provider->name));
		form_put(&link, STR("return_to"), return_to);
		page_text(body, "<a class=\"button\" href=\"", buf_str(&link), "\">Continue with ");
		html_put(body, provider->title.n > 0 ? provider->title : provider->name);
		buf_put(body, STR("</a>\n"));
	}
}

static void put_form(struct buf *body, const struct attempt *attempt)
{
	buf_put(body, STR("<form method=\"post\" action=\"/login\">\n"));
	page_hidden(body, "return_to", attempt->return_to);
	page_hidden(body, "tenant", attempt->tenant);
	page_field(body, &(struct page_field){.label = "Email address",
					      .name = "email",
					      .type = "email",
					      .autocomplete = "username",
					      .value = attempt->email,
					      .focus = attempt->problem == NULL});
	page_field(body, &(struct page_field){.label = "Password",
					      .name = "password",
					      .type = "password",
					      .autocomplete = "current-password",
					      .problem = attempt->problem,
					      .focus = attempt->problem != NULL});
	buf_put(body, STR("<button type=\"submit\">Sign in</button>\n</form>\n"));
}

AWAITS static enum err show(struct visit *visit, int status, const struct attempt *attempt)
{
	const struct identity_settings *settings = visit->settings;
	AUTO_BUF body = {0};

	put_providers(&body, visit, attempt->return_to);
	if (settings->local_accounts && settings->provider_count > 0)
		buf_put(&body, STR("<hr>\n"));
	if (settings->local_accounts)
		put_form(&body, attempt);
	else if (settings->provider_count == 0)
		buf_put(&body, STR("<p>Nobody can sign in here: the configuration names no provider, and local "
				   "accounts are off.</p>\n"));
	return signin_page(visit, status, STR(""), return_to_targets(visit->arena, attempt->return_to), "Sign in",
			   buf_str(&body));
}

AWAITS enum err account_show(struct visit *visit, const struct live *live)
{
	const struct user *user = &live->user;
	AUTO_BUF body = {0};

	page_text(&body, "<dl><dt>Signed in as</dt><dd>", user->email.n > 0 ? user->email : user->name, "</dd>\n");
	page_text(&body, "<dt>Tenant</dt><dd>", user->tenant_name, "</dd>\n");
	page_text(&body, "<dt>Role</dt><dd>", user->role, "</dd></dl>\n");
	if (user->password.n > 0) {
		buf_put(&body, STR("<ul><li><a href=\"/login/password\">Change the password</a></li>\n"
				   "<li><a href=\"/login/enrol\">"));
		buf_put(&body, user->totp.n > 0 ? STR("One-time codes are on") : STR("Ask for a one-time code, too"));
		buf_put(&body, STR("</a></li></ul>\n"));
	}
	buf_put(&body, STR("<form method=\"post\" action=\"/logout\">\n"));
	page_hidden(&body, "csrf", live->csrf);
	buf_put(&body, STR("<button class=\"second\" type=\"submit\">Sign out</button></form>\n"));
	return signin_page(visit, 200, STR(""), STR(""), "Your account", buf_str(&body));
}

/* With exactly one way to go, nobody has to choose it. */
AWAITS static enum err go_to_only_provider(struct visit *visit, struct str return_to)
{
	AUTO_BUF to = {0};

	buf_put_fmt(&to, "/login/%.*s/start?", STR_ARG(visit->settings->providers[0].name));
	form_put(&to, STR("return_to"), return_to);
	return reply_redirect(visit->exchange, STR(""), buf_str(&to));
}

AWAITS enum err login_show(struct signin *signin, struct visit *visit)
{
	const struct identity_settings *settings = visit->settings;
	struct attempt attempt;
	struct live live;
	struct form query;
	enum err err;

	TRY(form_read(visit->arena, visit->exchange->query, &query));
	attempt = (struct attempt){.return_to = form_get(&query, STR("return_to")),
				   .tenant = form_get(&query, STR("tenant"))};
	if (attempt.return_to.n > 0)
		attempt.return_to = return_to_safe(attempt.return_to);
	err = session_current(signin, visit, &live);
	if (err == OK)
		return attempt.return_to.n > 0 && !str_starts(attempt.return_to, STR("/login"))
			       ? reply_redirect(visit->exchange, STR(""), attempt.return_to)
			       : account_show(visit, &live);
	if (err != ERR_UNAUTHENTICATED)
		return err;
	if (!settings->local_accounts && settings->provider_count == 1)
		return go_to_only_provider(visit, attempt.return_to);
	return show(visit, 200, &attempt);
}

AWAITS enum err signin_begin(struct signin *signin, struct visit *visit, struct str return_to)
{
	AUTO_BUF to = {0};

	buf_put(&to, STR("/login?"));
	form_put(&to, STR("return_to"), return_to_safe(return_to));
	return reply_redirect(visit->exchange, STR(""), buf_str(&to));
}

static struct str lower(struct arena *arena, struct str text)
{
	struct str trimmed = str_trim(text);
	char *out = arena_alloc(arena, trimmed.n + 1);

	for (size_t i = 0; i < trimmed.n; i++)
		out[i] = trimmed.p[i] >= 'A' && trimmed.p[i] <= 'Z' ? (char)(trimmed.p[i] + 32) : trimmed.p[i];
	return (struct str){out, trimmed.n};
}

/* The accounts with this address that a password could be of: in one tenant, if one was named. */
AWAITS static enum err find_candidates(struct signin *signin, struct visit *visit, const struct attempt *attempt,
				       struct user **ret_users, size_t *ret_count)
{
	size_t found, count = 0;
	struct user *users;

	if (attempt->email.n == 0 || attempt->email.n > EMAIL_BYTES_MAX) {
		*ret_count = 0;
		return OK;
	}
	TRY(user_find_email(signin->spec.db, visit->arena, attempt->email, &users, &found));
	for (size_t i = 0; i < found; i++)
		if (users[i].password.n > 0 &&
		    (attempt->tenant.n == 0 || str_eq(users[i].tenant_name, attempt->tenant)))
			users[count++] = users[i];
	*ret_users = users;
	*ret_count = count;
	return OK;
}

/* The candidate whose password it is. An address that is known in several tenants costs more to check, which says no
 * more than that; an unknown one costs what a known one does. */
AWAITS static enum err match(struct signin *signin, struct user *users, size_t count, struct str password,
			     struct user **ret_user)
{
	bool right = false;

	*ret_user = NULL;
	if (count == 0)
		return proof_password(signin, NULL, password, &right);
	for (size_t i = 0; i < count && *ret_user == NULL; i++) {
		TRY(proof_password(signin, &users[i], password, &right));
		if (right && !users[i].disabled && !users[i].tenant_disabled)
			*ret_user = &users[i];
	}
	return OK;
}

AWAITS enum err login_take(struct signin *signin, struct visit *visit)
{
	struct user *users = NULL, *user;
	struct attempt attempt;
	struct form form;
	int64_t wait_ms;
	size_t count;

	TRY(guard_form(visit, &form));
	if (!visit->settings->local_accounts)
		return ERR_HTTP_ROUTE;
	attempt = (struct attempt){.return_to = form_get(&form, STR("return_to")),
				   .tenant = form_get(&form, STR("tenant")),
				   .email = lower(visit->arena, form_get(&form, STR("email")))};
	TRY(throttle_address(signin, visit, 'p', &wait_ms));
	if (wait_ms > 0)
		return page_wait(visit, wait_ms);
	TRY(find_candidates(signin, visit, &attempt, &users, &count));
	TRY(throttle_account(signin, visit, 'p', attempt.email, count > 0 ? users[0].id : STR(""), &wait_ms));
	if (wait_ms > 0)
		return page_wait(visit, wait_ms);
	TRY(match(signin, users, count, form_get(&form, STR("password")), &user));
	if (user == NULL) {
		TRY(finish_audit(signin, visit, "user.sign_in_failed", count > 0 ? users[0].tenant_id : STR(""),
				 count > 0 ? users[0].id : STR(""), STR("password"), STR("UNAUTHENTICATED")));
		attempt.problem = wrong;
		return show(visit, 422, &attempt);
	}
	TRY(throttle_forgive(signin, visit, 'p', attempt.email, users[0].id));
	if (user->totp.n > 0)
		return second_begin(signin, visit, user, attempt.return_to);
	return finish(signin, visit, user, STR("password"), 0, attempt.return_to);
}
