/* New data keys for old, a page of values at a time, while everybody goes on sealing and opening.
 *
 *     newest key old? make the next ─▶ keys of another KEK: wrap anew ─▶ values of older keys: seal anew ─▶ no value
 *     left under an older key: remove it
 *
 * Nothing is remembered between steps but a place to go on from: what is left to do is seen in the rows. A value is
 * swapped only if it is still the one that was read, and a key is removed only when no value is under it, which the
 * store decides in one write (store/sealed.c). So a step may die anywhere. */
#include <stdio.h>

#include "base/check.h"
#include "base/log.h"
#include "store/data_key.h"
#include "vault/make.h"
#include "vault/opened.h"
#include "vault/seal.h"

#define ROTATE_ARENA_BYTES (SEALED_PAGE_ROWS * (SECRET_TEXT_BYTES_MAX + 4096))

/* The newest key, made anew if it is older than the rotation wants. */
AWAITS static enum err newest_key(struct vault *vault, struct str tenant_id, struct vault_rotation *rotation,
				  struct opened **ret_newest)
{
	AUTO(opened) *newest = NULL;

	TRY(opened_get(vault, tenant_id, 0, &newest));
	if (newest->created_ms < rotation->made_before_ms) {
		TRY(data_key_make(vault, tenant_id, newest->version + 1, rotation->made_before_ms));
		rotation->keys_made++;
		opened_drop(vault, tenant_id);
		opened_unref(newest);
		newest = NULL;
		TRY(opened_get(vault, tenant_id, 0, &newest));
	}
	*ret_newest = newest;
	newest = NULL;
	return OK;
}

AWAITS static enum err wrap_anew(struct vault *vault, const struct data_key *row, struct vault_rotation *rotation)
{
	const struct vault_kek *kek = &vault->spec.kek;
	char name[VAULT_KEK_NAME_MAX + 1];
	AUTO_BUF bound = {0}, wrapped = {0};
	AUTO(opened) *opened = NULL;
	enum err err;

	TRY(opened_get(vault, row->tenant_id, row->version, &opened));
	seal_key_bound(row->tenant_id, row->version, &bound);
	TRY(kek->wrap(kek->arg, (struct str){(const char *)secret_bytes(opened->key), CRYPTO_KEY_BYTES},
		      buf_str(&bound), &wrapped, name));
	err = data_key_rewrap(vault->spec.db, row, str_of(name), buf_str(&wrapped));
	if (err == OK)
		rotation->keys_wrapped++;
	return err == ERR_NOT_FOUND ? OK : err; /* another replica was faster */
}

AWAITS static enum err wrap_all_anew(struct vault *vault, struct str tenant_id, struct vault_rotation *rotation)
{
	AUTO(arena) *arena = arena_new(DATA_KEY_ARENA_BYTES);
	char name[VAULT_KEK_NAME_MAX + 1];
	struct data_key *keys;
	size_t count;

	vault->spec.kek.name(vault->spec.kek.arg, name);
	TRY(data_key_list(vault->spec.db, arena, tenant_id, &keys, &count));
	for (size_t i = 0; i < count; i++)
		if (!str_eq(keys[i].kek, str_of(name)))
			TRY(wrap_anew(vault, &keys[i], rotation));
	return OK;
}

/* A value that is not what it says stays as it is, for whoever finds out why. */
AWAITS static enum err seal_anew(struct vault *vault, const struct opened *newest, const struct vault_place *place,
				 const struct sealed_row *row, struct vault_rotation *rotation)
{
	AUTO(secret_text) *plain = NULL;
	AUTO_BUF anew = {0};
	enum err err = vault_open(vault, place, row->sealed, &plain);

	if (err == ERR_CRYPTO || err == ERR_NOT_FOUND) {
		rotation->values_unreadable++;
		log_warn("vault.unreadable", LOG_STR("kind", place->kind), LOG_STR("row", place->row), LOG_ERR(err));
		return OK;
	}
	TRY(err);
	seal_value(newest->key, newest->version, place, secret_text_str(plain), &anew);
	err = sealed_swap(vault->spec.db, rotation->kind, place->tenant_id, row, buf_str(&anew));
	if (err == OK)
		rotation->values_sealed++;
	return err == ERR_NOT_FOUND ? OK : err; /* somebody has changed or removed it */
}

/* The next page of the present kind; moves on to the next kind at its end. */
AWAITS static enum err seal_page(struct vault *vault, struct str tenant_id, const struct opened *newest,
				 struct vault_rotation *rotation)
{
	AUTO(arena) *arena = arena_new(ROTATE_ARENA_BYTES);
	struct vault_place place = {.tenant_id = tenant_id, .kind = sealed_kind_name(rotation->kind)};
	struct sealed_row *rows;
	size_t count;

	TRY(sealed_stale(vault->spec.db, arena, rotation->kind, tenant_id, newest->version, str_of(rotation->after),
			 &rows, &count));
	for (size_t i = 0; i < count; i++) {
		place.row = rows[i].id;
		TRY(seal_anew(vault, newest, &place, &rows[i], rotation));
		(void)snprintf(rotation->after, sizeof(rotation->after), "%.*s", STR_ARG(rows[i].id));
	}
	if (count < SEALED_PAGE_ROWS) {
		rotation->kind++;
		rotation->after[0] = '\0';
	}
	return OK;
}

AWAITS enum err vault_rotate_step(struct vault *vault, struct str tenant_id, struct vault_rotation *rotation,
				  bool *ret_done)
{
	AUTO(opened) *newest = NULL;

	CHECK_OBJ(vault, VAULT_MAGIC);
	CHECK(rotation->kind < SEALED_KINDS);
	TRY(newest_key(vault, tenant_id, rotation, &newest));
	if (rotation->kind == 0 && rotation->after[0] == '\0')
		TRY(wrap_all_anew(vault, tenant_id, rotation));
	TRY(seal_page(vault, tenant_id, newest, rotation));
	*ret_done = rotation->kind == SEALED_KINDS;
	if (!*ret_done)
		return OK;
	rotation->kind = 0;
	rotation->tenants++;
	return sealed_retire(vault->spec.db, tenant_id, newest->version);
}

AWAITS static enum err rotate_tenant(struct vault *vault, struct str tenant_id, struct vault_rotation *rotation)
{
	bool done = false;

	rotation->kind = 0;
	rotation->after[0] = '\0';
	while (!done) {
		enum err err = vault_rotate_step(vault, tenant_id, rotation, &done);

		if (err == ERR_NOT_FOUND)
			return OK; /* its keys were destroyed meanwhile */
		if (err == ERR_CRYPTO) {
			rotation->tenants_failed++;
			log_error("vault.rotation_failed", LOG_STR("tenant", tenant_id), LOG_ERR(err));
			return OK;
		}
		TRY(err);
	}
	return OK;
}

AWAITS enum err vault_rotate(struct vault *vault, struct vault_rotation *rotation)
{
	char after[128] = "";
	size_t count;

	CHECK_OBJ(vault, VAULT_MAGIC);
	do {
		AUTO(arena) *arena = arena_new(DATA_KEY_ARENA_BYTES);
		struct str *ids;

		TRY(data_key_tenants(vault->spec.db, arena, str_of(after), &ids, &count));
		for (size_t i = 0; i < count; i++)
			TRY(rotate_tenant(vault, ids[i], rotation));
		if (count > 0)
			(void)snprintf(after, sizeof(after), "%.*s", STR_ARG(ids[count - 1]));
	} while (count == DATA_KEY_PAGE_TENANTS);
	return OK;
}
