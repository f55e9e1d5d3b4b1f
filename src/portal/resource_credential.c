/* Credentials for upstreams with `auth`: set, listed and removed here, and never shown. Setting one again replaces it:
 * who sets it need not know whether there was one. The text is sealed for its row before it is written, and wiped from
 * the request's memory. */
#include "base/check.h"
#include "base/log.h"
#include "base/random.h"
#include "connect/flow.h"
#include "portal/table.h"
#include "store/credential.h"
#include "store/sealed.h"
#include "store/user.h"
#include "vault/vault.h"

#define SECRET_BYTES_MAX (16 * 1024) /* what servers take in a header */
#define HINT_BYTES 4
#define HINTED_BYTES_MIN 24 /* of a shorter one the end would say too much */
#define SEALING_TRIES 3	    /* a key may be replaced while we seal */

enum {
	CRED_ID,
	CRED_UPSTREAM,
	CRED_USER,
	CRED_KIND,
	CRED_ACCOUNT,
	CRED_HINT,
	CRED_STATE,
	CRED_HEALTH,
	CRED_SECRET,
	CRED_EXPIRES,
	CRED_CREATED,
	CRED_CHANGED,
};

static const struct field credential_fields[] = {
	[CRED_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Never changes."},
	[CRED_UPSTREAM] =
		{"upstream", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_NEEDED | FIELD_COLUMN, 65,
		 .doc = "Name of the server it is for; one of several accounts of a connector: UPSTREAM.ACCOUNT."},
	[CRED_USER] = {"user", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_COLUMN, 254,
		       .doc = "Whose: id or email; empty: the tenant's, for all its callers."},
	[CRED_KIND] = {"kind", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN,
		       .doc = "`static`: somebody set it; `oauth`: an account that was connected."},
	[CRED_ACCOUNT] = {"account", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN,
			  .doc = "Of `oauth`: what the service calls it, where it says so."},
	[CRED_HINT] = {"hint", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN,
		       .doc = "How it ends, when it is long enough; to tell it from others."},
	[CRED_STATE] = {"state", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN | FIELD_VOLATILE,
			.doc = "`active`; `refused`: the server did not take it; `reauth_required`: it must be "
			       "connected again."},
	[CRED_HEALTH] =
		{"health", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN | FIELD_VOLATILE,
		 .doc = "Of connectors, as far as this process has seen: `ok`, `reconnect`, `unreachable`, "
			"`failing`; `unknown`: not looked at yet, which listing it begins. Empty: nothing can tell."},
	[CRED_SECRET] = {"secret", FIELD_TEXT, FIELD_WRITE_ONLY | FIELD_SECRET | FIELD_NEEDED, SECRET_BYTES_MAX,
			 .doc = "The token, key, or NAME:PASSWORD."},
	[CRED_EXPIRES] = {"expires_at", FIELD_TIME, FIELD_READ_ONLY | FIELD_VOLATILE,
			  .doc = "Of `oauth`: when its token ends; a new one is got before. null: it does not say."},
	[CRED_CREATED] = {"created_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was first set."},
	[CRED_CHANGED] = {"changed_at", FIELD_TIME, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "When it was last set."},
};

static const struct field credential_filters[] = {
	{"upstream", FIELD_TEXT, .max = 65, .doc = "For this server, or UPSTREAM.ACCOUNT."},
	{"user", FIELD_TEXT, .max = 254, .doc = "Of this user, by id or email; empty: the tenant's own."},
};

static struct str health_of(const struct work *work, const struct credential_row *row)
{
	const struct portal_spec *spec = &work->portal->spec;

	if (spec->account_health == NULL)
		return STR("");
	return str_of(spec->account_health(spec->account_health_arg, row->tenant_id, row->upstream, row->user_id));
}

static void credential_object(const struct work *work, const struct credential_row *row, struct object *ret_object)
{
	bool connected = str_eq(row->kind, STR("oauth"));

	*ret_object = (struct object){.id = row->id, .tenant_id = row->tenant_id, .changed_ms = row->changed_ms};
	ret_object->at[CRED_ID] = value_text(row->id);
	ret_object->at[CRED_UPSTREAM] = value_text(row->upstream);
	ret_object->at[CRED_USER] = value_text(row->user_id);
	ret_object->at[CRED_KIND] = value_text(row->kind);
	ret_object->at[CRED_ACCOUNT] = value_text(connected ? row->hint : STR(""));
	ret_object->at[CRED_HINT] = value_text(connected ? STR("") : row->hint);
	ret_object->at[CRED_STATE] = value_text(row->state);
	ret_object->at[CRED_HEALTH] = value_text(health_of(work, row));
	ret_object->at[CRED_EXPIRES] = value_number(row->expires_ms);
	ret_object->at[CRED_CREATED] = value_number(row->created_ms);
	ret_object->at[CRED_CHANGED] = value_number(row->changed_ms);
}

AWAITS static enum err credentials_list(struct work *work, struct page *page, struct object **ret_objects,
					size_t *ret_count)
{
	const struct value *filter = page->filter->at;
	struct str upstream = filter[0].given ? filter[0].text : STR_NONE, user_id = STR_NONE;
	struct credential_row *rows;
	struct object *objects;
	size_t count;

	if (filter[1].given)
		TRY(user_named(work, filter[1].text, &user_id));
	TRY(credential_list(work->portal->spec.db, work->arena, work->tenant.id, upstream, user_id, page->after,
			    page->limit, &rows, &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		credential_object(work, &rows[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

AWAITS static enum err credentials_get(struct work *work, struct str id, struct object *ret_object)
{
	struct credential_row row;

	TRY(credential_get(work->portal->spec.db, work->arena, work->tenant.id, id, &row));
	credential_object(work, &row, ret_object);
	return OK;
}

static struct str hint_of(struct arena *arena, struct str secret)
{
	if (secret.n < HINTED_BYTES_MIN)
		return STR("");
	return arena_fmt(arena, "...%.*s", STR_ARG(str_skip(secret, secret.n - HINT_BYTES)));
}

/* A row for it: the one that is there, or a new one. */
AWAITS static enum err find_row(struct work *work, struct str upstream, struct str user_id, bool *ret_is_new,
				struct credential_row *ret_row)
{
	enum err err = credential_find(work->portal->spec.db, work->arena, work->tenant.id, upstream, user_id, ret_row);
	char *id;

	*ret_is_new = err == ERR_NOT_FOUND;
	if (err != ERR_NOT_FOUND)
		return err;
	id = arena_alloc(work->arena, ID_LEN + 1);
	random_id(id);
	*ret_row = (struct credential_row){.id = {id, ID_LEN},
					   .tenant_id = work->tenant.id,
					   .upstream = upstream,
					   .user_id = user_id,
					   .created_ms = work->call->now_ms};
	return OK;
}

AWAITS static enum err seal_and_keep(struct work *work, struct str secret, bool is_new, struct credential_row *row)
{
	const struct vault_place place = {row->tenant_id, sealed_kind_name(SEALED_CREDENTIAL), row->id};
	const struct portal_spec *spec = &work->portal->spec;
	int64_t before_ms = row->changed_ms;
	AUTO_BUF sealed = {0};
	enum err err;

	TRY(vault_seal(spec->vault, &place, secret, &sealed));
	row->sealed = buf_str(&sealed);
	row->kind = STR("static");
	row->state = STR("active");
	row->hint = hint_of(work->arena, secret);
	row->changed_ms = work->call->now_ms;
	err = is_new ? credential_insert(spec->db, row) : credential_update(spec->db, row, before_ms);
	row->sealed = STR("");
	return err;
}

AWAITS static enum err credentials_set(struct work *work, struct object *object)
{
	struct str secret = object->at[CRED_SECRET].text, user_id;
	struct credential_row row;
	enum err err = ERR_NOT_FOUND;
	bool is_new;

	if (work->portal->spec.vault == NULL)
		return work_fail(work, ERR_FORBIDDEN, NULL, "credentials are not kept here");
	if (secret.n == 0 || str_has_control(secret))
		return work_fail(work, ERR_API_FIELD, "/secret", "it is empty, or has a line end or control character");
	TRY(user_named(work, object->at[CRED_USER].text, &user_id));
	/* Somebody may set the same one, or the data key may go, in the meantime. */
	for (int i = 0; i < SEALING_TRIES && (err == ERR_NOT_FOUND || err == ERR_EXISTS); i++) {
		TRY(find_row(work, object->at[CRED_UPSTREAM].text, user_id, &is_new, &row));
		err = seal_and_keep(work, secret, is_new, &row);
		if (err == ERR_NOT_FOUND)
			vault_forget(work->portal->spec.vault, work->tenant.id);
	}
	crypto_wipe((char *)(uintptr_t)secret.p, secret.n); /* the request's own copy */
	TRY(err);
	return credentials_get(work, row.id, object);
}

/* An account is ended at the service first, as far as that can be done: what is against it does not keep the row. */
AWAITS static enum err credentials_remove(struct work *work, const struct object *before)
{
	struct connect *connect = work->portal->spec.connect;
	struct str user_id = before->at[CRED_USER].text;
	AUTO_BUF problem = {0};
	enum err err;

	if (connect == NULL || !str_eq(before->at[CRED_KIND].text, STR("oauth")))
		return credential_delete(work->portal->spec.db, work->tenant.id, before->id);
	err = connect_end(connect, before->at[CRED_UPSTREAM].text, work->tenant.id, user_id, &problem);
	if (err == OK && problem.n > 0)
		log_warn("credential.not_revoked", LOG_STR("id", before->id), LOG_STR("problem", buf_str(&problem)));
	return err == ERR_CREDENTIAL_MISSING ? ERR_NOT_FOUND : err;
}

const struct resource resource_credentials = {
	.path = "credentials",
	.noun = "credential",
	.about = "What calls to servers with `auth` carry, for the tenant or a user. Setting one again replaces it; it "
		 "is "
		 "never shown.",
	.read = PERMISSION_UPSTREAMS_READ,
	.write = PERMISSION_UPSTREAMS_MANAGE,
	.event = "credential",
	.sets = true,
	.fields = credential_fields,
	.field_count = ARRAY_LEN(credential_fields),
	.filters = credential_filters,
	.filter_count = ARRAY_LEN(credential_filters),
	.list = credentials_list,
	.get = credentials_get,
	.create = credentials_set,
	.remove = credentials_remove,
};
