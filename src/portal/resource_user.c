/* People and service accounts: the same rows, two lists. A tenant keeps an owner: the last one who can still get in is
 * neither removed nor disabled nor made less. How people prove who they are is the signin room's. */
#include "portal/table.h"

#include "base/random.h"
#include "retention/retention.h"
#include "store/user.h"

enum {
	USER_ID,
	USER_NAME,
	USER_ROLE,
	USER_DISABLED,
	USER_CREATED,
	USER_CHANGED,
	USER_COMMON, /* what follows only people have */
	USER_EMAIL = USER_COMMON,
	USER_ISSUER,
	USER_SUBJECT,
	USER_PASSWORD_SET,
	USER_TOTP_SET,
	USER_LAST_LOGIN,
};

#define COMMON_FIELDS                                                                                                  \
	[USER_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Never changes."},                       \
	[USER_NAME] = {"name", FIELD_TEXT, FIELD_COLUMN, NAME_BYTES_MAX, .doc = "For people."},                        \
	[USER_ROLE] = {"role", FIELD_TEXT, FIELD_NEEDED | FIELD_COLUMN, CALLER_ROLE_MAX - 1,                           \
		       .doc = "owner, admin, member, viewer, or one of the tenant's own."},                            \
	[USER_DISABLED] = {"disabled", FIELD_FLAG, FIELD_COLUMN, .doc = "They do not get in."},                        \
	[USER_CREATED] = {"created_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When they were made."},                   \
	[USER_CHANGED] = {"changed_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When they were last changed."}

static const struct field person_fields[] = {
	COMMON_FIELDS,
	[USER_EMAIL] = {"email", FIELD_TEXT, FIELD_NEEDED | FIELD_COLUMN, 254, .doc = "Unique in the tenant."},
	[USER_ISSUER] = {"issuer", FIELD_TEXT, 0, TEXT_BYTES_MAX, .doc = "The provider that vouches for them."},
	[USER_SUBJECT] = {"subject", FIELD_TEXT, 0, 255, .doc = "What that provider calls them."},
	[USER_PASSWORD_SET] = {"password_set", FIELD_FLAG, FIELD_READ_ONLY, .doc = "They have a password here."},
	[USER_TOTP_SET] = {"totp_set", FIELD_FLAG, FIELD_READ_ONLY, .doc = "They use one-time codes."},
	[USER_LAST_LOGIN] = {"last_login_at", FIELD_TIME, FIELD_READ_ONLY | FIELD_VOLATILE,
			     .doc = "When they last signed in here."},
};

static const struct field service_fields[] = {COMMON_FIELDS};

static bool is_person(const struct work *work)
{
	return work->resource->field_count == ARRAY_LEN(person_fields);
}

static struct str kind_of(const struct work *work)
{
	return is_person(work) ? STR("person") : STR("service");
}

static void user_object(const struct user *user, struct object *ret_object)
{
	*ret_object = (struct object){.id = user->id, .tenant_id = user->tenant_id, .changed_ms = user->changed_ms};
	ret_object->at[USER_ID] = value_text(user->id);
	ret_object->at[USER_NAME] = value_text(user->name);
	ret_object->at[USER_ROLE] = value_text(user->role);
	ret_object->at[USER_DISABLED] = value_number(user->disabled);
	ret_object->at[USER_CREATED] = value_number(user->created_ms);
	ret_object->at[USER_CHANGED] = value_number(user->changed_ms);
	ret_object->at[USER_EMAIL] = value_text(user->email);
	ret_object->at[USER_ISSUER] = value_text(user->issuer);
	ret_object->at[USER_SUBJECT] = value_text(user->subject);
	ret_object->at[USER_PASSWORD_SET] = value_number(user->password.n > 0);
	ret_object->at[USER_TOTP_SET] = value_number(user->totp.n > 0);
	ret_object->at[USER_LAST_LOGIN] = value_number(user->last_login_ms);
}

AWAITS static enum err users_list(struct work *work, struct page *page, struct object **ret_objects, size_t *ret_count)
{
	struct object *objects;
	struct user *users;
	size_t count;

	TRY(user_page(work->portal->spec.db, work->arena, work->tenant.id, kind_of(work), page->after, page->limit,
		      &users, &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		user_object(&users[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

AWAITS static enum err users_get(struct work *work, struct str id, struct object *ret_object)
{
	struct user user;

	TRY(user_get(work->portal->spec.db, work->tenant.id, work->arena, id, &user));
	if (!str_eq(user.kind, kind_of(work)))
		return ERR_NOT_FOUND;
	user_object(&user, ret_object);
	return OK;
}

/* Enough to tell an address from a slip; whether mail arrives there nobody asks. */
static bool is_email(struct str text)
{
	struct str local, domain, rest;

	if (!str_cut(text, '@', &local, &domain) || local.n == 0 || domain.n == 0 ||
	    str_cut(domain, '@', &local, &rest))
		return false;
	return memchr(text.p, ' ', text.n) == NULL;
}

static struct str lower(struct arena *arena, struct str text)
{
	char *out = arena_alloc(arena, text.n + 1);

	for (size_t i = 0; i < text.n; i++)
		out[i] = (char)(text.p[i] >= 'A' && text.p[i] <= 'Z' ? text.p[i] + ('a' - 'A') : text.p[i]);
	return (struct str){out, text.n};
}

AWAITS static enum err user_take(struct work *work, const struct object *object, struct user *user)
{
	if (is_person(work) && !is_email(object->at[USER_EMAIL].text))
		return work_fail(work, ERR_API_FIELD, "/email", "must be an address such as ada@example.com");
	if ((object->at[USER_ISSUER].text.n == 0) != (object->at[USER_SUBJECT].text.n == 0))
		return work_fail(work, ERR_API_FIELD, "/issuer", "issuer and subject come together");
	TRY(role_grantable(work, object->at[USER_ROLE].text));
	user->email = lower(work->arena, object->at[USER_EMAIL].text);
	user->name = object->at[USER_NAME].text;
	user->role = object->at[USER_ROLE].text;
	user->issuer = object->at[USER_ISSUER].text;
	user->subject = object->at[USER_SUBJECT].text;
	user->disabled = object->at[USER_DISABLED].number != 0;
	return OK;
}

static enum err exists(struct work *work, enum err err)
{
	if (err != ERR_EXISTS)
		return err;
	return work_fail(work, err, "/email", "a user of this tenant has this email, or this issuer and subject");
}

AWAITS static enum err users_create(struct work *work, struct object *object)
{
	char *id = arena_alloc(work->arena, ID_LEN + 1);
	struct user user = {.kind = kind_of(work), .tenant_id = work->tenant.id, .created_ms = work->call->now_ms};
	bool disabled = object->at[USER_DISABLED].number != 0;

	TRY(user_take(work, object, &user));
	random_id(id);
	user.id = (struct str){id, ID_LEN};
	TRY(exists(work, user_insert(work->portal->spec.db, &user)));
	user.changed_ms = work->call->now_ms;
	if (disabled)
		TRY(user_update(work->portal->spec.db, &user, user.created_ms));
	return users_get(work, user.id, object);
}

/* Whether the change takes an owner away; the write itself then makes sure that another one is left. */
static bool unmakes_owner(const struct object *before, const struct user *after)
{
	bool was = str_eq(before->at[USER_ROLE].text, STR("owner")) && !before->at[USER_DISABLED].number;

	return was && (after == NULL || after->disabled || !str_eq(after->role, STR("owner")));
}

AWAITS static enum err check_owner_left(struct work *work, const struct object *before, const struct user *after)
{
	bool left;

	if (!is_person(work) || !unmakes_owner(before, after))
		return OK;
	TRY(user_other_owner(work->portal->spec.db, work->tenant.id, before->id, &left));
	return left ? OK : ERR_API_LAST_OWNER;
}

AWAITS static enum err users_update(struct work *work, const struct object *before, struct object *after)
{
	struct user user = {.id = before->id, .tenant_id = before->tenant_id, .changed_ms = work->call->now_ms};

	TRY(role_touchable(work, before->at[USER_ROLE].text));
	TRY(user_take(work, after, &user));
	TRY(check_owner_left(work, before, &user));
	/* Two owners who unmake each other at the same time: one of them is told to read again. */
	if (unmakes_owner(before, &user))
		return exists(work, user_unmake_owner(work->portal->spec.db, &user, before->changed_ms));
	return exists(work, user_update(work->portal->spec.db, &user, before->changed_ms));
}

AWAITS static enum err users_remove(struct work *work, const struct object *before)
{
	TRY(role_touchable(work, before->at[USER_ROLE].text));
	TRY(check_owner_left(work, before, NULL));
	return user_delete_keeping_owner(work->portal->spec.db, work->tenant.id, before->id, work->call->now_ms);
}

/* The trail stays and verifies; it names nobody any more. That readers keep the log for a moment undoes nothing. */
AWAITS static enum err users_erase(struct work *work, const struct object *before, const struct object *input,
				   struct object *ret_after)
{
	enum err err;

	(void)input;
	(void)ret_after;
	TRY(role_touchable(work, before->at[USER_ROLE].text));
	TRY(check_owner_left(work, before, NULL));
	err = retention_erase_user(work->portal->spec.db, before->tenant_id, before->id);
	return err == ERR_BUSY ? OK : err;
}

/* Everything that is kept of them, as one document. */
AWAITS static enum err users_export(struct work *work, const struct object *before, struct buf *out)
{
	TRY(role_touchable(work, before->at[USER_ROLE].text));
	return retention_export_user(work->portal->spec.db, work->portal->spec.person_key, before->tenant_id,
				     before->id, out);
}

static const struct action user_actions[] = {
	{.name = "erase",
	 .about = "Forget them: rows, keys, grants, sessions, and the key that their addresses in the trail are sealed "
		  "with.",
	 .summary = "forget a user: what is kept of them, and who they are in the trail",
	 .event = "erased",
	 .ends = true,
	 .run = users_erase},
	{.name = "export",
	 .about = "Everything that is kept of them, as one JSON document.",
	 .summary = "print everything that is kept of a user",
	 .event = "exported",
	 .read = users_export},
};

#define USER_ROW                                                                                                       \
	.read = PERMISSION_USERS_READ, .write = PERMISSION_USERS_MANAGE, .list = users_list, .get = users_get,         \
	.create = users_create, .update = users_update, .remove = users_remove, .actions = user_actions,               \
	.action_count = ARRAY_LEN(user_actions)

const struct resource resource_users = {
	.path = "users",
	.noun = "user",
	.about = "People who sign in: with a password of their own, or through the company's provider.",
	.event = "user",
	.fields = person_fields,
	.field_count = ARRAY_LEN(person_fields),
	USER_ROW,
};

const struct resource resource_service_accounts = {
	.path = "service-accounts",
	.noun = "service-account",
	.about = "Machines: they own keys, OAuth clients and certificates, and outlive each of them.",
	.event = "user",
	.fields = service_fields,
	.field_count = ARRAY_LEN(service_fields),
	USER_ROW,
};
