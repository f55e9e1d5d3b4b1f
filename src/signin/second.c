/* /login/totp: the one-time code after the password. That the password was right travels in a sealed cookie, for
 * minutes, and holds only while the account has not changed since. */
#include "signin/signin_private.h"

#define SECOND_LIFE_MS (5 * 60 * 1000LL)
#define PURPOSE STR("second factor")

AWAITS enum err second_begin(struct signin *signin, struct visit *visit, const struct user *user, struct str return_to)
{
	AUTO_BUF fields = {0}, sealed = {0}, headers = {0};
	char changed[24];

	(void)snprintf(changed, sizeof(changed), "%lld", (long long)user->changed_ms);
	form_put(&fields, STR("user"), user->id);
	form_put(&fields, STR("changed"), str_of(changed));
	form_put(&fields, STR("return_to"), return_to_safe(return_to));
	flow_seal(signin, PURPOSE, buf_str(&fields), SECOND_LIFE_MS, &sealed);
	cookie_put(&headers, visit->origin, COOKIE_FLOW, buf_str(&sealed), SECOND_LIFE_MS);
	return reply_redirect(visit->exchange, buf_str(&headers), STR("/login/totp"));
}

AWAITS static enum err show(struct visit *visit, int status, struct str return_to, const char *problem)
{
	AUTO_BUF body = {0};

	buf_put(&body, STR("<form method=\"post\" action=\"/login/totp\">\n"));
	page_field(&body, &(struct page_field){.label = "One-time code",
					       .name = "code",
					       .type = "text",
					       .autocomplete = "one-time-code",
					       .hint = "Six digits, shown by your authenticator app. Lost it? An "
						       "administrator can reset it.",
					       .problem = problem,
					       .focus = true});
	buf_put(&body, STR("<button type=\"submit\">Continue</button>\n</form>\n"));
	return signin_page(visit, status, STR(""), return_to_targets(visit->arena, return_to), "Enter the code",
			   buf_str(&body));
}

/* Who has come this far.
 *   Errors     ERR_UNAUTHENTICATED: nobody, or too long ago */
AWAITS static enum err half_signed_in(struct signin *signin, struct visit *visit, struct user *ret_user,
				      struct str *ret_return_to)
{
	struct form fields;
	int64_t changed_ms;
	enum err err;

	if (flow_open(signin, visit->arena, PURPOSE, cookie_read(visit, COOKIE_FLOW), &fields) != OK)
		return ERR_UNAUTHENTICATED;
	TRY(str_to_i64(form_get(&fields, STR("changed")), &changed_ms));
	err = user_get(signin->spec.db, DB_ALL_TENANTS, visit->arena, form_get(&fields, STR("user")), ret_user);
	if (err == ERR_NOT_FOUND)
		return ERR_UNAUTHENTICATED;
	TRY(err);
	if (ret_user->disabled || ret_user->tenant_disabled || ret_user->totp.n == 0 ||
	    ret_user->changed_ms != changed_ms)
		return ERR_UNAUTHENTICATED;
	*ret_return_to = form_get(&fields, STR("return_to"));
	return OK;
}

AWAITS enum err second_show(struct signin *signin, struct visit *visit)
{
	struct str return_to;
	struct user user;

	TRY(half_signed_in(signin, visit, &user, &return_to));
	return show(visit, 200, return_to, NULL);
}

AWAITS enum err second_take(struct signin *signin, struct visit *visit)
{
	int64_t wait_ms, step = 0;
	struct str return_to;
	struct user user;
	struct form form;
	enum err err;

	TRY(guard_form(visit, &form));
	TRY(half_signed_in(signin, visit, &user, &return_to));
	TRY(throttle_address(signin, visit, 't', &wait_ms));
	if (wait_ms > 0)
		return page_wait(visit, wait_ms);
	TRY(throttle_account(signin, visit, 't', user.id, user.id, &wait_ms));
	if (wait_ms > 0)
		return page_wait(visit, wait_ms);
	err = proof_totp(signin, &user, form_get(&form, STR("code")), &step);
	if (err == OK)
		err = throttle_forgive(signin, visit, 't', user.id, user.id);
	if (err == OK)
		err = finish(signin, visit, &user, STR("password totp"), step, return_to);
	if (err != ERR_UNAUTHENTICATED && err != ERR_EXISTS)
		return err;
	TRY(finish_audit(signin, visit, "user.sign_in_failed", user.tenant_id, user.id, STR("totp"),
			 STR("UNAUTHENTICATED")));
	return show(visit, 422, return_to, "This code is not right, or was used before. Wait for the next one.");
}
