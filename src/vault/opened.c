/* The table of opened data keys. While the store's generation stands still a key that is here is good without a look
 * at the database. When it has moved, as it does for many reasons, the row is read again: the same wrapped bytes are
 * the same key, so it need not be unwrapped, which may be a question to a service far away. A row that is gone or empty
 * takes the key with it.
 *
 * The newest key of a tenant stands under version 0, as an entry of its own. Keys are shared by reference: whoever
 * seals or opens holds one, not the lock. */
#include "vault/opened.h"

#include <stdlib.h>

#include "base/check.h"
#include "vault/seal.h"

#define OPENED_MAGIC 0x6f706e64u
#define NAME_BYTES_MAX 128 /* a version and a tenant's id */

static struct str put_name(struct str tenant_id, int64_t version, char out[NAME_BYTES_MAX])
{
	CHECK(tenant_id.n > 0 && tenant_id.n <= NAME_BYTES_MAX - sizeof(version));
	memcpy(out, &version, sizeof(version));
	memcpy(out + sizeof(version), tenant_id.p, tenant_id.n);
	return (struct str){out, sizeof(version) + tenant_id.n};
}

static int64_t generation_of(const struct vault *vault)
{
	return vault->spec.generation == NULL ? 0 : vault->spec.generation(vault->spec.arg);
}

static struct opened *opened_ref(struct opened *opened)
{
	CHECK_OBJ(opened, OPENED_MAGIC);
	atomic_fetch_add_explicit(&opened->refs, 1, memory_order_relaxed);
	return opened;
}

void opened_unref(struct opened *opened)
{
	if (opened == NULL)
		return;
	CHECK_OBJ(opened, OPENED_MAGIC);
	if (atomic_fetch_sub_explicit(&opened->refs, 1, memory_order_acq_rel) != 1)
		return;
	secret_free(opened->key);
	opened->magic = 0;
	free(opened);
}

/* Out of the table; the lock is held. */
static void take_out(struct vault *vault, struct opened *opened)
{
	map_remove(&vault->opened, opened->name);
	list_remove(&opened->link);
	opened_unref(opened);
}

static struct opened *opened_new(struct str name, const struct data_key *row, int64_t generation, struct secret *key)
{
	struct opened *opened = calloc(1, sizeof(*opened) + name.n);

	CHECK(opened != NULL);
	opened->magic = OPENED_MAGIC;
	atomic_init(&opened->refs, 1);
	opened->key = key;
	opened->version = row->version;
	opened->created_ms = row->created_ms;
	opened->generation = generation;
	crypto_sha256(row->wrapped, opened->digest);
	list_init(&opened->link);
	memcpy(opened->name_bytes, name.p, name.n);
	opened->name = (struct str){opened->name_bytes, name.n};
	return opened;
}

/* What is here, if it is known to be good: a reference, or NULL. */
static struct opened *find_fresh(struct vault *vault, struct str name, int64_t generation)
{
	struct opened *opened;

	if (vault->spec.generation == NULL)
		return NULL;
	CHECK(pthread_mutex_lock(&vault->lock) == 0);
	opened = map_get(&vault->opened, name);
	if (opened != NULL && opened->generation == generation) {
		list_remove(&opened->link);
		list_add_tail(&vault->by_use, &opened->link);
		opened_ref(opened);
	} else {
		opened = NULL;
	}
	CHECK(pthread_mutex_unlock(&vault->lock) == 0);
	return opened;
}

/* What is here against its row as it was just read: a reference when it is the same key. */
static struct opened *find_same(struct vault *vault, struct str name, const struct data_key *row, int64_t generation)
{
	uint8_t digest[32];
	struct opened *opened;

	crypto_sha256(row->wrapped, digest);
	CHECK(pthread_mutex_lock(&vault->lock) == 0);
	opened = map_get(&vault->opened, name);
	if (opened != NULL && row->wrapped.n > 0 && opened->version == row->version &&
	    memcmp(opened->digest, digest, sizeof(digest)) == 0) {
		opened->generation = generation;
		opened_ref(opened);
	} else if (opened != NULL) {
		take_out(vault, opened);
		opened = NULL;
	}
	CHECK(pthread_mutex_unlock(&vault->lock) == 0);
	return opened;
}

/* Into the table, in place of what is there; takes over no reference. */
static void put_in(struct vault *vault, struct opened *opened)
{
	struct opened *before;

	CHECK(pthread_mutex_lock(&vault->lock) == 0);
	before = map_get(&vault->opened, opened->name);
	if (before != NULL)
		take_out(vault, before);
	while (vault->opened.used >= VAULT_KEYS_OPEN_MAX)
		take_out(vault, LIST_OBJ(vault->by_use.next, struct opened, link));
	map_put(&vault->opened, opened->name, opened_ref(opened));
	list_add_tail(&vault->by_use, &opened->link);
	CHECK(pthread_mutex_unlock(&vault->lock) == 0);
}

AWAITS static enum err unwrap(struct vault *vault, const struct data_key *row, struct secret **ret_key)
{
	const struct vault_kek *kek = &vault->spec.kek;
	uint8_t key[CRYPTO_KEY_BYTES];
	AUTO_BUF bound = {0};
	enum err err;

	if (row->version < 1 || row->version > UINT32_MAX)
		return ERR_DB_CORRUPT;
	seal_key_bound(row->tenant_id, row->version, &bound);
	err = kek->unwrap(kek->arg, row->kek, row->wrapped, buf_str(&bound), key);
	if (err == OK)
		*ret_key = secret_new(key);
	crypto_wipe(key, sizeof(key));
	return err;
}

AWAITS enum err opened_get(struct vault *vault, struct str tenant_id, int64_t version, struct opened **ret_opened)
{
	AUTO(arena) *arena = NULL;
	int64_t generation = generation_of(vault); /* before the row: an older number asks once too often */
	char name_bytes[NAME_BYTES_MAX];
	struct str name = put_name(tenant_id, version, name_bytes);
	struct data_key row = {0};
	struct secret *key;
	enum err err;

	*ret_opened = find_fresh(vault, name, generation);
	if (*ret_opened != NULL)
		return OK;
	arena = arena_new(DATA_KEY_ARENA_BYTES);
	err = data_key_get(vault->spec.db, arena, tenant_id, version, &row);
	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	*ret_opened = find_same(vault, name, &row, generation);
	if (*ret_opened != NULL)
		return OK;
	if (row.wrapped.n == 0)
		return ERR_NOT_FOUND;
	TRY(unwrap(vault, &row, &key));
	*ret_opened = opened_new(name, &row, generation, key);
	put_in(vault, *ret_opened);
	return OK;
}

void opened_drop(struct vault *vault, struct str tenant_id)
{
	struct opened *opened;
	size_t cursor = 0;

	CHECK(pthread_mutex_lock(&vault->lock) == 0);
	while ((opened = map_next(&vault->opened, &cursor)) != NULL)
		if (tenant_id.p == NULL || str_eq(str_skip(opened->name, sizeof(int64_t)), tenant_id))
			take_out(vault, opened);
	CHECK(pthread_mutex_unlock(&vault->lock) == 0);
}
