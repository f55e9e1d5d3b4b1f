/* Tenants and what a tenant is given: title, plan, limits, networks. Only the operator makes and disables tenants and
 * sets plans and limits; an owner may change the rest of their own. */
#include "portal/table.h"

#include "base/json.h"
#include "net/address.h"
#include "retention/retention.h"

enum { TENANT_ID, TENANT_NAME, TENANT_TITLE, TENANT_NETWORKS, TENANT_DISABLED, TENANT_CREATED, TENANT_CHANGED };

static const struct field tenant_fields[] = {
	[TENANT_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Never changes."},
	[TENANT_NAME] = {"name", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_NEEDED | FIELD_COLUMN, 63,
			 .doc = "1 to 63 of a-z 0-9 -; `self` is taken."},
	[TENANT_TITLE] = {"title", FIELD_TEXT, FIELD_COLUMN, NAME_BYTES_MAX, .doc = "For people."},
	[TENANT_NETWORKS] = {"networks", FIELD_WORDS, 0, 64,
			     .doc = "Prefixes it may be called from, such as 192.0.2.0/24; none: from anywhere."},
	[TENANT_DISABLED] = {"disabled", FIELD_FLAG, FIELD_COLUMN,
			     .doc = "Nobody of it gets in. The operator's to change."},
	[TENANT_CREATED] = {"created_at", FIELD_TIME, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "When it was made."},
	[TENANT_CHANGED] = {"changed_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was last changed."},
};

static void tenant_object(const struct tenant *tenant, struct object *ret_object)
{
	*ret_object = (struct object){.id = tenant->id, .changed_ms = tenant->changed_ms};
	ret_object->at[TENANT_ID] = value_text(tenant->id);
	ret_object->at[TENANT_NAME] = value_text(tenant->name);
	ret_object->at[TENANT_TITLE] = value_text(tenant->title);
	ret_object->at[TENANT_NETWORKS] = value_text(tenant->networks);
	ret_object->at[TENANT_DISABLED] = value_number(tenant->disabled);
	ret_object->at[TENANT_CREATED] = value_number(tenant->created_ms);
	ret_object->at[TENANT_CHANGED] = value_number(tenant->changed_ms);
}

/* The operator sees all of them, everybody else their own. */
AWAITS static enum err tenants_list(struct work *work, struct page *page, struct object **ret_objects,
				    size_t *ret_count)
{
	const struct caller *caller = work->call->caller;
	struct tenant own, *tenants = &own;
	struct object *objects;
	size_t count = 1;

	if (is_operator(work))
		TRY(tenant_page(work->portal->spec.db, work->arena, page->after, page->limit, &tenants, &count));
	else
		TRY(tenant_get(work->portal->spec.db, work->arena, str_of(caller->tenant_id), &own));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		tenant_object(&tenants[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

/* The path's tenant was found by name or id; it is read again, since it may just have been changed. */
AWAITS static enum err tenants_get(struct work *work, struct str id, struct object *ret_object)
{
	(void)id;
	TRY(tenant_get(work->portal->spec.db, work->arena, work->tenant.id, &work->tenant));
	tenant_object(&work->tenant, ret_object);
	return OK;
}

AWAITS static enum err check_networks(struct work *work, struct str networks)
{
	struct str words[WORDS_MAX];
	size_t count = words_of(work->arena, networks, words);
	struct prefix prefix;

	for (size_t i = 0; i < count; i++)
		if (prefix_parse(words[i], &prefix) != OK)
			return work_fail(work, ERR_API_FIELD, "/networks", "\"%.*s\" is no prefix such as 192.0.2.0/24",
					 STR_ARG(words[i]));
	return OK;
}

static void tenant_take(const struct object *object, int64_t now_ms, struct tenant *tenant)
{
	tenant->title = object->at[TENANT_TITLE].given ? object->at[TENANT_TITLE].text : STR("");
	tenant->networks = object->at[TENANT_NETWORKS].given ? object->at[TENANT_NETWORKS].text : STR("[]");
	tenant->disabled = object->at[TENANT_DISABLED].number != 0;
	tenant->changed_ms = now_ms;
}

AWAITS static enum err tenants_create(struct work *work, struct object *object)
{
	struct str name = object->at[TENANT_NAME].text;
	struct tenant tenant;
	enum err err;

	if (!is_operator(work))
		return work_fail(work, ERR_FORBIDDEN, NULL, "only the operator makes tenants");
	TRY(check_networks(work, object->at[TENANT_NETWORKS].text));
	err = str_eq(name, STR("self")) ? ERR_RPC_PARAMS
					: tenant_create(work->portal->spec.db, work->arena, name, &tenant);
	if (err == ERR_RPC_PARAMS)
		return work_fail(work, ERR_API_FIELD, "/name", "a name has 1 to 63 of a-z 0-9 -, and is not \"self\"");
	if (err == ERR_EXISTS)
		return work_fail(work, err, "/name", "there is a tenant of this name already");
	TRY(err);
	tenant_take(object, work->call->now_ms, &tenant);
	TRY(tenant_update(work->portal->spec.db, &tenant, tenant.created_ms));
	work->tenant = tenant;
	return tenants_get(work, tenant.id, object);
}

AWAITS static enum err tenants_update(struct work *work, const struct object *before, struct object *after)
{
	struct tenant tenant = work->tenant;

	if (after->at[TENANT_DISABLED].number != before->at[TENANT_DISABLED].number && !is_operator(work))
		return work_fail(work, ERR_FORBIDDEN, "/disabled", "only the operator disables tenants");
	TRY(check_networks(work, after->at[TENANT_NETWORKS].text));
	tenant_take(after, work->call->now_ms, &tenant);
	return tenant_update(work->portal->spec.db, &tenant, before->changed_ms);
}

/* Everything it owns goes with it. */
AWAITS static enum err tenants_remove(struct work *work, const struct object *before)
{
	enum err err;

	if (!is_operator(work))
		return work_fail(work, ERR_FORBIDDEN, NULL, "only the operator deletes tenants");
	err = retention_erase_tenant(work->portal->spec.db, before->id);
	return err == ERR_BUSY ? OK : err; /* it is done; only the log is not cleared yet */
}

const struct resource resource_tenants = {
	.path = "tenants",
	.noun = "tenant",
	.about = "Tenants: the customers of one installation. Everybody but the operator sees their own.",
	.top = true,
	.read = PERMISSION_TENANT_READ,
	.write = PERMISSION_TENANT_MANAGE,
	.event = "tenant",
	.fields = tenant_fields,
	.field_count = ARRAY_LEN(tenant_fields),
	.list = tenants_list,
	.get = tenants_get,
	.create = tenants_create,
	.update = tenants_update,
	.remove = tenants_remove,
};

/* --- limits --- */

enum { LIMIT_PLAN, LIMIT_TENANT_RATE, LIMIT_PRINCIPAL_RATE, LIMIT_MONTH, LIMIT_PRINCIPAL_MONTH, LIMITS };
#define RATE_MAX 10000000
#define MONTH_MAX 1000000000000

static const struct field limit_fields[] = {
	[LIMIT_PLAN] = {"plan", FIELD_TEXT, FIELD_COLUMN, 64,
			.doc = "A plan of the configuration whose limits hold where none is set here; empty: none."},
	[LIMIT_TENANT_RATE] = {"tenant_per_minute", FIELD_NUMBER, FIELD_NULLABLE | FIELD_COLUMN, RATE_MAX,
			       .doc = "Requests a minute, all of its callers together."},
	[LIMIT_PRINCIPAL_RATE] = {"principal_per_minute", FIELD_NUMBER, FIELD_NULLABLE | FIELD_COLUMN, RATE_MAX,
				  .doc = "Requests a minute of each user or key."},
	[LIMIT_MONTH] = {"tenant_per_month", FIELD_NUMBER, FIELD_NULLABLE | FIELD_COLUMN, MONTH_MAX,
			 .doc = "Calls a month, all of its callers together."},
	[LIMIT_PRINCIPAL_MONTH] = {"principal_per_month", FIELD_NUMBER, FIELD_NULLABLE | FIELD_COLUMN, MONTH_MAX,
				   .doc = "Calls a month of each user or key."},
};

/* The column is JSON with these fields but the plan, null ones left out. */
AWAITS static enum err limits_get(struct work *work, struct str id, struct object *ret_object)
{
	yyjson_val *root;

	(void)id;
	TRY(tenant_get(work->portal->spec.db, work->arena, work->tenant.id, &work->tenant));
	TRY(json_read(work->arena, work->tenant.limits, &root));
	*ret_object = (struct object){.tenant_id = work->tenant.id, .changed_ms = work->tenant.changed_ms};
	ret_object->at[LIMIT_PLAN] = value_text(work->tenant.plan);
	for (size_t i = LIMIT_PLAN + 1; i < LIMITS; i++)
		ret_object->at[i].given = json_int(json_get(root, limit_fields[i].name), &ret_object->at[i].number);
	return OK;
}

AWAITS static enum err limits_update(struct work *work, const struct object *before, struct object *after)
{
	struct tenant tenant = work->tenant;
	AUTO_BUF json = {0};

	if (!is_operator(work))
		return work_fail(work, ERR_FORBIDDEN, NULL, "only the operator sets limits");
	buf_put_byte(&json, '{');
	for (size_t i = LIMIT_PLAN + 1; i < LIMITS; i++)
		if (after->at[i].given)
			buf_put_fmt(&json, "%s\"%s\":%lld", json.n > 1 ? "," : "", limit_fields[i].name,
				    (long long)after->at[i].number);
	buf_put_byte(&json, '}');
	tenant.limits = buf_str(&json);
	tenant.plan = after->at[LIMIT_PLAN].text;
	tenant.changed_ms = work->call->now_ms;
	return tenant_update(work->portal->spec.db, &tenant, before->changed_ms);
}

const struct resource resource_limits = {
	.path = "limits",
	.noun = "limit",
	.about = "What a tenant and each of its callers may use. Null: the plan's limit holds, or the configuration's.",
	.singleton = true,
	.read = PERMISSION_TENANT_READ,
	.write = PERMISSION_TENANT_MANAGE,
	.event = "tenant",
	.fields = limit_fields,
	.field_count = ARRAY_LEN(limit_fields),
	.get = limits_get,
	.update = limits_update,
};

/* --- me --- */

enum { ME_PRINCIPAL, ME_USER, ME_TENANT, ME_TENANT_NAME, ME_ROLE, ME_CREDENTIAL, ME_SCOPES, ME_TOOLSETS, ME_EXPIRES };

static const struct field me_fields[] = {
	[ME_PRINCIPAL] = {"principal", FIELD_TEXT, FIELD_READ_ONLY, .doc = "Who limits and the audit trail mean."},
	[ME_USER] = {"user_id", FIELD_TEXT, FIELD_READ_ONLY, .doc = "The person or service account; empty: none."},
	[ME_TENANT] = {"tenant_id", FIELD_TEXT, FIELD_READ_ONLY, .doc = "Empty: the operator."},
	[ME_TENANT_NAME] = {"tenant", FIELD_TEXT, FIELD_READ_ONLY, .doc = "The tenant's name."},
	[ME_ROLE] = {"role", FIELD_TEXT, FIELD_READ_ONLY, .doc = "Built in, or the tenant's own."},
	[ME_CREDENTIAL] = {"credential", FIELD_TEXT, FIELD_READ_ONLY,
			   .among = "none operator key jwt token cookie certificate", .doc = "How they have shown it."},
	[ME_SCOPES] = {"scopes", FIELD_WORDS, FIELD_READ_ONLY, .doc = "What the credential may be used for."},
	[ME_TOOLSETS] = {"toolsets", FIELD_WORDS, FIELD_READ_ONLY, .doc = "What it is narrowed to; empty: nothing."},
	[ME_EXPIRES] = {"expires_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When the credential ends."},
};

static struct str credential_name(enum credential credential)
{
	struct str rest = str_of(me_fields[ME_CREDENTIAL].among), head = STR("");

	for (unsigned i = 0; i <= credential; i++)
		str_cut(rest, ' ', &head, &rest);
	return head;
}

AWAITS static enum err me_get(struct work *work, struct str id, struct object *ret_object)
{
	const struct caller *caller = work->call->caller;
	AUTO_BUF scopes = {0};

	(void)id;
	scopes_put(caller->scopes, &scopes);
	*ret_object = (struct object){0};
	ret_object->at[ME_PRINCIPAL] = value_text(str_of(caller->principal));
	ret_object->at[ME_USER] = value_text(str_of(caller->user_id));
	ret_object->at[ME_TENANT] = value_text((struct str){caller->tenant_id, strlen(caller->tenant_id)});
	ret_object->at[ME_TENANT_NAME] = value_text(str_of(caller->tenant_name));
	ret_object->at[ME_ROLE] = value_text(str_of(caller->role_name));
	ret_object->at[ME_CREDENTIAL] = value_text(credential_name(caller->credential));
	ret_object->at[ME_SCOPES] = value_words(work->arena, buf_str(&scopes));
	ret_object->at[ME_TOOLSETS] = value_words(work->arena, str_of(caller->toolsets));
	ret_object->at[ME_EXPIRES] = value_number(caller->expires_ms);
	return OK;
}

const struct resource resource_me = {
	.path = "me",
	.noun = "me",
	.about = "Who is asking, and what with.",
	.top = true,
	.singleton = true,
	.everybodys = true,
	.fields = me_fields,
	.field_count = ARRAY_LEN(me_fields),
	.get = me_get,
};
