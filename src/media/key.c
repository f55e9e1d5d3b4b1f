/* Keys of files. Each file has one of its own, which its row keeps sealed with the tenant's data key: when that is
 * destroyed, or the row deleted, nobody reads the file again, wherever its bytes still are. Where nobody signs in there
 * is no tenant and no data key: those keys are sealed with one of the installation.
 *
 * A rotation may seal a key anew between the read of its row and its opening: then the row is read once more. */
#include "media/media_private.h"

#include "base/check.h"
#include "base/clock.h"
#include "store/sealed.h"
#include "vault/vault.h"

static struct vault_place place_of(struct str tenant_id, struct str id)
{
	return (struct vault_place){tenant_id, sealed_kind_name(SEALED_MEDIA), id};
}

AWAITS enum err file_key_make(struct media_store *store, struct str tenant_id, struct str id,
			      uint8_t ret_key[CRYPTO_KEY_BYTES], struct buf *sealed)
{
	const struct vault_place place = place_of(tenant_id, id);
	struct str key = {(const char *)ret_key, CRYPTO_KEY_BYTES};
	enum err err = OK;

	random_bytes(ret_key, CRYPTO_KEY_BYTES);
	if (tenant_id.n == 0)
		crypto_seal(store->spec.key, key, id, sealed);
	else
		err = vault_seal(store->spec.vault, &place, key, sealed);
	if (err != OK)
		crypto_wipe(ret_key, CRYPTO_KEY_BYTES);
	return err;
}

static enum err open_nobodys(struct media_store *store, const struct media_row *row, uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	size_t n;

	if (row->sealed.n != CRYPTO_KEY_BYTES + CRYPTO_SEAL_OVERHEAD)
		return ERR_CRYPTO;
	return crypto_open(store->spec.key, row->sealed, row->id, ret_key, &n);
}

AWAITS enum err file_key_open(struct media_store *store, const struct media_row *row, uint8_t ret_key[CRYPTO_KEY_BYTES])
{
	const struct vault_place place = place_of(row->tenant_id, row->id);
	AUTO(secret_text) *plain = NULL;

	if (row->tenant_id.n == 0)
		return open_nobodys(store, row, ret_key);
	TRY(vault_open(store->spec.vault, &place, row->sealed, &plain));
	if (secret_text_str(plain).n != CRYPTO_KEY_BYTES)
		return ERR_CRYPTO;
	memcpy(ret_key, secret_text_str(plain).p, CRYPTO_KEY_BYTES);
	return OK;
}

/* ---- the file of a row ---- */

struct opening {
	struct media_store *store;
	struct str id;
	uint8_t key[CRYPTO_KEY_BYTES];
	bool create;
	struct sealed_file *file;
};

/* A piece that was cut off by a crash leaves a file whose row has received nothing. */
static enum err open_on_worker(void *arg)
{
	struct opening *opening = arg;
	struct str directory = opening->store->spec.directory;
	uint8_t key[CRYPTO_KEY_BYTES];
	enum err err;

	memcpy(key, opening->key, sizeof(key));
	err = sealed_file_open(directory, opening->id, key, &opening->file);
	if (err == ERR_NOT_FOUND && opening->create)
		err = sealed_file_create(directory, opening->id, opening->key, false, &opening->file);
	crypto_wipe(opening->key, sizeof(opening->key));
	return err;
}

AWAITS static enum err find_row(struct media_store *store, struct arena *arena, const struct str *tenant_id,
				struct str id, struct media_row *ret_row)
{
	int64_t now_ms = clock_wall_ms();

	return tenant_id == NULL ? media_row_find(store->spec.db, arena, id, now_ms, ret_row)
				 : media_row_get(store->spec.db, arena, *tenant_id, id, now_ms, ret_row);
}

AWAITS enum err upload_open(struct media_store *store, struct arena *arena, const struct str *tenant_id, struct str id,
			    bool create, struct media_row *ret_row, struct sealed_file **ret_file)
{
	struct opening opening = {.store = store, .id = id};
	enum err err = ERR_NOT_FOUND;

	for (unsigned i = 0; i < 2 && err == ERR_NOT_FOUND; i++) {
		TRY(find_row(store, arena, tenant_id, id, ret_row));
		if (!row_is_here(store, ret_row))
			return ERR_NOT_FOUND;
		err = file_key_open(store, ret_row, opening.key);
	}
	TRY(err);
	opening.create = create && ret_row->received == 0;
	TRY(work_run(open_on_worker, &opening));
	*ret_file = opening.file;
	return OK;
}
