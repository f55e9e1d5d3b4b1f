/* What people do with their own account besides signing in: change the password, which ends every other session of
 * theirs, and leave. Both need the session's token; a link alone changes nothing. */
#include "signin/password.h"
#include "signin/signin_private.h"

AWAITS static enum err show_password(struct visit *visit, const struct live *live, int status, const char *old_problem,
				     const char *new_problem)
{
	AUTO_BUF body = {0};

	buf_put(&body, STR("<form method=\"post\" action=\"/login/password\">\n"));
	page_hidden(&body, "csrf", live->csrf);
	page_field(&body, &(struct page_field){.label = "Present password",
					       .name = "password",
					       .type = "password",
					       .autocomplete = "current-password",
					       .problem = old_problem});
	page_field(&body,
		   &(struct page_field){.label = "New password",
					.name = "new_password",
					.type = "password",
					.autocomplete = "new-password",
					.hint = "At least 12 characters. You stay signed in here, and are signed "
						"out everywhere else.",
					.problem = new_problem});
	buf_put(&body, STR("<button type=\"submit\">Change the password</button>\n</form>\n"
			   "<p><a href=\"/login\">Back</a></p>\n"));
	return signin_page(visit, status, STR(""), STR(""), "Change the password", buf_str(&body));
}

AWAITS enum err password_show(struct signin *signin, struct visit *visit)
{
	struct live live;

	TRY(session_current(signin, visit, &live));
	return live.user.password.n == 0 ? ERR_HTTP_ROUTE : show_password(visit, &live, 200, NULL, NULL);
}

AWAITS enum err password_take(struct signin *signin, struct visit *visit)
{
	AUTO_BUF headers = {0};
	const char *problem;
	struct str fresh;
	struct form form;
	struct live live;
	int64_t wait_ms;
	bool right;

	TRY(guard_signed_in(signin, visit, &form, &live));
	if (live.user.password.n == 0)
		return ERR_HTTP_ROUTE;
	TRY(throttle_account(signin, visit, 'c', live.user.id, live.user.id, &wait_ms));
	if (wait_ms > 0)
		return page_wait(visit, wait_ms);
	TRY(proof_password(signin, &live.user, form_get(&form, STR("password")), &right));
	if (!right)
		return show_password(visit, &live, 422, "This is not your password.", NULL);
	fresh = form_get(&form, STR("new_password"));
	problem = str_eq_nocase(fresh, live.user.email) ? "Use something else than your address."
							: password_problem(fresh);
	if (problem != NULL)
		return show_password(visit, &live, 422, NULL, problem);
	TRY(proof_password_set(signin, &live.user, fresh));
	TRY(finish_audit(signin, visit, "user.password_changed", live.user.tenant_id, live.user.id, live.user.id,
			 STR("ok")));
	TRY(session_open(signin, visit, &live.user, &headers));
	return reply_redirect(visit->exchange, buf_str(&headers), STR("/login"));
}

AWAITS static enum err show_signed_out(struct visit *visit, struct str headers)
{
	return signin_page(visit, 200, headers, STR(""), "You are signed out",
			   STR("<a class=\"button\" href=\"/login\">Sign in again</a>\n"));
}

/* A link must not sign anybody out: it asks. */
AWAITS enum err logout_show(struct signin *signin, struct visit *visit)
{
	struct live live;
	enum err err = session_current(signin, visit, &live);

	if (err == ERR_UNAUTHENTICATED)
		return show_signed_out(visit, STR(""));
	TRY(err);
	return account_show(visit, &live);
}

AWAITS enum err logout_take(struct signin *signin, struct visit *visit)
{
	AUTO_BUF headers = {0};
	struct form form;
	struct live live;
	enum err err = guard_signed_in(signin, visit, &form, &live);

	if (err == ERR_UNAUTHENTICATED)
		return show_signed_out(visit, STR(""));
	TRY(err);
	TRY(session_close(signin, visit, &headers));
	TRY(finish_audit(signin, visit, "user.signed_out", live.user.tenant_id, live.user.id, STR(""), STR("ok")));
	return show_signed_out(visit, buf_str(&headers));
}
