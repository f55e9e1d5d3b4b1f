/* OAuth clients and grants. A tenant sees the clients it has made and those its people have agreed to; of the latter,
 * which registered themselves for everybody, it can only revoke the grants. */
#include "base/random.h"
#include "portal/table.h"
#include "store/oauth_client.h"
#include "store/oauth_grant.h"
#include "store/user.h"

#define SECRET_RANDOM_BYTES 32
#define GRANT_TYPES "authorization_code refresh_token client_credentials urn:ietf:params:oauth:grant-type:jwt-bearer"

enum {
	CLIENT_ID,
	CLIENT_NAME,
	CLIENT_KIND,
	CLIENT_USER,
	CLIENT_REDIRECTS,
	CLIENT_GRANT_TYPES,
	CLIENT_AUTH,
	CLIENT_JWKS,
	CLIENT_JWKS_URI,
	CLIENT_SCOPES,
	CLIENT_DISABLED,
	CLIENT_CREATED,
	CLIENT_CHANGED,
	CLIENT_LAST_USED,
	CLIENT_SECRET,
};

static const struct field client_fields[] = {
	[CLIENT_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "The client_id."},
	[CLIENT_NAME] = {"name", FIELD_TEXT, FIELD_NEEDED | FIELD_COLUMN, NAME_BYTES_MAX, .doc = "People agree to it."},
	[CLIENT_KIND] = {"kind", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .among = "manual registered document",
			 .doc = "Made here, registered by itself, or known by its document."},
	[CLIENT_USER] = {"user_id", FIELD_TEXT, 0, ID_LEN,
			 .doc = "The service account that it is with client_credentials; else empty."},
	[CLIENT_REDIRECTS] = {"redirect_uris", FIELD_WORDS, 0, 2048, .doc = "Where people are sent back to."},
	[CLIENT_GRANT_TYPES] = {"grant_types", FIELD_WORDS, 0, 64, GRANT_TYPES, .doc = "Default authorization_code."},
	[CLIENT_AUTH] = {"auth_method", FIELD_TEXT, FIELD_AT_BIRTH, 32,
			 "none client_secret_basic client_secret_post private_key_jwt",
			 .doc = "How it proves who it is. Default none. With a secret, the answer holds it, once."},
	[CLIENT_JWKS] = {"jwks", FIELD_JSON, 0, 16384, .doc = "Its public keys, for private_key_jwt."},
	[CLIENT_JWKS_URI] = {"jwks_uri", FIELD_TEXT, 0, 2048, .doc = "Or where they are."},
	[CLIENT_SCOPES] = {"scopes", FIELD_WORDS, 0, 32, "mcp:read mcp:tools api",
			   .doc = "What it may ask for; none: anything."},
	[CLIENT_DISABLED] = {"disabled", FIELD_FLAG, FIELD_COLUMN, .doc = "Neither it nor its tokens get in."},
	[CLIENT_CREATED] = {"created_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was made."},
	[CLIENT_CHANGED] = {"changed_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was last changed."},
	[CLIENT_LAST_USED] = {"last_used_at", FIELD_TIME, FIELD_READ_ONLY | FIELD_VOLATILE | FIELD_COLUMN,
			      .doc = "When it was last used."},
	[CLIENT_SECRET] = {"secret", FIELD_TEXT, FIELD_READ_ONLY | FIELD_SHOWN_ONCE,
			   .doc = "Its secret. It is in this answer only: Gatehouse keeps no copy."},
};

/* Clients of nobody's that this tenant's people use appear as the tenant's: who changes them is checked there. */
static void client_object(const struct work *work, const struct oauth_client *client, struct object *ret_object)
{
	*ret_object = (struct object){.id = client->id, .changed_ms = client->changed_ms};
	ret_object->tenant_id = client->tenant_id.n > 0 ? client->tenant_id : work->tenant.id;
	ret_object->at[CLIENT_ID] = value_text(client->id);
	ret_object->at[CLIENT_NAME] = value_text(client->name);
	ret_object->at[CLIENT_KIND] = value_text(client->kind);
	ret_object->at[CLIENT_USER] = value_text(client->user_id);
	ret_object->at[CLIENT_REDIRECTS] = value_text(client->redirect_uris);
	ret_object->at[CLIENT_GRANT_TYPES] = value_text(client->grant_types);
	ret_object->at[CLIENT_AUTH] = value_text(client->auth_method);
	ret_object->at[CLIENT_JWKS] = value_text(client->jwks);
	ret_object->at[CLIENT_JWKS_URI] = value_text(client->jwks_uri);
	ret_object->at[CLIENT_SCOPES] = value_words(work->arena, client->scope);
	ret_object->at[CLIENT_DISABLED] = value_number(client->disabled);
	ret_object->at[CLIENT_CREATED] = value_number(client->created_ms);
	ret_object->at[CLIENT_CHANGED] = value_number(client->changed_ms);
	ret_object->at[CLIENT_LAST_USED] = value_number(client->last_used_ms);
}

AWAITS static enum err clients_list(struct work *work, struct page *page, struct object **ret_objects,
				    size_t *ret_count)
{
	struct oauth_client *clients;
	struct object *objects;
	size_t count;

	TRY(oauth_client_list(work->portal->spec.db, work->arena, work->tenant.id, page->after, page->limit, &clients,
			      &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		client_object(work, &clients[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

/* The list is what the tenant may see, and one object is a list of one: what lies between "...c" without its last
 * byte's successors and the id itself is the id alone. */
AWAITS static enum err clients_get(struct work *work, struct str id, struct object *ret_object)
{
	struct oauth_client *clients;
	struct str before;
	size_t count;

	if (id.n == 0 || (unsigned char)id.p[id.n - 1] <= ' ')
		return ERR_NOT_FOUND;
	before = arena_fmt(work->arena, "%.*s%c\xf4\x8f\xbf\xbf", (int)id.n - 1, id.p, id.p[id.n - 1] - 1);
	TRY(oauth_client_list(work->portal->spec.db, work->arena, work->tenant.id, before, 1, &clients, &count));
	if (count == 0 || !str_eq(clients[0].id, id))
		return ERR_NOT_FOUND;
	client_object(work, &clients[0], ret_object);
	return OK;
}

/* A client is as mighty as the account it is: that must be a service account here, and within the caller's reach. */
AWAITS static enum err check_account(struct work *work, struct str user_id)
{
	struct user user;
	enum err err;

	if (user_id.n == 0)
		return OK;
	err = user_get(work->portal->spec.db, work->tenant.id, work->arena, user_id, &user);
	if (err == ERR_NOT_FOUND ||
	    (err == OK && !(str_eq(user.tenant_id, work->tenant.id) && str_eq(user.kind, STR("service")))))
		return work_fail(work, ERR_API_FIELD, "/user_id", "there is no such service account in this tenant");
	TRY(err);
	return role_touchable(work, user.role);
}

static enum err check_redirects(struct work *work, struct str redirects)
{
	const struct identity_settings *settings = work->call->settings;
	struct str words[WORDS_MAX];
	size_t count = words_of(work->arena, redirects, words);

	for (size_t i = 0; i < count; i++)
		if (!work->portal->spec.check_redirect(words[i], settings == NULL ? NULL : settings->redirect_schemes,
						       settings == NULL ? 0 : settings->redirect_scheme_count))
			return work_fail(work, ERR_API_FIELD, arena_fmt(work->arena, "/redirect_uris/%zu", i).p,
					 "must be https, http on this machine, or a known private scheme");
	return OK;
}

AWAITS static enum err client_take(struct work *work, const struct object *object, struct oauth_client *client)
{
	struct str auth = object->at[CLIENT_AUTH].text, types = object->at[CLIENT_GRANT_TYPES].text;

	client->name = object->at[CLIENT_NAME].text;
	client->user_id = value_text(object->at[CLIENT_USER].text).text;
	client->redirect_uris = object->at[CLIENT_REDIRECTS].given ? object->at[CLIENT_REDIRECTS].text : STR("[]");
	client->grant_types = types.n > 0 ? types : STR("[\"authorization_code\"]");
	client->auth_method = auth.n > 0 ? auth : STR("none");
	client->jwks = value_text(object->at[CLIENT_JWKS].text).text;
	client->jwks_uri = value_text(object->at[CLIENT_JWKS_URI].text).text;
	client->scope = words_spaced(work->arena, object->at[CLIENT_SCOPES].text);
	client->disabled = object->at[CLIENT_DISABLED].number != 0;
	TRY(check_redirects(work, client->redirect_uris));
	TRY(check_account(work, client->user_id));
	if (memmem(client->grant_types.p, client->grant_types.n, "client_credentials", 18) != NULL &&
	    (client->user_id.n == 0 || str_eq(client->auth_method, STR("none"))))
		return work_fail(work, ERR_API_FIELD, "/grant_types",
				 "client_credentials needs a user_id and an auth_method");
	if (client->jwks_uri.n > 0 && !str_starts(client->jwks_uri, STR("https://")))
		return work_fail(work, ERR_API_FIELD, "/jwks_uri", "must be an https URL");
	return narrowing_grantable(work, client->scope, STR_NONE);
}

/* The secret, where the method takes one; only its MAC stays. */
static struct str make_secret(struct work *work, struct oauth_client *client)
{
	AUTO_BUF text = {0};
	struct str raw;

	if (!str_starts(client->auth_method, STR("client_secret_")))
		return STR_NONE;
	buf_put(&text, STR("ghs_"));
	random_text_put(&text, SECRET_RANDOM_BYTES);
	raw = arena_str(work->arena, buf_str(&text));
	oauth_client_secret_mac(work->portal->spec.oauth_key, raw, client->secret_mac);
	client->has_secret = true;
	crypto_wipe(text.p, text.n);
	return raw;
}

AWAITS static enum err clients_create(struct work *work, struct object *object)
{
	char *id = arena_alloc(work->arena, ID_LEN + 1);
	struct oauth_client client = {
		.tenant_id = work->tenant.id, .kind = STR("manual"), .created_ms = work->call->now_ms};
	struct str secret;

	client.changed_ms = client.created_ms;
	TRY(client_take(work, object, &client));
	secret = make_secret(work, &client);
	random_id(id);
	client.id = (struct str){id, ID_LEN};
	TRY(oauth_client_insert(work->portal->spec.db, &client));
	TRY(clients_get(work, client.id, object));
	if (secret.p != NULL)
		object->at[CLIENT_SECRET] = value_text(secret);
	return OK;
}

static enum err check_own(struct work *work, const struct object *before)
{
	if (str_eq(before->at[CLIENT_KIND].text, STR("manual")))
		return OK;
	return work_fail(work, ERR_FORBIDDEN, NULL,
			 "this client registered itself, for people of any tenant: revoke the grants it has here");
}

AWAITS static enum err clients_update(struct work *work, const struct object *before, struct object *after)
{
	struct oauth_client client = {
		.id = before->id, .tenant_id = before->tenant_id, .changed_ms = work->call->now_ms};

	TRY(check_own(work, before));
	TRY(check_account(work, before->at[CLIENT_USER].text));
	TRY(client_take(work, after, &client));
	return oauth_client_update(work->portal->spec.db, work->tenant.id, &client, before->changed_ms);
}

AWAITS static enum err clients_remove(struct work *work, const struct object *before)
{
	TRY(check_own(work, before));
	TRY(check_account(work, before->at[CLIENT_USER].text));
	return oauth_client_delete(work->portal->spec.db, work->tenant.id, before->id);
}

const struct resource resource_clients = {
	.path = "clients",
	.noun = "client",
	.about = "OAuth clients that the tenant has made, and those its people have agreed to.",
	.slashes = true,
	.read = PERMISSION_CLIENTS_MANAGE,
	.write = PERMISSION_CLIENTS_MANAGE,
	.event = "client",
	.fields = client_fields,
	.field_count = ARRAY_LEN(client_fields),
	.list = clients_list,
	.get = clients_get,
	.create = clients_create,
	.update = clients_update,
	.remove = clients_remove,
};

/* --- grants --- */

enum {
	GRANT_ID,
	GRANT_USER,
	GRANT_USER_NAME,
	GRANT_CLIENT,
	GRANT_CLIENT_NAME,
	GRANT_RESOURCE,
	GRANT_SCOPES,
	GRANT_CREATED,
	GRANT_EXPIRES,
	GRANT_REVOKED,
	GRANT_LAST_USED,
};

static const struct field grant_fields[] = {
	[GRANT_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Never changes."},
	[GRANT_USER] = {"user_id", FIELD_TEXT, FIELD_READ_ONLY, .doc = "Who agreed."},
	[GRANT_USER_NAME] = {"user_name", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Their name."},
	[GRANT_CLIENT] = {"client_id", FIELD_TEXT, FIELD_READ_ONLY, .doc = "To which client."},
	[GRANT_CLIENT_NAME] = {"client_name", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Its name."},
	[GRANT_RESOURCE] = {"resource", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "For which endpoint."},
	[GRANT_SCOPES] = {"scopes", FIELD_WORDS, FIELD_READ_ONLY, .doc = "For what."},
	[GRANT_CREATED] = {"created_at", FIELD_TIME, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "When."},
	[GRANT_EXPIRES] = {"expires_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it ends."},
	[GRANT_REVOKED] = {"revoked_at", FIELD_TIME, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "When it was revoked."},
	[GRANT_LAST_USED] = {"last_used_at", FIELD_TIME, FIELD_READ_ONLY | FIELD_VOLATILE, .doc = "When last used."},
};

static const struct field grant_filters[] = {
	{"user_id", FIELD_TEXT, 0, ID_LEN, .doc = "Only this user's."},
};

static void grant_object(const struct work *work, const struct oauth_grant *grant, struct object *ret_object)
{
	*ret_object = (struct object){.id = grant->id, .tenant_id = grant->tenant_id};
	ret_object->at[GRANT_ID] = value_text(grant->id);
	ret_object->at[GRANT_USER] = value_text(grant->user_id);
	ret_object->at[GRANT_USER_NAME] = value_text(grant->user_name);
	ret_object->at[GRANT_CLIENT] = value_text(grant->client_id);
	ret_object->at[GRANT_CLIENT_NAME] = value_text(grant->client_name);
	ret_object->at[GRANT_RESOURCE] = value_text(grant->resource);
	ret_object->at[GRANT_SCOPES] = value_words(work->arena, grant->scope);
	ret_object->at[GRANT_CREATED] = value_number(grant->created_ms);
	ret_object->at[GRANT_EXPIRES] = value_number(grant->expires_ms);
	ret_object->at[GRANT_REVOKED] = value_number(grant->revoked_ms);
	ret_object->at[GRANT_LAST_USED] = value_number(grant->last_used_ms);
}

AWAITS static enum err grants_list(struct work *work, struct page *page, struct object **ret_objects, size_t *ret_count)
{
	struct str user_id = value_text(page->filter->at[0].text).text;
	struct oauth_grant *grants;
	struct object *objects;
	size_t count;

	TRY(oauth_grant_list(work->portal->spec.db, work->arena, work->tenant.id, user_id, page->after, page->limit,
			     &grants, &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		grant_object(work, &grants[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

AWAITS static enum err grants_get(struct work *work, struct str id, struct object *ret_object)
{
	struct oauth_grant grant;

	TRY(oauth_grant_get(work->portal->spec.db, work->tenant.id, work->arena, id, &grant));
	grant_object(work, &grant, ret_object);
	return OK;
}

AWAITS static enum err grants_remove(struct work *work, const struct object *before)
{
	return oauth_grant_revoke(work->portal->spec.db, work->tenant.id, before->id, work->call->now_ms);
}

const struct resource resource_grants = {
	.path = "grants",
	.noun = "grant",
	.about = "What people of the tenant have let clients do. Removing one ends every token of it.",
	.read = PERMISSION_CLIENTS_MANAGE,
	.write = PERMISSION_CLIENTS_MANAGE,
	.event = "oauth",
	.removed = "token_revoked",
	.fields = grant_fields,
	.field_count = ARRAY_LEN(grant_fields),
	.filters = grant_filters,
	.filter_count = ARRAY_LEN(grant_filters),
	.list = grants_list,
	.get = grants_get,
	.remove = grants_remove,
};
