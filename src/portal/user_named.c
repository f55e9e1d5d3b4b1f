/* Whom an id or an email means, among the users of the path's tenant; `self` is who asks. Several resources take a user
 * so; that another tenant has one of that name shows in nothing. */
#include "portal/work.h"

#include "store/user.h"

AWAITS enum err user_named(struct work *work, struct str given, struct str *ret_id)
{
	struct db *db = work->portal->spec.db;
	struct user user, *users;
	size_t count;

	if (given.n == 0) {
		*ret_id = STR("");
		return OK;
	}
	if (str_eq(given, STR("self")))
		given = str_of(work->call->caller->user_id);
	if (memchr(given.p, '@', given.n) == NULL) {
		if (user_get(db, work->tenant.id, work->arena, given, &user) == OK &&
		    str_eq(user.tenant_id, work->tenant.id)) {
			*ret_id = user.id;
			return OK;
		}
		return work_fail(work, ERR_API_FIELD, "/user", "there is no such user");
	}
	TRY(user_find_email(db, work->arena, given, &users, &count));
	for (size_t i = 0; i < count; i++) {
		if (!str_eq(users[i].tenant_id, work->tenant.id))
			continue;
		*ret_id = users[i].id;
		return OK;
	}
	return work_fail(work, ERR_API_FIELD, "/user", "there is no such user");
}
