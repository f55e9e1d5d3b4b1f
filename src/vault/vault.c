/* Sealing and opening with a tenant's data keys; the first of them, and the one after a destruction, are made when
 * something is to be sealed. Who makes a key offers a row that gives way to one that is there, and then reads the row:
 * replicas that come at the same moment use the same key. */
#include "vault/vault.h"

#include <stdlib.h>

#include "base/check.h"
#include "base/clock.h"
#include "vault/make.h"
#include "vault/opened.h"
#include "vault/seal.h"

struct vault *vault_new(const struct vault_spec *spec)
{
	struct vault *vault = calloc(1, sizeof(*vault));

	CHECK(vault != NULL && spec->db != NULL && spec->kek.wrap != NULL && spec->kek.unwrap != NULL);
	vault->magic = VAULT_MAGIC;
	vault->spec = *spec;
	CHECK(pthread_mutex_init(&vault->lock, NULL) == 0);
	list_init(&vault->by_use);
	return vault;
}

void vault_free(struct vault *vault)
{
	if (vault == NULL)
		return;
	CHECK_OBJ(vault, VAULT_MAGIC);
	opened_drop(vault, STR_NONE);
	map_free(&vault->opened);
	pthread_mutex_destroy(&vault->lock);
	vault->magic = 0;
	free(vault);
}

AWAITS enum err data_key_make(struct vault *vault, struct str tenant_id, int64_t version, int64_t made_ms)
{
	const struct vault_kek *kek = &vault->spec.kek;
	AUTO(secret) *key = secret_random();
	char name[VAULT_KEK_NAME_MAX + 1];
	AUTO_BUF bound = {0}, wrapped = {0};
	int64_t now_ms = clock_wall_ms();

	seal_key_bound(tenant_id, version, &bound);
	TRY(kek->wrap(kek->arg, (struct str){(const char *)secret_bytes(key), CRYPTO_KEY_BYTES}, buf_str(&bound),
		      &wrapped, name));
	return data_key_put(vault->spec.db, &(struct data_key){.tenant_id = tenant_id,
							       .version = version,
							       .kek = str_of(name),
							       .wrapped = buf_str(&wrapped),
							       .created_ms = now_ms > made_ms ? now_ms : made_ms});
}

/* The version after the newest, which was destroyed or never was. */
AWAITS static enum err make_first(struct vault *vault, struct str tenant_id)
{
	AUTO(arena) *arena = arena_new(DATA_KEY_ARENA_BYTES);
	struct data_key row = {0};
	enum err err = data_key_get(vault->spec.db, arena, tenant_id, 0, &row);

	if (err != OK && err != ERR_NOT_FOUND)
		return err;
	if (row.wrapped.n > 0)
		return OK; /* somebody was faster */
	return data_key_make(vault, tenant_id, row.version + 1, 0);
}

AWAITS enum err vault_seal(struct vault *vault, const struct vault_place *place, struct str plain, struct buf *out)
{
	AUTO(opened) *newest = NULL;
	enum err err;

	CHECK_OBJ(vault, VAULT_MAGIC);
	if (plain.n > SECRET_TEXT_BYTES_MAX)
		return ERR_LIMIT;
	err = opened_get(vault, place->tenant_id, 0, &newest);
	if (err == ERR_NOT_FOUND) {
		TRY(make_first(vault, place->tenant_id));
		err = opened_get(vault, place->tenant_id, 0, &newest);
	}
	if (err == OK)
		seal_value(newest->key, newest->version, place, plain, out);
	return err;
}

AWAITS enum err vault_open(struct vault *vault, const struct vault_place *place, struct str sealed,
			   struct secret_text **ret_plain)
{
	int64_t version = sealed_version(sealed);
	AUTO(opened) *opened = NULL;

	CHECK_OBJ(vault, VAULT_MAGIC);
	if (version == 0)
		return ERR_CRYPTO;
	TRY(opened_get(vault, place->tenant_id, version, &opened));
	return seal_open(opened->key, place, sealed, ret_plain);
}

void vault_forget(struct vault *vault, struct str tenant_id)
{
	CHECK_OBJ(vault, VAULT_MAGIC);
	CHECK(tenant_id.p != NULL);
	opened_drop(vault, tenant_id);
}

AWAITS enum err vault_destroy(struct vault *vault, struct str tenant_id)
{
	enum err err;

	CHECK_OBJ(vault, VAULT_MAGIC);
	err = data_key_destroy(vault->spec.db, tenant_id);
	opened_drop(vault, tenant_id);
	return err;
}
