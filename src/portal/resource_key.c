/* API keys: made and rotated with the raw key in the answer, once; afterwards only its first characters are known.
 * Removing a key revokes it: the row stays, since the trail names it. */
#include "portal/table.h"

#include "base/random.h"
#include "store/api_key.h"
#include "store/user.h"

#define GRACE_MS (24LL * 3600 * 1000) /* where the configuration says nothing */
#define GRACE_S_MAX (30LL * 24 * 3600)

enum {
	KEY_ID,
	KEY_HINT,
	KEY_NAME,
	KEY_DESCRIPTION,
	KEY_ROLE,
	KEY_USER,
	KEY_SCOPES,
	KEY_TOOLSETS,
	KEY_STATE,
	KEY_SUCCESSOR,
	KEY_CREATED,
	KEY_CHANGED,
	KEY_EXPIRES,
	KEY_REVOKED,
	KEY_LAST_USED,
	KEY_KEY,
};

static const struct field key_fields[] = {
	[KEY_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Never changes."},
	[KEY_HINT] = {"hint", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "How the key begins."},
	[KEY_NAME] = {"name", FIELD_TEXT, FIELD_COLUMN, NAME_BYTES_MAX, .doc = "What it is for."},
	[KEY_DESCRIPTION] = {"description", FIELD_TEXT, 0, TEXT_BYTES_MAX, .doc = "More about it."},
	[KEY_ROLE] =
		{"role", FIELD_TEXT, FIELD_COLUMN, CALLER_ROLE_MAX - 1,
		 .doc = "What it may do: owner, admin, member, viewer, or one of the tenant's own. Default member."},
	[KEY_USER] = {"user_id", FIELD_TEXT, FIELD_AT_BIRTH, ID_LEN,
		      .doc = "The user or service account whose it is; empty: the tenant's."},
	[KEY_SCOPES] = {"scopes", FIELD_WORDS, 0, 32, "mcp:read mcp:tools api",
			.doc = "What it may be used for; none: everything."},
	[KEY_TOOLSETS] = {"toolsets", FIELD_WORDS, 0, 64, .doc = "What it is narrowed to; none: nothing."},
	[KEY_STATE] = {"state", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .among = "live rotated expired revoked",
		       .doc = "rotated: it works until it expires, its successor is there."},
	[KEY_SUCCESSOR] = {"successor_id", FIELD_TEXT, FIELD_READ_ONLY, .doc = "The key that it was rotated to."},
	[KEY_CREATED] = {"created_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was made."},
	[KEY_CHANGED] = {"changed_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was last changed."},
	[KEY_EXPIRES] = {"expires_at", FIELD_TIME, FIELD_COLUMN,
			 .doc = "When it ends; left out: as the configuration says."},
	[KEY_REVOKED] = {"revoked_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was revoked."},
	[KEY_LAST_USED] = {"last_used_at", FIELD_TIME, FIELD_READ_ONLY | FIELD_VOLATILE | FIELD_COLUMN,
			   .doc = "When it was last used, to the minute."},
	[KEY_KEY] = {"key", FIELD_TEXT, FIELD_READ_ONLY | FIELD_SHOWN_ONCE,
		     .doc = "The key itself. It is in this answer only: Gatehouse keeps no copy."},
};

static const char *state_of(const struct api_key *key, int64_t now_ms)
{
	if (key->revoked_ms != 0)
		return "revoked";
	if (key->expires_ms != 0 && key->expires_ms <= now_ms)
		return "expired";
	return key->successor.n > 0 ? "rotated" : "live";
}

static void key_object(const struct work *work, const struct api_key *key, struct object *ret_object)
{
	struct arena *arena = work->arena;

	*ret_object = (struct object){.id = key->id, .tenant_id = key->tenant_id, .changed_ms = key->changed_ms};
	ret_object->at[KEY_ID] = value_text(key->id);
	ret_object->at[KEY_HINT] = value_text(key->hint);
	ret_object->at[KEY_NAME] = value_text(key->name);
	ret_object->at[KEY_DESCRIPTION] = value_text(key->description);
	ret_object->at[KEY_ROLE] = value_text(key->role);
	ret_object->at[KEY_USER] = value_text(key->user_id);
	ret_object->at[KEY_SCOPES] = value_words(arena, key->scopes);
	ret_object->at[KEY_TOOLSETS] = value_words(arena, key->toolsets);
	ret_object->at[KEY_STATE] = value_text(str_of(state_of(key, work->call->now_ms)));
	ret_object->at[KEY_SUCCESSOR] = value_text(key->successor);
	ret_object->at[KEY_CREATED] = value_number(key->created_ms);
	ret_object->at[KEY_CHANGED] = value_number(key->changed_ms);
	ret_object->at[KEY_EXPIRES] = value_number(key->expires_ms);
	ret_object->at[KEY_REVOKED] = value_number(key->revoked_ms);
	ret_object->at[KEY_LAST_USED] = value_number(key->last_used_ms);
}

AWAITS static enum err keys_list(struct work *work, struct page *page, struct object **ret_objects, size_t *ret_count)
{
	struct object *objects;
	struct api_key *keys;
	size_t count;

	TRY(api_key_page(work->portal->spec.db, work->arena, work->tenant.id, page->after, page->limit, &keys, &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		key_object(work, &keys[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

AWAITS static enum err keys_get(struct work *work, struct str id, struct object *ret_object)
{
	struct api_key key;

	TRY(api_key_get(work->portal->spec.db, work->tenant.id, work->arena, id, &key));
	key_object(work, &key, ret_object);
	return OK;
}

/* Whose key it is must be one of this tenant, and no mightier than who makes the key. */
AWAITS static enum err check_user(struct work *work, struct str user_id)
{
	struct user user;
	enum err err;

	if (user_id.n == 0)
		return OK;
	err = user_get(work->portal->spec.db, work->tenant.id, work->arena, user_id, &user);
	if (err == ERR_NOT_FOUND || (err == OK && !str_eq(user.tenant_id, work->tenant.id)))
		return work_fail(work, ERR_API_FIELD, "/user_id", "there is no such user in this tenant");
	TRY(err);
	return role_touchable(work, user.role);
}

/* What the configuration says about lives of keys. */
static enum err check_expiry(struct work *work, struct value *expires)
{
	const struct identity_settings *settings = work->call->settings;
	int64_t life_ms = settings == NULL ? 0 : settings->key_life_ms,
		life_ms_max = settings == NULL ? 0 : settings->key_life_ms_max, now_ms = work->call->now_ms;

	if (!expires->given && life_ms > 0)
		*expires = value_number(now_ms + life_ms);
	if (expires->number != 0 && expires->number <= now_ms)
		return work_fail(work, ERR_API_FIELD, "/expires_at", "must be later than now");
	if (life_ms_max > 0 && (expires->number == 0 || expires->number > now_ms + life_ms_max))
		return work_fail(work, ERR_API_FIELD, "/expires_at", "must be within %lld days: see keys.life_max",
				 (long long)(life_ms_max / (24 * 3600 * 1000)));
	return OK;
}

AWAITS static enum err key_take(struct work *work, struct object *object, struct api_key *key)
{
	struct str role = object->at[KEY_ROLE].text;

	key->role = role.n == 0 ? STR("member") : role;
	TRY(role_grantable(work, key->role));
	key->name = object->at[KEY_NAME].text;
	key->description = object->at[KEY_DESCRIPTION].text;
	key->scopes = words_spaced(work->arena, object->at[KEY_SCOPES].text);
	key->toolsets = words_spaced(work->arena, object->at[KEY_TOOLSETS].text);
	if (key->toolsets.n >= CALLER_TOOLSETS_MAX)
		return work_fail(work, ERR_API_FIELD, "/toolsets", "must have less than %d bytes together",
				 CALLER_TOOLSETS_MAX);
	key->expires_ms = object->at[KEY_EXPIRES].number;
	return narrowing_grantable(work, key->scopes, key->toolsets);
}

/* Fill in what makes a row a new key. */
static void key_make(struct work *work, struct api_key *key, char raw[API_KEY_TEXT_LEN + 1])
{
	char *id = arena_alloc(work->arena, ID_LEN + 1);

	random_id(id);
	identity_key_fresh(work->portal->spec.api_key, raw, key->mac);
	key->id = (struct str){id, ID_LEN};
	key->hint = arena_str(work->arena, (struct str){raw, API_KEY_HINT_LEN});
	key->tenant_id = work->tenant.id;
	key->created_ms = work->call->now_ms;
}

AWAITS static enum err show_fresh(struct work *work, struct str id, char raw[API_KEY_TEXT_LEN + 1],
				  struct object *ret_object)
{
	TRY(keys_get(work, id, ret_object));
	ret_object->at[KEY_KEY] = value_text(arena_str(work->arena, (struct str){raw, API_KEY_TEXT_LEN}));
	crypto_wipe(raw, API_KEY_TEXT_LEN);
	return OK;
}

AWAITS static enum err keys_create(struct work *work, struct object *object)
{
	struct api_key key = {.user_id = object->at[KEY_USER].text};
	char raw[API_KEY_TEXT_LEN + 1];

	TRY(check_user(work, key.user_id));
	TRY(check_expiry(work, &object->at[KEY_EXPIRES]));
	TRY(key_take(work, object, &key));
	key_make(work, &key, raw);
	TRY(api_key_insert(work->portal->spec.db, &key));
	return show_fresh(work, key.id, raw, object);
}

/* What a key may do already must be within what the caller could give it: else they could wait and widen it. */
AWAITS static enum err check_touchable(struct work *work, const struct object *before)
{
	TRY(role_touchable(work, before->at[KEY_ROLE].text));
	return narrowing_grantable(work, words_spaced(work->arena, before->at[KEY_SCOPES].text),
				   words_spaced(work->arena, before->at[KEY_TOOLSETS].text));
}

AWAITS static enum err keys_update(struct work *work, const struct object *before, struct object *after)
{
	struct api_key key = {.id = before->id, .tenant_id = before->tenant_id, .changed_ms = work->call->now_ms};

	TRY(check_touchable(work, before));
	if (after->at[KEY_EXPIRES].number != before->at[KEY_EXPIRES].number) {
		after->at[KEY_EXPIRES].given = true;
		TRY(check_expiry(work, &after->at[KEY_EXPIRES]));
	}
	TRY(key_take(work, after, &key));
	return api_key_update(work->portal->spec.db, &key, before->changed_ms);
}

AWAITS static enum err keys_remove(struct work *work, const struct object *before)
{
	TRY(role_touchable(work, before->at[KEY_ROLE].text));
	return api_key_revoke(work->portal->spec.db, work->tenant.id, before->id, work->call->now_ms);
}

/* --- rotation --- */

enum { ROTATE_GRACE, ROTATE_EXPIRES };
static const struct field rotate_fields[] = {
	[ROTATE_GRACE] = {"grace_s", FIELD_NUMBER, FIELD_NULLABLE, GRACE_S_MAX,
			  .doc = "How long the old key still works; left out: as the configuration says."},
	[ROTATE_EXPIRES] = {"expires_at", FIELD_TIME, .doc = "When the new key ends; left out: as for a new key."},
};

AWAITS static enum err keys_rotate(struct work *work, const struct object *before, const struct object *input,
				   struct object *ret_after)
{
	const struct identity_settings *settings = work->call->settings;
	int64_t grace_ms = settings == NULL || settings->key_grace_ms == 0 ? GRACE_MS : settings->key_grace_ms;
	struct object wanted = *before;
	struct api_key key = {.user_id = before->at[KEY_USER].text};
	char raw[API_KEY_TEXT_LEN + 1];
	enum err err;

	if (input->at[ROTATE_GRACE].given)
		grace_ms = input->at[ROTATE_GRACE].number * 1000;
	wanted.at[KEY_EXPIRES] = input->at[ROTATE_EXPIRES];
	TRY(check_expiry(work, &wanted.at[KEY_EXPIRES]));
	TRY(check_touchable(work, before));
	TRY(key_take(work, &wanted, &key));
	key_make(work, &key, raw);
	err = api_key_rotate(work->portal->spec.db, before->id, work->call->now_ms + grace_ms, &key);
	if (err == ERR_NOT_FOUND)
		return work_fail(work, ERR_EXISTS, NULL, "only a live key that was not rotated before can be rotated");
	TRY(err);
	return show_fresh(work, key.id, raw, ret_after);
}

static const struct action key_actions[] = {
	{"rotate", "Make a successor; both work until the grace period ends. The answer is the new key.",
	 "make a successor and print it; both work until the grace period ends", "rotated", rotate_fields,
	 ARRAY_LEN(rotate_fields), .run = keys_rotate},
};

const struct resource resource_keys = {
	.path = "keys",
	.noun = "key",
	.about = "API keys. A key is in the answer that makes it, and nowhere else.",
	.read = PERMISSION_KEYS_MANAGE,
	.write = PERMISSION_KEYS_MANAGE,
	.event = "api_key",
	.removed = "revoked",
	.fields = key_fields,
	.field_count = ARRAY_LEN(key_fields),
	.actions = key_actions,
	.action_count = ARRAY_LEN(key_actions),
	.list = keys_list,
	.get = keys_get,
	.create = keys_create,
	.update = keys_update,
	.remove = keys_remove,
};
