/* The question is asked of the store and the policy as they are now, not of any connection: who is looked up, a
 * caller is made as their credential would make it, and the policy judges. What hides a tool from its caller without
 * a word is said here in full; whoever can ask this is an operator. */
#include "gateway/why.h"

#include "base/clock.h"
#include "store/api_key.h"
#include "store/user.h"

#define WHY_ARENA_BYTES_MAX (16u * 1024 * 1024)

/* What is asked about, as far as it has been found out. */
struct why {
	struct arena *arena;
	const struct catalog *catalog;
	struct caller caller;
	bool revoked, held;
	enum offer_kind kind;
	const struct catalog_item *item; /* NULL: not in the catalog */
	struct str label;
};

static void set_text(char *out, size_t size, struct str text)
{
	size_t n = text.n < size ? text.n : size - 1;

	if (n > 0)
		memcpy(out, text.p, n);
	out[n] = '\0';
}

static void caller_of_key(const struct api_key *key, struct why *why)
{
	struct caller *caller = &why->caller;

	*caller = (struct caller){
		.credential = CREDENTIAL_KEY,
		.role = role_of(key->role),
		.scopes = key->scopes.n == 0 ? SCOPE_ALL : scopes_of(key->scopes),
	};
	set_text(caller->tenant_id, sizeof(caller->tenant_id), key->tenant_id);
	set_text(caller->tenant_name, sizeof(caller->tenant_name), key->tenant_name);
	set_text(caller->principal, sizeof(caller->principal), key->user_id.n > 0 ? key->user_id : key->id);
	set_text(caller->user_id, sizeof(caller->user_id), key->user_id);
	set_text(caller->role_name, sizeof(caller->role_name), key->role);
	set_text(caller->toolsets, sizeof(caller->toolsets), key->toolsets);
	why->revoked = key->revoked_ms != 0 || key->tenant_disabled ||
		       (key->expires_ms != 0 && key->expires_ms <= clock_wall_ms());
}

/* As a token with every scope would have it. */
static void caller_of_user(const struct user *user, struct why *why)
{
	struct caller *caller = &why->caller;

	*caller = (struct caller){.credential = CREDENTIAL_TOKEN, .role = role_of(user->role), .scopes = SCOPE_ALL};
	set_text(caller->tenant_id, sizeof(caller->tenant_id), user->tenant_id);
	set_text(caller->tenant_name, sizeof(caller->tenant_name), user->tenant_name);
	set_text(caller->principal, sizeof(caller->principal), user->id);
	set_text(caller->user_id, sizeof(caller->user_id), user->id);
	set_text(caller->role_name, sizeof(caller->role_name), user->role);
	why->revoked = user->disabled || user->tenant_disabled;
}

AWAITS static enum err find_by_email(struct db *db, struct str email, struct why *why, struct buf *problem)
{
	struct user *users;
	size_t count;

	TRY(user_find_email(db, why->arena, email, &users, &count));
	if (count > 1) {
		buf_put_fmt(problem, "%.*s is a user of several tenants; give the user's id", STR_ARG(email));
		return ERR_EXISTS;
	}
	if (count == 0)
		return ERR_NOT_FOUND;
	caller_of_user(&users[0], why);
	return OK;
}

AWAITS static enum err find_who(struct db *db, struct str who, struct why *why, struct buf *problem)
{
	struct api_key key;
	struct user user;
	enum err err = api_key_get(db, DB_ALL_TENANTS, why->arena, who, &key);

	if (err == OK)
		caller_of_key(&key, why);
	if (err != ERR_NOT_FOUND)
		return err;
	err = user_get(db, DB_ALL_TENANTS, why->arena, who, &user);
	if (err == OK)
		caller_of_user(&user, why);
	if (err != ERR_NOT_FOUND)
		return err;
	err = find_by_email(db, who, why, problem);
	if (err == ERR_NOT_FOUND)
		buf_put_fmt(problem, "there is no key and no user \"%.*s\"; `gatehouse key list` shows keys' ids",
			    STR_ARG(who));
	return err;
}

/* By the name that clients use, or by its label. */
static void find_item(struct why *why, struct str name)
{
	const struct catalog_view *all = &why->catalog->views[0];
	const struct catalog_item *held = map_get(&all->held, name);

	why->label = name;
	for (int kind = 0; kind < OFFER_KINDS && why->item == NULL; kind++) {
		const struct catalog_list *list = &all->list[kind];

		why->kind = (enum offer_kind)kind;
		why->item = catalog_find(all, why->kind, name);
		for (size_t i = 0; i < list->count && why->item == NULL; i++)
			if (str_eq(list->items[i]->label, name))
				why->item = list->items[i];
	}
	if (why->item == NULL) {
		why->kind = OFFER_TOOLS;
		why->held = held != NULL;
		why->item = held;
	}
	if (why->item != NULL)
		why->label = why->item->label;
}

/* Whether the credential's toolsets show it; p NULL: they do. */
static struct str toolset_reason(const struct why *why)
{
	struct str left = str_of(why->caller.toolsets), name;

	if (left.n == 0)
		return STR_NONE;
	while (left.n > 0 && why->catalog != NULL && why->item != NULL) {
		const struct catalog_view *view;

		str_cut(left, ' ', &name, &left);
		view = catalog_view(why->catalog, name);
		for (size_t i = 0; view != NULL && i < view->list[why->kind].count; i++)
			if (str_eq(view->list[why->kind].items[i]->label, why->label))
				return STR_NONE;
	}
	return arena_fmt(why->arena, "the key is narrowed to the toolsets %s, and none of them shows %.*s",
			 why->caller.toolsets, STR_ARG(why->label));
}

static struct str owner_reason(const struct why *why)
{
	struct str owner = why->item == NULL ? STR("") : upstream_owner(why->item->upstream);

	if (owner.n == 0 || str_eq(owner, str_of(why->caller.tenant_id)))
		return STR_NONE;
	return STR("its server belongs to another tenant");
}

static struct str standing_reason(const struct why *why)
{
	struct str reason;

	if (why->revoked)
		return STR("the credential is revoked, expired or disabled");
	if (why->catalog != NULL && why->item == NULL)
		return arena_fmt(why->arena, "no server offers %.*s now", STR_ARG(why->label));
	if (why->held)
		return STR("the tool is held back until it is accepted: `gatehouse catalog diff`");
	reason = owner_reason(why);
	return reason.p != NULL ? reason : toolset_reason(why);
}

static enum permission permission_for(enum offer_kind kind)
{
	if (kind == OFFER_TOOLS)
		return PERMISSION_TOOLS_CALL;
	return kind == OFFER_PROMPTS ? PERMISSION_PROMPTS_GET : PERMISSION_RESOURCES_READ;
}

static enum err judge(struct why *why, const struct policy *policy, const struct why_question *question,
		      struct policy_verdict *ret_verdict)
{
	struct policy_call call = {
		.subject = {.caller = &why->caller},
		.kind_permission = permission_for(why->kind),
		.label = why->label,
		.arguments = question->arguments,
		.now_ms = clock_wall_ms(),
	};
	struct str ip = question->ip.p == NULL ? STR("127.0.0.1") : question->ip;
	bool v6 = memchr(ip.p, ':', ip.n) != NULL;
	struct policy_match match;

	if (address_parse(arena_fmt(why->arena, v6 ? "[%.*s]:0" : "%.*s:0", STR_ARG(ip)), &call.subject.ip) != OK)
		return ERR_RPC_PARAMS;
	policy_match(policy, &call.subject, &match);
	if (question->arguments.p != NULL)
		return policy_judge_call(policy, &call, &match, why->arena, ret_verdict);
	policy_judge(policy, &why->caller, &match, call.kind_permission, why->label, why->arena, ret_verdict);
	return OK;
}

static void put_member(struct buf *out, const char *name, struct str value)
{
	if (value.n == 0)
		return;
	buf_put_fmt(out, ",\"%s\":", name);
	buf_put_json(out, value);
}

static void put_answer(const struct why *why, const struct policy_verdict *verdict, struct buf *out)
{
	static const char *const answers[] = {
		[POLICY_ALLOW] = "allow",
		[POLICY_REFUSE] = "refuse",
		[POLICY_DEPENDS] = "depends",
	};

	buf_put_fmt(out, "{\"ok\":true,\"answer\":\"%s\"", answers[verdict->answer]);
	put_member(out, "item", why->label);
	put_member(out, "name", why->item == NULL ? STR("") : why->item->name);
	put_member(out, "tenant", str_of(why->caller.tenant_name));
	put_member(out, "role", str_of(why->caller.role_name));
	put_member(out, "rule", verdict->rule);
	put_member(out, "reason", verdict->reason);
	put_member(out, "shadow", verdict->shadow);
	buf_put(out, STR("}\n"));
}

AWAITS enum err why_write(struct db *db, struct access *access, const struct catalog *catalog,
			  const struct why_question *question, struct buf *problem, struct buf *out)
{
	AUTO(arena) *arena = arena_new(WHY_ARENA_BYTES_MAX);
	struct why why = {.arena = arena, .catalog = catalog, .label = question->item};
	struct policy_verdict verdict = {.answer = POLICY_REFUSE};
	AUTO(policy) *policy = NULL;
	enum err err;

	TRY(find_who(db, question->who, &why, problem));
	if (catalog != NULL)
		find_item(&why, question->item);
	err = access_policy(access, str_of(why.caller.tenant_id), &policy);
	verdict.reason = standing_reason(&why);
	if (err == ERR_CONFIG)
		verdict.reason = STR("the tenant's roles and rules cannot be read: `gatehouse policy test` says why");
	else
		TRY(err);
	if (verdict.reason.p == NULL) {
		err = judge(&why, policy, question, &verdict);
		if (err != OK) {
			buf_put(problem, STR("the arguments must be JSON, the address one such as 192.0.2.1"));
			return ERR_RPC_PARAMS;
		}
	}
	put_answer(&why, &verdict, out);
	return OK;
}
