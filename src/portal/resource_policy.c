/* Roles of a tenant's own and the rules of its policy. What they mean the policy room knows: a document that it does
 * not compile is refused here, with its own words. Nobody makes a role that allows more than their own. */
#include "base/random.h"
#include "portal/table.h"
#include "store/policy_rule.h"
#include "store/role.h"

enum { ROLE_FIELD_NAME, ROLE_FIELD_DESCRIPTION, ROLE_FIELD_PERMISSIONS, ROLE_FIELD_CREATED, ROLE_FIELD_CHANGED };

static const struct field role_fields[] = {
	[ROLE_FIELD_NAME] = {"name", FIELD_TEXT, FIELD_AT_BIRTH | FIELD_NEEDED | FIELD_COLUMN, CALLER_ROLE_MAX - 1,
			     .doc = "Its id too: a-z 0-9 - _, and none of owner, admin, member, viewer."},
	[ROLE_FIELD_DESCRIPTION] = {"description", FIELD_TEXT, FIELD_COLUMN, TEXT_BYTES_MAX, .doc = "For people."},
	[ROLE_FIELD_PERMISSIONS] = {"permissions", FIELD_WORDS, FIELD_NEEDED | FIELD_COLUMN, NAME_BYTES_MAX,
				    .doc = "Such as keys:manage, users:*, tools:call:billing.*"},
	[ROLE_FIELD_CREATED] = {"created_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was made."},
	[ROLE_FIELD_CHANGED] = {"changed_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was last changed."},
};

static void role_object(const struct role_row *role, struct object *ret_object)
{
	*ret_object = (struct object){.id = role->name, .tenant_id = role->tenant_id, .changed_ms = role->changed_ms};
	ret_object->at[ROLE_FIELD_NAME] = value_text(role->name);
	ret_object->at[ROLE_FIELD_DESCRIPTION] = value_text(role->description);
	ret_object->at[ROLE_FIELD_PERMISSIONS] = value_text(role->permissions);
	ret_object->at[ROLE_FIELD_CREATED] = value_number(role->created_ms);
	ret_object->at[ROLE_FIELD_CHANGED] = value_number(role->changed_ms);
}

AWAITS static enum err roles_list(struct work *work, struct page *page, struct object **ret_objects, size_t *ret_count)
{
	struct object *objects;
	struct role_row *roles;
	size_t count;

	TRY(role_list(work->portal->spec.db, work->arena, work->tenant.id, page->after, page->limit, &roles, &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count; i++)
		role_object(&roles[i], &objects[i]);
	*ret_objects = objects;
	*ret_count = count;
	return OK;
}

AWAITS static enum err roles_get(struct work *work, struct str id, struct object *ret_object)
{
	struct role_row role;

	TRY(role_get(work->portal->spec.db, work->arena, work->tenant.id, id, &role));
	role_object(&role, ret_object);
	return OK;
}

static bool is_plain_name(struct str name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '-' && c != '_')
			return false;
	}
	return name.n > 0;
}

AWAITS static enum err check_permissions(struct work *work, struct str permissions)
{
	struct str words[WORDS_MAX];
	size_t count = words_of(work->arena, permissions, words);

	for (size_t i = 0; i < count; i++)
		if (!permission_is_known(words[i]))
			return work_fail(work, ERR_API_FIELD, arena_fmt(work->arena, "/permissions/%zu", i).p,
					 "there is no permission \"%.*s\"", STR_ARG(words[i]));
	return permissions_grantable(work, permissions);
}

AWAITS static enum err roles_create(struct work *work, struct object *object)
{
	struct role_row role = {
		.tenant_id = work->tenant.id,
		.name = object->at[ROLE_FIELD_NAME].text,
		.description = value_text(object->at[ROLE_FIELD_DESCRIPTION].text).text,
		.permissions = object->at[ROLE_FIELD_PERMISSIONS].text,
		.created_ms = work->call->now_ms,
	};
	enum err err;

	if (!is_plain_name(role.name) || role_of(role.name) != ROLE_NONE)
		return work_fail(work, ERR_API_FIELD, "/name", "must be of a-z 0-9 - _, and no built-in role");
	TRY(check_permissions(work, role.permissions));
	err = role_insert(work->portal->spec.db, &role);
	if (err == ERR_EXISTS)
		return work_fail(work, err, "/name", "there is a role of this name already");
	TRY(err);
	return roles_get(work, role.name, object);
}

AWAITS static enum err roles_update(struct work *work, const struct object *before, struct object *after)
{
	const struct role_row role = {
		.tenant_id = work->tenant.id,
		.name = before->id,
		.description = after->at[ROLE_FIELD_DESCRIPTION].text,
		.permissions = after->at[ROLE_FIELD_PERMISSIONS].text,
		.changed_ms = work->call->now_ms,
	};

	TRY(permissions_grantable(work, before->at[ROLE_FIELD_PERMISSIONS].text));
	TRY(check_permissions(work, role.permissions));
	return role_update(work->portal->spec.db, &role, before->changed_ms);
}

AWAITS static enum err roles_remove(struct work *work, const struct object *before)
{
	TRY(permissions_grantable(work, before->at[ROLE_FIELD_PERMISSIONS].text));
	return role_delete(work->portal->spec.db, work->tenant.id, before->id);
}

const struct resource resource_roles = {
	.path = "roles",
	.noun = "role",
	.about = "Roles of the tenant's own, beside owner, admin, member and viewer: sets of permissions.",
	.read = PERMISSION_USERS_READ,
	.write = PERMISSION_ROLES_MANAGE,
	.event = "role",
	.fields = role_fields,
	.field_count = ARRAY_LEN(role_fields),
	.list = roles_list,
	.get = roles_get,
	.create = roles_create,
	.update = roles_update,
	.remove = roles_remove,
};

/* --- rules --- */

enum { RULE_ID, RULE_NAME, RULE_POSITION, RULE_DOCUMENT, RULE_CREATED, RULE_CHANGED };
#define POSITION_MAX 1000000000

static const struct field rule_fields[] = {
	[RULE_ID] = {"id", FIELD_TEXT, FIELD_READ_ONLY | FIELD_COLUMN, .doc = "Never changes."},
	[RULE_NAME] = {"name", FIELD_TEXT, FIELD_NEEDED | FIELD_COLUMN, 64, .doc = "Refused callers are told it."},
	[RULE_POSITION] = {"position", FIELD_NUMBER, FIELD_NULLABLE | FIELD_COLUMN, POSITION_MAX,
			   .doc = "Smaller is asked first; left out: after all there are."},
	[RULE_DOCUMENT] = {"document", FIELD_JSON, FIELD_NEEDED, POLICY_DOCUMENT_BYTES_MAX,
			   .doc = "The rule: see doc/guides/policy.md."},
	[RULE_CREATED] = {"created_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was made."},
	[RULE_CHANGED] = {"changed_at", FIELD_TIME, FIELD_READ_ONLY, .doc = "When it was last changed."},
};

static void rule_object(struct arena *arena, const struct policy_rule *rule, struct object *ret_object)
{
	*ret_object = (struct object){.id = rule->id, .tenant_id = rule->tenant_id, .changed_ms = rule->changed_ms};
	ret_object->after = arena_fmt(arena, "%lld %.*s", (long long)rule->position, STR_ARG(rule->id));
	ret_object->at[RULE_ID] = value_text(rule->id);
	ret_object->at[RULE_NAME] = value_text(rule->name);
	ret_object->at[RULE_POSITION] = value_number(rule->position);
	ret_object->at[RULE_DOCUMENT] = value_text(rule->document);
	ret_object->at[RULE_CREATED] = value_number(rule->created_ms);
	ret_object->at[RULE_CHANGED] = value_number(rule->changed_ms);
}

/* Whether a rule comes after the place "position id" where a page ended. */
static bool is_after(const struct policy_rule *rule, struct str place)
{
	struct str number, id;
	int64_t position;

	if (!str_cut(place, ' ', &number, &id) || str_to_i64(number, &position) != OK)
		return true;
	return rule->position > position || (rule->position == position && str_cmp(rule->id, id) > 0);
}

AWAITS static enum err rules_list(struct work *work, struct page *page, struct object **ret_objects, size_t *ret_count)
{
	struct policy_rule *rules;
	struct object *objects;
	size_t count, taken = 0;

	TRY(policy_rule_list(work->portal->spec.db, work->arena, work->tenant.id, &rules, &count));
	objects = arena_alloc(work->arena, (count + 1) * sizeof(*objects));
	for (size_t i = 0; i < count && taken < page->limit; i++)
		if (is_after(&rules[i], page->after))
			rule_object(work->arena, &rules[i], &objects[taken++]);
	*ret_objects = objects;
	*ret_count = taken;
	return OK;
}

AWAITS static enum err rules_get(struct work *work, struct str id, struct object *ret_object)
{
	struct policy_rule rule;

	TRY(policy_rule_get(work->portal->spec.db, work->tenant.id, work->arena, id, &rule));
	rule_object(work->arena, &rule, ret_object);
	return OK;
}

/* Compiling a rule's schema takes a while: it is done on a worker thread. */
struct rule_check {
	struct policy_document document;
	struct buf problem;
};

static enum err check_rule_work(void *arg)
{
	struct rule_check *check = arg;
	const struct policy_source source = {.rules = &check->document, .rule_count = 1};
	AUTO(policy) *policy = NULL;

	return policy_compile(&source, &check->problem, &policy);
}

AWAITS static enum err check_rule(struct work *work, const struct policy_rule *rule)
{
	struct rule_check check = {.document = {.name = rule->name, .text = rule->document}};
	enum err err = work_run(check_rule_work, &check);

	if (err == ERR_CONFIG || err == ERR_LIMIT)
		err = work_fail(work, ERR_API_FIELD, "/document", "%.*s", STR_ARG(buf_str(&check.problem)));
	buf_free(&check.problem);
	return err;
}

static void rule_take(const struct object *object, struct policy_rule *rule)
{
	rule->name = object->at[RULE_NAME].text;
	rule->document = object->at[RULE_DOCUMENT].text;
	rule->position = object->at[RULE_POSITION].given ? object->at[RULE_POSITION].number : POLICY_RULE_LAST;
}

static enum err rule_exists(struct work *work, enum err err)
{
	return err == ERR_EXISTS ? work_fail(work, err, "/name", "there is a rule of this name already") : err;
}

AWAITS static enum err rules_create(struct work *work, struct object *object)
{
	char *id = arena_alloc(work->arena, ID_LEN + 1);
	struct policy_rule rule = {.tenant_id = work->tenant.id, .created_ms = work->call->now_ms};

	rule_take(object, &rule);
	TRY(check_rule(work, &rule));
	random_id(id);
	rule.id = (struct str){id, ID_LEN};
	TRY(rule_exists(work, policy_rule_insert(work->portal->spec.db, &rule)));
	return rules_get(work, rule.id, object);
}

AWAITS static enum err rules_update(struct work *work, const struct object *before, struct object *after)
{
	struct policy_rule rule = {.id = before->id, .tenant_id = before->tenant_id, .changed_ms = work->call->now_ms};

	rule_take(after, &rule);
	TRY(check_rule(work, &rule));
	return rule_exists(work, policy_rule_update(work->portal->spec.db, &rule, before->changed_ms));
}

AWAITS static enum err rules_remove(struct work *work, const struct object *before)
{
	return policy_rule_delete(work->portal->spec.db, work->tenant.id, before->id);
}

const struct resource resource_rules = {
	.path = "rules",
	.noun = "rule",
	.about = "Rules of the tenant's policy, in the order in which they are asked: the first that matches decides.",
	.read = PERMISSION_POLICY_READ,
	.write = PERMISSION_POLICY_MANAGE,
	.event = "rule",
	.fields = rule_fields,
	.field_count = ARRAY_LEN(rule_fields),
	.list = rules_list,
	.get = rules_get,
	.create = rules_create,
	.update = rules_update,
	.remove = rules_remove,
};
