/* From callers to access classes, one table a loop. A connection asks once, and again when a generation has moved,
 * its caller is another one, or rules look at networks and its address is another one (behind a proxy). A class is
 * a few hundred bytes: what is large is made of it later, by visible.c, and shared by the loops.
 *
 * Who sees everything (a role that is good for all calls, no narrowing, no rules) is told apart here, once: for
 * them nothing is ever judged again. */
#include <stdlib.h>

#include "access/access.h"
#include "base/check.h"
#include "gateway/visible.h"

#define CLASS_MAGIC 0x41434c53u /* "ACLS" */

struct access_classes {
	struct map by_key;
	struct list by_use; /* the latest first */
	size_t count;
};

/* What tells classes apart. A policy is named by its address: the class holds it, so no other can have it. */
struct class_key {
	const struct policy *policy;
	struct policy_match match;
	unsigned scopes;
	enum role role;
	bool is_operator;
	char tenant_id[ID_LEN + 1]; /* whose upstreams and toolsets it may see */
	char role_name[CALLER_ROLE_MAX];
	char toolsets[CALLER_TOOLSETS_MAX];
};

struct access_classes *access_classes_new(void)
{
	struct access_classes *classes = calloc(1, sizeof(*classes));

	CHECK(classes != NULL);
	list_init(&classes->by_use);
	return classes;
}

static void class_leave(struct access_class *class)
{
	struct access_classes *table = class->table;

	(void)map_remove(&table->by_key, class->key);
	list_remove(&class->by_use);
	table->count--;
	class->table = NULL;
	visible_unref(class->visible);
	class->visible = NULL;
	access_class_unref(class);
}

void access_classes_forget(struct access_classes *classes)
{
	for (struct list *l = classes->by_use.next; l != &classes->by_use; l = l->next) {
		struct access_class *class = LIST_OBJ(l, struct access_class, by_use);

		visible_unref(class->visible);
		class->visible = NULL;
	}
}

void access_classes_free(struct access_classes *classes)
{
	while (!list_empty(&classes->by_use))
		class_leave(LIST_OBJ(classes->by_use.next, struct access_class, by_use));
	map_free(&classes->by_key);
	free(classes);
}

struct access_class *access_class_ref(struct access_class *class)
{
	CHECK_OBJ(class, CLASS_MAGIC);
	class->refs++;
	return class;
}

void access_class_unref(struct access_class *class)
{
	if (class == NULL)
		return;
	CHECK_OBJ(class, CLASS_MAGIC);
	if (--class->refs > 0)
		return;
	CHECK(class->visible == NULL); /* only those in the table have one */
	policy_unref(class->policy);
	class->magic = 0;
	free(class);
}

void seen_class_forget(struct seen_class *seen)
{
	access_class_unref(seen->class);
	seen->class = NULL;
}

/* Whether no catalog can hold anything that is hidden from them. */
static bool sees_everything(const struct policy *policy, const struct caller *caller)
{
	const struct policy_rule_view *rules;
	const unsigned wanted = SCOPE_READ | SCOPE_TOOLS;

	return caller->role >= ROLE_MEMBER && caller->credential != CREDENTIAL_OPERATOR &&
	       (caller->scopes & wanted) == wanted && caller->toolsets[0] == '\0' && policy_rules(policy, &rules) == 0;
}

static void fill_key(const struct policy *policy, const struct request *req, struct class_key *key)
{
	const struct policy_subject subject = {.caller = &req->caller, .ip = req->exchange->peer};

	memset(key, 0, sizeof(*key)); /* its padding is compared too */
	policy_match(policy, &subject, &key->match);
	key->policy = policy;
	key->scopes = req->caller.scopes;
	key->role = req->caller.role;
	key->is_operator = req->caller.credential == CREDENTIAL_OPERATOR;
	memcpy(key->tenant_id, req->caller.tenant_id, strlen(req->caller.tenant_id));
	memcpy(key->role_name, req->caller.role_name, strlen(req->caller.role_name));
	memcpy(key->toolsets, req->caller.toolsets, strlen(req->caller.toolsets));
}

/*   policy     one reference, taken over */
static struct access_class *class_new(struct access_classes *table, const struct class_key *key,
				      const struct caller *caller, struct policy *policy)
{
	struct access_class *class = calloc(1, sizeof(*class) + sizeof(*key));

	CHECK(class != NULL);
	class->magic = CLASS_MAGIC;
	class->refs = 1; /* the table's */
	class->table = table;
	memcpy(class + 1, key, sizeof(*key));
	class->key = (struct str){(const char *)(class + 1), sizeof(*key)};
	class->policy = policy;
	class->match = key->match;
	class->caller = *caller;
	class->everything = sees_everything(policy, caller);
	list_init(&class->by_use);
	list_add_head(&table->by_use, &class->by_use);
	map_put(&table->by_key, class->key, class);
	if (++table->count > CLASSES_PER_LOOP_MAX)
		class_leave(LIST_OBJ(table->by_use.prev, struct access_class, by_use));
	return class;
}

AWAITS static enum err look_up(struct request *req, struct access_class **ret_class)
{
	struct access_classes *table = req->here->classes;
	AUTO(policy) *policy = NULL;
	struct access_class *class;
	struct class_key key;
	enum err err = access_policy(req->gateway->access, str_of(req->caller.tenant_id), &policy);

	if (err == ERR_CONFIG) {
		req->problem = STR("your tenant's roles and rules cannot be read, so nothing is allowed; "
				   "an administrator finds the reason with `gatehouse policy test`");
		return ERR_FORBIDDEN;
	}
	TRY(err);
	fill_key(policy, req, &key);
	class = map_get(&table->by_key, (struct str){(const char *)&key, sizeof(key)});
	if (class == NULL) {
		class = class_new(table, &key, &req->caller, policy);
		policy = NULL;
	}
	list_remove(&class->by_use);
	list_add_head(&table->by_use, &class->by_use);
	*ret_class = access_class_ref(class);
	return OK;
}

static bool is_seen(const struct request *req, const struct seen_class *seen)
{
	return seen != NULL && seen->class != NULL && seen->generation == access_generation(req->gateway->access) &&
	       memcmp(&seen->caller, &req->caller, sizeof(seen->caller)) == 0 &&
	       (!policy_reads_network(seen->class->policy) ||
		memcmp(&seen->peer, &req->exchange->peer.in6, sizeof(seen->peer)) == 0);
}

AWAITS enum err access_class_find(struct request *req, struct seen_class *seen)
{
	/* Asked before: what changes in between only makes what is remembered look older than it is. */
	int64_t generation = access_generation(req->gateway->access);
	struct access_class *class;

	if (likely(is_seen(req, seen))) {
		req->access = access_class_ref(seen->class);
		return OK;
	}
	TRY(look_up(req, &class));
	req->access = class;
	if (seen == NULL)
		return OK;
	seen_class_forget(seen);
	seen->class = access_class_ref(class);
	seen->generation = generation;
	seen->peer = req->exchange->peer.in6;
	seen->caller = req->caller;
	return OK;
}

bool access_class_has_toolset(const struct access_class *class, struct str toolset)
{
	struct str left = str_of(class->caller.toolsets), name;

	if (left.n == 0 || toolset.n == 0)
		return true;
	while (left.n > 0) {
		str_cut(left, ' ', &name, &left);
		if (str_eq(name, toolset))
			return true;
	}
	return false;
}
