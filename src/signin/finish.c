/* The end of every way to sign in: the sign-in is noted, a row goes into the trail, and only then a session is opened.
 * Rows name people by id; what somebody typed is never written. */
#include "base/clock.h"
#include "signin/signin_private.h"

AWAITS enum err finish_audit(struct signin *signin, const struct visit *visit, const char *event, struct str tenant_id,
			     struct str user_id, struct str target, struct str outcome)
{
	const struct audit_record record = {
		.event = str_of(event),
		.tenant_id = tenant_id,
		.principal = user_id,
		.ip = visit->ip,
		.request_id = visit->request_id,
		.target = target,
		.outcome = outcome,
	};

	return audit_append(signin->spec.audit, &record);
}

AWAITS enum err finish(struct signin *signin, struct visit *visit, const struct user *user, struct str method,
		       int64_t totp_step, struct str return_to)
{
	AUTO_BUF headers = {0};

	TRY(user_signed_in(signin->spec.db, user->tenant_id, user->id, totp_step, clock_wall_ms()));
	TRY(finish_audit(signin, visit, "user.signed_in", user->tenant_id, user->id, method, STR("ok")));
	TRY(session_open(signin, visit, user, &headers));
	cookie_put(&headers, visit->origin, COOKIE_FLOW, STR(""), 0);
	throttle_remember(signin, visit, user->id, &headers);
	return reply_redirect(visit->exchange, buf_str(&headers), return_to_safe(return_to));
}
