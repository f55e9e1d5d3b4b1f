/* One table from tenant to policy, under a lock that is held for a look-up only: a request comes here when what
 * its connection remembers is of another generation, not more often.
 *
 *     generation is the entry's? ──yes──▶ the entry's policy
 *        │ no
 *     single flight: rows ─▶ digest ──same as before──▶ the entry is of this generation now
 *                               │ other
 *                            compiled on a worker thread ─▶ a new entry
 *
 * So a generation that moved for another reason (it does once a minute, see identity.h) costs a read and leaves
 * the policy, and all that was made from it, in place. Documents that do not compile are remembered as such: a
 * tenant whose rules cannot be read may do nothing, and is not compiled again until they change. */
#include "access/access.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/check.h"
#include "base/crypto.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "store/policy_rule.h"
#include "store/role.h"

#define ACCESS_MAGIC 0x41434353u		   /* "ACCS" */
#define SOURCE_ARENA_BYTES_MAX (32u * 1024 * 1024) /* what the rows of one tenant can hold, and room */
#define DIGEST_BYTES 32
#define FLIGHT_PREFIX "access:"

struct entry {
	struct list by_use; /* in access->by_use, the latest first */
	char tenant_id[ID_LEN + 1];
	int64_t generation;
	uint8_t digest[DIGEST_BYTES];
	struct policy *policy; /* NULL: it does not compile */
};

struct access {
	uint32_t magic;
	struct db *db;
	struct identity *identity;
	atomic_int_fast64_t configured; /* how often */
	pthread_mutex_t lock;		/* guards the rest, for moments */
	struct map entries;		/* by tenant_id */
	size_t count;
	struct list by_use;
	struct arena *rules_arena; /* of the configuration's rules; NULL none */
	struct policy_document *rules;
	size_t rule_count;
};

struct access *access_new(struct db *db, struct identity *identity)
{
	struct access *access = calloc(1, sizeof(*access));

	CHECK(access != NULL);
	access->magic = ACCESS_MAGIC;
	access->db = db;
	access->identity = identity;
	pthread_mutex_init(&access->lock, NULL);
	list_init(&access->by_use);
	return access;
}

static void entry_drop(struct access *access, struct entry *entry)
{
	(void)map_remove(&access->entries, str_of(entry->tenant_id));
	list_remove(&entry->by_use);
	access->count--;
	policy_unref(entry->policy);
	free(entry);
}

void access_free(struct access *access)
{
	if (access == NULL)
		return;
	CHECK_OBJ(access, ACCESS_MAGIC);
	while (!list_empty(&access->by_use))
		entry_drop(access, LIST_OBJ(access->by_use.next, struct entry, by_use));
	map_free(&access->entries);
	arena_free(access->rules_arena);
	pthread_mutex_destroy(&access->lock);
	access->magic = 0;
	free(access);
}

static struct policy_document document_copy(struct arena *arena, const struct policy_document *document)
{
	return (struct policy_document){arena_str(arena, document->name), arena_str(arena, document->text)};
}

void access_configure(struct access *access, const struct policy_document *rules, size_t count)
{
	struct arena *arena = arena_new(SOURCE_ARENA_BYTES_MAX), *before;
	struct policy_document *copies = arena_alloc(arena, (count + 1) * sizeof(*copies));

	CHECK_OBJ(access, ACCESS_MAGIC);
	for (size_t i = 0; i < count; i++)
		copies[i] = document_copy(arena, &rules[i]);
	pthread_mutex_lock(&access->lock);
	before = access->rules_arena;
	access->rules_arena = arena;
	access->rules = copies;
	access->rule_count = count;
	pthread_mutex_unlock(&access->lock);
	atomic_fetch_add(&access->configured, 1);
	arena_free(before);
}

int64_t access_generation(const struct access *access)
{
	int64_t store = access->identity == NULL ? 0 : identity_generation(access->identity);

	/* Both only grow, so that their sum never comes back to what it was. */
	return store + (int64_t)atomic_load_explicit(&access->configured, memory_order_relaxed);
}

/* ---- documents ------------------------------------------------------------------ */

/* The configuration's rules, and room for `more` behind them.
 *   Errors     ERR_LIMIT */
static enum err copy_configured(struct access *access, struct arena *arena, size_t more, struct policy_source *source)
{
	struct policy_document *rules;

	pthread_mutex_lock(&access->lock);
	rules = arena_try_alloc(arena, (access->rule_count + more + 1) * sizeof(*rules));
	for (size_t i = 0; rules != NULL && i < access->rule_count; i++)
		rules[i] = document_copy(arena, &access->rules[i]);
	source->rule_count = access->rule_count;
	pthread_mutex_unlock(&access->lock);
	source->rules = rules;
	return rules == NULL ? ERR_LIMIT : OK;
}

AWAITS static enum err add_roles(struct access *access, struct str tenant_id, struct arena *arena,
				 struct policy_source *source)
{
	struct policy_document *roles;
	struct role_row *rows;
	size_t count;

	TRY(role_list(access->db, arena, tenant_id, STR_NONE, ROLES_PER_TENANT_MAX, &rows, &count));
	roles = arena_try_alloc(arena, (count + 1) * sizeof(*roles));
	if (roles == NULL)
		return ERR_LIMIT;
	for (size_t i = 0; i < count; i++)
		roles[i] = (struct policy_document){rows[i].name, rows[i].permissions};
	source->roles = roles;
	source->role_count = count;
	return OK;
}

AWAITS enum err access_source(struct access *access, struct str tenant_id, struct arena *arena,
			      struct policy_source *ret_source)
{
	struct policy_source source = {0};
	struct policy_document *rules;
	struct policy_rule *rows = NULL;
	size_t count = 0;

	if (tenant_id.n > 0) {
		TRY(add_roles(access, tenant_id, arena, &source));
		TRY(policy_rule_list(access->db, arena, tenant_id, &rows, &count));
	}
	TRY(copy_configured(access, arena, count, &source));
	rules = (struct policy_document *)source.rules;
	for (size_t i = 0; i < count; i++)
		rules[source.rule_count++] = (struct policy_document){rows[i].name, rows[i].document};
	*ret_source = source;
	return OK;
}

static void put_documents(struct buf *out, const struct policy_document *documents, size_t count)
{
	buf_put_fmt(out, "%zu:", count);
	for (size_t i = 0; i < count; i++) {
		buf_put_fmt(out, "%zu:%zu:", documents[i].name.n, documents[i].text.n);
		buf_put(out, documents[i].name);
		buf_put(out, documents[i].text);
	}
}

static void digest_of(const struct policy_source *source, uint8_t out[DIGEST_BYTES])
{
	AUTO_BUF text = {0};

	put_documents(&text, source->roles, source->role_count);
	put_documents(&text, source->rules, source->rule_count);
	crypto_sha256(buf_str(&text), out);
}

/* ---- the table ------------------------------------------------------------------ */

/* Under the lock. */
static struct entry *entry_find(struct access *access, struct str tenant_id)
{
	struct entry *entry = map_get(&access->entries, tenant_id);

	if (entry != NULL) {
		list_remove(&entry->by_use);
		list_add_head(&access->by_use, &entry->by_use);
	}
	return entry;
}

/*   ret_policy   with a reference; NULL: it does not compile
 *   returns      false: there is no entry of this generation */
static bool look(struct access *access, struct str tenant_id, int64_t generation, struct policy **ret_policy)
{
	struct entry *entry;
	bool found;

	pthread_mutex_lock(&access->lock);
	entry = entry_find(access, tenant_id);
	found = entry != NULL && entry->generation >= generation;
	if (found)
		*ret_policy = entry->policy == NULL ? NULL : policy_ref(entry->policy);
	pthread_mutex_unlock(&access->lock);
	return found;
}

/* Whether the entry was made from the same documents; it is then of this generation too. */
static bool renew(struct access *access, struct str tenant_id, int64_t generation, const uint8_t digest[DIGEST_BYTES])
{
	struct entry *entry;
	bool same;

	pthread_mutex_lock(&access->lock);
	entry = entry_find(access, tenant_id);
	same = entry != NULL && memcmp(entry->digest, digest, DIGEST_BYTES) == 0;
	if (same && entry->generation < generation)
		entry->generation = generation;
	pthread_mutex_unlock(&access->lock);
	return same;
}

static struct entry *entry_add(struct access *access, struct str tenant_id)
{
	struct entry *entry = calloc(1, sizeof(*entry));

	CHECK(entry != NULL && tenant_id.n < sizeof(entry->tenant_id));
	memcpy(entry->tenant_id, tenant_id.n == 0 ? "" : tenant_id.p, tenant_id.n);
	list_init(&entry->by_use);
	list_add_head(&access->by_use, &entry->by_use);
	map_put(&access->entries, str_of(entry->tenant_id), entry);
	if (++access->count > ACCESS_TENANTS_MAX)
		entry_drop(access, LIST_OBJ(access->by_use.prev, struct entry, by_use));
	return entry;
}

/*   policy     taken over; NULL: it does not compile */
static void keep(struct access *access, struct str tenant_id, int64_t generation, const uint8_t digest[DIGEST_BYTES],
		 struct policy *policy)
{
	struct policy *before;
	struct entry *entry;

	pthread_mutex_lock(&access->lock);
	entry = entry_find(access, tenant_id);
	if (entry == NULL)
		entry = entry_add(access, tenant_id);
	before = entry->policy;
	entry->policy = policy;
	entry->generation = generation;
	memcpy(entry->digest, digest, DIGEST_BYTES);
	pthread_mutex_unlock(&access->lock);
	policy_unref(before);
}

/* ---- the flight ----------------------------------------------------------------- */

struct compilation {
	const struct policy_source *source;
	struct policy *policy;
	struct buf problem;
};

static enum err compile_work(void *arg)
{
	struct compilation *compilation = arg;

	return policy_compile(compilation->source, &compilation->problem, &compilation->policy);
}

AWAITS static enum err compile(struct str tenant_id, const struct policy_source *source, struct policy **ret_policy)
{
	struct compilation compilation = {.source = source};
	enum err err = work_run(compile_work, &compilation);

	if (err == ERR_CONFIG || err == ERR_LIMIT)
		log_error("policy.refused", LOG_STR("tenant", tenant_id),
			  LOG_STR("problem", buf_str(&compilation.problem)),
			  LOG_CSTR("effect", "nobody of this tenant may do anything until it is mended"));
	buf_free(&compilation.problem);
	*ret_policy = compilation.policy;
	return err;
}

struct refresh {
	struct access *access;
	char key[sizeof(FLIGHT_PREFIX) + ID_LEN];
};

static struct str refresh_tenant(const struct refresh *refresh)
{
	return str_of(refresh->key + sizeof(FLIGHT_PREFIX) - 1);
}

static AWAITS enum err refresh_work(void *arg)
{
	AUTO(arena) *arena = arena_new(SOURCE_ARENA_BYTES_MAX);
	struct refresh *refresh = arg;
	struct access *access = refresh->access;
	struct str tenant_id = refresh_tenant(refresh);
	/* Read before the rows: what changes in between only makes the entry look older than it is. */
	int64_t generation = access_generation(access);
	uint8_t digest[DIGEST_BYTES];
	struct policy_source source;
	struct policy *policy = NULL;
	enum err err;

	TRY(access_source(access, tenant_id, arena, &source));
	digest_of(&source, digest);
	if (renew(access, tenant_id, generation, digest))
		return OK;
	err = compile(tenant_id, &source, &policy);
	if (err != OK && err != ERR_CONFIG && err != ERR_LIMIT) {
		policy_unref(policy);
		return err;
	}
	keep(access, tenant_id, generation, digest, policy);
	return OK;
}

AWAITS static enum err fly(struct access *access, struct str tenant_id)
{
	struct refresh *refresh = calloc(1, sizeof(*refresh));

	CHECK(refresh != NULL && tenant_id.n <= ID_LEN);
	refresh->access = access;
	memcpy(refresh->key, FLIGHT_PREFIX, sizeof(FLIGHT_PREFIX) - 1);
	memcpy(refresh->key + sizeof(FLIGHT_PREFIX) - 1, tenant_id.n == 0 ? "" : tenant_id.p, tenant_id.n);
	return flight_join(str_of(refresh->key), refresh_work, refresh, free);
}

AWAITS enum err access_policy(struct access *access, struct str tenant_id, struct policy **ret_policy)
{
	int64_t generation = access_generation(access);
	struct policy *policy = NULL;

	CHECK_OBJ(access, ACCESS_MAGIC);
	if (access->identity == NULL || !look(access, tenant_id, generation, &policy)) {
		TRY(fly(access, tenant_id));
		/* Of any generation: it was read after we were asked, or a moment before. */
		if (!look(access, tenant_id, INT64_MIN, &policy))
			return ERR_BUSY;
	}
	*ret_policy = policy;
	return policy == NULL ? ERR_CONFIG : OK;
}
