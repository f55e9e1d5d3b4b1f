/* From verified claims to a user. The issuer's subject is who somebody is; an address is only what they are called
 * today, and is kept where the provider vouches for it. What the settings map, the claims decide anew at every
 * sign-in; what they do not, an administrator's word stands. */
#include "base/clock.h"
#include "identity/claims.h"
#include "signin/provider.h"
#include "store/tenant.h"

#define NAME_BYTES_MAX 128
#define EMAIL_BYTES_MAX 254

static struct str lower(struct arena *arena, struct str text)
{
	struct str copy = arena_str(arena, text);

	for (char *c = (char *)copy.p; c < copy.p + copy.n; c++)
		if (*c >= 'A' && *c <= 'Z')
			*c += 'a' - 'A';
	return copy;
}

/* An address that was not verified is the company's word only where all of its people are one tenant. */
static struct str email_of(struct arena *arena, const struct claim_rules *rules, yyjson_val *claims)
{
	struct str email = claims_verified_email(claims);

	if (email.p == NULL && rules->tenant.n > 0)
		email = json_str(json_get(claims, "email"));
	if (email.n == 0 || email.n > EMAIL_BYTES_MAX || !str_is_printable(email) ||
	    memchr(email.p, '@', email.n) == NULL)
		return STR("");
	return lower(arena, email);
}

static struct str name_of(yyjson_val *claims)
{
	struct str name = json_str(json_get(claims, "name"));

	if (name.n == 0)
		name = json_str(json_get(claims, "preferred_username"));
	return name.n > NAME_BYTES_MAX || !str_is_utf8(name) ? STR("") : name;
}

AWAITS static enum err create(struct signin *signin, struct visit *visit, const struct provider_settings *settings,
			      struct user *user, const char **problem)
{
	char id[ID_LEN + 1];
	enum err err;

	if (!settings->create_users) {
		*problem = "You have no account here. Ask an administrator for one.";
		return ERR_FORBIDDEN;
	}
	random_id(id);
	user->id = arena_str(visit->arena, (struct str){id, ID_LEN});
	user->kind = STR("person");
	user->created_ms = clock_wall_ms();
	err = user_insert(signin->spec.db, user);
	if (err == ERR_EXISTS) {
		/* It may have been made by a second click just now; else the address is another account's. */
		err = user_find_subject(signin->spec.db, visit->arena, user->tenant_id, user->issuer, user->subject,
					user);
		if (err != ERR_NOT_FOUND)
			return err;
		*problem = "An account cannot be made for you: your address is in use. Ask an administrator.";
		return ERR_FORBIDDEN;
	}
	TRY(err);
	return finish_audit(signin, visit, "user.created", user->tenant_id, user->id, user->id, STR("ok"));
}

/* Write what has changed. An address that another account has stays what it was. */
AWAITS static enum err write_changes(struct signin *signin, struct user *user, struct str email)
{
	int64_t before_ms = user->changed_ms;
	struct user moved = *user;
	enum err err;

	moved.email = email;
	moved.changed_ms = user->changed_ms = clock_wall_ms();
	err = user_update(signin->spec.db, &moved, before_ms);
	if (err == ERR_EXISTS)
		return user_update(signin->spec.db, user, before_ms);
	user->email = email;
	return err;
}

/* Role, name and address as they are now. */
AWAITS static enum err refresh(struct signin *signin, struct visit *visit, struct user *user, const struct user *now)
{
	bool new_role = now->role.n > 0 && !str_eq(user->role, now->role);
	struct str email = now->email.n > 0 ? now->email : user->email;
	enum err err;

	if (!new_role && str_eq(user->name, now->name) && str_eq(user->email, email))
		return OK;
	user->name = now->name;
	if (new_role)
		user->role = now->role;
	err = write_changes(signin, user, email);
	if (err == ERR_NOT_FOUND) /* somebody else changes the row at this moment */
		return new_role ? ERR_BUSY : OK;
	TRY(err);
	return finish_audit(signin, visit, "user.updated", user->tenant_id, user->id, user->id, STR("ok"));
}

AWAITS enum err person_of(struct signin *signin, struct visit *visit, const struct provider_settings *settings,
			  yyjson_val *claims, struct user *ret_user, const char **problem)
{
	struct user now = {.issuer = settings->issuer,
			   .subject = json_str(json_get(claims, "sub")),
			   .email = email_of(visit->arena, &settings->claims, claims),
			   .name = name_of(claims)};
	struct tenant tenant = {0};
	struct str tenant_name;
	struct user user;
	enum err err = claims_tenant(&settings->claims, claims, &tenant_name);

	if (err == OK)
		err = tenant_find(signin->spec.db, visit->arena, tenant_name, &tenant);
	*problem = "Your account belongs to no tenant here. Ask an administrator.";
	if (err == ERR_NOT_FOUND || err == ERR_FORBIDDEN || (err == OK && tenant.disabled))
		return ERR_FORBIDDEN;
	TRY(err);
	now.tenant_id = tenant.id;
	now.tenant_name = tenant.name;
	*problem = "You have no role here. Ask an administrator.";
	err = user_find_subject(signin->spec.db, visit->arena, tenant.id, now.issuer, now.subject, &user);
	if (err == ERR_NOT_FOUND) {
		TRY(claims_role(&settings->claims, claims, &now.role));
		TRY(create(signin, visit, settings, &now, problem));
		*ret_user = now;
		return OK;
	}
	TRY(err);
	*problem = "Your account here is disabled. Ask an administrator.";
	if (user.disabled)
		return ERR_FORBIDDEN;
	*problem = "You have no role here any more. Ask an administrator.";
	if (settings->claims.role_count > 0)
		TRY(claims_role(&settings->claims, claims, &now.role));
	TRY(refresh(signin, visit, &user, &now));
	*ret_user = user;
	return OK;
}
